"""Where a worker stands: what it shares with the others of its generation, and what is its own.

Runs in: template, worker, single process.  Values only.
"""

import mmap
import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from uncork.config.options.reload import Probe
from uncork.config.settings import Settings
from uncork.scoreboard.board import Scoreboard
from uncork.system.logfile import LogFile
from uncork.worker.loop import nothing
from uncork.worker.modules import ModuleWatch
from uncork.worker.uwsgimodule import UwsgiModule


class Marks:
    """Workers of a generation by id, marked by each of them for those that come later: memory that all share."""

    def __init__(self, most: int) -> None:
        self._cells = mmap.mmap(-1, most + 1)

    def add(self, wid: int) -> None:
        """Runs in: worker."""
        self._cells[wid] = 1

    def __contains__(self, wid: int) -> bool:
        return self._cells[wid] != 0


@dataclass(frozen=True, slots=True)
class Site:
    """What all workers of a generation share.

    `sockets`: (listening socket, its name); `log` is None for stderr; `module` is what the application imports; `watch`
    knows its files (py-autoreload); `done` are the ids of the workers that have accepted connections.
    """

    settings: Settings
    sockets: tuple[tuple[socket.socket, str], ...]
    board: Scoreboard
    log: LogFile | None
    module: UwsgiModule
    watch: ModuleWatch | None = None
    done: Marks = field(default_factory=lambda: Marks(1))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a worker stands: its slot of the scoreboard, its id, the master's end and what to tell it.

    `master_fd` (-1 for none) is the channel whose other end the master holds.  `ready` is called once connections are
    accepted, `stopped` once nobody new is, `spent` with the reason when the worker should be replaced; `end` leaves at
    once with a status.  `probe`: the request that has to be answered before that; `failed` is told that it took too
    long, and ends the process.  `first`: no worker of this generation has accepted connections with its id before.
    """

    slot: int
    wid: int
    master_fd: int
    ready: Callable[[], None]
    spent: Callable[[str], None]
    end: Callable[[int], None] = os._exit
    probe: Probe | None = None
    stopped: Callable[[], None] = nothing
    failed: Callable[[str], None] = print
    first: bool = True

    def moments(self) -> Iterator[str]:
        """The moments of hooks that come right before this worker accepts connections, in uWSGI's order."""
        once = self.first and self.master_fd >= 0
        yield "accepting"
        if once:
            yield "accepting-once"
        if self.wid == 1:
            yield "accepting1"
            if once:
                yield "accepting1-once"
