"""The control socket: a name that the kernel keeps, and who is behind it."""

import os
import socket

import pytest

from uncork.system import controlsocket
from uncork.system.credentials import Credentials, peer_credentials

NOBODY = 65534
ME = Credentials(os.getpid(), os.geteuid(), os.getegid())


@pytest.fixture
def listener() -> socket.socket:
    """A control socket of this process."""
    sock = controlsocket.listen()
    assert sock is not None
    return sock


def test_it_is_found_by_its_name(listener: socket.socket) -> None:
    """As long as it is open, and with the pid in it; two of one process do not meet."""
    other = controlsocket.listen()
    assert other is not None
    names = {sock.getsockname() for sock in (listener, other)}

    assert len(names) == 2
    assert names <= set(controlsocket.names())
    assert all(name.startswith(f"\0uncork/ctl/{os.getpid()}/".encode()) for name in names)
    assert not listener.getblocking()
    assert not listener.get_inheritable()
    listener.close()
    other.close()
    assert not names & set(controlsocket.names())


def test_connections_are_no_servers(listener: socket.socket) -> None:
    """The kernel lists the accepted end under the name of its listener, too; it counts once."""
    with listener, socket.socket(socket.AF_UNIX) as client:
        client.connect(listener.getsockname())
        accepted, _ = listener.accept()
        assert list(controlsocket.names()).count(listener.getsockname()) == 1
        accepted.close()


def test_both_ends_know_each_other(listener: socket.socket) -> None:
    """The kernel says who connected, and who listens."""
    with listener:
        client, behind = controlsocket.connect(listener.getsockname(), 5)
        accepted, _ = listener.accept()

        assert behind == ME
        assert peer_credentials(accepted) == ME
        assert client.gettimeout() == 5
        client.close()
        accepted.close()


def test_a_name_without_a_listener() -> None:
    """Connecting fails, and leaves no descriptor behind."""
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(ConnectionRefusedError):
        controlsocket.connect(b"\0uncork/ctl/1/nobody", 5)

    assert len(os.listdir("/proc/self/fd")) == before


def test_a_listener_that_accepts_nothing_holds_nobody(listener: socket.socket) -> None:
    """A full queue is waited for only as long as was allowed."""
    with listener:
        clients = [socket.socket(socket.AF_UNIX) for _ in range(controlsocket.BACKLOG + 1)]
        for client in clients:
            client.setblocking(False)
            client.connect(listener.getsockname())
        with pytest.raises(OSError, match="temporarily unavailable"):
            controlsocket.connect(listener.getsockname(), 0.05)
        for client in clients:
            client.close()


def test_a_server_may_be_without_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the kernel gives none, there is none, and no error."""

    def refused(*_: object) -> socket.socket:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(socket, "socket", refused)

    assert controlsocket.listen() is None
