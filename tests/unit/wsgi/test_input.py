"""wsgi.input, held against io.BytesIO."""

import io
import socket
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uncork.worker.connection import Connection
from uncork.wsgi.errors import ReadError
from uncork.wsgi.input import RECEIVE_SIZE, Input

Wires = Callable[[], AbstractContextManager[tuple[Connection, socket.socket]]]

# Newlines often enough that lines are short, long and empty.
BODIES = st.lists(st.sampled_from([b"\n", b"\r\n", b"a", b"bc", b"\0\xff", b"x" * 40]), max_size=60).map(b"".join)
SIZES = st.none() | st.integers(-3, 90)
CALLS = st.lists(
    st.tuples(st.sampled_from(["read", "readline", "readlines"]), SIZES)
    | st.just(("next", None))
    | st.just(("read()", None)),
    max_size=12,
)
# More than the longest body here.
SINGLE_READ = 1 << 20


def split(body: bytes, sizes: list[int]) -> list[bytes]:
    """`body` in pieces of these sizes, the rest as one piece."""
    pieces = []
    for size in sizes:
        pieces.append(body[:size])
        body = body[size:]
    return [piece for piece in [*pieces, body] if piece]


def call(file: Input | io.BytesIO, name: str, size: int | None) -> object:
    """What one call on the file answers."""
    if name == "next":
        return next(iter(file), None)
    if name == "read()":
        return file.read()
    return getattr(file, name)(size)


@given(BODIES, st.lists(st.integers(1, 60), max_size=8), st.integers(0, 100), st.binary(max_size=9), CALLS)
@settings(deadline=None, max_examples=300)
def test_every_call_answers_as_a_file_of_the_body_would(
    open_wire: Wires, body: bytes, sizes: list[int], early: int, beyond: bytes, calls: list[tuple[str, int | None]]
) -> None:
    """read, readline, readlines and iteration see exactly the body, in whatever pieces it arrives.

    What follows the body on the wire stays there: it is never asked for, and never shown.
    """
    file = io.BytesIO(body)
    with open_wire() as (connection, peer):
        for piece in split(body[early:], sizes):
            peer.send(piece)
        if beyond:
            peer.send(beyond)
        stream = Input(connection, body[:early], len(body))

        for name, size in calls:
            assert call(stream, name, size) == call(file, name, size)
            assert stream.unread() <= len(body) - file.tell()
        assert stream.read() == file.read()

        assert stream.unread() == 0
        assert (stream.read(), stream.readline(), stream.readlines(), list(stream)) == (b"", b"", [], [])
        if beyond:
            assert connection.receive(SINGLE_READ) == beyond


@given(BODIES, st.integers(0, 100))
@settings(deadline=None, max_examples=50)
def test_what_came_with_the_head_beyond_the_body_is_not_shown(open_wire: Wires, body: bytes, length: int) -> None:
    """The announced length bounds the body even where more of it has arrived already; the wire is not touched."""
    length = min(length, len(body))
    with open_wire() as (connection, _):
        stream = Input(connection, body, length)

        assert stream.unread() == 0
        assert stream.readlines() == io.BytesIO(body[:length]).readlines()


@pytest.mark.parametrize("hint", [None, *range(-1, 12)])
def test_readlines_stops_where_a_file_would(open_wire: Wires, hint: int | None) -> None:
    """At the end of the line with which the hint is reached, not one line later."""
    body = b"ab\ncd\n\nef"
    with open_wire() as (connection, peer):
        peer.send(body)
        file, stream = io.BytesIO(body), Input(connection, b"", len(body))

        assert stream.readlines(hint) == file.readlines(-1 if hint is None else hint)
        assert stream.read() == file.read()


