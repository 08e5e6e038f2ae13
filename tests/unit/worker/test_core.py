"""Requests through a running worker: one event loop, real sockets, a client that does its worst."""

import contextlib
import os
import re
import resource
import select
import socket
import sys
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from uncork.protocol.uwsgi import HEADER_SIZE, encode
from uncork.scoreboard.board import Scoreboard
from uncork.scoreboard.cells import CoreCells
from uncork.scoreboard.schema import CoreCell
from uncork.worker.core import ACCEPTS_PER_WAIT, Core
from uncork.worker.deadline import Interrupter
from uncork.worker.heads import FIRST_READ
from uncork.worker.loop import Limits, Listener, Loop
from uncork.worker.mounts import App, Mounts
from uncork.worker.requestlog import LogFilter, RequestLog
from uncork.wsgi.environ import Environ
from uncork.wsgi.filewrapper import FileWrapper
from uncork.wsgi.run import Application

StartResponse = Callable[..., Callable[[bytes], None]]

# Seconds after which a test gives up; nothing waits so long.
PATIENCE = 60.0
BASE: Environ = {"wsgi.version": (1, 0), "wsgi.errors": sys.stderr, "wsgi.file_wrapper": FileWrapper}
GET = {"REQUEST_METHOD": "GET", "REQUEST_URI": "/x?y", "PATH_INFO": "/x", "SERVER_PROTOCOL": "HTTP/1.1"}
HEAD = b"HTTP/1.1 200 OK\r\n\r\n"
TIMED_OUT = b"HTTP/1.1 504 Gateway Timeout\r\nContent-Type: text/plain\r\nContent-Length: 16\r\n\r\nGateway Timeout\n"
FAILED = (
    b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/plain\r\nContent-Length: 22\r\n\r\n"
    b"Internal Server Error\n"
)


