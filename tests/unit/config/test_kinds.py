"""Every kind of value: what a text means, and what is said of one that means nothing."""

import pytest

from uncork.config.kinds import (
    ADDRESSES,
    FLAG,
    LONG_MAX,
    PATH,
    Integer,
    Kind,
    MismatchError,
    Mode,
    NetworkList,
    SixteenBit,
    leading_number,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (None, True),
        ("", True),
        ("true", True),
        ("1", True),
        ("no way", True),
        ("true # by default", True),
        ("false # for now", True),
        ("00", True),
        ("0 ", True),
        ("false", False),
        ("FALSE", False),
        ("Off", False),
        ("nO", False),
        ("0", False),
    ],
)
def test_flag(text: str | None, value: bool) -> None:
    """A flag is off for four words and on for everything else, as in uWSGI."""
    assert FLAG.parse(text) is value


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("4", 4),
        ("4 # cores", 4),
        ("  \t12", 12),
        ("+7", 7),
        ("-3x", -3),
        ("007", 7),
        ("4.9", 4),
        ("", None),
        ("four", None),
        ("- 4", None),
        ("+-4", None),
        ("\u0664", None),
        ("9" * 5000, int("9" * 30)),
    ],
)
def test_leading_number(text: str, number: int | None) -> None:
    """Numbers are read from the front of a text as C reads them."""
    assert leading_number(text) == number


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Integer(), "0", 0),
        (Integer(minimum=1), "4 # x", 4),
        (Integer(maximum=LONG_MAX), str(LONG_MAX), LONG_MAX),
        (SixteenBit(), "65535", 65535),
        (SixteenBit(), "65536", 65535),
        (SixteenBit(), "9" * 50, 65535),
        (Mode(), None, 0o666),
        (Mode(), "", 0o666),
        (Mode(), "1", 0o666),
        (Mode(), "660", 0o660),
        (Mode(), "000", 0),
        (PATH, "/a # b", "/a # b"),
        (ADDRESSES, ":1", (":1",)),
        (NetworkList(), "10.0.0.0/8", ("10.0.0.0/8",)),
        (NetworkList(), "10.1.2.3/8", ("10.1.2.3/8",)),
        (NetworkList(), "fd00::/8", ("fd00::/8",)),
        (NetworkList(), "192.0.2.7", ("192.0.2.7",)),
    ],
)
def test_value(kind: Kind[object], text: str | None, value: object) -> None:
    """A fitting text becomes its value."""
    assert kind.parse(text) == value


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        (Integer(), "four", "a whole number of 0 or more"),
        (Integer(), "", "a whole number of 0 or more"),
        (Integer(), None, "a whole number of 0 or more"),
        (Integer(), "-1", "a whole number of 0 or more"),
        (Integer(minimum=1), "0", "a whole number of 1 or more"),
        (Integer(), "2147483648", "a whole number of 2147483647 or less"),
        (SixteenBit(), "x", "a whole number of 0 or more"),
        (SixteenBit(minimum=1), "0", "a whole number of 1 or more"),
        (Mode(), "66", "three octal digits like 660"),
        (Mode(), "0660", "three octal digits like 660"),
        (Mode(), "668", "three octal digits like 660"),
        (Mode(), "66\u0660", "three octal digits like 660"),
        (PATH, "", "a path"),
        (PATH, None, "a path"),
        (ADDRESSES, "", "host:port or a path"),
        (NetworkList(), "10.0.0.0/40", "an IP address or a network like 10.0.0.0/8"),
        (NetworkList(), "", "an IP address or a network like 10.0.0.0/8"),
        (NetworkList(), None, "an IP address or a network like 10.0.0.0/8"),
    ],
)
def test_mismatch(kind: Kind[object], text: str | None, expected: str) -> None:
    """A text that does not fit is refused with what would."""
    with pytest.raises(MismatchError) as caught:
        kind.parse(text)
    assert caught.value.expected == expected


def test_last_wins_and_lists_add_up() -> None:
    """Of a repeated option the last value counts; lists keep all values in order."""
    assert Integer().combine([3, 1, 2]) == 2
    assert ADDRESSES.combine([("a",), ("b",), ("a",)]) == ("a", "b", "a")
    assert ADDRESSES.accumulates
    assert not PATH.accumulates
