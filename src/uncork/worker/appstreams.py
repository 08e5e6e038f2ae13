"""The application's sys.stdout and sys.stderr: what it prints never raises because of the log, and is not held back.

Runs in: template, and the single process, before the application is imported: `logging` keeps the stream that it finds
then.  Workers inherit the streams.
"""

import io
import os
import sys
from typing import TYPE_CHECKING

from uncork.system.logwriter import STDERR, STDOUT, LogWriter

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class LogStream(io.RawIOBase):
    """The bytes below such a stream: written whole, or lost and counted; never an error."""

    mode = "wb"

    def __init__(self, number: int, name: str, writer: LogWriter) -> None:
        super().__init__()
        self.name = name
        self._number = number
        self._writer = writer

    def writable(self) -> bool:
        """Always."""
        return True

    def write(self, data: "ReadableBuffer") -> int:
        """Take all of `data`."""
        taken = bytes(data)
        if taken:
            self._writer.write(taken)
        return len(taken)

    def fileno(self) -> int:
        """1 or 2, for those who write there themselves."""
        return self._number

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        try:
            return os.isatty(self._number)
        except OSError:
            return False


def install() -> None:
    """Replace sys.stdout and sys.stderr, which hold lines back and raise when a disk is full."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:  # noqa: BLE001 - full, closed, or never there
            pass
    streams = vars(sys)
    streams["stdout"] = streams["__stdout__"] = _stream(1, "<stdout>", STDOUT)
    streams["stderr"] = streams["__stderr__"] = _stream(2, "<stderr>", STDERR)


def _stream(number: int, name: str, writer: LogWriter) -> io.TextIOWrapper:
    # A line leaves at its end; half of one waits for the rest, as it does on a terminal.
    return io.TextIOWrapper(
        LogStream(number, name, writer), encoding="utf-8", errors="backslashreplace", line_buffering=True
    )
