"""A real connection to a peer that sees each send apart, and sends in pieces that stay apart (SOCK_SEQPACKET)."""

import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from uncork.worker.connection import Connection

# Milliseconds; longer than anything here waits for its peer.
PATIENCE = 30_000


@contextmanager
def _open_wire() -> Iterator[tuple[Connection, socket.socket]]:
    ours, peer = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    connection = Connection(ours.detach(), "peer", PATIENCE)
    try:
        with peer:
            yield connection, peer
    finally:
        connection.close()


@pytest.fixture(scope="session")
def open_wire() -> Callable[[], AbstractContextManager[tuple[Connection, socket.socket]]]:
    """Opens (the server's end, the client's end); both are closed at the end of the with block."""
    return _open_wire
