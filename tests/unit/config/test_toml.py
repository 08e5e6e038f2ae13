"""toml, value by value."""

import pytest

from uncork.config.formats import FormatError, parse
from uncork.config.ini import Line


def lines(text: str, asked: str = "uwsgi") -> list[Line]:
    """The lines of a section."""
    return parse("toml", text, asked).get(asked, [])


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        ('"x"', ["x"]),
        ("'%(a)\\'", ["%(a)\\"]),
        ('"[x] = # {"', ["[x] = # {"]),
        ("true", ["true"]),
        ("false", ["false"]),
        ("4", ["4"]),
        ("-4", ["-4"]),
        ("1.50", ["1.50"]),
        ('["x", 5, true]', ["x", "5", "true"]),
        ("[]", []),
        ('{A = "x", B = 2}', ["A=x", "B=2"]),
        ('"0o660"', ["0o660"]),
    ],
)
def test_value(value: str, texts: list[str]) -> None:
    """Words and numbers are what is written, a list several settings, a table NAME=VALUE for each name."""
    expected = [Line(2, "a", text) for text in texts]
    assert lines(f"[uwsgi]\na = {value} # c\nz = 0\n") == [*expected, Line(3, "z", "0")]


def test_lines() -> None:
    """Every value has the number of its line, where other values go over several; names of a list have its first."""
    text = """\
title = "[uwsgi]"
[other]
a = 1
[uwsgi] # c
"quoted-key" = \"\"\"
a = 1
[other]
\"\"\"\"
b = [
  "1", # ]
  "2",
]
c.D = '''
x''''
 d=1

[uwsgi.env]
A = "1"
"""
    assert lines(text) == [
        Line(5, "quoted-key", 'a = 1\n[other]\n"'),
        Line(9, "b", "1"),
        Line(9, "b", "2"),
        Line(13, "c", "D=x'"),
        Line(15, "d", "1"),
        Line(18, "env", "A=1"),
    ]
    assert lines(text, "other") == [Line(3, "a", "1")]


def test_sections() -> None:
    """Every table is a section; what else the file holds does not count."""
    text = "a = 1\n[tool.x]\ny = [[1]]\n[uwsgi.env]\nA = 1\n[[list]]\nb = 1\n"
    assert parse("toml", text, "uwsgi") == {"tool": [], "uwsgi": [Line(5, "env", "A=1")]}
    assert lines("uwsgi.a = 1\n") == [Line(1, "a", "1")]
    assert lines("uwsgi = {a = 1}\n") == [Line(1, "a", "1")]
    assert lines("") == []


@pytest.mark.parametrize(
    ("text", "line", "sentence"),
    [
        ("[uwsgi]\na = \n", 2, "this is no toml: invalid value"),
        ("[uwsgi]\na = 1\na = 2\nb = 1", 3, "this is no toml: cannot overwrite a value"),
        ("[uwsgi]\na = x y\n", 2, "this is no toml: "),
        ("[uwsgi]\na = 09\n", 2, "this is no toml: "),
        ("[uwsgi]\n\nchmod-socket = 0o660\n", 3, "0o660 (expected a decimal number, or a text in quotes)"),
        ("[uwsgi]\na = [1, 0xff]\n", 2, "0xff (expected a decimal number"),
        ("[uwsgi]\na = [[1]]\n", 2, "a (expected a text, or a list of texts)"),
        ("[uwsgi.a.b]\nc = 1\n", 1, "a (expected a text, or a list of texts)"),
        ("a = " + "[" * 5000, 0, "its values are nested too deep"),
        ("a = " + "9" * 5000, 0, "this is no toml: "),
    ],
)
def test_broken(text: str, line: int, sentence: str) -> None:
    """What is broken is said with its line, where it is known."""
    with pytest.raises(FormatError) as caught:
        lines(text)
    assert caught.value.sentence.startswith(sentence)
    assert caught.value.line == line
