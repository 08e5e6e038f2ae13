"""How a process writes its log: no line raises, none is waited for long, and what is lost is counted.

    say                                 a line of the server's own: through the master's relay where there is one
    LogWriter.write                     lines, on a descriptor

Runs in: every process.  Must not: change the flags of an open file, which programs that know nothing of it share.
"""

import os
import select
import socket
import stat
import time
from collections.abc import Callable

# Seconds that a line waits for a reader that takes nothing.  One that works empties a pipe in milliseconds; one that is
# stopped must not stop requests.
PATIENCE = 0.2
# A pipe that poll(2) calls writable takes so much without blocking (PIPE_BUF, pipe(7)).
PIPE_BUF = select.PIPE_BUF


class Losses:
    """The lines that this process could not write; `show` is told their number when it changes."""

    def __init__(self) -> None:
        self.lines = 0
        self._show: Callable[[int], None] | None = None

    def begin(self, lines: int, show: Callable[[int], None]) -> None:
        """Count on from `lines`.  Runs in: a worker, at its start."""
        self.lines = lines
        self._show = show

    def add(self, lines: int) -> None:
        """So many more.  Threads may race, and the number be one too small: it is a statistic."""
        self.lines += lines
        if self._show is not None:
            self._show(self.lines)


losses = Losses()


class LogWriter:
    """Writes lines to descriptor `number`, or to what stands in for it."""

    def __init__(self, number: int) -> None:
        self._number = number
        # What is written to: `number`, unless it is a pipe that could be opened a second time.
        self._fd = number
        self._sock: socket.socket | None = None
        # A pipe that blocks, and that this process may not open again.
        self._polled = False
        # A line was cut off by its loss: what comes next has to begin on a line of its own.
        self._cut = False
        # The last line was lost because nobody read: the next does not wait.
        self._stuck = False

    def use(self, fd: int) -> None:
        """Write to `fd`, which does not block."""
        self._fd = fd
        self._polled = False

    def settle(self) -> None:
        """See what the descriptor is, so that not even a blocking one can block.

        Raises nothing: where that cannot be had, lines are written as they always were.
        """
        try:
            mode = os.fstat(self._number).st_mode
            if stat.S_ISFIFO(mode):
                self._settle_pipe()
            elif stat.S_ISSOCK(mode):
                self._sock = socket.socket(fileno=os.dup(self._number))
        except OSError:
            pass

    def _settle_pipe(self) -> None:
        try:
            # A second open file of the same pipe: O_NONBLOCK on the first would hit everybody who writes to it.
            self.use(os.open(f"/proc/self/fd/{self._number}", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC))
        except OSError:
            self._polled = True

    def write(self, data: bytes) -> None:
        """Write `data`, which is one line or several, in one piece where the system lets it; or lose and count it."""
        written = 0
        if not (self._cut or self._polled or self._sock):
            try:
                written = os.write(self._fd, data)
            except OSError:
                pass  # it may be worth waiting for
            if written == len(data):
                self._stuck = False
                return
        self._persist(data, written)

    def _persist(self, data: bytes, written: int) -> None:
        """Write `data` from `written` on as far as it goes."""
        lines = max(1, data.count(b"\n"))
        if self._cut:
            data = b"\n" + data
        try:
            while written < len(data):
                written += self._some(data, written)
            self._cut = False
        except OSError:
            rest = data.count(b"\n", written)
            losses.add(min(lines, max(1, rest)))
            if written:
                self._cut = not data.endswith(b"\n", 0, written)

    def _some(self, data: bytes, start: int) -> int:
        """Write some of `data`; how much.  Raises OSError, BlockingIOError when nobody read for long enough."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                written = self._try(data, start)
            except BlockingIOError:
                left = end - time.monotonic()
                if self._stuck or left <= 0 or not _writable(self._fd, left):
                    self._stuck = True
                    raise
            else:
                self._stuck = False
                return written

    def _try(self, data: bytes, start: int) -> int:
        if self._sock is not None:
            return self._sock.send(memoryview(data)[start:], socket.MSG_DONTWAIT)
        if not self._polled:
            return os.write(self._fd, memoryview(data)[start:])
        if not _writable(self._fd, 0):
            raise BlockingIOError
        return os.write(self._fd, memoryview(data)[start : start + PIPE_BUF])


def _writable(fd: int, seconds: float) -> bool:
    """Whether `fd` takes something, or fails, within `seconds`."""
    poll = select.poll()
    poll.register(fd, select.POLLOUT)
    return bool(poll.poll(seconds * 1000))


# Like sys.stdout and sys.stderr there is one of each in a process.
STDOUT = LogWriter(1)
STDERR = LogWriter(2)
# Where lines of requests go: to the log, unless option `req-logger` has the master write them elsewhere.
REQUESTS = LogWriter(2)


def settle() -> None:
    """Let no descriptor of the log block this process (see LogWriter.settle)."""
    for writer in (STDOUT, STDERR, REQUESTS):
        writer.settle()


class Voice:
    """How `say` speaks: `date` is a form of strftime(3), "" for none; `carrier` takes lines in place of stderr."""

    def __init__(self) -> None:
        self.date = ""
        self.carrier: Callable[[bytes], None] | None = None


voice = Voice()


def say(text: str) -> None:
    """One line of the server's own to the log (or several: they stay together)."""
    data = (f"{dated(text)}\n").encode("utf-8", "backslashreplace")
    if voice.carrier is not None:
        voice.carrier(data)
    else:
        STDERR.write(data)


def dated(text: str) -> str:
    """`text` behind the time, where option `log-date` asks for it."""
    return f"{time.strftime(voice.date)} - {text}" if voice.date else text
