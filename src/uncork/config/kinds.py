"""The kinds of option values: how one text becomes a value, and what to say when it does not fit.

Runs in: the process that reads the configuration.  Pure: text in, value or `MismatchError` out.

A kind says whether getopt_long sees an argument (`argument`), how repeated values combine, and how it is written
in the documentation (`metavar`, `expected`).  The rules are uWSGI's setters (core/uwsgi.c, uwsgi_opt_*): what uWSGI
starts with is taken, and where that is not what the text looks like there is a remark.  Numbers are in `quantities.py`.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar, Generic, Literal, TypeVar

if TYPE_CHECKING:
    import re

T_co = TypeVar("T_co", covariant=True)

Argument = Literal["no", "optional", "required"]

# What isspace() in C skips, and more digits than any limit has: int() refuses thousands of them (CVE-2020-10735).
_BLANK = " \t\n\v\f\r"
_ENOUGH_DIGITS = 30


def leading_number(text: str) -> int | None:
    """The whole number at the front of a text, as atoi() and strtol() find it; None where they find none and say 0."""
    text = text.lstrip(_BLANK)
    unsigned = text[1:] if text[:1] in ("+", "-") else text
    digits = unsigned[: len(unsigned) - len(unsigned.lstrip("0123456789"))]
    if not digits:
        return None
    number = int(digits[:_ENOUGH_DIGITS])
    return -number if text[0] == "-" else number


class MismatchError(ValueError):
    """The text is no value of this kind; `expected` completes the words "expected ..."."""

    def __init__(self, expected: str) -> None:
        super().__init__(expected)
        self.expected = expected


class Kind(Generic[T_co]):
    """How the values of an option are read.  Last wins unless a kind combines them otherwise.

    `choices` are words that fit, for a shell to offer; whether others do as well is for `parse` to say.  Without one
    that is `needed` an option is as if it were not given; in a `plain` one a ` #` is a slip.
    """

    argument: ClassVar[Argument] = "required"
    accumulates: ClassVar[bool] = False
    needed: bool = True
    plain: bool = False

    def __init__(self, metavar: str, expected: str, choices: tuple[str, ...] = ()) -> None:
        self.metavar = metavar
        self.expected = expected
        self.choices = choices

    def parse(self, text: str | None) -> T_co:
        """The value that `text` means; None and "" are an option without value.  Raises MismatchError."""
        raise NotImplementedError

    def combine(self, values: Sequence[T_co]) -> T_co:
        """The value of an option given several times, in order of override (at least one)."""
        return values[-1]

    def counts(self, text: str | None) -> bool:
        """Whether an option with this text is given at all: `parse` is for those that are."""
        return self.needed or bool(text)

    def remark(self, text: str | None) -> str:
        """What a text that is taken comes to, where that may not be what its writer meant; else ""."""
        if not self.counts(text):
            return "an empty value counts as not given"
        sign = _comment_sign(text or "") if self.plain else ""
        return f"`{sign}` begins no comment here: it is part of the value" if sign else ""


def _comment_sign(text: str) -> str:
    """The sign behind a blank that some take for the beginning of a comment, "" if there is none."""
    return next((word[0] for word in text.split()[1:] if word[0] in "#;"), "")


_ON = ("true", "on", "yes")
_OFF = ("false", "off", "no")


class Flag(Kind[bool]):
    """On unless the whole text is one of uWSGI's four words for off (uwsgi_opt_true, core/uwsgi.c)."""

    argument = "no"

    def __init__(self) -> None:
        super().__init__("", "true or false")

    def parse(self, text: str | None) -> bool:
        return text is None or (text != "0" and text.lower() not in _OFF)

    def remark(self, text: str | None) -> str:
        """Other words than those for on and off are on, and so is what looks like a word and a comment."""
        first = "".join((text or "").split()[:1]).lower()
        number = leading_number(first)
        if not self.parse(text) or not first or first in _ON or number:
            return ""
        slip = f"`{sign}` begins no comment here; " if (sign := _comment_sign(text or "")) else ""
        return f"{slip}it counts as true: only {', '.join(_OFF)} and 0 switch it off"


class Text(Kind[str]):
    """The text itself, which may not be empty."""

    def __init__(
        self, metavar: str, expected: str, choices: tuple[str, ...] = (), *, needed: bool = False, plain: bool = False
    ) -> None:
        super().__init__(metavar, expected, choices)
        self.needed = needed
        self.plain = plain

    def parse(self, text: str | None) -> str:
        if not text:
            raise MismatchError(self.expected)
        return text


class Choice(Kind[str]):
    """One of a few words."""

    def __init__(self, metavar: str, *choices: str, needed: bool = False) -> None:
        super().__init__(metavar, f"{', '.join(choices[:-1])} or {choices[-1]}", choices)
        self.needed = needed

    def parse(self, text: str | None) -> str:
        if text not in self.choices:
            raise MismatchError(self.expected)
        return text


