"""The master FIFO: one character a command (uWSGI core/fifo.c).

Runs in: master.  Unknown characters are ignored, the newline of `echo` among them.  A FIFO that somebody removes comes
back.  Must not: block, or remove what is not ours.
"""

import os

from uncork.control.commands import BY_CHAR, Command
from uncork.system.namedpipe import fifo_intact, make_fifo

# Read at a time: a flood of junk is eaten in few calls, and every other event gets its turn in between.
READ_SIZE = 4096


class Fifo:
    """The FIFOs of `master-fifo`; the first one is listened to.  Raises UncorkError."""

    def __init__(self, paths: tuple[str, ...]) -> None:
        # Absolute: it is found again whatever the working directory is by then.
        self._paths = [os.path.abspath(path) for path in paths]
        self.path = self._paths[0]
        self.fd = make_fifo(self.path)

    def read(self) -> list[Command]:
        """The commands that have come."""
        try:
            data = os.read(self.fd, READ_SIZE)
        except BlockingIOError:
            return []
        return [BY_CHAR[char] for char in data.decode("latin-1") if char in BY_CHAR]

    def intact(self) -> bool:
        """Whether the path still leads here."""
        return fifo_intact(self.path, self.fd)

    def renew(self) -> None:
        """Make the FIFO anew after somebody removed it.  Raises UncorkError; the old descriptor stays open then."""
        fd = make_fifo(self.path)
        os.close(self.fd)
        self.fd = fd

    def close(self) -> None:
        """Stop listening.  Runs in: each child of the master, right after its fork."""
        os.close(self.fd)

    def remove(self) -> None:
        """Remove it at the end, so that a later `echo` does not wait for ever."""
        if self.intact():
            os.unlink(self.path)
        self.close()
