"""The stats socket, over real sockets and a real selector, which the test turns as the master's loop does."""

import http.client
import json
import os
import selectors
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from uncork.control import statsserver
from uncork.control.stats import HTTP_HEAD
from uncork.control.statsserver import MAX_CLIENTS, StatsServer

SMALL = b'{"version":"1"}'
# Far more than the kernel buffers for a client that does not read.
LARGE = b"[" + b"1," * 1_000_000 + b"1]"
BUFFER_SIZE = 16384


class Server:
    """A stats server with its selector; `answer` is what it serves, `asked` how often it was produced."""

    def __init__(self, sock: socket.socket, http: bool) -> None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_SIZE)
        sock.listen(128)
        sock.setblocking(False)
        self.sock = sock
        self.answer = SMALL
        self.asked = 0
        self.selector = selectors.DefaultSelector()
        self.stats = StatsServer(sock, self.selector, self._produce, http)

    def _produce(self) -> bytes:
        self.asked += 1
        return self.answer

    def turn(self) -> int:
        """One round of the loop, with whatever is ready now; how many events there were."""
        ready = self.selector.select(0)
        for key, _ in ready:
            key.data()
        return len(ready)

    def turn_until_idle(self) -> None:
        """Rounds until nothing is ready any more."""
        while self.turn():
            pass

    def serve_while(self, client: Callable[[], bytes]) -> bytes:
        """Turn the loop while `client` runs in a thread; what it returns."""
        found: list[bytes | OSError] = []

        def run() -> None:
            try:
                found.append(client())
            except OSError as error:
                found.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        while thread.is_alive():
            for key, _ in self.selector.select(0.01):
                key.data()
        thread.join()
        if isinstance(found[0], OSError):
            raise found[0]
        return found[0]

    def connect(self) -> socket.socket:
        """A client that the server has not seen yet."""
        client = socket.socket(self.sock.family)
        client.settimeout(10)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_SIZE)
        client.connect(self.sock.getsockname())
        return client

    def close(self) -> None:
        """The end of the master."""
        self.stats.close()
        self.selector.close()


def listening(kind: str, directory: Path) -> socket.socket:
    """A bound socket of a kind."""
    sock = socket.socket(socket.AF_UNIX if kind == "unix" else socket.AF_INET)
    sock.bind(str(directory / "stats.socket") if kind == "unix" else ("127.0.0.1", 0))
    return sock


