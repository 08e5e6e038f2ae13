"""`wsgi.input`: the request body as a file, bounded by CONTENT_LENGTH (PEP 3333, "Input and Error Streams").

Runs in: worker (compiled by mypyc).  Memory is bounded by what the application asks for in one call: nothing
is read ahead beyond one receive buffer.
"""

from collections.abc import Iterator
from typing import Final

from uncork.wsgi.wire import Wire

# One receive: large enough that a 2 GB upload costs 32,768 system calls, small enough for a thread to hold.
RECEIVE_SIZE: Final = 65536


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
