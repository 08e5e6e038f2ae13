"""Where relayed log lines go: a descriptor that others share, a file, or somebody who takes datagrams.

Runs in: master.  Must not: block, whatever the other side does, or change the flags of an open file that others share.
Nothing is kept here: what a target does not take now, it is shown again later.
"""

import os
import select
import socket
import stat
import time
from collections.abc import Callable
from typing import Protocol

from uncork.config.logger import Logger
from uncork.errors import UncorkError
from uncork.system.address import Tcp, Unix, parse_address
from uncork.system.logfile import LogFile

# What a pipe of the usual size holds (pipe(7)); more at a time gains nothing.
CHUNK = 65536
# A UDP datagram has 65507 bytes at most (udp(7)); a line that is longer loses its end.
DATAGRAM_SIZE = 60_000
SYSLOG_SOCKET = "/dev/log"


class Target(Protocol):
    """Something that takes bytes."""

    # Of what use it is to wait for with the selector; changes when the target opens itself anew.
    fd: int

    def write(self, data: bytes, start: int) -> int:
        """Take some of `data`, which ends with a line break, from `start` on; how much.

        Whoever calls shows what was not taken again before anything else.  Raises BlockingIOError when there is no room
        now, another OSError when it fails.
        """

    def renew(self, rotate: bool) -> None:
        """Open a file anew, after renaming it if `rotate`.  Raises UncorkError; the old one goes on then."""

    def full(self) -> bool:
        """Whether it has grown beyond its limit."""

    def close(self) -> None:
        """Let it go."""


