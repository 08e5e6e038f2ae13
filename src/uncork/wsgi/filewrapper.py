"""`wsgi.file_wrapper` (PEP 3333, "Optional Platform-Specific File Handling").

Runs in: worker.  A wrapper that the application returns as it is leaves by sendfile where that is possible; one that
a middleware iterates is an ordinary iterable.
"""

import io
import os
import stat
from collections.abc import Iterator
from typing import Protocol

# PEP 3333's example uses 8192; pages of 64 kB cost an eighth of the system calls when sendfile is not possible.
DEFAULT_BLOCK_SIZE = 65536


class Readable(Protocol):
    """What PEP 3333 asks of a file-like object: `read(size)`; `close()` and `fileno()` are optional."""

    def read(self, size: int, /) -> bytes: ...


class FileWrapper:
    """An iterable over `filelike` in blocks of `blksize` bytes."""

    def __init__(self, filelike: Readable, blksize: int = DEFAULT_BLOCK_SIZE) -> None:
        self.filelike = filelike
        self.blksize = blksize

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        block = self.filelike.read(self.blksize)
        if not block:
            raise StopIteration
        return block

    def close(self) -> None:
        """Close the file, if it can be closed."""
        close = getattr(self.filelike, "close", None)
        if close is not None:
            close()

    def span(self) -> tuple[int, int, int] | None:
        """(fd, offset, bytes from there to the end) if the kernel can send the rest of this file by itself.

        None for anything but a regular file read in binary: an io.BytesIO, a pipe, a wrapped or decoded stream.
        """
        file: object = self.filelike
        # Only what is known to read the descriptor's own bytes: gzip and its like have a fileno(), too.
        raw = file.raw if isinstance(file, (io.BufferedReader, io.BufferedRandom)) else file
        if not isinstance(file, io.IOBase) or not isinstance(raw, io.FileIO) or _decodes(file) or _decodes(raw):
            return None
        try:
            fd = file.fileno()
            status = os.fstat(fd)
            offset = file.tell()
        except (OSError, ValueError):  # closed
            return None
        # Files of /proc are regular and say 0: only reading them tells.
        if not stat.S_ISREG(status.st_mode) or status.st_size == 0:
            return None
        return fd, offset, max(0, status.st_size - offset)


def _decodes(file: io.IOBase) -> bool:
    """Whether the class of `file` reads in a way of its own, so that what it gives may not be what the file has."""
    return any(
        getattr(type(file), name, None) not in {getattr(base, name, None) for base in _PLAIN}
        for name in ("read", "readinto", "readall")
    )


_PLAIN = (io.FileIO, io.BufferedReader, io.BufferedRandom)
