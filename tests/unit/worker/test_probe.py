"""A worker is asked for a page before it serves."""

import os
import re
import threading
from collections.abc import Callable

import pytest

from uncork.config.options.reload import Probe
from uncork.errors import AppLoadError
from uncork.protocol.uwsgi import HEADER_SIZE, block_size, decode_vars
from uncork.worker.connection import Connection
from uncork.worker.probe import ask
from uncork.wsgi.environ import Environ

# As long as nothing here waits.
PATIENCE = 30
OK = b"HTTP/1.1 200 OK\r\n\r\nfine"


def nobody(reason: str) -> None:
    """Who is told of a late answer, where there is none."""
    raise AssertionError(reason)


class Answerer:
    """Stands for a core: answers each request with `answer`; the rest is what it saw."""

    def __init__(self, answer: bytes, close: Callable[[Connection], None] = Connection.close) -> None:
        self._answer = answer
        self._close = close
        self.entered = False
        self.packet = b""
        self.peer = ""

    def enter_thread(self) -> None:
        """From here on it belongs to a thread."""
        self.entered = True

    def answer(self, connection: Connection) -> None:
        """Read the request, and answer it."""
        assert self.entered
        assert not os.get_blocking(connection.fd)
        self.packet = os.read(connection.fd, 65536)
        self.peer = connection.peer
        if self._answer:
            connection.send(self._answer)
        self._close(connection)


@pytest.mark.parametrize("status", ["200 OK", "204 No Content", "302 Found", "404 Not Found", "499 Odd"])
def test_an_answer_below_500_is_good(status: str) -> None:
    """What is asked for need not even exist: the application answers, and that is what is to be proven."""
    ask(Answerer(f"HTTP/1.1 {status}\r\n\r\n".encode()), Probe("/", PATIENCE), print)


@pytest.mark.parametrize("status", [500, 502, 503, 599, 999])
def test_an_answer_of_500_or_more_is_none(status: int) -> None:
    """The reason names the option, its value and the answer."""
    message = f"probe = /health?deep: the answer is {status} (expected less than 500)"
    with pytest.raises(AppLoadError, match=f"^{re.escape(message)}$"):
        ask(Answerer(f"HTTP/1.1 {status} Oh\r\n\r\n".encode()), Probe("/health?deep", PATIENCE), print)


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1", b"HTTP/1.1 ", b"garbage of some length"])
def test_no_answer(answer: bytes) -> None:
    """A connection that closes without a status proves nothing."""
    with pytest.raises(AppLoadError, match=r"^probe = /: no answer$"):
        ask(Answerer(answer), Probe("/", PATIENCE), print)


def test_an_answer_that_is_cut_off_behind_its_head() -> None:
    """The status is what counts."""
    ask(Answerer(OK, Connection.cut), Probe("/", PATIENCE), print)


def test_a_large_answer_is_taken_in() -> None:
    """More than any buffer holds, while the same thread is still writing it."""
    ask(Answerer(OK + b"x" * 10_000_000), Probe("/", PATIENCE), print)


def test_the_request() -> None:
    """It looks as one that nginx sends, from this machine, and says who asks; the query is taken apart."""
    core = Answerer(OK)
    ask(core, Probe("/health?deep=1&x=%20?", PATIENCE), print)
    environ: Environ = {}
    assert len(core.packet) == HEADER_SIZE + block_size(core.packet)
    decode_vars(core.packet, HEADER_SIZE, len(core.packet), environ, 128)
    assert environ == {
        "REQUEST_METHOD": "GET",
        "REQUEST_URI": "/health?deep=1&x=%20?",
        "PATH_INFO": "/health",
        "QUERY_STRING": "deep=1&x=%20?",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "localhost",
        "HTTP_USER_AGENT": "uncork-probe",
    }
    assert core.peer == "probe"


def test_a_probe_costs_no_descriptor() -> None:
    """What is opened for it is closed, however it is answered."""
    before = len(os.listdir("/proc/self/fd"))
    for answer in (OK, b"", OK * 1000):
        try:
            ask(Answerer(answer), Probe("/", PATIENCE), print)
        except AppLoadError:
            pass
    assert len(os.listdir("/proc/self/fd")) == before


def test_an_answer_that_takes_too_long() -> None:
    """`probe = / 1`: whoever ends the process is told while the application is still at it, once."""
    late: list[str] = []
    told = threading.Event()

    def tell(reason: str) -> None:
        late.append(reason)
        told.set()

    class Slow(Answerer):
        """It takes longer than it may."""

        def answer(self, connection: Connection) -> None:
            assert told.wait(PATIENCE)
            super().answer(connection)

    ask(Slow(OK), Probe("/health", 1), tell)
    assert late == ["probe = /health: no answer within 1 seconds"]