class DescriptorTarget:
    """A descriptor that the server was started with, of whatever kind."""

    def __init__(self, source: int) -> None:
        self._source = source
        # Of its own, so that two targets may wait for the same file.
        self.fd = os.dup(source)
        # What is on its way into a pipe.
        self._stage: tuple[int, int] | None = None
        self._staged = 0
        self._sock: socket.socket | None = None
        self._take = self._settle()

    def _settle(self) -> Callable[[bytes, int], int]:
        mode = os.fstat(self.fd).st_mode
        if stat.S_ISFIFO(mode):
            self._stage = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
            return self._through_stage
        if stat.S_ISSOCK(mode):
            self._sock = socket.socket(fileno=os.dup(self.fd))
            return self._send
        if stat.S_ISREG(mode):
            return self._write
        self._open_again()
        return self._write_to_device

    def write(self, data: bytes, start: int) -> int:
        """See Target."""
        return self._take(data, start)

    def _through_stage(self, data: bytes, start: int) -> int:
        """A pipe that may well block: splice(2) alone can be told not to, without a word to those who share it.

        To open it a second time takes permission, which a server that changed its user lacks.
        """
        assert self._stage is not None  # noqa: S101 - for the type
        if not self._staged:
            self._staged = os.write(self._stage[1], memoryview(data)[start : start + CHUNK])
        moved = os.splice(self._stage[0], self.fd, self._staged, flags=os.SPLICE_F_NONBLOCK)
        self._staged -= moved
        return moved

    def _send(self, data: bytes, start: int) -> int:
        assert self._sock is not None  # noqa: S101 - for the type
        return self._sock.send(memoryview(data)[start : start + CHUNK], socket.MSG_DONTWAIT)

    def _write(self, data: bytes, start: int) -> int:
        return os.write(self.fd, memoryview(data)[start:])

    def _open_again(self) -> None:
        """A terminal that was stopped by Ctrl-S blocks, too; whose it is may open it a second time."""
        try:
            again = os.open(f"/proc/self/fd/{self.fd}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        except OSError:
            return
        os.close(self.fd)
        self.fd = again

    def _write_to_device(self, data: bytes, start: int) -> int:
        poll = select.poll()
        poll.register(self.fd, select.POLLOUT)
        if not poll.poll(0):
            raise BlockingIOError
        return os.write(self.fd, memoryview(data)[start : start + select.PIPE_BUF])

    def renew(self, rotate: bool) -> None:  # noqa: ARG002 - whoever opened the source has renamed it
        """Follow the descriptor to what it is now."""
        if not os.path.samestat(os.fstat(self.fd), os.fstat(self._source)):
            self.close()
            self.fd = os.dup(self._source)
            self._take = self._settle()

    def full(self) -> bool:
        """Never."""
        return False

    def close(self) -> None:
        """Close what is ours; the descriptor itself stays."""
        os.close(self.fd)
        if self._stage is not None:
            os.close(self._stage[0])
            os.close(self._stage[1])
        if self._sock is not None:
            self._sock.close()
        self._stage, self._staged, self._sock = None, 0, None


class FileTarget:
    """A file that is ours to rotate; `maxsize` is bytes, 0 for no limit."""

    def __init__(self, file: LogFile, maxsize: int = 0) -> None:
        self._file = file
        self._maxsize = maxsize
        self.fd = file.descriptor()

    def write(self, data: bytes, start: int) -> int:
        """See Target."""
        return os.write(self.fd, memoryview(data)[start:])

    def renew(self, rotate: bool) -> None:
        """See Target."""
        if rotate:
            self._file.rename()
        fd = self._file.descriptor()
        os.close(self.fd)
        self.fd = fd

    def full(self) -> bool:
        """Whether it is larger than its limit."""
        return self._maxsize > 0 and self._file.larger_than(self._maxsize)

    def close(self) -> None:
        """Close it."""
        os.close(self.fd)


class DatagramTarget:
    """Somebody who takes a datagram for each line; whoever is not there (any more) is looked for at each write.

    `form` makes the datagram of a line without its break.
    """

    def __init__(self, family: int, address: str | tuple[object, ...], form: Callable[[bytes], bytes]) -> None:
        self._family = family
        self._address = address
        self._form = form
        self._sock: socket.socket | None = None
        self.fd = -1

    def write(self, data: bytes, start: int) -> int:
        """Send the line at `start`."""
        end = data.index(b"\n", start)
        try:
            sock = self._sock or self._connect()
            sock.send(self._form(data[start:end])[:DATAGRAM_SIZE])
        except BlockingIOError:
            raise
        except OSError:
            self.close()
            raise
        return end + 1 - start

    def _connect(self) -> socket.socket:
        self._sock = socket.socket(self._family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.fd = self._sock.fileno()
        self._sock.connect(self._address)
        return self._sock

    def renew(self, rotate: bool) -> None:
        """There is nothing to open or to rename."""

    def full(self) -> bool:
        """Never."""
        return False

    def close(self) -> None:
        """Close the socket, until it is wanted again."""
        if self._sock is not None:
            self._sock.close()
        self._sock, self.fd = None, -1


def open_target(logger: Logger, file: Callable[[Logger], LogFile]) -> Target:
    """The target that `logger` names, opened; `file` makes its log file.  Raises UncorkError."""
    if logger.engine == "file":
        return FileTarget(file(logger), logger.maxsize)
    if logger.engine in {"stdio", "fd"}:
        try:
            return DescriptorTarget(int(logger.where or 2))
        except OSError as error:
            raise UncorkError(
                f"logger = {logger}: {str(error.strerror).lower()} (the server is not started with this descriptor)"
            ) from None
    if logger.engine == "syslog":
        return DatagramTarget(socket.AF_UNIX, SYSLOG_SOCKET, syslog_form(logger.priority, logger.ident))
    form = (
        syslog_form(logger.priority, logger.ident or f"{socket.gethostname()} uwsgi")
        if logger.engine == "rsyslog"
        else plain_form(logger.prefix)
    )
    family, address = _datagram_address(logger)
    return DatagramTarget(family, address, form)


def _datagram_address(logger: Logger) -> tuple[int, str | tuple[object, ...]]:
    """Family and address to connect to; a host's name is looked up here and never again.  Raises UncorkError."""
    address = parse_address(logger.where)
    if isinstance(address, Unix):
        return socket.AF_UNIX, address.kernel_name
    return _lookup(logger, address)


def _lookup(logger: Logger, address: Tcp) -> tuple[int, tuple[object, ...]]:
    try:
        found = socket.getaddrinfo(address.host or "127.0.0.1", address.port, type=socket.SOCK_DGRAM)
    except OSError as error:
        raise UncorkError(f"logger = {logger}: {address.host} cannot be looked up ({error.strerror})") from None
    family, _, _, _, endpoint = found[0]
    return family, endpoint


def plain_form(prefix: str) -> Callable[[bytes], bytes]:
    """Datagrams of uWSGI's socket logger: the prefix, the line, and its break."""
    start = os.fsencode(prefix)
    return lambda line: start + line + b"\n"


def syslog_form(priority: int, ident: str) -> Callable[[bytes], bytes]:
    """Datagrams of the BSD syslog protocol (RFC 3164, section 4.1), as syslog(3) and uWSGI's rsyslog write them."""
    name = os.fsencode(ident)

    def form(line: bytes) -> bytes:
        # The names of months in English, whatever the locale: strftime knows them only in that.
        month, day, clock = time.ctime()[4:].split()[:3]
        return b"<%d>%s %2d %s %s: %s" % (priority, month.encode(), int(day), clock.encode(), name, line)

    return form
