"""Lines of a configuration as they are written."""

import re

from hypothesis import assume, given
from hypothesis import strategies as st

from uncork.config import ini
from uncork.migrate.lines import asked_names, asks_for_unknown_names, parse


def test_comments_belong_to_the_line_below() -> None:
    """Comments above a section, above a line, and behind the last one are told apart."""
    section = parse("; head\n[uwsgi]\n# why\n\nmaster\n; end\n", "a.ini", "ini", "uwsgi")["uwsgi"]

    assert section.comments == ("; head",)
    assert [(line.place, line.key, line.value, line.comments) for line in section.lines] == [
        ("a.ini:5", "master", None, ("# why",))
    ]
    assert section.trailing == ["; end"]


def test_magic_variables_stay() -> None:
    """`%d` and `%(name)` are read as they stand; a key that has one in it is nobody's to know."""
    first, second = parse("[uwsgi]\nchdir = %d/%(x)\n%n = 1\n", "a.ini", "ini", "uwsgi")["uwsgi"].lines

    assert (first.key, first.value, first.written) == ("chdir", "%d/%(x)", "chdir = %d/%(x)")
    assert (second.key, second.value, second.written) == ("", None, "%n = 1")


def test_a_line_that_ends_in_a_percent_sign_takes_the_next() -> None:
    """As uWSGI does; what belongs to another program keeps both lines."""
    section = parse("[uwsgi]\nx = 5%\n00\n", "a.ini", "ini", "uwsgi")["uwsgi"]

    assert [line.value for line in section.lines] == ["500"]
    assert section.raw == ["x = 5%", "00"]


def test_a_section_that_comes_back_is_one() -> None:
    """All lines of sections of one name count, in order."""
    sections = parse("[a]\nx = 1\n[b]\ny = 1\n[a]\nx = 2\n", "a.ini", "ini", "a")

    assert [line.value for line in sections["a"].lines] == ["1", "2"]
    assert list(sections) == ["", "a", "b"]


def test_other_formats_keep_their_magic_variables() -> None:
    """`%k` alone is no yaml, and uWSGI replaces it before it looks."""
    text = "uwsgi:\n  processes: %k\n  socket: %d/%(name).sock\n  env: [A=1, B=2]\n"
    lines = parse(text, "a.yaml", "yaml", "uwsgi")["uwsgi"].lines

    assert [(line.key, line.value) for line in lines] == [
        ("processes", "%k"),
        ("socket", "%d/%(name).sock"),
        ("env", "A=1"),
        ("env", "B=2"),
    ]
    json = parse('{"uwsgi": {"master": true, "chdir": "%d"}}', "a.json", "json", "uwsgi")["uwsgi"].lines
    assert [(line.key, line.value) for line in json] == [("master", "1"), ("chdir", "%d")]


def test_names_that_placeholders_ask_for() -> None:
    """Each word of a calculation may be a name; a name that is put together cannot be known."""
    assert asked_names("%(a)/%(b + 2)/$(C)") == {"a", "b", "+", "2"}
    assert asks_for_unknown_names("%(a%(b))")
    assert asks_for_unknown_names("%($(A))")
    assert not asks_for_unknown_names("%(a) %d $(B)")


@given(st.text(alphabet="ab=[]%;# \t\r\n", max_size=60))
def test_the_same_lines_as_the_reader_finds(text: str) -> None:
    """For every text without magic in its keys: the same sections, keys and values as the real reader's.

    A % with a blank behind it vanishes a step later there.
    """
    assume(not re.search(r"%[ \t\r]", text))
    mine = parse(text, "a.ini", "ini", "uwsgi")
    real = ini.parse(text, lambda line: line)

    for name, lines in real.items():
        found = mine[name].lines
        assert [line.number for line in lines] == [int(line.place.rpartition(":")[2]) for line in found]
        for line, other in zip(lines, found, strict=True):
            assert "%" in line.key or (other.key, other.text) == (line.key, line.value)
    assert mine.keys() == real.keys()


def test_a_percent_sign_before_a_blank_at_the_end_vanishes() -> None:
    """It did nothing but keep the next line from being joined, and without the blank it would not even do that."""
    section = parse("[uwsgi]\nx = 5% \nmaster\n", "a.ini", "ini", "uwsgi")["uwsgi"]

    assert [line.written for line in section.lines] == ["x = 5", "master"]
