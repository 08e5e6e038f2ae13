"""A value on its way from another server's configuration into an ini file.

Pure.  The ini dialect has no quotes and no escapes but `%%`: what it cannot carry raises `ManualError`, so that nothing
arrives as something else.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

# What the dialect would replace, and nothing keeps it from doing so.  `%%(` becomes `%(`, and that would be replaced,
# too: but formats of log lines are full of it, so that only who writes the line can say whether it may stand.
_REPLACED = ("$(", "@(")
PERCENT_BRACKET = "%%("
# $NAME, ${NAME} and ${NAME:-default}, as a shell replaces them and systemd the first two.
_SHELL_VARIABLE = re.compile(r"\$(?:(?P<bare>[A-Za-z_]\w*)|\{(?P<name>[A-Za-z_]\w*)(?::?-(?P<default>[^{}]*))?\})")


class ManualError(ValueError):
    """Somebody has to carry this over by hand; the text says why, as the end of a sentence."""


class Formula(NamedTuple):
    """A text as it stands in an ini file, magic variables and placeholders included.

    With `variable` it counts only where that environment variable is set, and `otherwise` elsewhere; None is nothing.
    """

    text: str
    variable: str = ""
    otherwise: str | None = None

    def map(self, change: Callable[[str], str]) -> "Formula":
        """The formula with its texts changed."""
        otherwise = None if self.otherwise is None else change(self.otherwise)
        return Formula(change(self.text), self.variable, otherwise)

    @property
    def number(self) -> int | None:
        """The whole number that this is, if it is known by now."""
        known = not self.variable and re.fullmatch(r"-?[0-9]{1,18}", self.text)
        return int(self.text) if known else None


# What a setting may hold; None is "not set".
Value = Formula | bool | tuple[Formula, ...] | None


class Given(NamedTuple):
    """One setting of another server, its value, and where that stood: `gunicorn --workers 4`."""

    name: str
    value: Value
    source: str

    @property
    def formulas(self) -> tuple[Formula, ...]:
        """Its texts, one for each value."""
        if self.value is None:
            return ()
        if isinstance(self.value, bool):
            return (Formula("true" if self.value else "false"),)
        return self.value if not isinstance(self.value, Formula) else (self.value,)

    @property
    def is_on(self) -> bool:
        """Whether it says anything but "off"."""
        return self.value not in (None, False, (), Formula(""), Formula("0"))


def literal(text: str) -> Formula:
    """A text that shall arrive as it is.  Raises ManualError."""
    return whole(Formula(part(text)))


def part(text: str) -> str:
    """A piece of a text that shall arrive as it is.  Raises ManualError."""
    if any(character in text for character in "\n\r\0"):
        raise ManualError("the value has a line break in it, which a line of an ini file cannot hold")
    for opening in _REPLACED:
        if opening in text:
            raise ManualError(f"the value holds {opening}, which would be replaced")
    return text.replace("%", "%%")


def whole(formula: Formula) -> Formula:
    """The formula, unless its ends would be lost.  Raises ManualError."""
    for text in (formula.text, formula.otherwise or ""):
        if text != text.strip(" \t"):
            raise ManualError("the value begins or ends with a blank, which a line of an ini file cannot hold")
    return formula


def from_shell(word: str) -> Formula:
    """A word of a command line, `$NAME` and `${NAME:-default}` in it kept as such.  Raises ManualError."""
    parts: list[Formula] = []
    end = 0
    for found in _SHELL_VARIABLE.finditer(word):
        parts.append(Formula(part(word[end : found.start()])))
        name, default = found["bare"] or found["name"], found["default"]
        parts.append(variable(name, None if default is None else part(default)))
        end = found.end()
    return whole(joined([*parts, Formula(part(word[end:]))]))


def variable(name: str, default: str | None) -> Formula:
    """An environment variable; without a default it has to be set."""
    return Formula(f"$({name})") if default is None else Formula(f"$({name})", name, default)


def joined(parts: list[Formula]) -> Formula:
    """The parts as one text.  Raises ManualError where more than one of them depends on a variable."""
    variables = {part.variable for part in parts if part.variable}
    if len(variables) > 1:
        raise ManualError(f"the value depends on {' and '.join(sorted(variables))}, each with a default")
    text = "".join(part.text for part in parts)
    if not variables:
        return Formula(text)
    otherwise = "".join(part.otherwise if part.otherwise is not None else part.text for part in parts)
    return Formula(text, variables.pop(), otherwise)