def echo(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """The method, the path and the body."""
    body: bytes = environ["wsgi.input"].read()
    start_response("200 OK", [])
    return [f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']} ".encode(), body]


class Worker:
    """A worker over `sock`, serving `app` in threads of this process while the with block lasts.

    `limit` is harakiri in microseconds; the last three are as in Core.
    """

    def __init__(
        self,
        sock: socket.socket,
        app: Application = echo,
        *,
        threads: int = 1,
        timeout: int = 30_000,
        buffer_size: int = 65535,
        mountpoint: str = "",
        admits: Callable[[str], bool] | None = None,
        logs: bool = False,
        quiet_write_errors: bool = False,
        limit: int = 0,
        memory_report: Callable[[], tuple[int, int]] | None = None,
        enough: int = 0,
        served: Callable[[int, int, int], None] = lambda *_: None,
    ) -> None:
        self.sock = sock
        self.board = Scoreboard(1, threads, 1)
        name = str(sock.getsockname())
        self.loop = Loop([Listener(sock, name, admits)], Limits(buffer_size, 128, timeout))
        log_filter = LogFilter(not logs, False, False, False, 0, 0, False, False)
        self.cores = [
            Core(
                number,
                1,
                self.loop,
                Mounts([App(0, mountpoint, app, 0)], False),
                CoreCells(self.board, 1, number, limit),
                BASE,
                log_filter,
                RequestLog(False, False, False, None),
                quiet_write_errors,
                memory_report,
                lambda: None,
                enough,
                served,
            )
            for number in range(threads)
        ]
        self.threads = [threading.Thread(target=core.run) for core in self.cores]

    def start(self) -> None:
        """Begin to serve."""
        self.loop.listen()
        for thread in self.threads:
            thread.start()

    def __enter__(self) -> Self:
        self.start()
        return self

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

    def join(self) -> None:
        """Wait until every thread has ended."""
        for thread in self.threads:
            thread.join(PATIENCE)
            assert not thread.is_alive()

    def connect(self) -> socket.socket:
        """A client."""
        client = socket.socket(self.sock.family)
        client.settimeout(PATIENCE)
        client.connect(self.sock.getsockname())
        return client

    def request(self, body: bytes = b"", modifier1: int = 0, **variables: str) -> bytes:
        """The whole answer to a good request."""
        with self.connect() as client:
            client.sendall(packet(body, modifier1, **variables))
            return answer(client)

    def cell(self, cell: CoreCell) -> int:
        """A number of the first thread's scoreboard."""
        return self.board.core(1, 0)[cell]

    def parked(self) -> list[bytes]:
        """What has come of the heads of the connections in the epoll set."""
        return sorted(connection.head for connection in list(self.loop.parked.values()))


def packet(body: bytes = b"", modifier1: int = 0, **variables: str) -> bytes:
    """A request with `body`, as nginx sends it."""
    length = {"CONTENT_LENGTH": str(len(body))} if body else {}
    return encode(GET | length | variables, modifier1) + body


def answer(client: socket.socket) -> bytes:
    """Everything up to the end of the connection."""
    return b"".join(iter(lambda: client.recv(100_000), b""))


def eventually(state: Callable[[], bool]) -> None:
    """Wait for a state of the worker that its clients cannot see; it comes, or the test times out."""
    while not state():
        os.sched_yield()


def is_closed(client: socket.socket) -> bool:
    """Whether the server has closed the connection by now, without a byte of an answer."""
    return bool(select.select([client], [], [], 0)[0]) and client.recv(1) == b""


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[socket.socket]:
    """A listening unix socket."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(tmp_path / "s"))
        sock.listen(512)
        sock.setblocking(False)
        yield sock


@pytest.fixture
def tcp_listener() -> Iterator[socket.socket]:
    """A listening TCP socket."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as sock:
        sock.setblocking(False)
        yield sock


# ---- requests arrive in any shape


def test_one_request_after_another_is_answered(listener: socket.socket) -> None:
    """The same worker serves them all, and counts them."""
    with Worker(listener) as worker:
        for number in range(100):
            assert worker.request(PATH_INFO=f"/{number}") == HEAD + f"GET /{number} ".encode()
    assert worker.board.total_requests() == 100


def test_a_request_that_comes_byte_by_byte_is_served(listener: socket.socket) -> None:
    """Head and body; the server has read each byte of the head before the next one is sent."""
    whole = packet(b"body", REQUEST_METHOD="POST")
    with Worker(listener) as worker, worker.connect() as client:
        for size in range(1, len(whole) - len(b"body")):
            client.sendall(whole[size - 1 : size])
            eventually(lambda size=size: worker.parked() == [whole[:size]])  # type: ignore[misc]
        for byte in whole[len(whole) - len(b"?body") :]:
            client.sendall(bytes([byte]))

        assert answer(client) == HEAD + b"POST /x body"


def test_a_head_that_comes_in_two_parts_is_served_wherever_it_is_cut(listener: socket.socket) -> None:
    """The server has read the first part, and waits for the second in its epoll set, when that is sent."""
    whole = packet()
    with Worker(listener) as worker:
        for cut in range(1, len(whole)):
            with worker.connect() as client:
                client.sendall(whole[:cut])
                eventually(lambda cut=cut: worker.parked() == [whole[:cut]])  # type: ignore[misc]
                client.sendall(whole[cut:])

                assert answer(client) == HEAD + b"GET /x "


def test_a_body_may_come_long_after_its_head(listener: socket.socket) -> None:
    """The application's read() waits for it."""
    with Worker(listener, threads=2) as worker, worker.connect() as client:
        client.sendall(packet(CONTENT_LENGTH="4"))
        assert worker.request() == HEAD + b"GET /x "
        client.sendall(b"bo")
        assert worker.request() == HEAD + b"GET /x "
        client.sendall(b"dy")

        assert answer(client) == HEAD + b"GET /x body"


@pytest.mark.parametrize("size", [FIRST_READ - 1, FIRST_READ, FIRST_READ + 1, 3 * FIRST_READ, 60_000])
def test_a_head_larger_than_one_read_is_served(listener: socket.socket, size: int) -> None:
    """Cookies can be that large; the body behind it is complete."""
    with Worker(listener) as worker:
        assert worker.request(b"body", HTTP_COOKIE="c" * size) == HEAD + b"GET /x body"


def test_what_follows_the_body_is_not_read_as_body(listener: socket.socket) -> None:
    """CONTENT_LENGTH ends it; the answer is whole."""
    with Worker(listener) as worker, worker.connect() as client:
        client.sendall(packet(b"body") + packet(b"smuggled"))

        assert answer(client) == HEAD + b"GET /x body"
    assert worker.board.total_requests() == 1


def test_a_client_that_has_nothing_more_to_say_is_answered(listener: socket.socket) -> None:
    """Half a close after the request is no reason to keep the answer."""
    with Worker(listener) as worker, worker.connect() as client:
        client.sendall(packet(b"body"))
        client.shutdown(socket.SHUT_WR)

        assert answer(client) == HEAD + b"GET /x body"


@pytest.mark.parametrize(("protocol", "line"), [({}, b"HTTP/1.0"), ({"SERVER_PROTOCOL": "HTTP/2.0"}, b"HTTP/2.0")])
def test_the_status_line_echoes_the_protocol(listener: socket.socket, protocol: dict[str, str], line: bytes) -> None:
    """HTTP/1.0 for a peer that names none, as uWSGI does."""
    with Worker(listener) as worker, worker.connect() as client:
        client.sendall(encode({"REQUEST_METHOD": "GET", "PATH_INFO": "/", **protocol}))

        assert answer(client) == line + b" 200 OK\r\n\r\nGET / "


def test_modifier_30_reaches_the_application_stripped(listener: socket.socket) -> None:
    """SCRIPT_NAME is taken off PATH_INFO on the way."""
    with Worker(listener) as worker:
        assert worker.request(modifier1=30, SCRIPT_NAME="/bbb", PATH_INFO="/bbb/x") == HEAD + b"GET /x "


# ---- clients that stall


def test_stalled_clients_hold_no_thread(listener: socket.socket) -> None:
    """200 clients that sent nothing, a byte, a header or half a head leave the only thread to the others."""
    whole = packet()
    beginnings = (b"", whole[:1], whole[:4], whole[: len(whole) // 2])
    with contextlib.ExitStack() as stack:
        worker = stack.enter_context(Worker(listener))
        clients = [stack.enter_context(worker.connect()) for _ in range(200)]
        for number, client in enumerate(clients):
            client.sendall(beginnings[number % 4])
        eventually(lambda: worker.parked() == sorted(beginnings * 50))

        assert worker.request() == HEAD + b"GET /x "
        assert worker.parked() == sorted(beginnings * 50)

        for number, client in enumerate(clients):
            client.sendall(whole[len(beginnings[number % 4]) :])
            assert answer(client) == HEAD + b"GET /x "
        eventually(lambda: worker.parked() == [])


def test_a_client_that_stalls_too_long_is_given_up(listener: socket.socket, capfd: pytest.CaptureFixture[str]) -> None:
    """After the socket timeout its connection is closed without an answer, with one line in the log."""
    worker = Worker(listener, timeout=1)
    with worker.connect() as client:
        client.sendall(packet()[:9])
        with worker:
            assert answer(client) == b""
    assert re.fullmatch(r"uwsgi request from .*/s timed out: 9 bytes of its head came\n", capfd.readouterr().err)


def test_parked_clients_get_their_turn_while_others_keep_coming(listener: socket.socket) -> None:
    """However many connections wait to be accepted, those in the epoll set take turns with the listener."""
    whole = packet(PATH_INFO="/parked")
    served: list[str] = []

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if not served:
            parked.sendall(whole[9:])
        served.append(environ["PATH_INFO"])
        return echo(environ, start_response)

    with contextlib.ExitStack() as stack:
        worker = Worker(listener, app)
        parked = stack.enter_context(worker.connect())
        parked.sendall(whole[:9])
        others = [stack.enter_context(worker.connect()) for _ in range(3 * ACCEPTS_PER_WAIT)]
        for other in others:
            other.sendall(packet())
        stack.enter_context(worker)
        for client in (parked, *others):
            assert answer(client).startswith(HEAD)

    assert served.index("/parked") <= 2 * ACCEPTS_PER_WAIT


def test_threads_serve_side_by_side(listener: socket.socket) -> None:
    """Four requests that wait for one another are answered by four threads."""
    together = threading.Barrier(4, timeout=PATIENCE)

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        together.wait()
        return echo(environ, start_response)

    with contextlib.ExitStack() as stack:
        worker = stack.enter_context(Worker(listener, app, threads=4))
        clients = [stack.enter_context(worker.connect()) for _ in range(4)]
        for client in clients:
            client.sendall(packet())

        assert [answer(client) for client in clients] == [HEAD + b"GET /x "] * 4
    assert sorted(worker.board.requests(1, core) for core in range(4)) == [1] * 4


# ---- clients that send something else

BAD_LENGTH = packet(CONTENT_LENGTH="5, 6")


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "a client speaks HTTP to this uwsgi socket"),
        (b"POST", "a client speaks HTTP to this uwsgi socket"),
        (b"\x16\x03\x01\x02\x00\x01\x00", "a client speaks TLS to this uwsgi socket"),
        (b"\x11\x05\x00\x00\x01\x00a\x00\x00", "modifier1 17 is not served here"),
        (b"\x00\x01\x10\x00", "invalid request block size: 4097 .max 4096"),
        (b"\x00\x00\x00\x00", "empty uwsgi request"),
        (b"\x00\x04\x00\x00\x00\x00\x00\x00", "a key is empty"),
        (b"\x00\x05\x00\x00\x01\x00a\x05\x00", "a value runs past the block"),
        (b"\x00\x05\x00\x00\xff\xffa\x05\x00", "a key runs past the block"),
        (BAD_LENGTH, "CONTENT_LENGTH is not a whole number"),
        (packet(CONTENT_LENGTH="-1"), "CONTENT_LENGTH is not a whole number"),
        (encode({f"K{number}": "" for number in range(129)}), "129 variables .max 128"),
        (b"PU\nT \x1b[2J", "modifier1 80 is not served here|invalid request block size"),
    ],
)
def test_what_is_no_request_is_closed_with_one_line(
    listener: socket.socket, capfd: pytest.CaptureFixture[str], sent: bytes, reason: str
) -> None:
    """No answer, as from uWSGI; the reason and the sender are in the log, and the next request is served."""
    with Worker(listener, buffer_size=4096) as worker, worker.connect() as client:
        client.sendall(sent)

        assert answer(client) == b""
        assert worker.request() == HEAD + b"GET /x "
    line, end, rest = capfd.readouterr().err.partition("\n")
    assert re.match(rf".*({reason}).* \[from .*/s, first bytes b'.*'\]$", line)
    assert line.isprintable()
    assert (end, rest) == ("\n", "")
    assert worker.cell(CoreCell.READ_ERRORS) == 1
    assert worker.board.total_requests() == 1


def test_a_client_that_only_connects_is_no_news(listener: socket.socket, capfd: pytest.CaptureFixture[str]) -> None:
    """A load balancer's health check opens and closes a connection; nobody wants a line for that."""
    with Worker(listener) as worker:
        worker.connect().close()
        assert worker.request() == HEAD + b"GET /x "
    assert capfd.readouterr().err == ""
    assert worker.cell(CoreCell.READ_ERRORS) == 0


def test_a_head_that_breaks_off_is_one_line(listener: socket.socket, capfd: pytest.CaptureFixture[str]) -> None:
    """It is counted as well, and the connection is gone."""
    with Worker(listener) as worker:
        with worker.connect() as client:
            client.sendall(packet()[:7])
        eventually(lambda: worker.cell(CoreCell.READ_ERRORS) == 1)
        assert worker.request() == HEAD + b"GET /x "
    assert re.fullmatch(r"uwsgi request from .*/s broke off after 7 bytes of its head\n", capfd.readouterr().err)
    assert worker.cell(CoreCell.READ_ERRORS) == 1


def test_variables_that_would_choose_code_are_ignored_with_one_line(
    listener: socket.socket, capfd: pytest.CaptureFixture[str]
) -> None:
    """uWSGI would run them (UWSGI_FILE=exec://...); here they are named once and the request is served as ever."""
    with Worker(listener) as worker:
        for _ in range(3):
            answered = worker.request(UWSGI_FILE="exec://true", UWSGI_SETENV="A=b", UWSGI_SCHEME="https")
            assert answered == HEAD + b"GET /x "
    assert re.fullmatch(
        r"ignored from .*/s: UWSGI_FILE, UWSGI_SETENV \(a peer cannot choose .*\)\n", capfd.readouterr().err
    )
    assert "A" not in os.environ


def test_a_protocol_that_cannot_be_echoed_does_not_leak_the_connection(listener: socket.socket) -> None:
    """CR and LF in SERVER_PROTOCOL never reach a head; the connection is closed."""
    with Worker(listener) as worker, worker.connect() as client:
        client.sendall(packet(SERVER_PROTOCOL="HTTP/1.1\r\nX: y"))
        assert worker.request() == HEAD + b"GET /x "

        assert is_closed(client)


# ---- clients that leave


@pytest.mark.parametrize("quiet", [False, True])
@pytest.mark.parametrize("size", [1, 1_000_000])
def test_a_client_that_leaves_before_its_answer_is_one_line(
    listener: socket.socket, capfd: pytest.CaptureFixture[str], quiet: bool, size: int
) -> None:
    """The worker goes on; ignore-write-errors saves the line; it is counted either way."""
    gone = threading.Event()

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/slow":
            assert gone.wait(PATIENCE)
            start_response("200 OK", [])
            return [b"x" * size]
        return echo(environ, start_response)

    with Worker(listener, app, quiet_write_errors=quiet) as worker:
        with worker.connect() as client:
            client.sendall(packet(PATH_INFO="/slow", REQUEST_URI="/slow?q"))
        gone.set()

        assert worker.request() == HEAD + b"GET /x "
    expected = "" if quiet else r"write error: Broken pipe during GET /slow\?q \(.*/s\)\n"
    assert re.fullmatch(expected, capfd.readouterr().err)
    assert worker.cell(CoreCell.WRITE_ERRORS) == 1
    assert worker.cell(CoreCell.EXCEPTIONS) == 0


def test_the_iterable_of_a_client_that_left_is_closed(listener: socket.socket) -> None:
    """A generator that waits in a yield gets its GeneratorExit."""
    closed = threading.Event()

    def app(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        start_response("200 OK", [])
        try:
            while True:
                yield b"x" * 10_000
        finally:
            closed.set()

    with Worker(listener, app) as worker, worker.connect() as client:
        client.sendall(packet())
        client.recv(100)
        client.close()

        assert closed.wait(PATIENCE)


def test_a_body_that_breaks_off_is_an_oserror_in_the_application(
    listener: socket.socket, capfd: pytest.CaptureFixture[str]
) -> None:
    """It is counted, traced, answered with 500 where that is possible, and the worker goes on."""
    with Worker(listener) as worker, worker.connect() as client:
        client.sendall(packet(CONTENT_LENGTH="100") + b"half")
        client.shutdown(socket.SHUT_WR)

        assert answer(client) == FAILED
        assert worker.request() == HEAD + b"GET /x "
    assert "ReadError: the client closed the connection before the body was complete" in capfd.readouterr().err
    assert worker.cell(CoreCell.READ_ERRORS) == 1
    assert worker.cell(CoreCell.EXCEPTIONS) == 1


@pytest.mark.parametrize("kind", ["listener", "tcp_listener"])
@pytest.mark.parametrize("size", [300_000, FIRST_READ, 1])
def test_a_body_that_the_application_ignores_costs_nobody_the_answer(
    kind: str, size: int, request: pytest.FixtureRequest
) -> None:
    """The rest of it is read away: closing at once would reset the connection and lose the answer on the way."""

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [])
        return [b"no thanks"]

    with Worker(request.getfixturevalue(kind), app) as worker:
        for _ in range(5):
            assert worker.request(b"x" * size, REQUEST_METHOD="POST") == HEAD + b"no thanks"


def test_a_lingering_client_holds_no_thread(listener: socket.socket) -> None:
    """While the rest of an unwanted body does not come, others are served; its end closes the connection."""

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [])
        return [b"no thanks"]

    with Worker(listener, app) as worker, worker.connect() as client:
        client.sendall(packet(CONTENT_LENGTH="100000") + b"x" * 10)
        assert answer(client) == HEAD + b"no thanks"
        assert worker.request() == HEAD + b"no thanks"
        eventually(lambda: len(worker.parked()) == 1)

        client.shutdown(socket.SHUT_WR)
        eventually(lambda: worker.parked() == [])


