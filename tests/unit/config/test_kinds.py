"""Every kind of value: what a text means, and what is said of one that means nothing."""

import pytest

from uncork.config.kinds import (
    ADDRESSES,
    COMMAND,
    FLAG,
    NEEDED_ADDRESSES,
    NEEDED_PATH,
    PATH,
    PATHS,
    Choice,
    Kind,
    MismatchError,
    Mode,
    NetworkList,
    OptionalText,
    OptionalTextList,
    TextList,
    a_number,
    anything,
    key_values,
    keys,
    leading_number,
    pair,
    regexp,
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
        (Choice("NAME", "a", "b", "c"), "b", "b"),
        (OptionalText("NAME", "a name"), None, ""),
        (OptionalText("NAME", "a name"), "x", "x"),
        (OptionalTextList("NAME", "a name"), None, ("",)),
        (OptionalTextList("NAME", "a name"), "x", ("x",)),
        (TextList("K=V", "K=V", pair("=")), "a=b=c", ("a=b=c",)),
        (TextList("K=V", "K=V", pair("=", anything, a_number)), "=3 # x", ("=3 # x",)),
        (TextList("K=V", "K=V", keys(("a", "b"), ("c",))), "c=1,b=2", ("c=1,b=2",)),
    ],
)
def test_value(kind: Kind[object], text: str | None, value: object) -> None:
    """A fitting text becomes its value."""
    assert kind.parse(text) == value


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
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
        (Choice("NAME", "a", "b", "c"), "d", "a, b or c"),
        (Choice("NAME", "a", "b", "c"), None, "a, b or c"),
        (TextList("K=V", "a pair", pair("=")), "a", "a pair"),
        (TextList("K=V", "a pair", pair("=")), "=a", "a pair"),
        (TextList("K=V", "a pair", pair("=")), "a=", "a pair"),
        (TextList("K=V", "a pair", pair("=", anything, a_number)), "a=-3", "a pair"),
        (TextList("K=V", "a pair", pair("=", anything, anything)), "", "a pair"),
        (TextList("K=V", "pairs", keys(("a", "b"), ("c",))), "a=1,c=", "pairs"),
        (TextList("K=V", "pairs", keys(("a",))), "b=1, a=2", "pairs"),
    ],
)
def test_mismatch(kind: Kind[object], text: str | None, expected: str) -> None:
    """A text that does not fit is refused with what would."""
    with pytest.raises(MismatchError) as caught:
        kind.parse(text)
    assert caught.value.expected == expected


@pytest.mark.parametrize(
    ("kind", "counts"),
    [
        (PATH, False),
        (PATHS, False),
        (Choice("NAME", "a", "b"), False),
        (TextList("K=V", "a pair", pair("=")), False),
        (FLAG, True),
        (Mode(), True),
        (OptionalText("NAME", "a name"), True),
        (OptionalTextList("NAME", "a name"), True),
        # What uWSGI itself does not start with, and what lets people in.
        (NEEDED_PATH, True),
        (NEEDED_ADDRESSES, True),
        (NetworkList(), True),
    ],
)
def test_an_empty_text(kind: Kind[object], counts: bool) -> None:
    """Where uWSGI starts without the text so does this server, as if the option were not there, and says so."""
    assert kind.counts("x")
    assert kind.counts("") is counts
    assert kind.counts(None) is counts
    assert kind.remark("") == ("" if counts else "an empty value counts as not given")


@pytest.mark.parametrize(
    ("kind", "text", "remark"),
    [
        (FLAG, None, ""),
        (FLAG, "", ""),
        (FLAG, "On", ""),
        (FLAG, "off", ""),
        (FLAG, "0", ""),
        (FLAG, "7", ""),
        (FLAG, "true # by default", ""),
        (
            FLAG,
            "false # for now",
            "`#` begins no comment here; it counts as true: only false, off, no and 0 switch it off",
        ),
        (FLAG, "00", "it counts as true: only false, off, no and 0 switch it off"),
        (FLAG, "never", "it counts as true: only false, off, no and 0 switch it off"),
        (PATH, "/a", ""),
        (PATH, "/a#b", ""),
        (PATH, "/a # b", "`#` begins no comment here: it is part of the value"),
        (PATHS, "/a ;b", "`;` begins no comment here: it is part of the value"),
        (COMMAND, "sleep 5 # b", ""),
        (ADDRESSES, ":8000 # b", ""),
    ],
)
def test_remark(kind: Kind[object], text: str | None, remark: str) -> None:
    """What is taken for something else than it looks is said, and nothing else is."""
    assert kind.remark(text) == remark


def test_last_wins_and_lists_add_up() -> None:
    """Of a repeated option the last value counts; lists keep all values in order."""
    assert PATH.combine(["3", "1", "2"]) == "2"
    assert ADDRESSES.combine([("a",), ("b",), ("a",)]) == ("a", "b", "a")
    assert ADDRESSES.accumulates
    assert not PATH.accumulates


def test_key_values() -> None:
    """Commas part pairs unless a backslash stands before them; a word without `=` is no pair."""
    assert key_values(r"name=a\,b,items=1=2,bitmap,,x=") == {"name": "a,b", "items": "1=2", "x": ""}


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (r"^/(?<year>\d+)", "/2024"),
        (r"^/(?P<year>\d+)", "/2024"),
        (r"/(?<=/)x(?<!y)", "/x"),
        (r"^[[:]", "["),
    ],
)
def test_regexp(text: str, path: str) -> None:
    """An expression of PCRE's means the same here, groups by name included, and nothing is warned of."""
    assert regexp(text).match(path)


@pytest.mark.parametrize("text", ["*.css", "(", "[", "(?<", "(" * 5000, "a{99999999999999}"])
def test_what_is_no_regexp_is_said(text: str) -> None:
    """An expression that does not compile ends in one kind of error, with words."""
    with pytest.raises(ValueError, match=r"."):
        regexp(text)


def test_choices_are_for_a_shell_to_offer() -> None:
    """A kind with few words tells them."""
    assert Choice("NAME", "a", "b").choices == ("a", "b")
    assert PATH.choices == ()
