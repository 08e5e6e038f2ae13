"""What a configuration asks of TCP sockets, and of sockets for HTTP."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from uncork.config.load import load
from uncork.supervise.sockets import Opened, describe, open_sockets, settle
from uncork.system.listen import Bound

Open = Callable[..., Opened]


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty directory that relative paths start in; nobody is notified."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)


@pytest.fixture
def opened() -> Iterator[Open]:
    """Opens what a command line asks for; everything is closed at the end."""
    with ExitStack() as stack:

        def start(argv: str, at_hand: Opened | tuple[Bound, ...] = ()) -> Opened:
            found = open_sockets(load(argv.split(), {}).settings, at_hand)
            for bound in found.every:
                stack.callback(bound.sock.close)
            return found

        yield start


@pytest.mark.parametrize(
    ("argv", "level", "name", "value"),
    [
        ("--so-keepalive", socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        ("--reuse-port", socket.SOL_SOCKET, socket.SO_REUSEPORT, 1),
        ("--freebind", socket.IPPROTO_IP, 15, 1),
        ("--tcp-fast-open 7", socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 7),
        # The kernel doubles them (socket(7)).
        ("--socket-sndbuf 20000", socket.SOL_SOCKET, socket.SO_SNDBUF, 40000),
        ("--socket-rcvbuf 20000", socket.SOL_SOCKET, socket.SO_RCVBUF, 40000),
    ],
)
@pytest.mark.parametrize("option", ["--socket", "--http-socket"])
def test_options_of_tcp(opened: Open, option: str, argv: str, level: int, name: int, value: int) -> None:
    """Each is set where it is asked for, and not otherwise; socket files are left alone."""
    (plain,) = opened(f"{option} 127.0.0.1:0").requests
    (asked, _) = opened(f"{option} 127.0.0.1:0 {option} file.sock {argv}").requests
    assert plain.sock.getsockopt(level, name) != value
    assert asked.sock.getsockopt(level, name) == value


def test_keepalive_reaches_the_connections(opened: Open) -> None:
    """What is asked of the listening socket holds for whoever is accepted."""
    (bound,) = opened("--http 127.0.0.1:0 --so-keepalive").requests
    with socket.create_connection(bound.sock.getsockname()):
        bound.sock.setblocking(True)
        bound.sock.settimeout(30)
        accepted, _ = bound.sock.accept()
        with accepted:
            assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1


def test_two_servers_share_a_port(opened: Open) -> None:
    """With reuse-port both listen; without it the second is refused."""
    (first,) = opened("--http-socket 127.0.0.1:0 --reuse-port").requests
    port = first.sock.getsockname()[1]
    (second,) = opened(f"--http-socket 127.0.0.1:{port} --reuse-port").requests
    assert second.sock.getsockname() == first.sock.getsockname()


def test_sockets_for_http_are_kept_at_a_reload(opened: Open) -> None:
    """The very same ones, in the order of the new configuration, also where another option names them now."""
    first = opened("--http-socket 127.0.0.1:0 --http a.sock --socket b.sock")
    second = opened("--socket b.sock --http-socket a.sock --http 127.0.0.1:0", first)
    assert [bound is old for bound, old in zip(second.requests, reversed(first.requests), strict=True)] == [True] * 3
    assert settle(first.every, second, load(["--http", "a.sock"], {}).settings) == []


def test_they_are_described(opened: Open) -> None:
    """A line for each, with uWSGI's words, numbered together."""
    found = opened("--http-socket 127.0.0.1:0 --socket @uncork-test-options --http h.sock")
    port = found.requests[0].sock.getsockname()[1]
    lines = [line.partition(" fd ")[0] for line in describe(found) if " bound to " in line]
    assert lines == [
        f"uwsgi socket 0 bound to TCP address 127.0.0.1:{port}",
        "uwsgi socket 1 bound to UNIX address @uncork-test-options",
        "uwsgi socket 2 bound to UNIX address h.sock",
    ]
