"""wsgi.input over chunks, held against io.BytesIO, and what is no chunk."""

import io
import socket
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uncork.worker.connection import Connection
from uncork.wsgi.errors import ReadError
from uncork.wsgi.input import CONTINUE, MAX_CHUNK_LINE, MAX_EXTENSIONS, MAX_TRAILERS, ChunkedInput, Continuing, Input
from uncork.wsgi.response import Response

Wires = Callable[[], AbstractContextManager[tuple[Connection, socket.socket]]]

CHUNKS = st.lists(st.sampled_from([b"\n", b"\r\n", b"a", b"bc\nd", b"0\r\n\r\n", b"x" * 40]), max_size=20)
SIZES = st.none() | st.integers(-3, 60)
CALLS = st.lists(st.tuples(st.sampled_from(["read", "readline", "readlines"]), SIZES), max_size=10)


@pytest.fixture
def wire(open_wire: Wires) -> Iterator[tuple[Connection, socket.socket]]:
    """(the server's end, the client's end)."""
    with open_wire() as (connection, peer):
        yield connection, peer


def encoded(chunks: list[bytes], end: bytes = b"0\r\n\r\n") -> bytes:
    """The chunks as they are sent."""
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + end


def everything(file: Input | io.BytesIO, calls: list[tuple[str, int | None]]) -> list[object]:
    """What the calls answer, and the rest."""
    return [*(getattr(file, name)(size) for name, size in calls), file.read()]


@given(CHUNKS, CALLS, st.lists(st.integers(1, 30), max_size=20), st.integers(0, 40))
@settings(deadline=None)
def test_it_is_a_file(
    open_wire: Wires, chunks: list[bytes], calls: list[tuple[str, int | None]], sizes: list[int], first: int
) -> None:
    """However chunks and reads are cut, and however much came with the head."""
    sent = encoded(chunks, b"0;last\r\nTrailer: x\r\n\r\n")
    with open_wire() as (connection, peer):
        body = ChunkedInput(connection, sent[:first], 0)
        rest = sent[first:]
        for size in sizes:
            if rest[:size]:
                peer.send(rest[:size])
            rest = rest[size:]
        if rest:
            peer.send(rest)
        assert everything(body, calls) == everything(io.BytesIO(b"".join(chunks)), calls)
        assert body.read() == b""
        assert body.unread() == 0


def test_no_read_waits_for_more_than_it_asked_for(wire: tuple[Connection, socket.socket]) -> None:
    """A client may wait for an answer before it sends the next chunk, or the end of this one."""
    connection, peer = wire
    body = ChunkedInput(connection, b"5\r\n123", 0)
    peer.send(b"45")
    assert body.read(5) == b"12345"
    peer.send(b"\r\n2\r\n67")
    assert body.read(1) == b"6"
    assert body.unread() > 0
    peer.send(b"\r\n0\r\n\r\n")
    assert body.read() == b"7"


