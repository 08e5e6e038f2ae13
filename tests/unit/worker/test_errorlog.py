"""Lines about what went wrong stay lines."""

import pytest

from uncork.worker.errorlog import printable, request_line, say, say_block


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text", "plain text"),
        ("a\r\nb", "a\\x0d\\x0ab"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\0\x7f\x85\xa0", "\\x00\\x7f\\x85\\xa0"),
        ("\u2028\u202e", "\\u2028\\u202e"),
        ("", ""),
    ],
)
def test_what_moves_a_cursor_is_escaped(text: str, shown: str) -> None:
    """\\xNN for a byte, \\uNNNN beyond."""
    assert printable(text) == shown


def test_a_line_is_escaped_and_a_block_is_not(capfd: pytest.CaptureFixture[str]) -> None:
    """What a client may have sent goes by way of say(); a traceback keeps its lines."""
    say("from a client: \x1b[2J\nsecond")
    say_block("Traceback\n  line")

    assert capfd.readouterr().err == "from a client: \\x1b[2J\\x0asecond\nTraceback\n  line\n"


def test_half_a_character_does_not_lose_the_line(capfd: pytest.CaptureFixture[str]) -> None:
    """Undecodable bytes of a file name come as surrogates, which UTF-8 does not know."""
    say_block("file \udcff")

    assert capfd.readouterr().err == "file \\udcff\n"


@pytest.mark.parametrize(
    ("environ", "line"),
    [
        ({"REQUEST_METHOD": "GET", "REQUEST_URI": "/a?b", "PATH_INFO": "/a"}, "GET /a?b"),
        ({"REQUEST_METHOD": "GET", "REQUEST_URI": "", "PATH_INFO": "/a"}, "GET /a"),
        ({"REQUEST_METHOD": "GET", "PATH_INFO": "/a"}, "GET /a"),
        ({}, "? ?"),
    ],
)
def test_a_request_is_named_by_method_and_path(environ: dict[str, str], line: str) -> None:
    """As the client asked for it, where the peer says so."""
    assert request_line(environ) == line
