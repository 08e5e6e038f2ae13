"""Find the names in a Python module that a WSGI server can serve, by reading it; nothing is imported or run.

Runs in: the command line process.  Pure: source bytes in, names out.

Only what a module binds at its top level counts, also inside `if`, `try` and `with`; never what stands under
`if __name__ == "__main__"` or `if TYPE_CHECKING`, because importing does not run that.
"""

import ast
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field

# In this order.  `application` is what PEP 3333 examples and uWSGI look for, `app` is Flask's habit.
APP_NAMES = ("application", "app")
FACTORY_NAMES = ("create_app", "make_app")

# Classes whose instances are often called `app` and cannot be served over WSGI: what to say instead.
NOT_WSGI = {
    "FastAPI": "an ASGI app (FastAPI)",
    "Starlette": "an ASGI app (Starlette)",
    "Quart": "an ASGI app (Quart)",
    "Litestar": "an ASGI app (Litestar)",
    "Sanic": "a Sanic server",
    "Celery": "a Celery app",
    "Typer": "a command line (Typer)",
}

# What an app never is: `app = None` is a place kept for later.
LITERALS = (
    ast.Constant,
    ast.JoinedStr,
    ast.List,
    ast.Tuple,
    ast.Dict,
    ast.Set,
    ast.Compare,
    ast.ListComp,
    ast.DictComp,
)


@dataclass(frozen=True, slots=True)
class Found:
    """A name to serve: `callable` is a name, or a call as in `create_app()`; `what`: how it was recognised."""

    callable: str
    what: str


@dataclass(slots=True)
class Names:
    """What a module offers.

    `found`: the one to take, or None; `rivals`: several equally good; `remarks`: why not others.
    """

    found: Found | None = None
    rivals: tuple[str, ...] = ()
    remarks: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Bindings:
    """Names bound at the top level, each with the statement or value that binds it last."""

    imports: bool
    values: dict[str, ast.AST] = field(default_factory=dict)
    # Local name -> the class's own name, for `from flask import Flask as F`.
    imported: dict[str, str] = field(default_factory=dict)


def find_names(source: bytes, *, imports: bool = True) -> Names:
    """What `source` offers to a WSGI server.  `imports`: whether a name imported from elsewhere counts.

    Raises SyntaxError, or ValueError for a NUL byte, when this Python cannot read it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an odd escape in somebody's string is not this command's business
        tree = ast.parse(source)
    bindings = _Bindings(imports)
    _collect(tree.body, bindings)
    names = Names()
    for name in APP_NAMES:
        if name in bindings.values and _is_app(name, bindings, names.remarks):
            names.found = Found(name, name)
            return names
    flasks = [name for name, value in bindings.values.items() if _class_name(value, bindings) == "Flask"]
    if len(flasks) > 1:
        names.rivals = tuple(flasks)
        return names
    if flasks:
        names.found = Found(flasks[0], f"{flasks[0]} = Flask(...)")
        return names
    for name in FACTORY_NAMES:
        if name in bindings.values and _is_factory(name, bindings.values[name], names.remarks):
            names.found = Found(f"{name}()", f"{name}()")
            return names
    return names


def _collect(body: list[ast.stmt], bindings: _Bindings) -> None:
    for statement in body:
        match statement:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    if isinstance(target, ast.Name):
                        bindings.values[target.id] = value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                bindings.values[name] = value
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                bindings.values[name] = statement
            case ast.ImportFrom(module=str(), names=aliases):  # `from . import app` binds a module, not an app
                for alias in aliases:
                    local = alias.asname or alias.name
                    bindings.imported[local] = alias.name
                    # flask.current_app is a proxy for use inside a request, under whatever name.
                    if bindings.imports and alias.name != "current_app":
                        bindings.values[local] = statement
            case _:
                for nested in _nested(statement):
                    _collect(nested, bindings)


def _nested(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    """The bodies inside a statement that run when the module is imported."""
    match statement:
        case ast.If(test=test, body=body, orelse=orelse):
            if not _only_elsewhere(test):
                yield body
            yield orelse
        case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=finalbody):
            yield body
            yield from (handler.body for handler in handlers)
            yield orelse
            yield finalbody
        case ast.With(body=body):
            yield body


def _only_elsewhere(test: ast.expr) -> bool:
    """Whether this is the condition of a block that importing skips."""
    match test:
        case ast.Compare(left=ast.Name(id="__name__"), ops=[ast.Eq()]) | ast.Name(id="TYPE_CHECKING"):
            return True
        case ast.Attribute(attr="TYPE_CHECKING"):
            return True
    return False


def _class_name(value: ast.AST, bindings: _Bindings) -> str:
    """The class that a call makes an instance of, as in `Flask(...)`, `flask.Flask(...)` and `F(...)`; "" for
    anything else."""
    match value:
        case ast.Call(func=ast.Name(id=name)):
            return bindings.imported.get(name, name)
        case ast.Call(func=ast.Attribute(attr=name)):
            return name
    return ""


def _is_app(name: str, bindings: _Bindings, remarks: list[str]) -> bool:
    """Whether the name may be a WSGI app; if not, says in `remarks` what it is."""
    value = bindings.values[name]
    if isinstance(value, LITERALS):
        remarks.append(f"{name} is no app there")
        return False
    other = NOT_WSGI.get(_class_name(value, bindings))
    if other is not None:
        remarks.append(f"{name} is {other}, which a WSGI server cannot serve")
        return False
    if isinstance(value, ast.AsyncFunctionDef):
        remarks.append(f"{name} is an async function, which a WSGI server cannot serve")
        return False
    if isinstance(value, ast.FunctionDef) and not _takes(value, 2):
        remarks.append(f"{name}() does not take (environ, start_response)")
        return False
    return True


def _is_factory(name: str, value: ast.AST, remarks: list[str]) -> bool:
    """Whether calling the name without arguments may give an app; if not, says why in `remarks`."""
    if isinstance(value, ast.AsyncFunctionDef):
        remarks.append(f"{name} is an async function, which a WSGI server cannot call")
        return False
    if isinstance(value, ast.FunctionDef) and not _takes(value, 0):
        remarks.append(f"{name} needs arguments: give them defaults, or make the app in a wsgi.py of your own")
        return False
    return isinstance(value, ast.FunctionDef | ast.ImportFrom)


def _takes(function: ast.FunctionDef, count: int) -> bool:
    """Whether a call with `count` positional arguments suits the signature; a decorator may have changed it:
    then yes."""
    if function.decorator_list:
        return True
    arguments = function.args
    positional = len(arguments.posonlyargs) + len(arguments.args)
    required = positional - len(arguments.defaults)
    missing_keywords = any(default is None for default in arguments.kw_defaults)
    return required <= count and (positional >= count or arguments.vararg is not None) and not missing_keywords
