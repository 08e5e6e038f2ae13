"""Lines on their way through the relay: put together from what was read, and kept until somebody takes them.

Pure, but for the time in the notice of what is missing.
"""

from collections import deque

from uncork.master.logtargets import CHUNK
from uncork.system import logwriter

# What waits for a destination: seconds of a busy server, and nothing to the memory of a machine that runs one.
BACKLOG_SIZE = 2**20
# The server's own lines say what happened meanwhile, and may use so much more.
RESERVE = 2**16
# A line that is longer goes on in the next.
LINE_SIZE = 2**18


class Lines:
    """Cuts a stream into pieces of whole lines."""

    def __init__(self, limit: int = LINE_SIZE) -> None:
        self._limit = limit
        self._rest = b""

    def feed(self, data: bytes) -> bytes:
        """The whole lines that `data` completes, b"" for none."""
        data = self._rest + data
        end = data.rfind(b"\n") + 1
        self._rest = data[end:]
        if len(self._rest) < self._limit:
            return data[:end]
        return data[:end] + self.flush()

    def flush(self) -> bytes:
        """What is left of a line, as a line."""
        rest, self._rest = self._rest, b""
        return rest and rest + b"\n"


class Backlog:
    """Lines on their way to a destination: at most `limit` bytes, beyond which whole lines are dropped and counted.

    Once a line was dropped all are, until everything before it is gone: then one line says how many are missing.
    """

    def __init__(self, limit: int = BACKLOG_SIZE) -> None:
        self.limit = limit
        self._pieces: deque[bytes] = deque()
        # How much of the first piece is gone.
        self._start = 0
        self.size = 0
        # All lines that were ever dropped, and those that nobody has been told of.
        self.dropped = 0
        self._missing = 0

    def add(self, lines: bytes, reserve: int = 0) -> None:
        """Append whole lines; the limit is `reserve` bytes higher for them."""
        room = 0 if self._missing and not reserve else self.limit + reserve - self.size
        fits = lines if len(lines) <= room else lines[: lines.rfind(b"\n", 0, max(0, room)) + 1]
        if fits:
            self._pieces.append(fits)
            self.size += len(fits)
        missing = lines.count(b"\n", len(fits))
        self.dropped += missing
        self._missing += missing

    def head(self) -> tuple[bytes, int]:
        """(whole lines, where their unwritten part begins); b"" when there are none.

        What is unwritten comes again, in front of whatever was added.
        """
        pieces = self._pieces
        if not pieces:
            return b"", 0
        if len(pieces) > 1 and len(pieces[0]) < CHUNK:
            joined = [pieces.popleft()]
            size = len(joined[0])
            while pieces and size < CHUNK:
                size += len(pieces[0])
                joined.append(pieces.popleft())
            pieces.appendleft(b"".join(joined))
        return pieces[0], self._start

    def advance(self, count: int, why: str) -> None:
        """So many bytes of the head are gone.  When those were the last, the notice of what is missing follows.

        `why` completes it: "3 log lines lost: ...".
        """
        self.size -= count
        self._start += count
        if self._start == len(self._pieces[0]):
            self._pieces.popleft()
            self._start = 0
        if self._missing and not self._pieces:
            notice = logwriter.dated(f"{self._missing} log lines lost: {why}\n").encode("utf-8", "backslashreplace")
            self._missing = 0
            self._pieces.append(notice)
            self.size = len(notice)
