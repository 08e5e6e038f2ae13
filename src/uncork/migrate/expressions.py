"""The expressions that stand in configuration files written in Python, worked out on the tree.

Pure: nothing is executed.  What depends on the machine becomes what the ini file has for it: `cpu_count() * 2 + 1` is
`%(%k * 2 + 1)`, `os.environ["PORT"]` is `$(PORT)`.
"""

import ast
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from uncork.migrate.values import Formula, ManualError, Value, joined, part, variable, whole

_LARGEST_NUMBER = 10**15


class Chain(NamedTuple):
    """A calculation as the ini file has it, from left to right: `%k`, `*`, `2`, `+`, `1`."""

    words: tuple[str, ...]

    @property
    def formula(self) -> Formula:
        """It as a text."""
        return Formula(self.words[0] if len(self.words) == 1 else f"%({' '.join(self.words)})")


# What an expression may come to.
Known = str | int | float | bool | None | Formula | Chain | Sequence["Known"]
Names = Mapping[str, "Known | ManualError"]


def evaluate(node: ast.expr, names: Names) -> Known:
    """What an expression comes to, given what is known of names.  Raises ManualError and RecursionError."""
    handler = _HANDLERS.get(type(node))
    if handler is None:
        raise _not_understood(node)
    return handler(node, names)


def as_value(known: Known) -> Value:
    """A result as the value of a setting.  Raises ManualError."""
    if known is None or isinstance(known, bool):
        return known
    if isinstance(known, str | int | float | Formula | Chain):
        return whole(_text(known))
    return tuple(whole(_text(one)) for one in known)


def shown(node: ast.AST, length: int = 80) -> str:
    """An expression in a sentence, "..." for one that is too long to be shown."""
    return _code(node).partition("\n")[0][:length]


def _code(node: ast.AST) -> str:
    try:
        return ast.unparse(node)
    except (RecursionError, ValueError):  # ValueError: a number with thousands of digits
        return "..."


def _not_understood(node: ast.AST) -> ManualError:
    return ManualError(f"{shown(node)} is known only when the file is run")


def _text(known: Known) -> Formula:
    """A result as a text.  Raises ManualError."""
    if isinstance(known, Formula):
        return known
    if isinstance(known, Chain):
        return known.formula
    if isinstance(known, str):
        return Formula(part(known))
    if isinstance(known, int | float):
        return Formula(str(known))
    raise ManualError("a text or a number was expected")


def _constant(node: ast.expr, _names: Names) -> Known:
    value = node.value if isinstance(node, ast.Constant) else None
    if value is None or isinstance(value, str | float) or (isinstance(value, int) and value <= _LARGEST_NUMBER):
        return value
    raise _not_understood(node)


def _name(node: ast.expr, names: Names) -> Known:
    name = node.id if isinstance(node, ast.Name) else ""
    if name not in names:
        raise _not_understood(node)
    known = names[name]
    if isinstance(known, ManualError):
        raise ManualError(f"{name}: {known}") if name not in str(known) else known
    return known


def _sequence(node: ast.expr, names: Names) -> Known:
    elements = node.elts if isinstance(node, ast.List | ast.Tuple | ast.Set) else []
    return tuple(evaluate(element, names) for element in elements)


def _format(node: ast.expr, names: Names) -> Known:
    """An f-string."""
    parts: list[Formula] = []
    for piece in node.values if isinstance(node, ast.JoinedStr) else []:
        if isinstance(piece, ast.FormattedValue):
            if piece.format_spec is not None or piece.conversion != -1:
                raise _not_understood(node)
            parts.append(_text(evaluate(piece.value, names)))
        else:
            parts.append(_text(evaluate(piece, names)))
    return joined(parts)


def _negative(node: ast.expr, names: Names) -> Known:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Not):
        value = evaluate(node.operand, names)
        if isinstance(value, bool | None) and isinstance(node.op, ast.Not):
            return not value
        if isinstance(value, int | float) and isinstance(node.op, ast.USub):
            return -value
    raise _not_understood(node)


def _or(node: ast.expr, names: Names) -> Known:
    """`os.environ.get("X") or "default"`."""
    if not isinstance(node, ast.BoolOp) or not isinstance(node.op, ast.Or) or len(node.values) != 2:
        raise _not_understood(node)
    first, second = (evaluate(value, names) for value in node.values)
    if isinstance(first, Formula) and first.variable and not first.otherwise:
        return Formula(first.text, first.variable, _text(second).text)
    if isinstance(first, Formula | Chain):
        raise _not_understood(node)
    return first or second


# ---- calculations ----------------------------------------------------------------------------------------------------

_SIGNS: Mapping[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.FloorDiv: "/"}
_NUMBERS: Mapping[str, Callable[[int, int], int]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left // right,
}


def _operation(node: ast.expr, names: Names) -> Known:
    if not isinstance(node, ast.BinOp) or type(node.op) not in _SIGNS:
        raise _not_understood(node)
    left, right = evaluate(node.left, names), evaluate(node.right, names)
    sign = _SIGNS[type(node.op)]
    if isinstance(left, int | Chain) and isinstance(right, int | Chain):
        return _calculated(node, left, sign, right)
    if sign == "+" and isinstance(left, str | Formula | Chain) and isinstance(right, str | Formula | Chain):
        return joined([_text(left), _text(right)])
    if sign == "+" and isinstance(left, tuple) and isinstance(right, tuple):
        return (*left, *right)
    raise _not_understood(node)