# ---- applications that fail


@pytest.mark.parametrize(
    "error", [RuntimeError("boom"), SystemExit(3), KeyboardInterrupt(), GeneratorExit(), MemoryError()]
)
def test_an_application_that_raises_is_answered_with_500(
    listener: socket.socket, capfd: pytest.CaptureFixture[str], error: BaseException
) -> None:
    """Whatever it raises, the client learns no detail, the log has the traceback, and the worker goes on."""

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/bad":
            start_response("200 OK", [("X-Secret", "1")])
            raise error
        return echo(environ, start_response)

    with Worker(listener, app) as worker:
        assert worker.request(PATH_INFO="/bad") == FAILED
        assert worker.request() == HEAD + b"GET /x "
    log = capfd.readouterr().err
    assert log.startswith("Traceback (most recent call last):\n")
    assert log.endswith(f"[{type(error).__name__} during GET /x?y]\n")
    assert "raise error" in log
    assert worker.cell(CoreCell.EXCEPTIONS) == 1
    assert list(worker.board.app(1, 0, 0)) == [2, 1]


def test_an_answer_that_breaks_off_is_not_passed_off_as_whole(
    tcp_listener: socket.socket, capfd: pytest.CaptureFixture[str]
) -> None:
    """Once the head is out there is no error page: the connection is reset, and nginx knows."""

    def app(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"half"
        raise RuntimeError("boom")

    with Worker(tcp_listener, app) as worker, worker.connect() as client:
        client.sendall(packet())

        with pytest.raises(ConnectionResetError):
            answer(client)
    assert "RuntimeError: boom" in capfd.readouterr().err


@pytest.mark.parametrize("result", ["text", 5, None, [b"x", 5]])
def test_an_application_that_breaks_the_rules_is_answered_with_500(listener: socket.socket, result: Any) -> None:
    """What it returns is checked before anything is sent."""

    def app(environ: Environ, start_response: StartResponse) -> Any:
        start_response("200 OK", [])
        return result

    with Worker(listener, app) as worker:
        assert worker.request() == FAILED


def test_an_application_cannot_inject_a_header(listener: socket.socket) -> None:
    """A header with a line break makes a 500 and no second header."""

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("Location", environ["PATH_INFO"])])
        return [b"x"]

    with Worker(listener, app) as worker:
        assert worker.request(PATH_INFO="/a\r\nSet-Cookie: evil=1") == FAILED


