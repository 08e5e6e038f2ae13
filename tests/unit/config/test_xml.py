"""xml, element by element."""

import pytest

from uncork.config.formats import FormatError, parse
from uncork.config.ini import Line
from unit.config.conftest import ShowConfig, Write


def lines(text: str, asked: str = "uwsgi") -> list[Line]:
    """The lines of a section."""
    return parse("xml", text, asked).get(asked, [])


@pytest.mark.parametrize(
    ("element", "value"),
    [
        ("<a>x</a>", "x"),
        ("<a/>", "1"),
        ("<a></a>", "1"),
        ("<a> x y </a>", "x y"),
        ("<a>\n  x\n</a>", "x"),
        ("<a b='c'>x</a>", "x"),
        ("<a>x&lt;&amp;y&#233;</a>", "x<&yé"),
        ("<a><![CDATA[x<y]]></a>", "x<y"),
        ("<a>x<!-- c -->y</a>", "xy"),
    ],
)
def test_element(element: str, value: str) -> None:
    """An element is an option with its text for a value, without the blanks around it; an empty one means 1."""
    assert lines(f"<uwsgi>\n{element}<z>0</z></uwsgi>")[0] == Line(2, "a", value)


def test_sections() -> None:
    """All `<uwsgi>` of a file count, wherever they stand; an `id` is the name of a section."""
    text = (
        '<?xml version="1.0"?>\n<root>\n<q>0</q><uwsgi id="x"><a>1</a></uwsgi>\n'
        '<b><uwsgi><a>2</a></uwsgi></b>\n<uwsgi id="x"><a>3</a></uwsgi></root>'
    )
    one, two, three = Line(3, "a", "1"), Line(4, "a", "2"), Line(5, "a", "3")
    assert parse("xml", text, "x") == {"uwsgi": [one, two, three], "x": [one, three]}


def test_groups() -> None:
    """An element that holds others is no option; they are."""
    assert lines("<uwsgi><app> <module>x</module> </app><b>2</b></uwsgi>") == [
        Line(1, "module", "x"),
        Line(1, "b", "2"),
    ]


@pytest.mark.parametrize("text", ["<root/>", "<UWSGI><a>1</a></UWSGI>", "<root><a>1</a></root>"])
def test_no_section(text: str) -> None:
    """A file without `<uwsgi>` has no sections."""
    assert parse("xml", text, "uwsgi") == {}


def test_encodings() -> None:
    """The encoding is the declared one, or UTF-8."""
    assert lines("<uwsgi><a>é</a></uwsgi>")[0].value == "é"
    assert lines("<?xml version='1.0' encoding='iso-8859-1'?><uwsgi><a>\udce9</a></uwsgi>")[0].value == "é"


@pytest.mark.parametrize(
    ("text", "line", "sentence"),
    [
        ("", 1, "this is no xml: no element found"),
        ("<uwsgi>\n<a>1</uwsgi>", 2, "this is no xml: mismatched tag"),
        ("<uwsgi>\n&x;</uwsgi>", 2, "this is no xml: undefined entity"),
        ("<uwsgi><a>\udce9</a></uwsgi>", 1, "this is no xml: not well-formed (invalid token)"),
        ("<!DOCTYPE u [\n<!ENTITY x 'y'>]><uwsgi><a>&x;</a></uwsgi>", 2, "entities of one's own are not read"),
        ("<!DOCTYPE u [<!ENTITY x SYSTEM '/etc/passwd'>]><uwsgi><a>&x;</a></uwsgi>", 1, "entities of one's own"),
        ("<!DOCTYPE u [<!ENTITY % x SYSTEM '/etc/passwd'> %x;]><uwsgi/>", 1, "entities of one's own"),
        ("<!DOCTYPE u SYSTEM '/etc/passwd'><uwsgi>\n<a>&x;</a></uwsgi>", 2, "entities of one's own"),
    ],
)
def test_broken(text: str, line: int, sentence: str) -> None:
    """What is broken is said with its line; entities are not read, and no file is."""
    with pytest.raises(FormatError) as caught:
        lines(text)
    assert caught.value.line == line
    assert caught.value.sentence.startswith(sentence)


def test_a_doctype_alone() -> None:
    """A document type does no harm."""
    assert lines("<!DOCTYPE uwsgi SYSTEM 'x.dtd'><uwsgi><a>1</a></uwsgi>") == [Line(1, "a", "1")]


def test_deep() -> None:
    """Nesting has a bound that no configuration comes near."""
    assert lines("<x>" * 40 + "<uwsgi><a/></uwsgi>" + "</x>" * 40) == [Line(1, "a", "1")]
    text = "<root>\n" + "".join(f'<uwsgi id="{number}">' for number in range(5000))
    with pytest.raises(FormatError, match="line 2: its elements are nested too deep"):
        lines(text)


@pytest.mark.parametrize("encoding", ["utf8mb4", "big5", "rot13", "idna", "punycode"])
def test_an_encoding_that_cannot_be_read(encoding: str) -> None:
    """Whatever Python makes of its name, the error is one of the file."""
    with pytest.raises(FormatError, match="this is no xml: unknown encoding"):
        lines(f"<?xml version='1.0' encoding='{encoding}'?><uwsgi><a>é</a></uwsgi>")


@pytest.mark.parametrize("section", ["", ":x", ":y"])
def test_as_uwsgi(section: str, write: Write, uwsgi_shows: ShowConfig) -> None:
    """The settings are those of uWSGI, in its order."""
    text = '<r><q>0</q><uwsgi id="x"><a>1</a><b/><b>2</b></uwsgi><uwsgi id="y"><env>A=1</env><a>3</a></uwsgi></r>'
    name = write("a.xml", text) + section
    settings = [(line.key, line.value) for line in lines(text, section[1:] or "uwsgi")]
    assert [("xml", "a.xml"), *settings] == uwsgi_shows(["--xml", name], {})
