"""json, value by value."""

import pytest

from uncork.config.formats import FormatError, parse
from uncork.config.ini import Line
from unit.config.conftest import ShowConfig, Write


def lines(text: str, asked: str = "uwsgi") -> list[Line]:
    """The lines of a section."""
    return parse("json", text, asked).get(asked, [])


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        ('"x"', ["x"]),
        ('""', [""]),
        ('"\\u00e9 \\ud83d\\ude00 \\" \\\\ \\/"', ['é \U0001f600 " \\ /']),
        ("true", ["1"]),
        ("false", ["0"]),
        ("null", ["0"]),
        ("12", ["12"]),
        ("-3", ["-3"]),
        ("1.50", ["1.50"]),
        ("12345678901234567890", ["12345678901234567890"]),
        ('["x", 5, true, "y"]', ["x", "5", "1", "y"]),
        ('["x", ["a"], {"b": [1]}, [], "y"]', ["x", "y"]),
        ("[]", []),
        ('{"A": "x", "B": 2}', ["A=x", "B=2"]),
        ("{}", []),
        ('"] } , : {"', ["] } , : {"]),
    ],
)
def test_value(value: str, texts: list[str]) -> None:
    """Words are 1 and 0, numbers what is written, a list several settings, an object NAME=VALUE for each name."""
    expected = [Line(2, "a", text) for text in texts]
    assert lines('{"uwsgi": {\n"a": ' + value + ' ,\n"z" : "0"}}') == [*expected, Line(3, "z", "0")]


def test_lines() -> None:
    """Every value has the number of its line."""
    text = '{\n "uwsgi": {\n  "a": "1",\n\n  "b": [\n   "2",\n   "3"\n  ]\n }\n}'
    assert lines(text) == [Line(3, "a", "1"), Line(6, "b", "2"), Line(7, "b", "3")]


def test_a_name_that_repeats() -> None:
    """The last value counts, at the place of the first."""
    assert lines('{"uwsgi": {"a": 1, "b": 2, "a": 3}}') == [Line(1, "a", "3"), Line(1, "b", "2")]
    assert lines('{"uwsgi": {"a": 1}, "x": {}, "uwsgi": {"b": 2}}') == [Line(1, "b", "2")]


def test_sections() -> None:
    """Every object of the file is a section; what else the file holds does not count, however deep it is."""
    text = '{"x": {"a": [[[1]]]}, "n": 1, "l": [{}], "uwsgi": {"a": "2"}}'
    assert parse("json", text, "uwsgi") == {"x": [], "uwsgi": [Line(1, "a", "2")]}


@pytest.mark.parametrize("text", ["[]", "{}", '"uwsgi"', "1", '{"uwsgi": []}', '{"uwsgi": 1}'])
def test_no_section(text: str) -> None:
    """A file without the section has no lines."""
    assert lines(text) == []


@pytest.mark.parametrize(
    ("text", "line", "sentence"),
    [
        ("", 1, "this is no json: expecting value"),
        ('{"uwsgi":\n {"a": 1,}}', 2, "this is no json: "),
        ('{"uwsgi":\n {"a": 1}} x', 2, "this is no json: extra data"),
        ('// c\n{"uwsgi": {}}', 1, "this is no json: expecting value"),
        ('{"uwsgi": {"a": "x\ny"}}', 1, "this is no json: invalid control character at"),
        ('{"uwsgi": {"a": NaN}}', 0, "NaN is no value in json"),
        ('{"uwsgi":\n{"a": "\\ud800"}}', 2, "a text holds an escape that is no character"),
        ('{"uwsgi":\n{"a": {"b": {"c": 1}}}}', 2, "a (expected a text, or a list of texts)"),
        ("[" * 100_000, 0, "its values are nested too deep"),
        ('{"uwsgi": {"a": ' + "[" * 5000 + "]" * 5000 + "}}", 0, "its values are nested too deep"),
        (" " * 300_000, 0, "it is larger than 256 KiB"),
    ],
)
def test_broken(text: str, line: int, sentence: str) -> None:
    """What is broken is said with its line."""
    with pytest.raises(FormatError) as caught:
        lines(text)
    assert caught.value.line == line
    assert caught.value.sentence.startswith(sentence)


def test_as_uwsgi(write: Write, uwsgi_shows: ShowConfig) -> None:
    """The settings are those of uWSGI, in its order."""
    several = '["x", ["y"], {"z": 1}, 5, true]'
    text = '{"x": {"q": "1"}, "uwsgi": {"b": true, "c": false, "n": null, "d": -7, "e": ' + several + ', "b": "2"}}'
    name = write("a.json", text)
    settings = [(line.key, line.value) for line in lines(text)]
    assert [("json", name), *settings] == uwsgi_shows(["--json", name], {})
    assert uwsgi_shows(["--json", f"{name}:x"], {}) == [("json", f"{name}:x"), ("q", "1")]
