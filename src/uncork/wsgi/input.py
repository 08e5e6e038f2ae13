"""`wsgi.input`: the request body as a file that ends with it (PEP 3333, "Input and Error Streams").

    Input           CONTENT_LENGTH bytes
    ChunkedInput    chunks, up to the last one (RFC 9112, 7.1)

Runs in: worker (compiled by mypyc).  Memory is bounded by what the application asks for in one call: nothing
is read ahead beyond one receive buffer.
"""

import re
from collections.abc import Iterator
from typing import Final, NoReturn

from uncork.protocol.http import HeadError
from uncork.protocol.httpanswer import chunk_size, is_clean
from uncork.wsgi.errors import ReadError, WriteError
from uncork.wsgi.response import Response
from uncork.wsgi.wire import Wire

# One receive: large enough that a 2 GB upload costs 32,768 system calls, small enough for a thread to hold.
RECEIVE_SIZE: Final = 65536
# Of a body whose end is not known: more than anybody sends.
ENDLESS: Final = 1 << 60
# The line before a chunk, and each line behind the last one: sizes, extensions and trailers that occur fit.
MAX_CHUNK_LINE: Final = 4096
# What all of a body's chunk extensions may have together: nobody uses them.
MAX_EXTENSIONS: Final = 16384
# Lines behind the last chunk.
MAX_TRAILERS: Final = 64
# The end of a chunk and a plain beginning of the next one, which is not the last.
_NEXT_CHUNK: Final = re.compile(rb"\r\n0{0,3}([1-9A-Fa-f][0-9A-Fa-f]{0,7})\r\n")
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class Input:
    """A readable file of exactly the request's body.

    `first` is the part of the body that came with the head; `length` is CONTENT_LENGTH (0 when there is none).
    Every method raises `ReadError` (an OSError) if the client breaks off before the body is complete.
    """

    def __init__(self, wire: Wire, first: bytes, length: int) -> None:
        self._wire = wire
        # Bytes beyond the announced length are not ours to show.
        self._buffer = first if len(first) <= length else first[:length]
        self._position = 0
        self._on_wire = length - len(self._buffer)

    def unread(self) -> int:
        """Bytes of the body that are still on the wire."""
        return self._on_wire

    def _fill(self, limit: int) -> bool:
        """Replace the used-up buffer by the next bytes of the wire; False at the end of the body."""
        if self._on_wire <= 0:
            return False
        self._buffer = self._wire.receive(min(self._on_wire, limit))
        self._position = 0
        self._on_wire -= len(self._buffer)
        return True

    def _take(self, size: int) -> bytes:
        """Up to `size` bytes that are in the buffer already."""
        start = self._position
        end = min(start + size, len(self._buffer))
        self._position = end
        if start == 0 and end == len(self._buffer):
            return self._buffer
        return self._buffer[start:end]

    def read(self, size: int | None = -1) -> bytes:
        """Exactly `size` bytes, fewer only at the end of the body; all that is left without `size`."""
        left = len(self._buffer) - self._position + self._on_wire
        wanted = left if size is None or size < 0 or size > left else size
        if wanted == 0:
            return b""
        piece = self._take(wanted)
        if len(piece) == wanted:
            return piece
        pieces = [piece]
        missing = wanted - len(piece)
        while missing > 0 and self._fill(RECEIVE_SIZE):
            piece = self._take(missing)
            pieces.append(piece)
            missing -= len(piece)
        return b"".join(pieces)

    def readline(self, size: int | None = -1) -> bytes:
        """Up to and with the next LF, at most `size` bytes; b"" at the end of the body."""
        limit = -1 if size is None else size
        pieces: list[bytes] = []
        total = 0
        while limit < 0 or total < limit:
            if self._position >= len(self._buffer) and not self._fill(RECEIVE_SIZE):
                break
            end = self._buffer.find(b"\n", self._position)
            room = len(self._buffer) - self._position if end < 0 else end + 1 - self._position
            if limit >= 0 and room > limit - total:
                room = limit - total
            piece = self._take(room)
            pieces.append(piece)
            total += len(piece)
            if piece.endswith(b"\n"):
                break
        return b"".join(pieces)

    def readlines(self, hint: int | None = -1) -> list[bytes]:
        """The lines that are left; stops once they hold `hint` bytes, if that is positive."""
        limit = 0 if hint is None else hint
        lines: list[bytes] = []
        total = 0
        while True:
            line = self.readline()
            if not line:
                return lines
            lines.append(line)
            total += len(line)
            if 0 < limit <= total:
                return lines

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        line = self.readline()
        if not line:
            raise StopIteration
        return line


