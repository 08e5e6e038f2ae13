"""Lines about what went wrong stay lines."""

import io
import sys

import pytest

from uncork.system import logwriter
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


def test_lines_have_the_time_where_it_is_asked_for(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Option `log-date`."""
    monkeypatch.setattr(logwriter.voice, "date", "at noon")
    say("line")

    assert capfd.readouterr().err == "at noon - line\n"


@pytest.mark.parametrize("error", [OSError("disk"), ValueError("closed"), RuntimeError("app's own"), None])
def test_whatever_the_application_made_of_stderr_the_line_is_written(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, error: Exception | None
) -> None:
    """An object of its own that fails, or nothing at all."""

    class Stream(io.StringIO):
        def flush(self) -> None:
            assert error is not None
            raise error

    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", Stream() if error else None)
        say("line")

    assert capfd.readouterr().err == "line\n"


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