@pytest.fixture(params=["unix", "tcp"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    """A stats server on each kind of socket."""
    made = Server(listening(request.param, tmp_path), http=False)
    yield made
    made.close()


@pytest.fixture(params=["unix", "tcp"])
def http_server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    """The same with stats-http."""
    made = Server(listening(request.param, tmp_path), http=True)
    yield made
    made.close()


def read_to_end(client: socket.socket) -> bytes:
    """Everything until the server closes."""
    parts = []
    while part := client.recv(1 << 20):
        parts.append(part)
    return b"".join(parts)


# ---- plain -----------------------------------------------------------------------------------------------------------


def test_whoever_connects_gets_everything(server: Server) -> None:
    """The whole JSON comes without a question, then the end."""
    with server.connect() as client:
        server.turn_until_idle()
        assert read_to_end(client) == SMALL


def test_each_client_gets_what_is_true_now(server: Server) -> None:
    """The answer is made for each client anew."""
    for number in range(3):
        server.answer = json.dumps({"requests": number}).encode()
        with server.connect() as client:
            server.turn_until_idle()
            assert json.loads(read_to_end(client)) == {"requests": number}
    assert server.asked == 3


def test_a_large_answer_arrives_whole(server: Server) -> None:
    """An answer larger than any buffer goes out in pieces as the client takes them."""
    server.answer = LARGE
    with server.connect() as client:
        assert server.serve_while(lambda: read_to_end(client)) == LARGE


def test_a_client_that_does_not_read_blocks_nobody(server: Server) -> None:
    """While one client takes nothing, another one is served; the loop itself has nothing to do."""
    server.answer = LARGE
    with server.connect() as lazy:
        server.turn_until_idle()
        server.answer = SMALL
        with server.connect() as client:
            server.turn_until_idle()
            assert read_to_end(client) == SMALL
        assert server.serve_while(lambda: read_to_end(lazy)) == LARGE


def test_a_client_that_leaves_early(server: Server) -> None:
    """A client that is gone before it has read everything is forgotten."""
    server.answer = LARGE
    client = server.connect()
    server.turn_until_idle()
    client.recv(1)
    client.close()
    server.turn_until_idle()
    assert len(server.selector.get_map()) == 1
    server.answer = SMALL
    with server.connect() as client:
        server.turn_until_idle()
        assert read_to_end(client) == SMALL


def test_a_client_that_leaves_before_it_is_accepted(server: Server) -> None:
    """A connection that was closed again at once does no harm."""
    for _ in range(3):
        server.connect().close()
    server.turn_until_idle()
    assert len(server.selector.get_map()) == 1


def test_a_client_too_many_is_refused(server: Server) -> None:
    """Beyond MAX_CLIENTS that do not read, a connection is closed without an answer; one that ends makes room."""
    server.answer = LARGE
    lazy = [server.connect() for _ in range(MAX_CLIENTS)]
    server.turn_until_idle()
    with server.connect() as refused:
        server.turn_until_idle()
        assert read_to_end(refused) == b""
    assert server.asked == MAX_CLIENTS
    lazy.pop().close()
    server.turn_until_idle()
    server.answer = SMALL
    with server.connect() as client:
        server.turn_until_idle()
        assert read_to_end(client) == SMALL
    for each in lazy:
        each.close()


def test_a_client_that_takes_nothing_is_let_go(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client whose time is over makes room for the next one."""
    monkeypatch.setattr(statsserver, "CLIENT_TIME", -1.0)
    monkeypatch.setattr(statsserver, "MAX_CLIENTS", 2)
    server.answer = LARGE
    lazy = [server.connect() for _ in range(5)]
    server.turn_until_idle()
    assert server.asked == len(lazy)
    assert len(server.selector.get_map()) == 2
    for each in lazy:
        each.close()


def test_close_closes_everything(tmp_path: Path) -> None:
    """At its end the server lets every client and its own socket go."""
    before = len(os.listdir("/proc/self/fd"))
    server = Server(listening("unix", tmp_path), http=False)
    server.answer = LARGE
    client = server.connect()
    server.turn_until_idle()
    server.close()
    assert len(read_to_end(client)) < len(LARGE)
    client.close()
    assert len(os.listdir("/proc/self/fd")) == before


# ---- stats-http ------------------------------------------------------------------------------------------------------


def test_http(http_server: Server) -> None:
    """A browser gets a head that it understands, then the JSON."""
    with http_server.connect() as client:
        http_server.turn_until_idle()
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        http_server.turn_until_idle()
        assert read_to_end(client) == HTTP_HEAD + SMALL


def test_http_head_is_that_of_uwsgi() -> None:
    """The head is byte for byte what uWSGI sends (core/master_utils.c)."""
    assert HTTP_HEAD == (
        b"HTTP/1.0 200 OK\r\nConnection: close\r\nAccess-Control-Allow-Origin: *\r\n"
        b"Content-Type: application/json\r\n\r\n"
    )


def test_http_waits_for_the_request(http_server: Server) -> None:
    """Nothing is produced before the client has asked, and waiting for it blocks nobody."""
    with http_server.connect() as silent, http_server.connect() as client:
        http_server.turn_until_idle()
        assert http_server.asked == 0
        client.sendall(b"GET /stats HTTP/1.0\r\n\r\n")
        http_server.turn_until_idle()
        assert read_to_end(client) == HTTP_HEAD + SMALL
        silent.sendall(b"HEAD / HTTP/1.0\r\n\r\n")
        http_server.turn_until_idle()
        assert read_to_end(silent).startswith(HTTP_HEAD)


def test_http_client_that_leaves_without_asking(http_server: Server) -> None:
    """A client that closes without a word is forgotten."""
    http_server.connect().close()
    http_server.turn_until_idle()
    assert len(http_server.selector.get_map()) == 1


def test_http_clients_that_do_not_ask_are_counted(http_server: Server) -> None:
    """A client too many is refused here, too."""
    silent = [http_server.connect() for _ in range(MAX_CLIENTS)]
    http_server.turn_until_idle()
    with http_server.connect() as refused:
        http_server.turn_until_idle()
        assert read_to_end(refused) == b""
    for each in silent:
        each.close()


def test_http_answer_to_a_real_client(http_server: Server) -> None:
    """Python's own HTTP client reads the answer, large as it may be."""
    http_server.answer = LARGE

    def ask() -> bytes:
        connection = http.client.HTTPConnection("localhost")
        connection.sock = http_server.connect()
        connection.request("GET", "/")
        response = connection.getresponse()
        assert response.status == 200
        assert response.getheader("Content-Type") == "application/json"
        with response:
            return response.read()

    assert http_server.serve_while(ask) == LARGE


def test_http_request_of_a_browser(http_server: Server) -> None:
    """A request with long cookies (browsers send those of every port of a host) is answered without a reset."""
    with http_server.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nCookie: " + b"x" * 6000 + b"\r\n\r\n")
        http_server.turn_until_idle()
        assert read_to_end(client) == HTTP_HEAD + SMALL
