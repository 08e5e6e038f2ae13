"""What each listening socket of a worker is told to speak."""

import socket
from collections.abc import Iterator

import pytest

from uncork.config.load import load
from uncork.errors import ConfigError
from uncork.worker.listeners import listeners, terms


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A TCP socket and a unix socket that listen."""
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as unix:
        unix.bind("")
        unix.listen()
        yield tcp, unix


def test_uwsgi_over_tcp_is_for_those_who_are_admitted(pair: tuple[socket.socket, socket.socket]) -> None:
    """HTTP is for everybody: nobody is believed there."""
    named = [(pair[0], "tcp"), (pair[1], "unix")]
    tcp, unix = listeners(load(["-s", ":1", "-s", "b", "--allow-from", "192.0.2.1"], {}).settings, named)
    assert (tcp.http, unix.http, unix.admits, tcp.timeout) == (None, None, None, 0)
    assert tcp.admits is not None
    assert [tcp.admits(peer) for peer in ("127.0.0.1", "192.0.2.1", "8.8.8.8")] == [True, True, False]
    tcp, unix = listeners(load(["--http", ":1", "--http-socket", "b"], {}).settings, named)
    assert (tcp.admits, unix.admits) == (None, None)


def test_environ_of_http(pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch) -> None:
    """What PEP 3333 wants is never empty; http-var adds to it; http-timeout is the clients' time."""
    monkeypatch.setattr(socket, "gethostname", lambda: "")
    argv = ["--http", ":1", "--http", "b", "--http-var", "A=b=c", "--http-var", "EMPTY=", "--http-timeout", "75"]
    tcp, unix = listeners(load(argv, {}).settings, [(pair[0], "tcp"), (pair[1], "unix")])
    common = {"SERVER_NAME": "localhost", "SCRIPT_NAME": "", "A": "b=c", "EMPTY": ""}
    assert tcp.http == {**common, "SERVER_PORT": str(pair[0].getsockname()[1])}
    assert unix.http == {**common, "SERVER_PORT": "80", "REMOTE_ADDR": "0.0.0.0"}
    assert (tcp.timeout, unix.timeout) == (75_000, 75_000)


def test_variables_are_the_bytes_of_the_file(pair: tuple[socket.socket, socket.socket]) -> None:
    """As text that PEP 3333 wants: latin-1."""
    found = listeners(load(["--http", ":1", "--http-var", "A=é"], {}).settings, [(pair[0], "tcp")])
    assert found[0].http is not None
    assert found[0].http["A"] == "\xc3\xa9"


@pytest.mark.parametrize("name", ["CONTENT_LENGTH", "HTTP_TRANSFER_ENCODING"])
def test_variables_that_are_the_servers(name: str) -> None:
    """No configuration says where the body of a request ends."""
    with pytest.raises(ConfigError, match=f"--http-var {name}=1 .expected KEY=VALUE, but not what frames a body"):
        load(["--http", ":1", "--http-var", f"{name}=1"], {})


def test_terms() -> None:
    """Header lines reach the client as the bytes of the file."""
    found = terms(load(["--add-header", "X: é", "--limit-post", "9", "--catch-exceptions"], {}).settings)
    assert (found.headers, found.limit_post, found.show_errors) == (("X: \xc3\xa9",), 9, True)