class ChunkedInput(Input):
    """A body that comes in chunks, of `limit` bytes at most (0: as many as come); `first` came with the head.

    It reads ahead, to find where the chunks begin: behind it nothing is left on the wire for anybody else.
    """

    def __init__(self, wire: Wire, first: bytes, limit: int) -> None:
        super().__init__(wire, b"", 0)
        self._raw = first
        self._next = 0
        self._on_wire = ENDLESS
        self._chunk = 0
        self._total = 0
        self._limit = limit
        self._extensions = 0
        # What to answer if reading fails: "" for nothing in particular.
        self.fault = ""

    def read(self, size: int | None = -1) -> bytes:
        """See Input.read."""
        wanted = ENDLESS if size is None or size < 0 else size
        piece = self._take(wanted)
        if len(piece) == wanted:
            return piece
        # However small the chunks are, the pieces cost no more than what is in them.
        found = bytearray(piece)
        while len(found) < wanted and self._fill(RECEIVE_SIZE):
            found += self._take(wanted - len(found))
        return bytes(found)

    def _fill(self, limit: int) -> bool:
        """See Input._fill."""
        if self.fault != "":
            # Behind what was wrong nothing is what it seems to be.
            raise ReadError("the body is malformed or too large")
        if self._on_wire <= 0:
            return False
        if self._chunk == 0:
            # Not before somebody wants more: a client may wait for an answer between two chunks.
            if self._total > 0 and self._line() != b"":
                self._refuse("400 Bad Request", "a chunk is longer than it says")
            self._begin_chunk()
            if self._chunk == 0:
                self._on_wire = 0
                self._buffer = b""
                self._position = 0
                return False
        if self._next >= len(self._raw):
            self._more(min(limit, RECEIVE_SIZE))
        self._buffer = self._raw[self._next : self._next + self._chunk]
        self._position = 0
        self._next += len(self._buffer)
        self._chunk -= len(self._buffer)
        if self._chunk == 0 and self._next < len(self._raw):
            self._gather()
        return True

    def _gather(self) -> None:
        """Add to the buffer the chunks that are here as a whole; whatever is special about one is left for later."""
        raw = self._raw
        gathered = bytearray(self._buffer)
        while True:
            found = _NEXT_CHUNK.match(raw, self._next)
            if found is None:
                break
            size = int(found[1], 16)
            start: int = found.end()
            if start + size > len(raw) or 0 < self._limit < self._total + size:
                break
            self._total += size
            self._next = start + size
            gathered += raw[start : start + size]
        if len(gathered) > len(self._buffer):
            self._buffer = bytes(gathered)

    def _begin_chunk(self) -> None:
        """Read the line before a chunk, and behind the last one the trailers, which nobody wants."""
        reason = ""
        line = self._line()
        try:
            self._chunk = chunk_size(line)
        except HeadError as error:
            reason = str(error)
        if reason != "":
            self._refuse("400 Bad Request", f"{reason}: {line[:64]!r}")
        self._extensions += len(line) - len(line.partition(b";")[0])
        if self._extensions > MAX_EXTENSIONS:
            self._refuse("400 Bad Request", f"more than {MAX_EXTENSIONS} bytes of chunk extensions")
        self._total += self._chunk
        if 0 < self._limit < self._total:
            self._refuse("413 Content Too Large", f"the body has more than {self._limit} bytes (limit-post)")
        if self._chunk == 0:
            for _ in range(MAX_TRAILERS):
                trailer = self._line()
                if trailer == b"":
                    return
                if not is_clean(trailer):
                    self._refuse("400 Bad Request", f"malformed trailer: {trailer[:64]!r}")
            self._refuse("400 Bad Request", "too many trailers")

    def _line(self) -> bytes:
        """The next line, without its end."""
        while True:
            end = self._raw.find(b"\r\n", self._next)
            if end >= 0 and end - self._next <= MAX_CHUNK_LINE:
                line = self._raw[self._next : end]
                self._next = end + 2
                return line
            if len(self._raw) - self._next > MAX_CHUNK_LINE:
                self._refuse("400 Bad Request", "malformed chunk: its first line does not end")
            self._more(RECEIVE_SIZE)

    def _more(self, limit: int) -> None:
        """Receive; what is used up goes."""
        left = self._raw[self._next :]
        self._raw = left + self._wire.receive(limit)
        self._next = 0

    def _refuse(self, status: str, reason: str) -> NoReturn:
        self.fault = status
        raise ReadError(reason)


class Continuing(Wire):
    """The wire of a client that sends its body once it is told to (RFC 9110, 10.1.1): at the first read, if ever.

    Only what a body is read with; nobody tells whoever has an answer already.
    """

    def __init__(self, wire: Wire, response: Response) -> None:
        self._wire = wire
        self._response = response
        self._waits = True

    def receive(self, limit: int) -> bytes:
        """See Wire.receive."""
        if self._waits:
            self._waits = False
            if not self._response.head_sent:
                try:
                    self._wire.send(CONTINUE)
                except WriteError as error:
                    raise ReadError(*error.args) from error
        return self._wire.receive(limit)
