"""The wire over a real socket: partial writes, waiting, timeouts, and the ways to end."""

import contextlib
import os
import select
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from uncork.worker.connection import Connection
from uncork.wsgi.errors import ReadError, WriteError

# More than a socket buffers (net.core.wmem_max is 208 kB by default), in a pattern in which no two places look alike.
LARGE = b"".join(number.to_bytes(4, "big") for number in range(500_000))
PATIENT = 30_000
IMPATIENT = 1


@contextlib.contextmanager
def connected(
    timeout: int, family: socket.AddressFamily = socket.AF_UNIX
) -> Iterator[tuple[Connection, socket.socket]]:
    """A connection, and the client at its other end.  The test closes the connection."""
    if family == socket.AF_UNIX:
        ours, client = socket.socketpair()
    else:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            client = socket.create_connection(listener.getsockname())
            ours, _ = listener.accept()
    ours.setblocking(False)
    connection = Connection(ours.detach(), "client", timeout)
    with client:
        yield connection, client


@contextlib.contextmanager
def reading(client: socket.socket) -> Iterator[Callable[[], bytes]]:
    """A thread reads all that comes to `client`; the function waits for the end and returns it."""
    pieces: list[bytes] = []

    def read() -> None:
        pieces.extend(iter(lambda: client.recv(100_000), b""))

    def result() -> bytes:
        thread.join()
        return b"".join(pieces)

    thread = threading.Thread(target=read)
    thread.start()
    yield result
    thread.join()


@pytest.mark.parametrize(
    "send",
    [
        lambda connection: connection.send(LARGE),
        lambda connection: connection.send_two(LARGE[:1_000_000], LARGE[1_000_000:]),
        lambda connection: connection.send_two(LARGE[:10], LARGE[10:]),
        lambda connection: connection.send_two(LARGE[:-10], LARGE[-10:]),
        lambda connection: connection.send_two(b"", LARGE),
        lambda connection: connection.send_two(LARGE, b""),
    ],
    ids=["send", "two halves", "small and large", "large and small", "nothing and large", "large and nothing"],
)
@pytest.mark.parametrize("family", [socket.AF_UNIX, socket.AF_INET])
def test_more_than_the_socket_takes_at_once_arrives_whole(
    send: Callable[[Connection], None], family: socket.AddressFamily
) -> None:
    """Partial writes are continued where they stopped, until the client has everything."""
    with connected(PATIENT, family) as (connection, client), reading(client) as received:
        send(connection)
        connection.close()

        assert received() == LARGE


@pytest.mark.parametrize("first", [b"a", b"a" * 3000])
@pytest.mark.parametrize("second", [b"b", b"b" * 3000])
def test_what_fits_leaves_at_once(first: bytes, second: bytes) -> None:
    """Both parts are with the client when the call returns."""
    with connected(PATIENT) as (connection, client):
        connection.send_two(first, second)

        assert client.recv(100_000, socket.MSG_DONTWAIT) == first + second
        connection.close()


@pytest.mark.parametrize("family", [socket.AF_UNIX, socket.AF_INET])
@pytest.mark.parametrize(("offset", "count"), [(0, len(LARGE)), (1000, len(LARGE) - 1000), (777, 5), (0, 0)])
def test_a_file_is_sent_from_offset_to_count(
    tmp_path: Path, family: socket.AddressFamily, offset: int, count: int
) -> None:
    """Whatever its size; the file's own position is neither used nor moved."""
    (tmp_path / "file").write_bytes(LARGE)
    with (
        (tmp_path / "file").open("rb") as file,
        connected(PATIENT, family) as (connection, client),
        reading(client) as received,
    ):
        file.seek(3)
        assert connection.send_file(file.fileno(), offset, count) == count
        connection.close()

        assert received() == LARGE[offset : offset + count]
        assert file.tell() == 3


def test_a_file_that_shrank_is_sent_as_far_as_it_goes(tmp_path: Path) -> None:
    """It ends earlier than was asked for: the count says so, and nothing waits for more."""
    (tmp_path / "file").write_bytes(b"short")
    with (tmp_path / "file").open("rb") as file, connected(PATIENT) as (connection, client):
        assert connection.send_file(file.fileno(), 1, 100) == 4
        assert connection.send_file(file.fileno(), 100, 100) == 0
        connection.close()

        assert client.recv(100) == b"hort"


def test_receive_returns_what_is_there_up_to_the_limit() -> None:
    """It waits for the first byte only."""
    with connected(PATIENT) as (connection, client):
        client.sendall(b"abcdef")

        assert connection.receive(4) == b"abcd"
        assert connection.receive(4) == b"ef"
        connection.close()


def test_receive_waits_for_a_client_that_is_slow() -> None:
    """A body that has not arrived yet is no error within the timeout."""
    with connected(PATIENT) as (connection, client):
        received: list[bytes] = []
        thread = threading.Thread(target=lambda: received.append(connection.receive(10)))
        thread.start()
        client.sendall(b"late")
        thread.join()
        connection.close()

    assert received == [b"late"]


