"""The descriptor in reserve: nobody is announced for ever."""

import os
import resource
import select
import socket

import pytest

from uncork.system.process import fork
from uncork.system.spare import SpareDescriptor

pytestmark = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")


def story() -> int:
    """Connections while every descriptor is in use; 42 if all went as it should."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind("")
    listener.listen(8)
    listener.setblocking(False)
    spare = SpareDescriptor()
    clients = [socket.socket(socket.AF_UNIX) for _ in range(3)]
    for client in clients:
        client.connect(listener.getsockname())
    taken = spare.accept(listener)
    assert taken is not None
    highest = os.dup(0)
    os.close(highest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest, highest))
    assert spare.accept(listener) is None
    assert spare.accept(listener) is None
    assert select.select([listener], [], [], 0) == ([], [], [])
    assert [client.recv(1) for client in clients[1:]] == [b"", b""]
    taken.close()
    fresh = clients[1]
    fresh.close()
    again = socket.socket(socket.AF_UNIX)
    again.connect(listener.getsockname())
    assert spare.accept(listener) is not None
    return 42


def test_without_a_descriptor_connections_are_turned_away() -> None:
    """They are closed instead of waiting, the listener is quiet, and the next one with room is accepted."""
    _, status = os.waitpid(fork(story), 0)
    assert os.waitstatus_to_exitcode(status) == 42
