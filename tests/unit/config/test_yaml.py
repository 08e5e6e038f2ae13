"""yaml, read as yaml and line by line."""

import sys

import pytest

from uncork.config.formats import FormatError, parse
from uncork.config.ini import Line
from unit.config.conftest import ShowConfig, Write

Pairs = list[tuple[str, str]]

BY_LINES = "line by line"
AS_YAML = "as yaml"


@pytest.fixture(params=[AS_YAML, BY_LINES])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The way of reading: with PyYAML or without."""
    if request.param == BY_LINES:
        monkeypatch.setitem(sys.modules, "yaml", None)
        monkeypatch.delitem(sys.modules, "uncork.config.formats.yamltree", raising=False)
        monkeypatch.delattr("uncork.config.formats.yamltree", raising=False)
    return str(request.param)


@pytest.fixture(params=["CSafeLoader", "SafeLoader"])
def loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The parser in C, and the one in Python that is there without libyaml."""
    yaml = pytest.importorskip("yaml")
    if not hasattr(yaml, request.param):
        pytest.skip("PyYAML has no libyaml here")
    monkeypatch.setattr("uncork.config.formats.yamltree._LOADER", getattr(yaml, request.param))


def lines(text: str, asked: str = "uwsgi") -> list[Line]:
    """The lines of a section."""
    return parse("yaml", text, asked).get(asked, [])


def pairs(text: str) -> Pairs:
    """The keys and values of section uwsgi."""
    return [(line.key, line.value) for line in lines(text)]


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(
    ("line", "key", "value"),
    [
        ("a: 1", "a", "1"),
        ("a:   1  ", "a", "1"),
        ("a : 1", "a", "1"),
        ("a: yes", "a", "yes"),
        ("a: 010", "a", "010"),
        ("a: 1.50", "a", "1.50"),
        ("a: ~", "a", "~"),
        ("a: 2001-01-01", "a", "2001-01-01"),
        ("a: :8080", "a", ":8080"),
        ("a: http://x:80", "a", "http://x:80"),
        ("a: /=app.py", "a", "/=app.py"),
        ("a: 1 # one", "a", "1"),
        ("a: x#y", "a", "x#y"),
        ("a b: 1", "a b", "1"),
        ('a: "1 2"', "a", "1 2"),
        ("a: 'it=1'", "a", "it=1"),
        ('a: ""', "a", ""),
        # Not yaml, but what uWSGI reads where it was built without libyaml.
        ("a: id: %(uri) -> x", "a", "id: %(uri) -> x"),
        ("a: %(uri)", "a", "%(uri)"),
        ("a: @(file)", "a", "@(file)"),
        ('a: "%(uri)" "%(x)"', "a", '"%(uri)" "%(x)"'),
    ],
)
def test_line(line: str, key: str, value: str) -> None:
    """A value is the text that is written, of no type; what is not quite yaml is read line by line."""
    assert lines(f"uwsgi:\n  {line}\n  z: 0\n") == [Line(2, key, value), Line(3, "z", "0")]


@pytest.mark.usefixtures("way")
def test_sections() -> None:
    """Sections are names at the left; of two with one name the first counts, as in uWSGI."""
    text = "# c\n---\nfirst:\n  a: 1\n\nuwsgi:\n  a: 2\n  # c\n\n  a: 3\nfirst:\n  a: 4\n"
    assert lines(text) == [Line(7, "a", "2"), Line(10, "a", "3")]
    assert lines(text, "first") == [Line(4, "a", "1")]
    assert list(parse("yaml", text, "other")) == ["first", "uwsgi"]


@pytest.mark.usefixtures("way")
def test_nothing_behind_a_name() -> None:
    """A name with nothing behind it sets nothing, as with libyaml."""
    assert pairs("uwsgi:\n  a:\n  b: 1\n") == [("b", "1")]


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("text", ["", "\n", "# c\n", "text", "- a\n- b\n", "a: 1\n"])
def test_no_section(text: str) -> None:
    """A file without the section has no lines, whatever else it is."""
    assert lines(text) == []


@pytest.mark.usefixtures("way")
def test_windows_line_ends() -> None:
    """A carriage return at the end of a line is no part of it."""
    assert lines("uwsgi:\r\n  a: 1\r\n  b: 2\r\n") == [Line(2, "a", "1"), Line(3, "b", "2")]


@pytest.mark.usefixtures("loader")
def test_yaml_beyond_one_line() -> None:
    """Lists give an option several times, a mapping gives NAME=VALUE, and aliases are what they stand for."""
    text = """\
uwsgi:
  socket: [":1", ':2']
  mount:
    - /a=x
    - /b=y
  env:
    A: 1
    B: "x y"
  route: &all |
    one
    two
  log: *all
  folded: >-
    one
    two
  flow: {C: 3}
"""
    assert lines(text) == [
        Line(2, "socket", ":1"),
        Line(2, "socket", ":2"),
        Line(4, "mount", "/a=x"),
        Line(5, "mount", "/b=y"),
        Line(7, "env", "A=1"),
        Line(8, "env", "B=x y"),
        Line(9, "route", "one\ntwo\n"),
        Line(9, "log", "one\ntwo\n"),
        Line(13, "folded", "one two"),
        Line(16, "flow", "C=3"),
    ]


