"""The master FIFO: one character a command (uWSGI core/fifo.c).

Runs in: master, whose loop calls it.  Unknown characters are ignored, the newline of `echo` among them.  A FIFO that
somebody removes comes back.  Must not: block, or remove what is not ours.
"""

import os
import selectors
import time
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from uncork.control.commands import BY_CHAR, BY_COMMAND, Again, Command
from uncork.errors import UncorkError
from uncork.system.namedpipe import fifo_intact, make_fifo

# Read at a time: a flood of junk is eaten in few calls, and every other event gets its turn in between.
READ_SIZE = 4096

# How often, in seconds, the FIFO is looked at: uWSGI's master cycle.
CHECK = 1.0

# A command of which each counts is heard so often in one read: a person types it once or twice.
MOST = 64


class Heard(NamedTuple):
    """What was read: commands in the order of their first characters, and the number of the path to go to, if any."""

    commands: list[Command]
    slot: int | None


def understand(data: bytes) -> Heard:
    """What the bytes of one read mean.

    A reload that is asked for a thousand times in one breath is one reload; a pause is undone by the next one.
    """
    chars = data.decode("latin-1")
    slots = [int(char) for char in chars if "0" <= char <= "9"]
    commands: list[Command] = []
    for char, count in Counter(char for char in chars if char in BY_CHAR).items():
        command = BY_CHAR[char]
        times = {Again.NOTHING_MORE: 1, Again.UNDONE: count % 2, Again.MORE: min(count, MOST)}
        commands += [command] * times[BY_COMMAND[command].again]
    return Heard(commands, slots[-1] if slots else None)


class MasterFifo:
    """The FIFOs of `master-fifo`, of which one is listened to: the first, until a digit names another.

    `obey` is told each command, `say` each line for the log.  Raises UncorkError if the first one cannot be made.
    """

    def __init__(
        self,
        selector: selectors.BaseSelector,
        paths: tuple[str, ...],
        obey: Callable[[Command], None],
        say: Callable[[str], None],
    ) -> None:
        self._selector = selector
        # Absolute: it is found again whatever the working directory is by then.
        self.paths = tuple(os.path.abspath(path) for path in paths)
        self.path = self.paths[0]
        self._obey = obey
        self._say = say
        self._fd = make_fifo(self.path)
        self._next_check = time.monotonic() + CHECK
        # Why the FIFO could not be made anew, so that it is said once and not every second.
        self._complaint = ""
        selector.register(self._fd, selectors.EVENT_READ, self._read)

    def next_time(self) -> float:
        """When `tick` has something to do."""
        return self._next_check

    def tick(self, now: float) -> None:
        """Bring the FIFO back if somebody removed it."""
        if now < self._next_check:
            return
        self._next_check = now + CHECK
        if fifo_intact(self.path, self._fd):
            return
        try:
            self._listen(self.path)
            self._complaint = ""
        except UncorkError as error:
            if str(error) != self._complaint:
                self._complaint = str(error)
                self._say(str(error))

    def close(self) -> None:
        """Stop listening.  Runs in: each child of the master, right after its fork."""
        os.close(self._fd)

    def remove(self) -> None:
        """Remove it at the end, so that a later `echo` does not wait for ever."""
        if fifo_intact(self.path, self._fd):
            os.unlink(self.path)
        self._selector.unregister(self._fd)
        self.close()

    def _read(self) -> None:
        try:
            data = os.read(self._fd, READ_SIZE)
        except BlockingIOError:
            return
        heard = understand(data)
        if heard.slot is not None:
            self._go_to(heard.slot)
        for command in heard.commands:
            self._obey(command)

    def _go_to(self, slot: int) -> None:
        """Listen at path number `slot`; beyond the last one at the first, as uWSGI does."""
        path = self.paths[slot] if slot < len(self.paths) else self.paths[0]
        if path != self.path:
            before, old = self.path, os.dup(self._fd)
            try:
                self._listen(path)
                # Another server may want this name now, and an `echo` into it shall not wait for ever.
                if fifo_intact(before, old):
                    os.unlink(before)
            except UncorkError as error:
                self._say(str(error))
                return
            finally:
                os.close(old)
        self._say(f"active master fifo is now {self.path}")

    def _listen(self, path: str) -> None:
        """Hear the FIFO at `path`, made anew, in place of the one so far.  Raises UncorkError, and keeps that one."""
        fd = make_fifo(path)
        self._selector.unregister(self._fd)
        os.close(self._fd)
        self.path, self._fd = path, fd
        self._selector.register(fd, selectors.EVENT_READ, self._read)
