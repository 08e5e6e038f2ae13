"""From the bytes on a connection to a decoded request, at a uwsgi socket and at one for HTTP.

    Heads.read                          one read that usually holds the whole head
      _serve                            decode: uwsgi; _serve_http: HTTP
        Attendant.attend                the application and the answer

Runs in: worker (compiled by mypyc).  Must not: load code, open files or change settings because of anything that came
from the network.
"""

import os
import time
from typing import Final

from uncork.protocol.http import Framing, HeadError, decode_head, find_end
from uncork.protocol.httpanswer import refusal
from uncork.protocol.uwsgi import HEADER_SIZE, PacketError, block_size, check_header, decode_vars
from uncork.scoreboard.cells import CoreCells
from uncork.scoreboard.schema import SNAPSHOT_SIZE
from uncork.worker.attendant import Attendant
from uncork.worker.connection import Connection
from uncork.worker.errorlog import say
from uncork.worker.leave import end
from uncork.worker.loop import Loop
from uncork.wsgi.environ import BadRequest, Environ, content_length, dangerous_vars, server_protocol
from uncork.wsgi.httpresponse import HttpResponse
from uncork.wsgi.input import ChunkedInput, Continuing, Input
from uncork.wsgi.response import Ending, Response
from uncork.wsgi.wire import Wire

# The first read: a head with usual cookies and a small form fit, and malloc serves it without mmap.
FIRST_READ: Final = 16384
# The address of a client that has none, as uWSGI and `listeners` say it.
NOBODY: Final = "0.0.0.0"  # noqa: S104 - none to listen on