def test_a_traceback_shows_the_request_without_its_control_characters(
    listener: socket.socket, capfd: pytest.CaptureFixture[str]
) -> None:
    """A path cannot write lines of its own into the log or move the cursor of who reads it."""

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        raise RuntimeError("boom")

    with Worker(listener, app) as worker:
        worker.request(REQUEST_URI="/\x1b[2J\nforged line")

    assert capfd.readouterr().err.splitlines()[-1] == r"[RuntimeError during GET /\x1b[2J\x0aforged line]"


def test_without_an_application_for_the_path_the_answer_is_500(
    listener: socket.socket, capfd: pytest.CaptureFixture[str]
) -> None:
    """uWSGI's line, with what was asked for and what is there; control characters are escaped."""
    with Worker(listener, mountpoint="/bbb") as worker:
        assert worker.request(SCRIPT_NAME="/other", PATH_INFO="/\n") == FAILED
        assert worker.request(SCRIPT_NAME="/bbb") == HEAD + b"GET /x "
    assert capfd.readouterr().err == (
        "--- no python application found, check your startup logs for errors --- "
        "(SCRIPT_NAME='/other' PATH_INFO='/\\n'; mounted: /bbb)\n"
    )
    assert worker.board.total_requests() == 2


def test_nothing_of_a_request_lives_on(listener: socket.socket) -> None:
    """What an application keeps in its environ is freed when the request is over, not when the next one comes."""

    class Kept:
        """Something that can be watched."""

    kept: list[weakref.ref[Kept]] = []

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        environ["kept"] = Kept()
        kept.append(weakref.ref(environ["kept"]))
        return echo(environ, start_response)

    with Worker(listener, app) as worker:
        worker.request()
    assert worker.cores
    assert [ref() for ref in kept] == [None]


