"""uWSGI's ini dialect, rule by rule."""

import pytest

from uncork.config.ini import Line, parse


def lines(text: str) -> list[Line]:
    """The lines of section uwsgi; every `%` and the character behind it vanish."""
    return parse(text, lambda line: "".join(part[bool(i) :] for i, part in enumerate(line.split("%")))).get("uwsgi", [])


@pytest.mark.parametrize(
    ("line", "key", "value"),
    [
        ("a = 1", "a", "1"),
        ("a=1", "a", "1"),
        (" \ta \t=\t 1 \t\r", "a", "1"),
        ("a", "a", ""),
        ("a =", "a", ""),
        ("a = b = c", "a", "b = c"),
        ("= 1", "", "1"),
        ("=", "", ""),
        ("a b = 1", "a b", "1"),
        ("A = B", "A", "B"),
        ("processes = 4 # cores", "processes", "4 # cores"),
        ("a = 1 ; b", "a", "1 ; b"),
        ('a = "1"', "a", '"1"'),
        ("a = 1\\", "a", "1\\"),
        ("a = [x]", "a", "[x]"),
        ("a\u00a0= 1", "a\u00a0", "1"),
        ("a = \u2028 1\x0b\x85", "a", "\u2028 1\x0b\x85"),
        ("a = %xb", "a", "b"),
    ],
)
def test_line(line: str, key: str, value: str) -> None:
    """A line is a key and a value, split at the first `=`; nothing else has a meaning."""
    assert lines(f"[uwsgi]\n{line}\n") == [Line(2, key, value)]


@pytest.mark.parametrize("line", ["", "  \t\r", "# a = 1", "; a = 1", "  # a = 1"])
def test_nothing(line: str) -> None:
    """Blank lines and comments are no settings."""
    assert lines(f"[uwsgi]\n{line}\n") == []


def test_sections() -> None:
    """A section may come back, and a key may repeat; lines of other sections do not count."""
    text = "a = 0\n[uwsgi]\na = 1\n[other]\na = 2\n[uwsgi]\na = 3\na = 4"
    assert lines(text) == [Line(3, "a", "1"), Line(7, "a", "3"), Line(8, "a", "4")]
    assert list(parse(text, str)) == ["", "uwsgi", "other"]


@pytest.mark.parametrize(
    ("line", "section"),
    [("[uwsgi]", "uwsgi"), ("  [uwsgi]\r", "uwsgi"), ("[uwsgi] ; mine", "uwsgi] ; min"), ("[uwsgi", "uwsg"), ("[", "")],
)
def test_section_is_the_line_without_its_ends(line: str, section: str) -> None:
    """The first and the last character of a section line go, whatever they are."""
    assert parse(f"{line}\na = 1", str)[section] == [Line(2, "a", "1")]


def test_percent_at_the_end_joins_lines() -> None:
    """A lone `%` swallows the line break; two are a sign that stays."""
    assert lines("[uwsgi]\na = 100%\nb = 2\nc = 3") == [Line(2, "a", "100b = 2"), Line(4, "c", "3")]
    assert [line.number for line in lines("[uwsgi]\na = 100%%\nb = 2")] == [2, 3]
    assert lines("[uwsgi]\n# 100%\nb = 2\nc = 3") == [Line(4, "c", "3")]
    assert lines("[uwsgi]\na = 1%") == [Line(2, "a", "1")]
