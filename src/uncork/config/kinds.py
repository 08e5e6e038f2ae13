"""The kinds of option values: how one text becomes a value, and what to say when it does not fit.

Runs in: the process that reads the configuration.  Pure: text in, value or `MismatchError` out.

A kind says whether getopt_long sees an argument (`argument`), how repeated values combine, and how it is written
in the documentation (`metavar`, `expected`).  The rules are uWSGI's setters (core/uwsgi.c, uwsgi_opt_*).
"""

from collections.abc import Sequence
from typing import ClassVar, Generic, Literal, TypeVar

T_co = TypeVar("T_co", covariant=True)

Argument = Literal["no", "optional", "required"]

INT_MAX = 2**31 - 1  # uWSGI keeps these options in a C int
LONG_MAX = 2**63 - 1


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
    """How the values of an option are read.  Last wins unless a kind combines them otherwise."""

    argument: ClassVar[Argument] = "required"
    accumulates: ClassVar[bool] = False

    def __init__(self, metavar: str, expected: str) -> None:
        self.metavar = metavar
        self.expected = expected

    def parse(self, text: str | None) -> T_co:
        """The value that `text` means; None and "" are an option without value.  Raises MismatchError."""
        raise NotImplementedError

    def combine(self, values: Sequence[T_co]) -> T_co:
        """The value of an option given several times, in order of override (at least one)."""
        return values[-1]


class Flag(Kind[bool]):
    """On unless the whole text is one of uWSGI's four words for off (uwsgi_opt_true, core/uwsgi.c)."""

    argument = "no"

    def __init__(self) -> None:
        super().__init__("", "true or false")

    def parse(self, text: str | None) -> bool:
        return text is None or (text != "0" and text.lower() not in ("false", "off", "no"))


class Integer(Kind[int]):
    """A whole number, read from the front of the text as atoi() does: `4 # cores` is 4.

    Unlike atoi(), a text with no number in front is an error and not 0, and so is a number out of range.
    """

    def __init__(self, minimum: int = 0, maximum: int = INT_MAX, metavar: str = "N") -> None:
        super().__init__(metavar, f"a whole number of {minimum} or more")
        self.minimum = minimum
        self.maximum = maximum

    def parse(self, text: str | None) -> int:
        number = leading_number(text or "")
        if number is None or number < self.minimum:
            raise MismatchError(self.expected)
        return self.within_maximum(number)

    def within_maximum(self, number: int) -> int:
        if number > self.maximum:
            raise MismatchError(f"a whole number of {self.maximum} or less")
        return number


class SixteenBit(Integer):
    """A whole number that is cut to 65535: `buffer-size = 65536` is common (uwsgi_opt_set_16bit)."""

    def __init__(self, minimum: int = 0) -> None:
        super().__init__(minimum, 0xFFFF)

    def within_maximum(self, number: int) -> int:
        return min(number, self.maximum)


class Text(Kind[str]):
    """The text itself, which may not be empty."""

    def parse(self, text: str | None) -> str:
        if not text:
            raise MismatchError(self.expected)
        return text


class TextList(Kind[tuple[str, ...]]):
    """Texts that add up in order, one for each time the option is given."""

    accumulates = True

    def parse(self, text: str | None) -> tuple[str, ...]:
        if not text:
            raise MismatchError(self.expected)
        return (text,)

    def combine(self, values: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
        return tuple(item for value in values for item in value)


class NetworkList(TextList):
    """IP networks in CIDR form, or single addresses, of either family."""

    def __init__(self) -> None:
        super().__init__("NETWORK", "an IP address or a network like 10.0.0.0/8")

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
PATH = Text("PATH", "a path")
PATHS = TextList("PATH", "a path")
ADDRESS = Text("ADDRESS", "host:port or a path")
ADDRESSES = TextList("ADDRESS", "host:port or a path")