def _calculated(node: ast.expr, left: int | Chain, sign: str, right: int | Chain) -> Known:
    if isinstance(left, int) and isinstance(right, int):
        if max(abs(left), abs(right)) > _LARGEST_NUMBER or (sign == "/" and right == 0):
            raise _not_understood(node)
        return _NUMBERS[sign](left, right)
    if isinstance(right, Chain) and len(right.words) > 1 and sign in "+*" and not isinstance(left, Chain):
        left, right = right, left
    first, second = _words(left), _words(right)
    if len(second) > 1:
        raise ManualError(f"{shown(node)} cannot be calculated from left to right")
    return Chain((*first, sign, *second))


def _words(number: int | Chain) -> tuple[str, ...]:
    if isinstance(number, Chain):
        return number.words
    if number < 0:
        raise ManualError("negative numbers cannot be part of a calculation")
    return (str(number),)


# ---- calls -----------------------------------------------------------------------------------------------------------


def _subscript(node: ast.expr, names: Names) -> Known:
    """`os.environ["X"]`, which has to be set."""
    if isinstance(node, ast.Subscript) and _code(node.value) in ("os.environ", "environ"):
        name = evaluate(node.slice, names)
        if isinstance(name, str) and name.isidentifier():
            return variable(name, None)
    raise _not_understood(node)


def _call(node: ast.expr, names: Names) -> Known:
    if not isinstance(node, ast.Call) or node.keywords:
        raise _not_understood(node)
    if _code(node) in _PLACES:
        return Formula(_PLACES[_code(node)])
    function = _CALLS.get(_code(node.func))
    if function is None:
        raise _not_understood(node)
    return function(node, names)


def _cpu_count(node: ast.Call, _names: Names) -> Known:
    if node.args:
        raise _not_understood(node)
    return Chain(("%k",))


def _getenv(node: ast.Call, names: Names) -> Known:
    name, *rest = (evaluate(argument, names) for argument in node.args) if node.args else (None,)
    if not isinstance(name, str) or not name.isidentifier() or len(rest) > 1:
        raise _not_understood(node)
    default = rest[0] if rest else None
    if default is None:
        return Formula(f"$({name})", name, None)
    text = _text(default)
    if text.variable or "$(" in text.text:
        raise ManualError(f"{shown(node)} depends on two variables")
    return variable(name, text.text)


def _cast(node: ast.Call, names: Names) -> Known:
    """`int(...)` and `str(...)`; `int(n / 2)` divides whole numbers."""
    if len(node.args) != 1:
        raise _not_understood(node)
    argument = node.args[0]
    if _code(node.func) == "int" and isinstance(argument, ast.BinOp) and isinstance(argument.op, ast.Div):
        argument = ast.BinOp(argument.left, ast.FloorDiv(), argument.right)
    value = evaluate(argument, names)
    if isinstance(value, Formula | Chain) or (isinstance(value, int) and not isinstance(value, bool)):
        return value if _code(node.func) == "int" or not isinstance(value, int) else str(value)
    if isinstance(value, str) and _code(node.func) == "int" and value.strip().isdecimal() and len(value) < 16:
        return int(value)
    if isinstance(value, str):
        return value
    raise _not_understood(node)


def _path_join(node: ast.Call, names: Names) -> Known:
    parts = [_text(evaluate(argument, names)) for argument in node.args]
    if not parts or any(piece.text.startswith("/") for piece in parts[1:]):
        raise _not_understood(node)
    pieces: list[Formula] = []
    for piece in parts:
        # %d has a slash at its end.
        if pieces and not pieces[-1].text.endswith(("/", "%d")):
            pieces.append(Formula("/"))
        pieces.append(piece)
    return joined(pieces)


_PLACES: Mapping[str, str] = {
    "os.getcwd()": "%v",
    "os.path.dirname(__file__)": "%d",
    "os.path.dirname(os.path.abspath(__file__))": "%d",
    "os.path.dirname(os.path.realpath(__file__))": "%d",
    "os.path.abspath(os.path.dirname(__file__))": "%d",
}

_CALLS: Mapping[str, Callable[[ast.Call, Names], Known]] = {
    "multiprocessing.cpu_count": _cpu_count,
    "mp.cpu_count": _cpu_count,
    "os.cpu_count": _cpu_count,
    "cpu_count": _cpu_count,
    "os.environ.get": _getenv,
    "environ.get": _getenv,
    "os.getenv": _getenv,
    "getenv": _getenv,
    "int": _cast,
    "str": _cast,
    "os.path.join": _path_join,
}

_HANDLERS: Mapping[type[ast.expr], Callable[[ast.expr, Names], Known]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.List: _sequence,
    ast.Tuple: _sequence,
    ast.Set: _sequence,
    ast.JoinedStr: _format,
    ast.UnaryOp: _negative,
    ast.BoolOp: _or,
    ast.BinOp: _operation,
    ast.Subscript: _subscript,
    ast.Call: _call,
}