class Heads:
    """Reads the heads of a thread's requests; `headers` are lines for every answer (add-header)."""

    def __init__(self, loop: Loop, attendant: Attendant, cells: CoreCells, headers: tuple[str, ...]) -> None:
        self._loop = loop
        self._attendant = attendant
        self._cells = cells
        self._exchange = attendant.exchange
        self._ending = Ending(headers)
        self._http_ending = Ending(headers, http=True)

    def read(self, connection: Connection) -> None:
        """Read what is there of the head; serve the request if that completes it, park the connection if not."""
        try:
            data = os.read(connection.fd, FIRST_READ)
        except BlockingIOError:
            self._loop.park(connection, connection.timeout / 1000)
            return
        except OSError:
            self._drop(connection)
            return
        if len(data) == 0:
            self._drop(connection)
            return
        seen = len(connection.head)
        if seen > 0:
            data = connection.head + data
        connection.head = data
        if connection.http is not None:
            try:
                self._read_http(connection, seen)
            except BaseException:
                # A fault of ours: the client must not wait for an answer that will not come.
                connection.cut()
                raise
            return
        self._read_uwsgi(connection, data)

    def _read_uwsgi(self, connection: Connection, data: bytes) -> None:
        """Serve the request whose packet is complete; `data` is all that has come."""
        try:
            if len(data) >= HEADER_SIZE:
                check_header(data, self._loop.limits.buffer_size)
                if len(data) >= HEADER_SIZE + block_size(data):
                    connection.deadline = 0.0
                    try:
                        self._serve(connection)
                    except BaseException:
                        connection.cut()
                        raise
                    return
        except PacketError as error:
            self._reject(connection, str(error))
            return
        self._loop.park(connection, connection.timeout / 1000)

    def _read_http(self, connection: Connection, seen: int) -> None:
        """Serve the request whose head is complete; `seen` bytes of it were there before."""
        data = connection.head
        if data.startswith(b"\r\n"):
            # RFC 9112, 2.2: one empty line before a request is nothing.  It stays until the head is whole, so that a
            # second one is seen as such.
            data = data[2:]
            seen = max(seen - 2, 0)
        try:
            size = find_end(data, seen, self._loop.limits.buffer_size)
            if size >= 0:
                connection.head = data
                connection.deadline = 0.0
                self._serve_http(connection, size)
                return
        except HeadError as error:
            connection.head = data
            self._refuse(connection, error)
            return
        self._loop.park(connection, connection.timeout / 1000)

    def _drop(self, connection: Connection) -> None:
        """The client left before its head was complete."""
        if len(connection.head) > 0:
            self._cells.read_error()
            protocol, peer, size = connection.protocol, connection.peer, len(connection.head)
            say(f"{protocol} request from {peer} broke off after {size} bytes of its head")
        connection.close()

    def _reject(self, connection: Connection, reason: str) -> None:
        """Close without an answer, as uWSGI does: what came is not a request."""
        self._cells.read_error()
        say(f"{reason} [from {connection.peer}, first bytes {connection.head[:16]!r}]")
        connection.close()

    def _refuse(self, connection: Connection, error: HeadError) -> None:
        """Answer that what came is no request of HTTP that is served here."""
        self._cells.read_error()
        say(f"HTTP request from {connection.peer} refused with {error.status}: {error} [{error.offending!r}]")
        connection.deadline = 0.0
        connection.send_last(refusal(error.status, time.time(), connection.head))
        end(self._loop, connection, 1, True)

    def _serve_http(self, connection: Connection, size: int) -> None:
        """Serve the request of HTTP whose head is the first `size` bytes in `connection`.  Raises HeadError."""
        data = connection.head
        started = time.monotonic()
        environ: Environ = {}
        framing = decode_head(data, size, environ, self._loop.limits.max_vars)
        if connection.http is not None:
            # What the configuration says (http-var) wins over the client's headers.
            environ.update(connection.http)
        peer = NOBODY
        if connection.port != "":
            peer = connection.peer
            environ["REMOTE_ADDR"] = peer
            environ["REMOTE_PORT"] = connection.port
        exchange = self._exchange
        exchange.vars = 2 * len(environ)
        exchange.protocol = environ["SERVER_PROTOCOL"]
        exchange.packet_size = size
        exchange.modifier1 = 0
        exchange.modifier2 = 0
        self._cells.begin(int(started * 1000000), peer.encode() + b"\n" + data[:SNAPSHOT_SIZE])
        response = HttpResponse(connection, environ["REQUEST_METHOD"] == "HEAD", self._http_ending)
        body = self._http_body(connection, response, framing, data[size:])
        if framing.chunked:
            environ["wsgi.input_terminated"] = True
        self._attendant.attend(connection, environ, response, body, framing.length, started, response)

    def _http_body(self, connection: Connection, response: Response, framing: Framing, first: bytes) -> Input:
        wire: Wire = connection
        if framing.expects and len(first) == 0:
            wire = Continuing(connection, response)
        if framing.chunked:
            return ChunkedInput(wire, first, self._attendant.limit_post)
        return Input(wire, first, framing.length)

    def _serve(self, connection: Connection) -> None:
        """Serve the request whose uwsgi packet is in `connection`."""
        data = connection.head
        size = HEADER_SIZE + block_size(data)
        started = time.monotonic()
        exchange = self._exchange
        environ: Environ = {}
        try:
            # uWSGI counts a key and its value as two.
            exchange.vars = 2 * decode_vars(data, HEADER_SIZE, size, environ, self._loop.limits.max_vars)
            length = content_length(environ)
            exchange.protocol = server_protocol(environ)
        except (PacketError, BadRequest) as reason:
            self._reject(connection, str(reason))
            return
        if data.find(b"UWSGI_", HEADER_SIZE, size) >= 0:
            self._warn_of(environ, connection)
        self._cells.begin(int(started * 1000000), data)
        exchange.packet_size = size - HEADER_SIZE
        exchange.modifier1 = data[0]
        exchange.modifier2 = data[3]
        response = Response(connection, exchange.protocol, environ.get("REQUEST_METHOD", "") == "HEAD", self._ending)
        self._attendant.attend(
            connection, environ, response, Input(connection, data[size:], length), length, started, None
        )

    def _warn_of(self, environ: Environ, connection: Connection) -> None:
        """Say that variables by which uWSGI would be told what to load or do are ignored."""
        names = dangerous_vars(environ)
        if names and names not in _warned:
            _warned.add(names)
            say(f"ignored from {connection.peer}: {names} (a peer cannot choose what this server loads or does)")


# Combinations of ignored variables that were logged already, so that a flood of them stays one line each.
_warned: set[str] = set()
