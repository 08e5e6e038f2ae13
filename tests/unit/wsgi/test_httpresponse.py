"""What HTTP forbids an application to answer, and what is made of it."""

import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest

from uncork.worker.connection import Connection
from uncork.wsgi import httpresponse
from uncork.wsgi.httpresponse import HttpResponse
from uncork.wsgi.response import BadResponse, Ending
from uncork.wsgi.run import run

Wires = Callable[[], AbstractContextManager[tuple[Connection, socket.socket]]]
START = b"HTTP/1.1 200 OK\r\nDate: now\r\n"
END = b"Connection: close\r\n\r\n"


@pytest.fixture
def wire(open_wire: Wires) -> Iterator[tuple[Connection, socket.socket]]:
    """(the server's end, the client's end)."""
    with open_wire() as (connection, peer):
        yield connection, peer


def response(wire: tuple[Connection, socket.socket], head_only: bool = False) -> HttpResponse:
    """One to a client of HTTP."""
    return HttpResponse(wire[0], head_only, Ending(http=True))


def sent(wire: tuple[Connection, socket.socket]) -> bytes:
    """All that the client was sent."""
    wire[0].end_output()
    return b"".join(iter(lambda: wire[1].recv(1 << 20), b""))


def answered(
    wire: tuple[Connection, socket.socket], body: Iterable[bytes], *headers: tuple[Any, Any], status: str = "200 OK"
) -> bytes:
    """What an application's answer becomes."""

    def app(_environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response(status, [("Date", "now"), *headers])
        return body

    run(app, {}, response(wire))
    return sent(wire)


@pytest.mark.parametrize("status", ["100 Continue", "101 Switching Protocols", "103", "199 x", "000 none"])
def test_interim_status(wire: tuple[Connection, socket.socket], status: str) -> None:
    """A client would go on waiting for the answer."""
    with pytest.raises(BadResponse):
        answered(wire, [b"x"], status=status)
    assert sent(wire) == b""


@pytest.mark.parametrize("name", ["", " X", "A B", "A:B", "Set Cookie", "A\tB", "\xe9", "a(b)", "x" * 99 + " "])
def test_names_that_are_no_tokens(wire: tuple[Connection, socket.socket], name: str) -> None:
    """The client would read another header, or none."""
    with pytest.raises(BadResponse):
        answered(wire, [b"x"], (name, "v"))
    assert sent(wire) == b""


@pytest.mark.parametrize("header", [("A",), "AB", ("A", 1), (b"A", "b"), None, ("A", "b", "c")])
def test_what_is_no_header_is_still_none(wire: tuple[Connection, socket.socket], header: Any) -> None:
    """As at a uwsgi socket; a pair is a pair, whatever it is made of."""
    if header == "AB":
        assert answered(wire, [b"x"], header) == START + b"A: B\r\n" + END + b"x"
        return
    with pytest.raises(BadResponse):
        answered(wire, [b"x"], header)
    assert sent(wire) == b""


def test_what_is_the_connections_is_not_the_applications(wire: tuple[Connection, socket.socket]) -> None:
    """It is left out, however it is spelled."""
    names = ("Connection", "keep-alive", "TRANSFER-ENCODING", "Upgrade", "Proxy-Connection", "TE", "Trailer")
    assert (
        answered(wire, [b"x"], *((name, "chunked") for name in names), ("A", "b")) == START + b"A: b\r\n" + END + b"x"
    )


def test_names_are_not_remembered_for_ever(wire: tuple[Connection, socket.socket]) -> None:
    """An application may make them of what a client says."""
    made = response(wire)
    headers = [(f"X-{number}", "v") for number in range(3000)] + [
        (f"Y-{number}-{'y' * 900}", "v") for number in range(9)
    ]
    made.start_response("200 OK", headers[:2999])
    made.start_response("200 OK", headers, (BadResponse, BadResponse(), None))
    assert len(httpresponse._kinds) <= 1024
    assert max(map(len, httpresponse._kinds)) <= 64


# ---- lengths


@pytest.mark.parametrize("values", [("1", "2"), ("x",), ("",), ("-1",), ("+1",), ("1_0",), ("\xb2",), ("9" * 19,)])
def test_lengths_that_cannot_be(wire: tuple[Connection, socket.socket], values: tuple[str, ...]) -> None:
    """Two of them, or none."""
    with pytest.raises(BadResponse):
        answered(wire, [b"x"], *(("Content-Length", value) for value in values))
    assert sent(wire) == b""


def test_one_length_twice(wire: tuple[Connection, socket.socket]) -> None:
    """It is said once."""
    made = answered(wire, [b"x"], ("Content-Length", " 1"), ("content-length", "01"))
    assert made == START + b"Content-Length: 1\r\n" + END + b"x"


@pytest.mark.parametrize(
    "body", [[b"abcde"], [b"abc", b"de"], (b"ab", b"cd", b"ef"), [b"", b"abcd", b""], iter([b"ab", b"cd", b"ef"])]
)
def test_more_than_the_length(wire: tuple[Connection, socket.socket], body: Iterable[bytes]) -> None:
    """It is cut off, as a list, an iterator or a chunk."""
    with pytest.raises(BadResponse):
        answered(wire, body, ("Content-Length", "3"))
    assert sent(wire) == START + b"Content-Length: 3\r\n" + END + b"abc"


def test_an_endless_body_ends_with_its_length(wire: tuple[Connection, socket.socket]) -> None:
    """Nobody asks for the rest; close() is called."""
    closed = []

    def endless() -> Iterator[bytes]:
        try:
            while True:
                yield b"ab"
        finally:
            closed.append(True)

    with pytest.raises(BadResponse):
        answered(wire, endless(), ("Content-Length", "3"))
    assert closed == [True]
    assert sent(wire) == START + b"Content-Length: 3\r\n" + END + b"aba"


@pytest.mark.parametrize(("body", "discrepancy"), [([b"abc"], ""), ([b"ab"], "2 bytes of body (Content-Length: 3)")])
def test_less_than_the_length(wire: tuple[Connection, socket.socket], body: list[bytes], discrepancy: str) -> None:
    """It is told, and nothing is made up."""
    made = response(wire)
    made.start_response("200 OK", [("Content-Length", "3")])
    for chunk in body:
        made.write(chunk)
    assert made.discrepancy() == discrepancy


@pytest.mark.parametrize(
    ("status", "head_only", "shown"),
    [("204 No Content", False, b""), ("304 Not Modified", False, b"3"), ("200 OK", True, b"3")],
)
def test_answers_without_a_body(
    wire: tuple[Connection, socket.socket], status: str, head_only: bool, shown: bytes
) -> None:
    """204 has no length (RFC 9110, 8.6), 304 and HEAD that of another answer; no body is missed or sent."""
    made = response(wire, head_only)
    made.start_response(status, [("Date", "now"), ("Content-Length", "3")])
    made.write(b"abcde")
    length = b"Content-Length: " + shown + b"\r\n" if shown else b""
    assert sent(wire) == b"HTTP/1.1 " + status.encode() + b"\r\nDate: now\r\n" + length + END
    assert made.discrepancy() == ""


def test_a_failure_behind_a_bad_answer(wire: tuple[Connection, socket.socket]) -> None:
    """500 has a length of its own."""
    made = response(wire)
    made.start_response("200 OK", [("Content-Length", "3")])
    assert made.fail()
    assert sent(wire).endswith(b"\r\n\r\nInternal Server Error\n")