# ---- what others see


def test_a_running_request_shows_on_the_scoreboard(listener: socket.socket) -> None:
    """While the application works its packet can be read, afterwards only the numbers are left."""
    seen: list[tuple[int, bytes]] = []

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        seen.append((worker.cell(CoreCell.IN_REQUEST), worker.board.snapshot(1, 0)))
        return echo(environ, start_response)

    with Worker(listener, app) as worker:
        answered = worker.request(b"body")

    assert seen == [(1, packet(b"body"))]
    assert (worker.cell(CoreCell.IN_REQUEST), worker.board.snapshot(1, 0)) == (0, b"")
    assert worker.cell(CoreCell.TX) == len(answered)


LINE = (
    r"\[pid: %d\|app: 0\|req: 1/1\] 192\.0\.2\.7 \(ann\) \{%d vars in %d bytes\} \[.{24}\] GET /x\?y => generated 7 "
    r"bytes in \d+ msecs \(HTTP/1\.1 200\) 0 headers in 19 bytes \(1 switches on core 0\)\n"
)


def test_the_request_log_has_uwsgis_line(listener: socket.socket, capfd: pytest.CaptureFixture[str]) -> None:
    """With the numbers of the request; uWSGI counts a key and its value as two vars."""
    size = len(packet(REMOTE_ADDR="192.0.2.7", REMOTE_USER="ann")) - HEADER_SIZE
    with Worker(listener, logs=True) as worker:
        worker.request(REMOTE_ADDR="192.0.2.7", REMOTE_USER="ann")

    assert re.fullmatch(LINE % (os.getpid(), 2 * 6, size), capfd.readouterr().err)


