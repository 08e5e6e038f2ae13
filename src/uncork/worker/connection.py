"""One accepted connection: the wire under a request, on a non-blocking descriptor.

Runs in: worker (compiled by mypyc).  Works on the bare descriptor: a socket object would cost an allocation and a
system call for each request.  Must not: know PEP 3333 or the uwsgi protocol.
"""

import os
import select
import socket
import struct
from typing import Any, Final

from uncork.worker.deadline import breathe
from uncork.wsgi.errors import ReadError, WriteError
from uncork.wsgi.wire import Wire

# Linux moves at most 0x7ffff000 bytes in one sendfile (sendfile(2)); a round number below it.
SENDFILE_MAX: Final = 1 << 30
# The longest that a thread waits without looking up, in milliseconds (see worker.deadline.breathe).
SLICE: Final = 250
# What is read at once of what nobody wants.
UNWANTED: Final = 16384


class Connection(Wire):
    """`peer` is the client as the log shows it; `timeout` (milliseconds) bounds every wait for it.

    Where HTTP is spoken, `http` has the variables of the listener, else None, and `port` is the client's ("" for none).
    """

    def __init__(self, fd: int, peer: str, timeout: int, http: dict[str, Any] | None = None, port: str = "") -> None:
        self.fd = fd
        self.peer = peer
        self.timeout = timeout
        self.http = http
        self.port = port
        # What has arrived of the request's head, and from the moment it is complete also of its body.
        self.head = b""
        # Monotonic seconds after which a waiting connection is given up; 0 while it is not waiting.
        self.deadline = 0.0
        # Whether the descriptor is in the worker's epoll set.
        self.registered = False
        # The answer is out, the rest of the request's body is still being read away (RFC 9112, 9.6).
        self.lingering = False
        # Whether the client let us wait too long for its body.
        self.timed_out = False
        # Whether it took less of its answer at once than there was.
        self.slow = False
        # Monotonic seconds after which nothing more is read away.
        self.latest = 0.0

    @property
    def protocol(self) -> str:
        """What its log lines say that it speaks."""
        return "uwsgi" if self.http is None else "HTTP"

    def _wait(self, event: int) -> bool:
        """Wait until the descriptor is ready for `event`; False if that takes longer than the timeout.

        Raises what interrupts the request (harakiri), at the latest a SLICE after it was said.
        """
        poll = select.poll()
        poll.register(self.fd, event)
        left = self.timeout
        while True:
            ready = len(poll.poll(min(left, SLICE))) > 0
            breathe()
            left -= SLICE
            if ready or left <= 0:
                return ready

    def receive(self, limit: int) -> bytes:
        """See Wire.receive."""
        while True:
            try:
                data = os.read(self.fd, limit)
            except BlockingIOError:
                if not self._wait(select.POLLIN):
                    self.timed_out = True
                    raise ReadError("timed out waiting for the request's body") from None
                continue
            except OSError as error:
                raise ReadError(error.errno, error.strerror) from error
            if len(data) == 0:
                raise ReadError("the client closed the connection before the body was complete")
            return data

    def send(self, data: bytes) -> None:
        """See Wire.send."""
        try:
            sent = os.write(self.fd, data)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            raise WriteError(error.errno, error.strerror) from error
        if sent < len(data):
            self._send_rest(memoryview(data)[sent:])

    def send_two(self, first: bytes, second: bytes) -> None:
        """See Wire.send_two."""
        try:
            sent = os.writev(self.fd, [first, second])
        except BlockingIOError:
            sent = 0
        except OSError as error:
            raise WriteError(error.errno, error.strerror) from error
        if sent < len(first):
            self._send_rest(memoryview(first)[sent:])
            self._send_rest(memoryview(second))
        elif sent < len(first) + len(second):
            self._send_rest(memoryview(second)[sent - len(first) :])

    def _send_rest(self, view: memoryview) -> None:
        """Send all of `view`, waiting whenever the socket is full."""
        while len(view) > 0:
            self._wait_to_write()
            try:
                sent = os.write(self.fd, view)
            except BlockingIOError:
                continue
            except OSError as error:
                raise WriteError(error.errno, error.strerror) from error
            view = view[sent:]

    def _wait_to_write(self) -> None:
        self.slow = True
        if not self._wait(select.POLLOUT):
            raise WriteError("timed out: the client takes nothing any more")

    def send_file(self, fd: int, offset: int, count: int) -> int:
        """See Wire.send_file."""
        done = 0
        while done < count:
            try:
                sent = os.sendfile(self.fd, fd, offset + done, min(count - done, SENDFILE_MAX))
            except BlockingIOError:
                self._wait_to_write()
                continue
            except OSError as error:
                raise WriteError(error.errno, error.strerror) from error
            if sent == 0:
                break
            done += sent
        return done

    def send_last(self, data: bytes) -> None:
        """Send what of `data` is taken at once, to a client that does not wait for it."""
        try:
            os.write(self.fd, data)
        except OSError:
            pass

    def quiet(self) -> bool:
        """Whether nothing has come that was not read, not even the end."""
        poll = select.poll()
        poll.register(self.fd, select.POLLIN)
        return len(poll.poll(0)) == 0

    def may_lose(self) -> bool:
        """Whether to close now may cost the client its answer: what comes then is answered by a reset (RFC 9112, 9.6).

        So it is where it still takes the answer in, and where it has sent what nobody read.
        """
        if self.slow:
            return True
        try:
            return len(os.read(self.fd, UNWANTED)) > 0
        except OSError:
            return False

    def close(self) -> None:
        """Close; what was sent still reaches the client.  Closing twice does nothing."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def cut(self) -> None:
        """Close in a way that the client can tell from the end of an answer: by a reset, where the socket is TCP."""
        if self.fd < 0:
            return
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, self.fd)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass
        sock.close()
        self.fd = -1

    def end_output(self) -> None:
        """Say that the answer is complete while the request is still arriving (shutdown(2), SHUT_WR)."""
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, self.fd)
        try:
            sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        sock.detach()