def test_receive_raises_when_the_client_stalls_or_leaves() -> None:
    """Both are the same error to the application; the words differ."""
    with connected(IMPATIENT) as (connection, client):
        with pytest.raises(ReadError, match="timed out"):
            connection.receive(10)
        client.close()
        with pytest.raises(ReadError, match="closed the connection"):
            connection.receive(10)
        connection.close()


def test_receive_raises_when_the_client_resets() -> None:
    """The error number comes through."""
    with connected(PATIENT, socket.AF_INET) as (connection, client):
        connection.send(b"never read")
        select.select([client], [], [])
        client.close()
        with pytest.raises(ReadError, match="reset"):
            connection.receive(10)
        connection.close()


@pytest.mark.parametrize("way", ["send", "send_two", "send_file"])
def test_sending_raises_when_the_client_takes_nothing(tmp_path: Path, way: str) -> None:
    """A client that stops reading holds the thread no longer than the timeout."""
    (tmp_path / "file").write_bytes(LARGE)
    with (tmp_path / "file").open("rb") as file, connected(IMPATIENT) as (connection, _):
        ways: dict[str, Callable[[], object]] = {
            "send": lambda: connection.send(LARGE),
            "send_two": lambda: connection.send_two(LARGE[:100], LARGE),
            "send_file": lambda: connection.send_file(file.fileno(), 0, len(LARGE)),
        }
        with pytest.raises(WriteError, match="the client takes nothing any more"):
            ways[way]()
        connection.close()


@pytest.mark.parametrize("way", ["send", "send_two", "send_file"])
def test_sending_raises_when_the_client_leaves_meanwhile(tmp_path: Path, way: str) -> None:
    """Neither SIGPIPE nor any other error than WriteError reaches the caller."""
    (tmp_path / "file").write_bytes(LARGE)
    with (tmp_path / "file").open("rb") as file, connected(PATIENT) as (connection, client):
        ways: dict[str, Callable[[], object]] = {
            "send": lambda: connection.send(LARGE),
            "send_two": lambda: connection.send_two(LARGE[:100], LARGE),
            "send_file": lambda: connection.send_file(file.fileno(), 0, len(LARGE)),
        }

        def leave() -> None:
            client.recv(1000)
            client.shutdown(socket.SHUT_RDWR)

        thread = threading.Thread(target=leave)
        thread.start()
        with pytest.raises(WriteError):
            ways[way]()
        thread.join()
        connection.close()


@pytest.mark.parametrize("family", [socket.AF_UNIX, socket.AF_INET])
def test_close_lets_the_client_have_everything(family: socket.AddressFamily) -> None:
    """The end of the connection is the end of the answer."""
    with connected(PATIENT, family) as (connection, client):
        connection.send(b"all of it")
        connection.close()

        assert client.recv(100) == b"all of it"
        assert client.recv(100) == b""


def test_cut_is_a_reset_where_there_is_one() -> None:
    """A client over TCP sees that the answer is not whole."""
    with connected(PATIENT, socket.AF_INET) as (connection, client):
        connection.send(b"half")
        connection.cut()

        with pytest.raises(ConnectionResetError):
            list(iter(lambda: client.recv(100), b""))


def test_cut_closes_the_descriptor() -> None:
    """Over a unix socket it is an end like any other, and the descriptor is free."""
    with connected(PATIENT) as (connection, client):
        fd = connection.fd
        connection.cut()

        assert client.recv(100) == b""
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(fd)


@pytest.mark.parametrize("family", [socket.AF_UNIX, socket.AF_INET])
def test_after_end_output_the_client_may_go_on_sending(family: socket.AddressFamily) -> None:
    """The answer has its end, and the rest of the request can still be read away."""
    with connected(PATIENT, family) as (connection, client):
        connection.send(b"answer")
        connection.end_output()

        assert client.recv(100) == b"answer"
        assert client.recv(100) == b""
        client.sendall(b"more")
        assert connection.receive(100) == b"more"
        connection.close()


@pytest.mark.parametrize("first", ["close", "cut"])
@pytest.mark.parametrize("second", ["close", "cut"])
def test_closing_twice_leaves_the_next_owner_of_the_descriptor_alone(first: str, second: str) -> None:
    """The number may belong to another file by then."""
    with connected(PATIENT) as (connection, client):
        fd = connection.fd
        getattr(connection, first)()
        other = os.dup(client.fileno())
        assert other == fd
        getattr(connection, second)()

        os.fstat(other)
        os.close(other)


def test_ending_twice_is_no_error() -> None:
    """The client may have hung up meanwhile."""
    with connected(PATIENT, socket.AF_INET) as (connection, client):
        connection.end_output()
        client.close()
        connection.end_output()
        connection.cut()
