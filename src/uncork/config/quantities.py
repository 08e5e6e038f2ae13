"""The kinds of values that are numbers: what a text counts as, and what to say where it looks like more.

Runs in: the process that reads the configuration.  Pure.

uWSGI reads numbers with atoi() and strtoul(): the digits at the front count, and no digits are 0.  So they do here, but
a word like `four` is an error, and whatever else does not count as it looks has a remark.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from uncork.config.kinds import Kind, MismatchError, T_co, leading_number

INT_MAX = 2**31 - 1  # uWSGI keeps these options in a C int
LONG_MAX = 2**63 - 1
MOST_MEGABYTES = LONG_MAX >> 20  # whose bytes fit in a C long

# What a flag takes: `threads = true` and `harakiri = off` start with uWSGI, as 0.
_WORDS = frozenset({"true", "on", "yes", "false", "off", "no"})

_PARTS = re.compile(r"\s*[+-]?(?P<digits>[0-9]+)(?P<rest>[^#;]*)", re.DOTALL)
_THOUSANDS = re.compile(r"(?:[,_' ][0-9]{3})+")


class Scale(NamedTuple):
    """What a number counts, and the words for multiples of it: how many each stands for."""

    unit: str
    words: Mapping[str, int]


def _sizes(**letters: int) -> dict[str, int]:
    return {f"{letter}{ending}": number for letter, number in letters.items() for ending in ("", "b", "ib")}


def _times(second: int) -> dict[str, int]:
    words = {"s sec secs second seconds": 1, "m min mins minute minutes": 60, "h hour hours": 3600, "d day days": 86400}
    return {word: number * second for names, number in words.items() for word in names.split()}


IN_NOTHING = Scale("", {})
IN_BYTES = Scale("bytes", {"b": 1, "bytes": 1, **_sizes(k=1 << 10, m=1 << 20, g=1 << 30, t=1 << 40)})
IN_MEGABYTES = Scale("megabytes", _sizes(m=1, g=1 << 10, t=1 << 20))
IN_SECONDS = Scale("seconds", _times(1))
IN_MILLISECONDS = Scale("milliseconds", {"ms": 1, **_times(1000)})
IN_PERCENT = Scale("%", {"%": 1})


class Number(Kind[T_co]):
    """A whole number, read from the front of the text: `4 # cores` is 4.

    `zero` is what 0 counts as, and with it nothing and words of flags; None refuses them.  Beyond what C can hold a
    number is cut; beyond a lower `maximum` it is refused unless it is `cut`.  Below 0 it is refused, as by uWSGI,
    unless it is `unsigned`: strtoul() makes a huge number of it, which no limit ever reaches.
    """

    def __init__(
        self,
        minimum: int = 0,
        maximum: int = INT_MAX,
        metavar: str = "N",
        *,
        zero: int | None = None,
        scale: Scale = IN_NOTHING,
        unsigned: bool = False,
        cut: bool = False,
    ) -> None:
        super().__init__(metavar, f"a whole number of {minimum} or more")
        self.minimum = minimum
        self.maximum = maximum
        self.zero = 0 if minimum == 0 and zero is None else zero
        self.scale = scale
        self.unsigned = unsigned
        self.cut = cut or maximum in (INT_MAX, LONG_MAX)

    def number(self, text: str | None) -> int:
        """What the text counts as.  Raises MismatchError."""
        number = 0 if _is_nothing(text) or _is_word(text) else leading_number(text or "")
        if number is not None and number < 0 and self.unsigned:
            number = self.below_zero()
        if number == 0 and self.zero is not None:
            return self.zero
        if number is None or number < max(self.minimum, 0):
            raise MismatchError(self.expected)
        if number > self.maximum and not self.cut:
            raise MismatchError(f"a whole number of {self.maximum} or less")
        return min(number, self.maximum)

    def below_zero(self) -> int:
        """What a number below 0 counts as: no limit, which of those that are `unsigned` 0 means."""
        return 0

    def said(self, number: int) -> str:
        """The number in a remark."""
        return str(number)

    def remark(self, text: str | None) -> str:
        """What the number is, unless that is what the text says."""
        try:
            number = self.number(text)
        except MismatchError:
            return ""
        if _is_nothing(text):
            return f"an empty value counts as {self.said(number)}"
        if _is_word(text):
            return f"expected {self.expected}; it counts as {self.said(number)}"
        written = leading_number(text or "")
        meant = self._meant(text or "")
        if meant is None:
            return f"it counts as {self.said(number)} {self.scale.unit}".rstrip()
        if meant != written:
            return f"it counts as {self.said(number)}: write {min(meant, self.maximum)}"
        return "" if number == written else f"it counts as {self.said(number)}"

    def _meant(self, text: str) -> int | None:
        """The number that the whole text looks like, None if it does not look like one."""
        parts = _PARTS.match(text)
        rest = parts["rest"].strip() if parts else ""
        if parts is None or not rest:
            return leading_number(text)
        if _THOUSANDS.fullmatch(parts["rest"].rstrip()):
            return int(re.sub("[^0-9]", "", parts["digits"] + rest)[:30])
        times = self.scale.words.get(rest.lower())
        return None if times is None else int(parts["digits"][:30]) * times


def _is_nothing(text: str | None) -> bool:
    return not (text or "").strip()


def _is_word(text: str | None) -> bool:
    return (text or "").strip().lower() in _WORDS


class Integer(Number[int]):
    """A number that is one whatever it is."""

    def parse(self, text: str | None) -> int:
        return self.number(text)


class Limit(Number[int | None]):
    """A limit: 0 is None, for there is none then."""

    def parse(self, text: str | None) -> int | None:
        return self.number(text) or None

    def said(self, number: int) -> str:
        return str(number) if number else "0, which is no limit"


class SixteenBit(Integer):
    """A whole number that is cut to 65535: `buffer-size = 65536` is common (uwsgi_opt_set_16bit)."""

    def __init__(self, minimum: int = 0, *, zero: int | None = None, scale: Scale = IN_NOTHING) -> None:
        super().__init__(minimum, 0xFFFF, zero=zero, scale=scale, unsigned=True, cut=True)

    def below_zero(self) -> int:
        return self.maximum

    def remark(self, text: str | None) -> str:
        """More than there can be is as good as all that there can be."""
        return "" if (leading_number(text or "") or 0) > self.maximum else super().remark(text)


class OptionalInteger(Integer):
    """A whole number, 1 where none is given (uwsgi_opt_set_int without a value)."""

    argument = "optional"

    def parse(self, text: str | None) -> int:
        return super().parse(text or "1")

    def remark(self, text: str | None) -> str:
        return super().remark(text or "1")


SECONDS = Integer(scale=IN_SECONDS)
