"""What stands in brackets in a value: `$(VARIABLE)`, `@(file)` and `%(name)`, with uWSGI's arithmetic.

Runs in: the process that reads the configuration.  Pure: what a name means is asked of the caller.
"""

from collections.abc import Callable, Iterator

from uncork.config.kinds import leading_number

Lookup = Callable[[str], str | None]

# A value that takes more replacements, or grows longer, refers to itself; uWSGI would eat all memory.
_MOST_REPLACEMENTS = 1000
_LONGEST = 1024 * 1024

_INT64 = 1 << 64
_INT64_MIN, _INT64_MAX = -(1 << 63), (1 << 63) - 1


class RunawayError(ValueError):
    """A value refers to itself and grows without end."""


def expand(value: str, symbol: str, lookup: Lookup) -> str:
    """Replace every `symbol(key)` by what `lookup` says of the key; where it says None the text stays.

    Inner ones go first.  After each replacement the value is read again from its second character, as uWSGI does
    (core/config.c): `x%(a)` follows a chain of placeholders to its end, `%(a)` takes one step.

    Raises RunawayError.
    """
    start = 0
    for _ in range(_MOST_REPLACEMENTS):
        for begin, end in _references(value, symbol, start):
            replacement = lookup(value[begin + 2 : end])
            if replacement is not None:
                break
        else:
            return value
        value = f"{value[:begin]}{replacement}{value[end + 1 :]}"
        start = 1
        if len(value) > _LONGEST:
            break
    raise RunawayError


def _references(value: str, symbol: str, start: int) -> Iterator[tuple[int, int]]:
    """Where each `symbol(key)` begins and ends; a key is not empty, and may hold brackets in pairs."""
    begin = value.find(symbol + "(", start)
    while begin >= 0:
        end = _closing_bracket(value, symbol, begin + 2)
        if value[end : end + 1] == ")" and end > begin + 2:
            yield begin, end
        begin = value.find(symbol + "(", end)


def _closing_bracket(value: str, symbol: str, position: int) -> int:
    """The bracket that closes a key, or where the key breaks off: at another `symbol` or at the end."""
    depth = 0
    while position < len(value) and value[position] != symbol:
        depth += {"(": 1, ")": -1}.get(value[position], 0)
        if depth < 0:
            break
        position += 1
    return position


def evaluate(key: str, lookup: Lookup) -> str | None:
    """What `%(key)` means: the value of a name, or with spaces in it a calculation from left to right.

    In a calculation a word is a number, an operator (`+ - * / ++ --`) or a name; one that is unknown is empty, and
    words without an operator between them are joined.  None leaves the placeholder as it is.
    """
    if " " not in key:
        return lookup(key)
    words = key.split(" ")
    if not any(words):
        return None
    result: str | None = None
    operator = ""
    for word in filter(None, words):
        if word in _STEPS:
            operator = ""
            if result is not None:
                result = _wrapped(_number(result) + _STEPS[word])
        elif word in _OPERATORS:
            operator = word
        else:
            operand = word if word.isascii() and word.isdigit() else lookup(word) or ""
            if operator:
                result = _wrapped(_OPERATORS[operator](_number(result or ""), _number(operand)))
            else:
                result = (result or "") + operand
            operator = ""
    return result or ""


def _number(text: str) -> int:
    """The number at the front of a text, or 0: strtoll()."""
    return max(_INT64_MIN, min(leading_number(text) or 0, _INT64_MAX))


def _wrapped(number: int) -> str:
    """A result in 64 bits, as C computes it."""
    return str((number - _INT64_MIN) % _INT64 + _INT64_MIN)


def _quotient(left: int, right: int) -> int:
    """Division towards zero; by zero it is 0."""
    if right == 0:
        return 0
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) == (right < 0) else -quotient


_OPERATORS: dict[str, Callable[[int, int], int]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": _quotient,
}
_STEPS = {"++": 1, "--": -1}
