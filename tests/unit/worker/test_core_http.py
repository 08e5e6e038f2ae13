"""HTTP requests through a running worker: how heads arrive, who the client is, and what is refused."""

import os
import re
import socket
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from uncork.control.stats import snapshot_vars
from uncork.scoreboard.board import Scoreboard
from uncork.scoreboard.cells import CoreCells
from uncork.scoreboard.schema import CoreCell
from uncork.worker import errorlog
from uncork.worker.attendant import Terms
from uncork.worker.core import Core
from uncork.worker.deadline import Interrupter
from uncork.worker.heads import FIRST_READ
from uncork.worker.loop import Limits, Listener, Loop
from uncork.worker.mounts import App, Mounts
from uncork.worker.requestlog import LogFilter, RequestLog
from uncork.wsgi.environ import Environ
from uncork.wsgi.filewrapper import FileWrapper

StartResponse = Callable[..., Callable[[bytes], None]]

# Seconds after which a test gives up; nothing waits so long.
PATIENCE = 60.0
GET = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"
BASE: Environ = {"wsgi.version": (1, 0), "wsgi.errors": sys.stderr, "wsgi.file_wrapper": FileWrapper}


def echo(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """The method, the path, the client and the body."""
    body: bytes = environ["wsgi.input"].read()
    start_response("200 OK", [("Date", "now")])
    words = (environ["REQUEST_METHOD"], environ["PATH_INFO"], environ.get("REMOTE_ADDR", "-"))
    return [" ".join(words).encode(), b" ", body]


def unread(_environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """No look at the body."""
    start_response("200 OK", [("Date", "now")])
    return [b"unread"]


class Worker:
    """A worker that speaks HTTP over `sock` in a thread of this process while the with block lasts."""

    def __init__(
        self,
        sock: socket.socket,
        app: Any = echo,
        timeout: int = 30_000,
        listener_timeout: int = 0,
        buffer_size: int = 65535,
        terms: Terms | None = None,
        threads: int = 1,
        limit: int = 0,
        **variables: str,
    ) -> None:
        self.sock = sock
        self.board = Scoreboard(1, threads, 1)
        listener = Listener(sock, "the socket", None, {"SCRIPT_NAME": "", **variables}, listener_timeout)
        self.loop = Loop([listener], Limits(buffer_size, 128, timeout))
        self.loop.shared = threads > 1
        self.cores = [
            Core(
                number,
                1,
                self.loop,
                Mounts([App(0, "", app, 0)], False),
                CoreCells(self.board, 1, number, limit),
                BASE,
                LogFilter(True, False, False, False, 0, 0, False, False),
                RequestLog(False, False, False, None),
                False,
                None,
                lambda: None,
                0,
                lambda *_: None,
                terms or Terms(),
            )
            for number in range(threads)
        ]
        self.threads = [threading.Thread(target=core.run) for core in self.cores]

    def __enter__(self) -> Self:
        self.loop.listen()
        for thread in self.threads:
            thread.start()
        return self

    def join(self) -> None:
        """Wait until every thread has ended."""
        for thread in self.threads:
            thread.join(PATIENCE)
            assert not thread.is_alive()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.loop.stop()
        self.join()
        for connection in self.loop.parked.values():
            connection.close()
        self.loop.epoll.close()
        for fd in (*self.loop.ends, self.loop._stop_write):
            os.close(fd)

    def connect(self) -> socket.socket:
        """A client."""
        client = socket.socket(self.sock.family)
        client.settimeout(PATIENCE)
        client.connect(self.sock.getsockname())
        return client

    def request(self, data: bytes = GET) -> bytes:
        """The whole answer."""
        with self.connect() as client:
            client.sendall(data)
            return answer(client)

    def parked(self) -> list[bytes]:
        """What has come of the heads of the connections in the epoll set."""
        return sorted(connection.head for connection in list(self.loop.parked.values()))


def answer(client: socket.socket) -> bytes:
    """Everything up to the end of the connection."""
    return b"".join(iter(lambda: client.recv(100_000), b""))


def good(body: bytes) -> bytes:
    """The answer of an application of this module."""
    return b"HTTP/1.1 200 OK\r\nDate: now\r\nConnection: close\r\n\r\n" + body


def eventually(state: Callable[[], bool]) -> None:
    """Wait for a state of the worker that its clients cannot see; it comes, or the test times out."""
    while not state():
        os.sched_yield()


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[socket.socket]:
    """A listening unix socket."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(tmp_path / "s"))
        sock.listen(512)
        sock.setblocking(False)
        yield sock


# ---- how a request arrives


def test_byte_by_byte(listener: socket.socket) -> None:
    """A head that is not whole waits in the epoll set, and holds nobody."""
    with Worker(listener) as worker, worker.connect() as client:
        for size in range(1, len(GET)):
            client.sendall(GET[size - 1 : size])
            eventually(lambda size=size: worker.parked() == [GET[:size]])  # type: ignore[misc]
        assert worker.request() == good(b"GET /x - ")
        client.sendall(GET[-1:])
        assert answer(client) == good(b"GET /x - ")


@pytest.mark.parametrize("size", [FIRST_READ - 1, FIRST_READ, FIRST_READ + 1, 3 * FIRST_READ])
def test_large_heads(listener: socket.socket, size: int) -> None:
    """Larger than one read; the body behind it is whole."""
    head = b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nCookie: " + b"c" * size + b"\r\n\r\n"
    with Worker(listener) as worker:
        assert worker.request(head + b"body") == good(b"POST /x - body")


@pytest.mark.parametrize("cut", [0, 1, 2, 3])
def test_an_empty_line_before_a_request_is_nothing(listener: socket.socket, cut: int) -> None:
    """One, as RFC 9112 asks; a second one is no request."""
    data = b"\r\n" + GET
    with Worker(listener) as worker, worker.connect() as client:
        if cut:
            client.sendall(data[:cut])
            eventually(lambda: len(worker.parked()) == 1)
        client.sendall(data[cut:])
        assert answer(client) == good(b"GET /x - ")
        assert worker.request(b"\r\n\r\n" + GET).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("first", range(1, 6))
@pytest.mark.parametrize("second", [*range(2, 8), *range(len(GET) - 2, len(GET) + 2)])
def test_an_empty_line_may_be_cut_anywhere(listener: socket.socket, first: int, second: int) -> None:
    """Each byte may come alone."""
    data = b"\r\n" + GET
    with Worker(listener) as worker, worker.connect() as client:
        for start, end in ((0, first), (first, second)):
            if start < end:
                client.sendall(data[start:end])
                eventually(lambda end=end: worker.parked() == [data[:end]])  # type: ignore[misc]
        client.sendall(data[max(first, second) :])
        assert answer(client) == good(b"GET /x - ")


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_a_second_empty_line_is_no_request(listener: socket.socket, cut: int) -> None:
    """However it is cut."""
    with Worker(listener) as worker, worker.connect() as client:
        client.sendall(b"\r\n\r\n"[:cut])
        eventually(lambda: worker.parked() == [b"\r\n\r\n"[:cut]])
        client.sendall(b"\r\n\r\n"[cut:])
        assert answer(client).startswith(b"HTTP/1.1 400 ")


def test_a_fault_of_the_server_costs_one_connection(
    listener: socket.socket, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its descriptor does not stay open, and the next client is served."""

    def fails(_text: str) -> str:
        raise RuntimeError("a fault")

    with Worker(listener) as worker:
        monkeypatch.setattr(errorlog, "printable", fails)
        worker.request(b"nonsense\r\n")
        monkeypatch.undo()
        assert worker.request() == good(b"GET /x - ")
    assert "RuntimeError: a fault" in capfd.readouterr().err


def test_what_follows_a_request_is_not_served(listener: socket.socket) -> None:
    """One request for each connection, so far."""
    with Worker(listener) as worker:
        assert worker.request(GET + GET) == good(b"GET /x - ")
    assert worker.board.total_requests() == 1


def test_a_client_that_breaks_off(listener: socket.socket, capfd: pytest.CaptureFixture[str]) -> None:
    """One line if it had said something, none if it had not."""
    with Worker(listener) as worker:
        worker.connect().close()
        with worker.connect() as client:
            client.sendall(GET[:9])
        assert worker.request() == good(b"GET /x - ")
        eventually(lambda: worker.parked() == [])
    assert capfd.readouterr().err == "HTTP request from the socket broke off after 9 bytes of its head\n"


@pytest.mark.parametrize(("timeout", "listener_timeout"), [(1, 0), (30_000, 1)])
def test_a_client_that_stalls(
    listener: socket.socket, capfd: pytest.CaptureFixture[str], timeout: int, listener_timeout: int
) -> None:
    """It is told 408, in the time of its listener; who has said nothing is not."""
    worker = Worker(listener, timeout=timeout, listener_timeout=listener_timeout)
    with worker.connect() as client, worker.connect() as silent:
        client.sendall(GET[:9])
        with worker:
            assert answer(client).startswith(b"HTTP/1.1 408 Request Timeout\r\n")
            assert answer(silent) == b""
    assert capfd.readouterr().err == "HTTP request from the socket timed out: 9 bytes of its head came\n"


def test_a_stop_does_not_wait_for_whoever_may_take_long(listener: socket.socket) -> None:
    """A worker that stops gives unfinished heads no more than the time that holds for all listeners."""
    with Worker(listener, timeout=1, listener_timeout=3_600_000) as worker, worker.connect() as client:
        client.sendall(GET[:9])
        eventually(lambda: worker.parked() == [GET[:9]])
        worker.loop.stop()
        assert answer(client).startswith(b"HTTP/1.1 408 Request Timeout\r\n")
        worker.join()


def test_a_stop_does_not_wait_for_whoever_only_connected(listener: socket.socket) -> None:
    """It may have a second to say something; who has begun may go on."""
    with Worker(listener, timeout=3_600_000) as worker, worker.connect() as silent, worker.connect() as client:
        client.sendall(GET[:9])
        eventually(lambda: worker.parked() == [b"", GET[:9]])
        worker.loop.stop()
        assert answer(silent) == b""
        client.sendall(GET[9:])
        assert answer(client) == good(b"GET /x - ")
        worker.join()


# ---- who the client is


@pytest.mark.parametrize(
    ("family", "host", "client", "address"),
    [
        (socket.AF_INET, "127.0.0.1", socket.AF_INET, b"127.0.0.1"),
        (socket.AF_INET6, "::1", socket.AF_INET6, b"::1"),
        (socket.AF_INET6, "::", socket.AF_INET, b"127.0.0.1"),
    ],
)
def test_address_of_the_client(family: int, host: str, client: int, address: bytes) -> None:
    """As itself, also where one socket is there for both families."""
    try:
        sock = socket.create_server((host, 0), family=family, dualstack_ipv6=host == "::")
    except OSError:
        pytest.skip("this machine has no IPv6")
    with sock:
        sock.setblocking(False)
        with Worker(sock) as worker, socket.socket(client) as one:
            one.settimeout(PATIENCE)
            one.connect((address.decode(), sock.getsockname()[1]))
            one.sendall(GET)
            assert answer(one) == good(b"GET /x " + address + b" ")
            assert worker.loop.listeners[sock.fileno()].http == {"SCRIPT_NAME": ""}, "nothing of a request stays"


# ---- bodies that nobody reads, and requests that are none


@pytest.mark.parametrize("framing", [b"Content-Length: 300000", b"Transfer-Encoding: chunked"])
def test_an_unread_body_does_not_cost_the_answer(listener: socket.socket, framing: bytes) -> None:
    """It is read away behind the answer."""
    with Worker(listener, unread) as worker, worker.connect() as client:
        client.sendall(b"POST /x HTTP/1.1\r\nHost: a\r\n" + framing + b"\r\n\r\n")
        eventually(lambda: worker.board.total_requests() == 1)
        client.sendall(b"493e0\r\n" + b"x" * 300_000)
        client.shutdown(socket.SHUT_WR)
        assert answer(client) == good(b"unread")


def test_refused(listener: socket.socket, capfd: pytest.CaptureFixture[str]) -> None:
    """An answer, a line, a count; nothing reaches the application, and a body that follows costs nothing."""
    with Worker(listener, buffer_size=100) as worker:
        for data, status in (
            (b"GET / HTTP/1.1\r\n\r\n" + b"x" * 200_000, b"400"),
            (b"GET / HTTP/1.1\r\nX: " + b"x" * 200_000, b"431"),
            (b"GET /" + b"x" * 200_000, b"414"),
        ):
            with worker.connect() as client:
                client.sendall(data)
                assert answer(client).startswith(b"HTTP/1.1 " + status)
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 3
    for line in lines:
        assert re.fullmatch(r"HTTP request from the socket refused with 4\d\d: .* \[b'.*'\]", line)
        assert len(line) < 250
    assert worker.board.core(1, 0)[CoreCell.READ_ERRORS] == 3
    assert worker.board.total_requests() == 0


def test_terms(listener: socket.socket, capfd: pytest.CaptureFixture[str]) -> None:
    """Headers for all, a limit for bodies, and errors shown where that is asked for."""

    def fails(environ: Environ, _start_response: StartResponse) -> Iterable[bytes]:
        raise RuntimeError(environ["wsgi.input"].read().decode())

    with Worker(listener, fails, terms=Terms(("X-A: b",), 4, show_errors=True)) as worker:
        shown = worker.request(b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nwhy?")
        assert shown.startswith(b"HTTP/1.1 500 ")
        assert b"\r\nX-A: b\r\n" in shown
        assert shown.endswith(b"RuntimeError: why?\n")
        large = worker.request(b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nwhy??")
        assert large.startswith(b"HTTP/1.1 413 Content Too Large\r\n")
        assert b"\r\nX-A: b\r\n" in large
    assert "refused the body of POST /x: 5 bytes (limit-post = 4)" in capfd.readouterr().err


def test_refused_head(listener: socket.socket) -> None:
    """HEAD has no body, refused or not."""
    with Worker(listener) as worker:
        assert worker.request(b"\r\nHEAD / HTTP/1.1\r\n\r\n").endswith(b"\r\nConnection: close\r\n\r\n")


def test_variables_of_the_configuration_win(listener: socket.socket) -> None:
    """No client adds to them, and none of its headers fails for them."""

    def shows(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("Date", "now")])
        return [f"{environ['HTTP_X_SECRET']} {environ['HTTP_HOST']}".encode()]

    with Worker(listener, shows, HTTP_X_SECRET="good", HTTP_HOST="here") as worker:
        assert worker.request(b"GET / HTTP/1.1\r\nHost: there\r\nX-Secret: evil\r\n\r\n") == good(b"good here")


def test_a_body_that_breaks_off_is_one_line(listener: socket.socket, capfd: pytest.CaptureFixture[str]) -> None:
    """No traceback: it is no fault of the application's."""
    with Worker(listener) as worker, worker.connect() as client:
        client.sendall(b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nab")
        client.shutdown(socket.SHUT_WR)
        assert answer(client).startswith(b"HTTP/1.1 400 ")
    assert capfd.readouterr().err == (
        "read error: the client closed the connection before the body was complete during POST /x (the socket)\n"
    )
    assert worker.board.core(1, 0)[CoreCell.READ_ERRORS] == 1


@pytest.mark.parametrize(
    ("length", "body", "line"),
    [
        ("3", b"abc", "GET /x was answered with more body than its Content-Length, 3: the rest was cut off\n"),
        ("9", b"abcdef", "GET /x was answered with 6 bytes of body (Content-Length: 9)\n"),
        ("6", b"abcdef", ""),
    ],
)
def test_a_body_of_another_length(
    listener: socket.socket, capfd: pytest.CaptureFixture[str], length: str, body: bytes, line: str
) -> None:
    """What is too much is not sent, and both are one line."""

    def app(_environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("Date", "now"), ("Content-Length", length)])
        return iter([b"ab", b"cdef"])

    with Worker(listener, app) as worker:
        assert worker.request().partition(b"\r\n\r\n")[2] == body
    assert capfd.readouterr().err == line


# ---- what the client sees of the end


@pytest.fixture
def tcp() -> Iterator[socket.socket]:
    """A listening TCP socket: there, whoever closes too early takes the answer with it."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        sock.setblocking(False)
        yield sock


@pytest.mark.parametrize("method", [b"GET", b"POST"])
def test_more_than_a_request_does_not_cost_the_answer(tcp: socket.socket, method: bytes) -> None:
    """A client that sends the next request, or an empty line, while this one is answered."""
    running, go = threading.Event(), threading.Event()

    def waits(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        running.set()
        assert go.wait(PATIENCE)
        return unread(environ, start_response)

    with Worker(tcp, waits) as worker, worker.connect() as client:
        client.sendall(method + b" /x HTTP/1.1\r\nHost: a\r\n\r\n")
        assert running.wait(PATIENCE)
        client.sendall(b"\r\n")
        go.set()
        assert answer(client) == good(b"unread")


def test_a_slow_reader_has_its_answer(tcp: socket.socket) -> None:
    """Also if it sends something before it has taken all of it."""
    size = 8_000_000

    def large(_environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("Date", "now")])
        return [b"x" * size]

    with Worker(tcp, large) as worker, worker.connect() as client:
        client.sendall(GET)
        came = b""
        while worker.board.total_requests() == 0:
            came += client.recv(1000)
        client.sendall(b"\r\n")
        assert came + answer(client) == good(b"x" * size)


def test_silence_ends_the_lingering_not_the_time(listener: socket.socket) -> None:
    """Who still sends may go on, for a while; of its head nothing is kept."""
    with Worker(listener, unread) as worker, worker.connect() as client:
        client.sendall(b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n")
        assert answer(client) == good(b"unread")
        eventually(lambda: len(worker.loop.parked) == 1)
        (connection,) = worker.loop.parked.values()
        assert connection.head == b""
        before = connection.deadline
        client.sendall(b"x")
        eventually(lambda: connection.deadline > before)
        # Silence counts from now on, and there is an end.
        assert connection.deadline <= connection.latest
        connection.latest = before
        client.sendall(b"x")
        eventually(lambda: connection.deadline == before)


# ---- requests that take too long


def strike(worker: Worker) -> None:
    """What the handler of SIGUSR2 does, in the main thread."""
    Interrupter(list(worker.cores)).strike()


def test_harakiri_of_a_body_that_stalls(listener: socket.socket) -> None:
    """The client is told, the worker and its other threads go on."""
    reading = threading.Event()

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        reading.set()
        return echo(environ, start_response)

    with Worker(listener, app, timeout=3_600_000, threads=2, limit=1) as worker, worker.connect() as client:
        client.sendall(b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nab")
        assert reading.wait(PATIENCE)
        strike(worker)
        assert answer(client).startswith(b"HTTP/1.1 504 Gateway Timeout\r\n")
        for _ in range(4):
            assert worker.request() == good(b"GET /x - ")


def test_harakiri_of_a_reader_that_stalls(listener: socket.socket) -> None:
    """Its connection ends."""
    with Worker(listener, timeout=3_600_000, limit=1) as worker, worker.connect() as client:
        size = 3_000_000
        client.sendall(b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size)
        eventually(lambda: worker.cores[0].in_app)
        # It is in the middle of its answer once something of that can be read.
        came = client.recv(1)
        strike(worker)
        assert len(came + answer(client)) < size
        assert worker.request() == good(b"GET /x - ")


# ---- for whoever watches


@pytest.mark.parametrize("method", ["GET", "!GET"])
def test_a_running_request(tcp: socket.socket, method: str) -> None:
    """Its client and its variables can be seen, whatever its method looks like."""
    running, go = threading.Event(), threading.Event()

    def waits(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        running.set()
        assert go.wait(PATIENCE)
        return unread(environ, start_response)

    with Worker(tcp, waits) as worker, worker.connect() as client:
        client.sendall(f"{method} /x HTTP/1.1\r\nHost: a\r\nX-Large: {'x' * 9000}\r\n\r\n".encode())
        assert running.wait(PATIENCE)
        shown = snapshot_vars(worker.board.snapshot(1, 0))
        go.set()
        assert answer(client) == good(b"unread")
    assert shown[:4] == [
        "REMOTE_ADDR=127.0.0.1",
        f"REQUEST_METHOD={method}",
        "REQUEST_URI=/x",
        "SERVER_PROTOCOL=HTTP/1.1",
    ]
    assert shown[4:] == ["HTTP_HOST=a"]