def test_peers_that_are_not_admitted_are_refused(
    tcp_listener: socket.socket, capfd: pytest.CaptureFixture[str]
) -> None:
    """The rule is asked with the peer's address; without a word the connection is closed, with a line in the log."""
    asked: list[str] = []

    def admits(peer: str) -> bool:
        asked.append(peer)
        return len(asked) > 2

    with Worker(tcp_listener, admits=admits) as worker:
        for _ in range(2):
            with worker.connect() as client:
                assert client.recv(1) == b""
        assert worker.request() == HEAD + b"GET /x "
    assert asked == ["127.0.0.1"] * 3
    line = f"refused a uwsgi connection from 127.0.0.1 on {tcp_listener.getsockname()} (allow-from does not name it)\n"
    assert capfd.readouterr().err == line * 2


# ---- beginning and end


def test_stop_ends_every_thread(listener: socket.socket) -> None:
    """Idle threads wake up for it; stopping twice is no error."""
    with Worker(listener, threads=4) as worker:
        worker.request()
        worker.loop.stop()
        worker.loop.stop()
        worker.join()


def test_stop_lets_the_running_request_finish(listener: socket.socket) -> None:
    """What was accepted is answered; who waits in the kernel's queue is served by this worker or by the next."""
    running, finish = threading.Event(), threading.Event()

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        running.set()
        assert finish.wait(PATIENCE)
        return echo(environ, start_response)

    with contextlib.ExitStack() as stack:
        worker = stack.enter_context(Worker(listener, app))
        client = stack.enter_context(worker.connect())
        client.sendall(packet())
        assert running.wait(PATIENCE)
        waiting = stack.enter_context(worker.connect())
        waiting.sendall(packet(PATH_INFO="/waiting"))
        worker.loop.stop()
        finish.set()

        assert answer(client) == HEAD + b"GET /x "
        worker.join()
        stack.enter_context(Worker(listener))
        assert answer(waiting) == HEAD + b"GET /waiting "


def test_the_end_of_the_master_is_the_end_of_the_worker(listener: socket.socket) -> None:
    """When the other end of the watched channel closes, every thread ends."""
    ours, masters = socket.socketpair()
    with Worker(listener, threads=2) as worker:
        worker.loop.watch(ours.detach())
        worker.request()
        masters.close()
        worker.join()


def test_words_on_the_channel_are_no_end(listener: socket.socket) -> None:
    """Only the channel's end counts."""
    ours, masters = socket.socketpair()
    with Worker(listener) as worker:
        worker.loop.watch(ours.detach())
        masters.sendall(b"hello")

        assert worker.request() == HEAD + b"GET /x "
        assert not worker.loop.stopping
        masters.close()


def test_a_paused_worker_leaves_connections_in_the_queue(listener: socket.socket) -> None:
    """They are served once it goes on; pausing twice and resuming twice is no error."""
    with Worker(listener) as worker, worker.connect() as client:
        assert worker.request() == HEAD + b"GET /x "
        parked_before = packet()
        client.sendall(parked_before[:5])
        worker.request()
        worker.loop.pause(True)
        worker.loop.pause(True)
        with worker.connect() as waiting:
            waiting.sendall(packet(PATH_INFO="/waiting"))
            client.sendall(parked_before[5:])
            assert answer(client) == HEAD + b"GET /x "
            assert not select.select([waiting], [], [], 0)[0]
            worker.loop.pause(False)
            worker.loop.pause(False)

            assert answer(waiting) == HEAD + b"GET /waiting "


def test_a_paused_worker_can_be_stopped(listener: socket.socket) -> None:
    """The pipe that wakes it is not a listener."""
    with Worker(listener) as worker:
        worker.loop.pause(True)


