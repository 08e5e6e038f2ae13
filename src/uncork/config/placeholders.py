"""What stands in brackets in a value: `$(VARIABLE)`, `@(file)` and `%(name)`, with uWSGI's arithmetic.

Runs in: the process that reads the configuration.  Pure: what a name means is asked of the caller.
"""

import re
from collections.abc import Callable
from functools import cache

from uncork.config.kinds import leading_number

Lookup = Callable[[str], str | None]

# A value that takes more replacements, or grows longer, refers to itself; uWSGI would eat all memory.
_MOST_REPLACEMENTS = 10_000
_LONGEST = 1024 * 1024
# What all values of a configuration may take together: replacements, characters that they add, and characters that are
# copied for them.
_MOST_TOGETHER = 500_000
_MOST_ADDED = 64 * 1024 * 1024
_MOST_COPIED = 2 * 1024 * 1024 * 1024

_INT64 = 1 << 64
_INT64_MIN, _INT64_MAX = -(1 << 63), (1 << 63) - 1


class RunawayError(ValueError):
    """A value grows without end; the text says how."""


class ExhaustedError(RunawayError):
    """All values together take more than one may."""


class Budget:
    """What is left for all values of a configuration, so that many large ones do not take what one may not."""

    def __init__(self) -> None:
        self._replacements = _MOST_TOGETHER
        self._added = _MOST_ADDED
        self._copied = _MOST_COPIED

    def spend(self, length: int, added: int) -> None:
        """One replacement makes a text of this length, so much longer than before.  Raises RunawayError."""
        if length > _LONGEST:
            raise RunawayError("it grows beyond 1 MiB: it seems to refer to itself")
        self._replacements -= 1
        self._added -= max(0, added)
        self._copied -= length
        if min(self._replacements, self._added, self._copied) < 0:
            raise ExhaustedError("all values together take too many replacements")


def expand(value: str, symbol: str, lookup: Lookup, budget: Budget) -> str:
    """Replace every `symbol(key)` by what `lookup` says of the key; where it says None the text stays.

    Inner ones go first.  After each replacement the value is read again from its second character, as uWSGI does
    (core/config.c): `x%(a)` follows a chain of placeholders to its end, `%(a)` takes one step.  What stands before the
    replacement and is no other reference by it is not looked at again.  Raises RunawayError.
    """
    opening = symbol + "("
    broken_off: list[tuple[int, int]] = []  # where a key begins, and the symbol behind it at which it breaks off
    replacements = 0
    begin = value.find(opening)
    while begin >= 0:
        end = _closing_bracket(value, symbol, begin + 2)
        closed = value[end : end + 1] == ")"
        if not closed:
            broken_off.append((begin, end))
        replacement = lookup(value[begin + 2 : end]) if closed and end > begin + 2 else None
        if replacement is None:
            begin = value.find(opening, end)
            continue
        added = len(replacement) - (end + 1 - begin)
        budget.spend(len(value) + added, added)
        value = f"{value[:begin]}{replacement}{value[end + 1 :]}"
        replacements += 1
        if replacements > _MOST_REPLACEMENTS:
            raise RunawayError(f"more than {_MOST_REPLACEMENTS:,} replacements: it seems to refer to itself")
        # An inner one goes first, and then the one around it; else its text may complete a symbol in front of it.
        around = broken_off.pop()[0] if broken_off and broken_off[-1][1] == begin else begin - 1
        begin = value.find(opening, max(1, around))
    return value


@cache
def _marks(symbol: str) -> re.Pattern[str]:
    return re.compile(rf"[(){re.escape(symbol)}]")


def _closing_bracket(value: str, symbol: str, position: int) -> int:
    """The bracket that closes a key, or where the key breaks off: at another `symbol` or at the end."""
    depth = 0
    for found in _marks(symbol).finditer(value, position):
        depth += {"(": 1, ")": -1}.get(found[0], 0)
        if depth < 0 or found[0] == symbol:
            return found.start()
    return len(value)


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