@pytest.mark.usefixtures("loader")
def test_documents() -> None:
    """The documents of a file are read one after the other."""
    assert lines("a: {b: 1}\n---\nuwsgi: {c: 2}\n---\n- x\n") == [Line(3, "c", "2")]


@pytest.mark.usefixtures("loader")
def test_tags_make_nothing() -> None:
    """No object is made of a tag."""
    assert pairs("uwsgi:\n  a: !!python/object/apply:os._exit [1]\n  b: !!int x\n") == [("a", "1"), ("b", "x")]


@pytest.mark.parametrize(
    ("text", "line", "sentence"),
    [
        ("uwsgi:\n  a: 1\n  b: [1\n", 4, "this is no yaml: "),
        ("uwsgi:\n  a: 1\n  b: *c\n", 3, "this is no yaml: found undefined alias 'c'"),
        ("uwsgi:\n  a: é\n  - \x00\n", 3, "this is no yaml: special characters are not allowed"),
        ("uwsgi:\n  a: é\n  - \udce9\n", 3, "this is no yaml: special characters are not allowed"),
        ("uwsgi:\n  a: " + "[" * 5000, 2, "its values are nested too deep"),
        ("uwsgi:\n  a: &a [*a]\n", 2, "this is no yaml: found undefined alias 'a'"),
        ("uwsgi:\n  a: [[1]]\n", 2, "a (expected a text, or a list of texts)"),
        ("uwsgi:\n  a:\n    b:\n      c: 1\n", 4, "a (expected a text, or a list of texts)"),
        (
            "x: &x {a: 1}\nuwsgi:\n  <<: *x\n",
            3,
            "<< (mappings are not merged; name the options here, or include a file)",
        ),
    ],
)
@pytest.mark.usefixtures("loader")
def test_broken(text: str, line: int, sentence: str) -> None:
    """What is broken is said with its line."""
    with pytest.raises(FormatError) as caught:
        lines(text)
    assert caught.value.line == line
    assert caught.value.sentence.startswith(sentence)
    assert str(caught.value) == f"line {line}: {caught.value.sentence}"


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("- b", "- b (expected key: value; lists and the like take PyYAML: pip install 'uncork[yaml]')"),
        ("b", "b (expected key: value)"),
        ("b:1", "b:1 (expected key: value)"),
        ("b: [1, 2]", "b: [1, 2] (this is a list; lists and the like take PyYAML: pip install 'uncork[yaml]')"),
        ("b: |", "b: | (this is a text of several lines; lists and the like take PyYAML: pip install 'uncork[yaml]')"),
    ],
)
@pytest.mark.parametrize("way", [BY_LINES], indirect=True)
@pytest.mark.usefixtures("way")
def test_broken_line(line: str, sentence: str) -> None:
    """uWSGI stops without a word where it reads line by line and does not understand one; here that is an error."""
    with pytest.raises(FormatError) as caught:
        lines(f"uwsgi:\n  a: 1\n  {line}\n")
    assert (caught.value.line, caught.value.sentence) == (3, sentence)
    assert lines(f"other:\n  {line}\nuwsgi:\n  a: 1\n") == [Line(4, "a", "1")]


@pytest.mark.parametrize(
    "text",
    [
        "uwsgi:\n  a: &a [*a, *a]\n",
        "a: &a " + "[" * 2000 + "\n",
        "\n".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9) if i else 'x'}]" for i in range(30)) + "\nuwsgi: *a29",
        "x: &x [" + "x, " * 5000 + "]\nuwsgi:\n" + "  a: *x\n" * 5000,
        "#" * 300_000,
    ],
    ids=["endless", "deep", "bomb", "product", "large"],
)
@pytest.mark.usefixtures("loader")
def test_bounded(text: str) -> None:
    """Aliases, nesting and size have bounds; beyond them is an error, or nothing, but never a wait."""
    try:
        assert lines(text) == []
    except FormatError:
        pass


@pytest.mark.parametrize("way", [BY_LINES], indirect=True)
@pytest.mark.usefixtures("way")
def test_as_uwsgi(write: Write, uwsgi_shows: ShowConfig) -> None:
    """Line by line it is what uWSGI reads that was built without libyaml, as the oracle is."""
    text = (
        "x:\n    a: 0\n---\nuwsgi:\n    b: 2\n      c: 3 # three\n   d: x: y\n\n"
        "    e : %(b)\n\tf: ://z\n    d:  /=4\nx:\n    q: 1\n"
    )
    name = write("a.yaml", text)
    assert [("yaml", name), *pairs(text.replace("%(b)", "2"))] == uwsgi_shows(["--yaml", name], {})