@pytest.mark.parametrize(
    "consume",
    [Input.read, lambda stream: stream.read(1000), lambda stream: [stream.readline() for _ in range(9)], list],
    ids=["read()", "read(n)", "readline", "iteration"],
)
@pytest.mark.parametrize("early", [0, 1, 12])
def test_the_next_bytes_of_the_wire_stay_there(consume: Callable[[Input], object], early: int) -> None:
    """Where body and more arrive in one piece, not a byte beyond CONTENT_LENGTH is taken."""
    body = b"one\ntwo\nfour"
    ours, client = socket.socketpair()
    connection = Connection(ours.detach(), "client", 30_000)
    with client:
        client.sendall(body[early:] + b"\nbeyond\n")
        consume(Input(connection, body[:early], len(body)))

        assert connection.receive(100) == b"\nbeyond\n"
    connection.close()


def test_a_request_without_a_body_reads_as_an_empty_file(open_wire: Wires) -> None:
    """Nothing waits for bytes that were never announced."""
    with open_wire() as (connection, _):
        stream = Input(connection, b"", 0)

        assert (stream.read(), stream.read(5), stream.readline(), stream.readlines()) == (b"", b"", b"", [])


def test_only_what_is_asked_for_is_taken_from_the_wire(open_wire: Wires) -> None:
    """A call that the buffer satisfies does not receive; unread() counts what is still to come."""
    with open_wire() as (connection, peer):
        stream = Input(connection, b"one\ntwo\n", 12)

        assert (stream.read(2), stream.readline(), stream.readline(), stream.unread()) == (b"on", b"e\n", b"two\n", 4)
        peer.send(b"last")
        assert stream.read(1) == b"l"
        assert stream.unread() == 0


@pytest.mark.parametrize(
    "read_all",
    [
        Input.read,
        lambda stream: stream.read(20),
        lambda stream: [stream.readline(), stream.readline()],
        lambda stream: stream.readlines(),
        list,
    ],
    ids=["read()", "read(n)", "readline", "readlines", "iteration"],
)
def test_a_body_that_breaks_off_is_an_error_and_no_short_body(
    open_wire: Wires, read_all: Callable[[Input], object]
) -> None:
    """A client that goes away before CONTENT_LENGTH is reached raises ReadError, which applications know as OSError."""
    with open_wire() as (connection, peer):
        peer.send(b"a line\nand h")
        peer.close()
        stream = Input(connection, b"", 20)

        with pytest.raises(ReadError):
            read_all(stream)
    assert issubclass(ReadError, OSError)


def test_what_arrived_before_the_break_can_be_read(open_wire: Wires) -> None:
    """The error comes with the first call that needs more than there is."""
    with open_wire() as (connection, peer):
        peer.send(b"half")
        peer.close()
        stream = Input(connection, b"first ", 20)

        assert stream.read(10) == b"first half"
        with pytest.raises(ReadError):
            stream.read(1)


@contextmanager
def uploaded(block: bytes, count: int) -> Iterator[Connection]:
    """A connection to a client that sends `block` so many times."""
    ours, client = socket.socketpair()
    ours.setblocking(False)
    connection = Connection(ours.detach(), "client", 30_000)

    def send() -> None:
        for _ in range(count):
            client.sendall(block)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield connection
    finally:
        connection.close()
        sender.join()
        client.close()


@pytest.mark.parametrize(
    "consume",
    [
        lambda stream: iter(lambda: stream.read(10_000), b""),
        lambda stream: iter(lambda: stream.readline(10_000), b""),
        lambda stream: stream,
    ],
    ids=["read(n)", "readline(n)", "lines"],
)
def test_a_large_body_is_never_held_as_a_whole(consume: Callable[[Input], Iterator[bytes]]) -> None:
    """Memory is bounded by what one call asks for and one receive buffer, not by CONTENT_LENGTH."""
    block, count = b"x" * 999 + b"\n", 16_000
    with uploaded(block, count) as connection:
        stream = Input(connection, b"", len(block) * count)
        tracemalloc.start()
        try:
            read = sum(len(piece) for piece in consume(stream))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert read == 16_000_000
    assert peak < 10 * RECEIVE_SIZE
