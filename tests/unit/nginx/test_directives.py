"""Values become nginx text in one place, and mean there what they meant here."""

import pytest

from uncork.nginx.directives import Expression, NginxTextError, Value, block, line, quote, render


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("/run/app.sock", "/run/app.sock"),
        (8000, "8000"),
        ("", '""'),
        ("two words", '"two words"'),
        ("a;b", '"a;b"'),
        ("{", '"{"'),
        ("#", '"#"'),
        ('say "hi"', r'"say \"hi\""'),
        ("back\\slash", r'"back\\slash"'),
        ("it's", '"it\'s"'),
        ("line\nbreak", '"line\nbreak"'),
        ("größe", '"größe"'),
        (Expression("$uri"), "$uri"),
        (Expression("a $uri"), '"a $uri"'),
    ],
)
def test_quote(value: Value, text: str) -> None:
    """A value is one word of nginx's syntax, bare only if nothing in it is special."""
    assert quote(value) == text


@pytest.mark.parametrize("value", ["cost $5", "nul\0", Expression("nul\0")])
def test_what_nginx_cannot_hold_is_refused(value: Value) -> None:
    """A literal $ would be read as a variable and a NUL ends everything: both are errors, never text."""
    with pytest.raises(NginxTextError):
        quote(value)


def test_render_indents_by_nesting() -> None:
    """Blocks are indented, simple directives end in a semicolon, an empty block keeps its braces."""
    tree = [line("a", 1), block("http", children=[block("location", "=", "/x y", children=[line("internal")])])]

    assert render([*tree, block("events", children=[])]) == (
        'a 1;\nhttp {\n    location = "/x y" {\n        internal;\n    }\n}\nevents {\n}\n'
    )