def test_want_of_descriptors_is_waited_out(listener: socket.socket, capfd: pytest.CaptureFixture[str]) -> None:
    """accept() fails, the log says so, the connection stays in the queue and is served once there are descriptors."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.ExitStack() as stack:
        worker = Worker(listener)
        client = stack.enter_context(worker.connect())
        client.sendall(packet())
        free = os.dup(client.fileno())
        os.close(free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
        try:
            stack.enter_context(worker)
            log = ""
            while "\n" not in log:
                log += capfd.readouterr().err
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

        assert answer(client) == HEAD + b"GET /x "
    assert re.match(r"accept\(\) on .*/s: Too many open files; connections wait in the queue\n", log)


def test_a_request_that_was_accepted_is_answered_by_a_stopping_worker(listener: socket.socket) -> None:
    """nginx connects first and writes then: what was taken out of the queue in between is not lost with the worker."""
    with Worker(listener) as worker, worker.connect() as client:
        eventually(lambda: len(worker.parked()) == 1)
        worker.loop.stop()
        client.sendall(packet())

        assert answer(client) == HEAD + b"GET /x "


def test_a_stopping_worker_empties_the_queues_that_nobody_joins_any_more(listener: socket.socket) -> None:
    """Who waits where the master has closed the door is served still, however many they are; then the worker ends."""
    running, finish = threading.Event(), threading.Event()

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        running.set()
        assert finish.wait(PATIENCE)
        return echo(environ, start_response)

    with contextlib.ExitStack() as stack:
        worker = stack.enter_context(Worker(listener, app, threads=2))
        clients = [stack.enter_context(worker.connect()) for _ in range(100)]
        for number, client in enumerate(clients):
            client.sendall(packet(PATH_INFO=f"/{number}"))
        assert running.wait(PATIENCE)
        worker.loop.stop(closed=0b1)
        finish.set()

        for number, client in enumerate(clients):
            assert answer(client) == HEAD + f"GET /{number} ".encode()
        worker.join()


@pytest.mark.parametrize("paused", [False, True])
def test_a_stopping_worker_leaves_the_other_queues_to_others(
    listener: socket.socket, tcp_listener: socket.socket, paused: bool
) -> None:
    """Only the sockets whose bits are set are emptied, in a pause, too; the others have somebody who accepts."""
    running, finish = threading.Event(), threading.Event()

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        running.set()
        assert finish.wait(PATIENCE)
        return echo(environ, start_response)

    with contextlib.ExitStack() as stack:
        worker = Worker(listener, app)
        worker.loop.listeners[tcp_listener.fileno()] = Listener(tcp_listener, "tcp", None)
        stack.enter_context(worker)
        first = stack.enter_context(worker.connect())
        first.sendall(packet())
        assert running.wait(PATIENCE)
        left = stack.enter_context(worker.connect())
        left.sendall(packet(PATH_INFO="/left"))
        closed = [stack.enter_context(socket.create_connection(tcp_listener.getsockname(), PATIENCE)) for _ in range(9)]
        for client in closed:
            client.sendall(packet(PATH_INFO="/closed"))
        worker.loop.pause(paused)
        worker.loop.stop(closed=0b10)
        finish.set()

        for client in closed:
            assert answer(client) == HEAD + b"GET /closed "
        assert answer(first) == HEAD + b"GET /x "
        worker.join()
        assert not select.select([left], [], [], 0)[0]


def test_each_thread_says_that_it_has_seen_the_stop(listener: socket.socket) -> None:
    """One that is in the application cannot, until it is out of it."""
    running, finish = threading.Event(), threading.Event()
    told: list[list[bool]] = []

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        running.set()
        assert finish.wait(PATIENCE)
        return echo(environ, start_response)

    with Worker(listener, app, threads=3) as worker, worker.connect() as client:
        worker.loop.on_stopped = lambda: told.append([core.stopped for core in worker.cores])
        client.sendall(packet())
        assert running.wait(PATIENCE)
        assert not any(core.stopped for core in worker.cores)
        worker.loop.stop()
        eventually(lambda: sum(core.stopped for core in worker.cores) == 2)
        assert [core.in_app for core in worker.cores] == [not core.stopped for core in worker.cores]
        finish.set()
        assert answer(client)
        worker.join()
    assert told[-1] == [True] * 3


def test_a_queue_that_is_shut_is_empty_in_the_end(tcp_listener: socket.socket) -> None:
    """accept(2) on a socket that was shut down is no fault: who waited has been served, and nobody comes."""
    with Worker(tcp_listener) as worker, worker.connect() as client:
        client.sendall(packet())
        assert answer(client) == HEAD + b"GET /x "
        tcp_listener.shutdown(socket.SHUT_RD)
        worker.loop.stop(closed=0b1)
        worker.join()


# ---- requests that take too long


def strike(worker: Worker) -> None:
    """What the handler of SIGUSR2 does, in the main thread."""
    Interrupter(list(worker.cores)).strike()


def test_a_request_that_is_interrupted_is_answered_with_504(
    listener: socket.socket, capfd: pytest.CaptureFixture[str]
) -> None:
    """The exception comes out of the very line that hangs; the thread serves on, the next request is not hit."""
    hanging = threading.Event()

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/hang":
            start_response("200 OK", [("X-Secret", "1")])
            hanging.set()
            while True:
                pass
        return echo(environ, start_response)

    with Worker(listener, app, limit=1) as worker, worker.connect() as client:
        client.sendall(packet(PATH_INFO="/hang"))
        assert hanging.wait(PATIENCE)
        strike(worker)

        assert answer(client) == TIMED_OUT
        for _ in range(3):
            assert worker.request() == HEAD + b"GET /x "
        assert not worker.cores[0].interrupted
    log = capfd.readouterr().err
    assert ", in app\n" in log
    assert log.endswith("[HarakiriInterrupt during GET /x?y]\n")
    assert worker.cell(CoreCell.EXCEPTIONS) == 1


def test_an_application_that_catches_everything_is_interrupted(listener: socket.socket) -> None:
    """`except Exception` around a view does not swallow it."""
    hanging = threading.Event()

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        try:
            hanging.set()
            while True:
                pass
        except Exception:
            return echo(environ, start_response)

    with Worker(listener, app, limit=1) as worker, worker.connect() as client:
        client.sendall(packet())
        assert hanging.wait(PATIENCE)
        strike(worker)

        assert answer(client) == TIMED_OUT


def test_an_interrupt_that_comes_too_late_is_taken_back(listener: socket.socket) -> None:
    """One that was set for a request that ended without it does not hit the next one."""
    in_app, struck = threading.Event(), threading.Event()

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/late":
            in_app.set()
            assert struck.wait(PATIENCE)
        return echo(environ, start_response)

    with Worker(listener, app) as worker, worker.connect() as client:
        client.sendall(packet(PATH_INFO="/late"))
        assert in_app.wait(PATIENCE)
        # The flag comes first: whoever finds it clears the way for the next request.
        worker.cores[0].interrupted = True
        struck.set()

        assert answer(client) == HEAD + b"GET /late "
        assert worker.request() == HEAD + b"GET /x "
        assert not worker.cores[0].interrupted


def test_siblings_are_not_interrupted(listener: socket.socket) -> None:
    """Only the thread whose request is overdue is hit; its sibling finishes its own in peace."""
    hanging, waiting, go = threading.Event(), threading.Event(), threading.Event()

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/hang":
            hanging.set()
            while True:
                pass
        if environ["PATH_INFO"] == "/wait":
            waiting.set()
            assert go.wait(PATIENCE)
        return echo(environ, start_response)

    with contextlib.ExitStack() as stack:
        worker = stack.enter_context(Worker(listener, app, threads=2, limit=3600 * 1_000_000))
        stuck, sibling = (stack.enter_context(worker.connect()) for _ in range(2))
        stuck.sendall(packet(PATH_INFO="/hang"))
        assert hanging.wait(PATIENCE)
        sibling.sendall(packet(PATH_INFO="/wait"))
        assert waiting.wait(PATIENCE)
        strike(worker)
        in_request = [core for core in range(2) if worker.board.snapshot(1, core) == packet(PATH_INFO="/hang")]
        worker.board.cells[worker.board.core_row(1, in_request[0]) + CoreCell.DEADLINE] = 1
        strike(worker)

        assert answer(stuck) == TIMED_OUT
        go.set()
        assert answer(sibling) == HEAD + b"GET /wait "


def test_a_thread_is_known_by_its_name_in_dumps(listener: socket.socket) -> None:
    """The scoreboard says which thread of a dump of stacks serves which core."""
    with Worker(listener, threads=3) as worker:
        worker.request()
        names = {thread.ident for thread in worker.threads}
        eventually(lambda: {worker.board.core(1, core)[CoreCell.THREAD] for core in range(3)} == names)
        assert {core.thread for core in worker.cores} == names


# ---- workers that have done enough


@pytest.mark.parametrize(("enough", "asked"), [(0, []), (1, [1, 2, 3, 4]), (3, [3, 4]), (5, [])])
def test_who_counts_requests_is_asked_from_the_limit_on(listener: socket.socket, enough: int, asked: list[int]) -> None:
    """After each request from the limit on, however many threads there are; never without one."""
    numbers: list[int] = []
    with Worker(listener, threads=2, enough=enough, served=lambda number, *_: numbers.append(number)) as worker:
        for _ in range(4):
            worker.request()
        eventually(lambda: worker.board.total_requests() == 4)
    assert sorted(numbers) == asked


def test_who_weighs_is_asked_after_each_request(listener: socket.socket) -> None:
    """With what the worker occupies by then."""
    sizes: list[tuple[int, int, int]] = []
    reports = iter([(10, 100), (20, 200)])
    with Worker(
        listener,
        memory_report=lambda: next(reports),
        enough=100,
        served=lambda number, rss, vsz: sizes.append((number, rss, vsz)),
    ) as worker:
        worker.request()
        worker.request()
    assert sizes == [(1, 10, 100), (2, 20, 200)]
