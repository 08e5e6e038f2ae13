"""The stats socket: whoever connects gets the whole JSON, then the connection is closed.

Runs in: master, whose loop calls it; nothing here blocks.  With `stats-http` the request is read away first and an HTTP
head goes before the JSON, so that a browser can look.
"""

import selectors
import socket
import time
from collections.abc import Callable

from uncork.control.stats import HTTP_HEAD
from uncork.system.spare import SpareDescriptor

# Clients at a time; each costs one copy of the JSON.  Monitoring has one or two.
MAX_CLIENTS = 64
# A client that takes nothing for so long, in seconds, is let go.
CLIENT_TIME = 5.0
# A request of a browser that has cookies of every port of this host fits in one read.
REQUEST_SIZE = 65536


class StatsServer:
    """Serves `produce()` on the listening socket `sock`."""

    def __init__(
        self, sock: socket.socket, selector: selectors.BaseSelector, produce: Callable[[], bytes], http: bool
    ) -> None:
        self._sock = sock
        self._selector = selector
        self._spare = SpareDescriptor()
        self._produce = produce
        self._http = http
        # What is still to be sent to each client (None: its request has not come yet), and until when.
        self._clients: dict[socket.socket, tuple[memoryview | None, float]] = {}
        selector.register(sock, selectors.EVENT_READ, self._accept)

    def _accept(self) -> None:
        client = self._spare.accept(self._sock)
        if client is None:
            return
        self._sweep()
        if len(self._clients) >= MAX_CLIENTS:
            client.close()
            return
        client.setblocking(False)
        pending = None if self._http else memoryview(self._produce())
        self._clients[client] = (pending, time.monotonic() + CLIENT_TIME)
        if self._http:
            self._selector.register(client, selectors.EVENT_READ, lambda: self._read(client))
        else:
            self._selector.register(client, selectors.EVENT_WRITE, lambda: self._write(client))
            self._write(client)

    def _read(self, client: socket.socket) -> None:
        """The request's first bytes are here: whatever they say, the answer is the same."""
        if client not in self._clients:
            return  # let go in this very turn of the loop
        try:
            client.recv(REQUEST_SIZE)
        except BlockingIOError:
            return
        except OSError:
            self._drop(client)
            return
        self._clients[client] = (memoryview(HTTP_HEAD + self._produce()), time.monotonic() + CLIENT_TIME)
        self._selector.modify(client, selectors.EVENT_WRITE, lambda: self._write(client))
        self._write(client)

    def _write(self, client: socket.socket) -> None:
        if client not in self._clients:
            return  # let go in this very turn of the loop
        pending, deadline = self._clients[client]
        try:
            while pending:
                pending = pending[client.send(pending) :]
        except BlockingIOError:
            self._clients[client] = (pending, deadline)
            return
        except OSError:
            pass
        self._drop(client)

    def _sweep(self) -> None:
        now = time.monotonic()
        for client in [client for client, (_, deadline) in self._clients.items() if deadline < now]:
            self._drop(client)

    def _drop(self, client: socket.socket) -> None:
        self._selector.unregister(client)
        del self._clients[client]
        client.close()

    def shut(self) -> None:
        """Stop serving while the master goes on.  Runs in: master."""
        for client in list(self._clients):
            self._drop(client)
        self._selector.unregister(self._sock)
        self.close()

    def close(self) -> None:
        """Close every socket.  Runs in: the master at its end, and each child right after its fork."""
        for client in self._clients:
            client.close()
        self._clients.clear()
        self._spare.close()
        self._sock.close()
