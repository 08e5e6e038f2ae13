"""What a service manager hears."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from uncork.system.notify import notify


@pytest.fixture(params=["file", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A service manager's socket, named in the environment."""
    name = str(tmp_path / "notify") if request.param == "file" else f"@uncork-test-notify-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(name.replace("@", "\0", 1))
        sock.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        yield sock


def test_the_lines_come_in_one_datagram(manager: socket.socket) -> None:
    """sd_notify(3): assignments with newlines between them."""
    notify("READY=1", "STATUS=serving")
    notify("STOPPING=1")

    assert [manager.recv(100), manager.recv(100)] == [b"READY=1\nSTATUS=serving", b"STOPPING=1"]


def test_descriptors_come_along(manager: socket.socket) -> None:
    """FDSTORE=1 takes them with it (sd_pid_notify_with_fds(3))."""
    one, other = socket.socketpair()
    with one, other:
        notify("FDSTORE=1", "FDNAME=x", fds=[one.fileno(), other.fileno()])

        data, fds, _, _ = socket.recv_fds(manager, 100, 4)
        assert data == b"FDSTORE=1\nFDNAME=x"
        assert [os.fstat(fd).st_ino for fd in fds] == [os.fstat(sock.fileno()).st_ino for sock in (one, other)]
        for fd in fds:
            os.close(fd)


def test_a_closed_descriptor_is_no_failure(manager: socket.socket) -> None:
    """Nothing is sent then."""
    notify("FDSTORE=1", fds=[-1])
    with pytest.raises(BlockingIOError):
        manager.recv(100)


def test_a_manager_that_does_not_listen_is_no_failure(manager: socket.socket) -> None:
    """A full queue neither blocks nor raises."""
    for _ in range(2000):
        notify("STATUS=x")
    assert manager.recv(100) == b"STATUS=x"


@pytest.mark.parametrize("name", [None, "", "/nosuch/notify", "@uncork-test-nobody", "relative", "/" + "x" * 200])
def test_without_a_manager_nothing_happens(monkeypatch: pytest.MonkeyPatch, name: str | None) -> None:
    """Not set, empty, gone, or no name for a socket at all."""
    if name is None:
        monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    else:
        monkeypatch.setenv("NOTIFY_SOCKET", name)

    notify("READY=1")