@pytest.mark.parametrize(
    "sent",
    [
        b"g\r\n",
        b"\r\n",
        b"-1\r\n",
        b"3\r\nabcd\r\n0\r\n\r\n",
        b"3\r\nab\r\n0\r\n\r\n",
        b"3\r\nabc0\r\n\r\n",
        b"3\nabc\r\n0\r\n\r\n",
        b"5;" + b"x" * MAX_CHUNK_LINE + b"\r\nabcde\r\n0\r\n\r\n",
        b"0\r\n" + b"T: x\r\n" * (MAX_TRAILERS + 1) + b"\r\n",
        b"0\r\nT: x\ny: z\r\n\r\n",
        b"1;\0\r\na\r\n0\r\n\r\n",
        (b"1;" + b"x" * (MAX_EXTENSIONS // 8) + b"\r\na\r\n") * 8 + b"0\r\n\r\n",
    ],
)
def test_what_is_no_chunk(wire: tuple[Connection, socket.socket], sent: bytes) -> None:
    """The application's read fails, and the fault is the client's; nothing behind it is read."""
    body = ChunkedInput(wire[0], sent + encoded([b"smuggled"]), 0)
    for _ in range(3):
        with pytest.raises(ReadError):
            body.read()
    with pytest.raises(ReadError):
        body.readline()
    assert body.fault == "400 Bad Request"


def test_extensions_that_are_few(wire: tuple[Connection, socket.socket]) -> None:
    """They are ignored."""
    sent = (b"1;" + b"x" * (MAX_EXTENSIONS // 8 - 1) + b"\r\na\r\n") * 8 + b"0\r\n\r\n"
    assert ChunkedInput(wire[0], sent, 0).read() == b"a" * 8


def test_limit(wire: tuple[Connection, socket.socket]) -> None:
    """So many bytes are read; one more is too large, before it is there."""
    assert ChunkedInput(wire[0], encoded([b"abc", b"de"]), 5).read() == b"abcde"
    body = ChunkedInput(wire[0], b"3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n", 5)
    with pytest.raises(ReadError, match="limit-post"):
        body.read()
    assert body.fault == "413 Content Too Large"
    with pytest.raises(ReadError):
        body.read()


def test_many_small_chunks_cost_no_more_than_they_are(wire: tuple[Connection, socket.socket]) -> None:
    """A body of single bytes is read in one piece, without an object for each."""
    sent = encoded([b"xy"] * 100_000)
    body = ChunkedInput(wire[0], sent, 0)
    tracemalloc.start()
    try:
        found = body.read()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found == b"xy" * 100_000
    # An object for each would be 35 times what it holds.
    assert peak < 20 * len(found)


def test_small_packets_cost_no_more_than_they_are(wire: tuple[Connection, socket.socket]) -> None:
    """Nor where each chunk is a receive of its own."""
    connection, peer = wire
    body = ChunkedInput(connection, b"", 0)
    count = 200
    for _ in range(count):
        peer.send(b"2\r\nxy\r\n")
    peer.send(b"0\r\n\r\n")
    assert body.read() == b"xy" * count


# ---- a client that waits


@pytest.mark.parametrize("chunked", [False, True])
def test_continue_is_said_at_the_first_read(wire: tuple[Connection, socket.socket], chunked: bool) -> None:
    """Once, and not before."""
    connection, peer = wire
    waiting = Continuing(connection, Response(connection, "HTTP/1.1", head_only=False))
    body = ChunkedInput(waiting, b"", 0) if chunked else Input(waiting, b"", 4)
    peer.setblocking(False)
    with pytest.raises(BlockingIOError):
        peer.recv(1)
    peer.send(encoded([b"ab"], b"") if chunked else b"ab")
    assert body.read(2) == b"ab"
    assert peer.recv(100) == CONTINUE
    peer.send(encoded([b"cd"]) if chunked else b"cd")
    assert body.read() == b"cd"
    with pytest.raises(BlockingIOError):
        peer.recv(1)


def test_continue_is_not_said_behind_an_answer(wire: tuple[Connection, socket.socket]) -> None:
    """It would be taken for a part of it."""
    connection, peer = wire
    response = Response(connection, "HTTP/1.1", head_only=False)
    body = Input(Continuing(connection, response), b"", 2)
    response.start_response("200 OK", [])
    response.write(b"first")
    peer.send(b"ab")
    assert body.read() == b"ab"
    assert peer.recv(1000) == b"HTTP/1.1 200 OK\r\n\r\nfirst"
    peer.setblocking(False)
    with pytest.raises(BlockingIOError):
        peer.recv(1)


def test_a_client_that_left_cannot_be_told(wire: tuple[Connection, socket.socket]) -> None:
    """The read fails as any other."""
    connection, peer = wire
    body = Input(Continuing(connection, Response(connection, "HTTP/1.1", head_only=False)), b"", 2)
    peer.close()
    with pytest.raises(ReadError):
        body.read()
