"""What the values of options about lines of the log mean: `NAME REGEX`, and `ENCODER[:LOGGER] ARGUMENTS`.

Pure.  Expressions are checked here and compiled where lines are looked at.
"""

from collections.abc import Sequence
from typing import NamedTuple

from uncork.config.kinds import Kind, MismatchError, TextList, regexp

# Encoders of uWSGI's that make text of text; the others compress, or encrypt.
ENCODERS = ("prefix", "suffix", "nl", "format", "json")


class Rule(NamedTuple):
    """`names` are told of, or get, the lines that `pattern` finds."""

    names: tuple[str, ...]
    pattern: str


class Encoder(NamedTuple):
    """What is done to each line, for the logger called `logger` alone if that is not ""."""

    name: str
    logger: str = ""
    argument: str = ""


def checked(pattern: str) -> str:
    """The same pattern, as long as it is one.  Raises MismatchError."""
    try:
        regexp(pattern)
    except ValueError as error:
        raise MismatchError(f"a regular expression: {error}") from None
    return pattern


class Regexps(TextList):
    """Regular expressions that add up."""

    def __init__(self) -> None:
        super().__init__("REGEX", "a regular expression")

    def parse(self, text: str | None) -> tuple[str, ...]:
        return tuple(checked(pattern) for pattern in super().parse(text))


class Rules(Kind[tuple[Rule, ...]]):
    """Rules that add up, in order; `several` allows for `NAME,NAME REGEX`."""

    accumulates = True

    def __init__(self, metavar: str, expected: str, several: bool = False) -> None:
        super().__init__(metavar, expected)
        self._several = several

    def parse(self, text: str | None) -> tuple[Rule, ...]:
        # One blank parts them, as in uWSGI: those behind it belong to the expression.
        name, _, pattern = (text or "").partition(" ")
        names = tuple(part for part in name.split(",") if part) if self._several else (name,)
        if not all(names) or not names or not pattern:
            raise MismatchError(self.expected)
        return (Rule(names, checked(pattern)),)

    def combine(self, values: Sequence[tuple[Rule, ...]]) -> tuple[Rule, ...]:
        return tuple(rule for value in values for rule in value)


class Encoders(Kind[tuple[Encoder, ...]]):
    """Encoders that add up: a line passes through one after another."""

    accumulates = True

    def __init__(self) -> None:
        super().__init__("ENCODER", f"{', '.join(ENCODERS)}, with its text behind a blank: prefix TEXT")

    def parse(self, text: str | None) -> tuple[Encoder, ...]:
        word, _, argument = (text or "").partition(" ")
        name, _, logger = word.partition(":")
        if name not in ENCODERS:
            raise MismatchError(self.expected)
        return (Encoder(name, logger, argument),)

    def combine(self, values: Sequence[tuple[Encoder, ...]]) -> tuple[Encoder, ...]:
        return tuple(encoder for value in values for encoder in value)


REGEXPS = Regexps()
ROUTES = Rules("NAME REGEX", "NAME REGEX with the name of a logger")
LOG_ALARMS = Rules("NAME REGEX", "NAME REGEX with the name of an alarm, or several: NAME,NAME REGEX", several=True)
ENCODERS_KIND = Encoders()