class OptionalText(Kind[str]):
    """A text, "" where none is given."""

    argument = "optional"

    def parse(self, text: str | None) -> str:
        return text or ""


Check = Callable[[str], bool]


def something(text: str) -> bool:
    """Whether there is any text."""
    return bool(text)


def anything(_text: str) -> bool:
    """Always."""
    return True


def a_number(text: str) -> bool:
    """Whether a whole number of 0 or more stands in front."""
    number = leading_number(text)
    return number is not None and number >= 0


def regexp(text: str) -> "re.Pattern[str]":
    """The regular expression that is written as for PCRE.  Raises ValueError, with words, where Python has none such.

    Both agree in all that paths and addresses are matched with, but for how a group is named.
    """
    import re  # few configurations hold an expression
    import warnings

    try:
        with warnings.catch_warnings(action="ignore"):  # of what may mean something else one day
            return re.compile(re.sub(r"\(\?<(?![=!])", "(?P<", text))
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(str(error)) from None


def a_regexp(text: str) -> bool:
    """Whether this is a regular expression."""
    try:
        regexp(text)
    except ValueError:
        return False
    return bool(text)


def pair(separator: str, first: Check = something, second: Check = something) -> Check:
    """Whether the first separator parts a text like `/static=/srv/files` in two that fit."""

    def check(text: str) -> bool:
        before, found, behind = text.partition(separator)
        return bool(found) and first(before) and second(behind)

    return check


def key_values(text: str) -> dict[str, str]:
    """What `name=x,items=100` says: a comma behind a backslash belongs to a value, words without `=` say nothing."""
    words = text.replace("\\,", "\0").split(",")
    pairs = [word.replace("\0", ",").partition("=") for word in words]
    return {key: value for key, equals, value in pairs if equals}


def keys(*needed: tuple[str, ...]) -> Check:
    """Whether a text like `name=x,items=100` has a key of each tuple, which are names of one thing."""

    def check(text: str) -> bool:
        values = key_values(text)
        return all(any(values.get(key) for key in names) for names in needed)

    return check


class TextList(Kind[tuple[str, ...]]):
    """Texts that add up in order, one for each time the option is given; each of them passes `check`."""

    accumulates = True

    def __init__(
        self, metavar: str, expected: str, check: Check = something, *, needed: bool = False, plain: bool = False
    ) -> None:
        super().__init__(metavar, expected)
        self.check = check
        self.needed = needed
        self.plain = plain

    def parse(self, text: str | None) -> tuple[str, ...]:
        if not text or not self.check(text):
            raise MismatchError(self.expected)
        return (text,)

    def combine(self, values: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
        return tuple(item for value in values for item in value)


class OptionalTextList(TextList):
    """Texts that add up in order, "" where an option is given without one."""

    argument = "optional"

    def __init__(self, metavar: str, expected: str) -> None:
        super().__init__(metavar, expected, needed=True)

    def parse(self, text: str | None) -> tuple[str, ...]:
        return (text or "",)


class NetworkList(TextList):
    """IP networks in CIDR form, or single addresses, of either family."""

    def __init__(self) -> None:
        super().__init__("NETWORK", "an IP address or a network like 10.0.0.0/8", needed=True)

    def parse(self, text: str | None) -> tuple[str, ...]:
        from ipaddress import ip_network  # costs 3 ms, and few configurations name a network

        try:
            ip_network(text or "", strict=False)
        except ValueError:
            raise MismatchError(self.expected) from None
        return super().parse(text)


class Mode(Kind[int]):
    """File permission bits, three octal digits; no value, or 1, is 666 (uwsgi_opt_chmod_socket)."""

    argument = "optional"

    def __init__(self) -> None:
        super().__init__("MODE", "three octal digits like 660")

    def parse(self, text: str | None) -> int:
        if not text or text == "1":
            return 0o666
        if len(text) != 3 or not set(text) <= set("01234567"):
            raise MismatchError(self.expected)
        return int(text, 8)


FLAG = Flag()
PATH = Text("PATH", "a path", plain=True)
# What uWSGI itself does not start without.
NEEDED_PATH = Text("PATH", "a path", needed=True, plain=True)
PATHS = TextList("PATH", "a path", plain=True)
DIRECTORY = Text("DIR", "a directory", plain=True)
DIRECTORIES = TextList("DIR", "a directory", plain=True)
COMMAND = Text("COMMAND", "a command")
COMMANDS = TextList("COMMAND", "a command")
ADDRESS = Text("ADDRESS", "host:port or a path")
ADDRESSES = TextList("ADDRESS", "host:port or a path")
NEEDED_ADDRESSES = TextList("ADDRESS", "host:port or a path", needed=True)
