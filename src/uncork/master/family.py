"""The master's side of a generation: how to talk to it, where it writes, what it was made from.

Runs in: master.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from uncork.config.settings import Settings
from uncork.master.deadlines import Running
from uncork.master.slots import Generation
from uncork.scoreboard.board import Scoreboard
from uncork.scoreboard.schema import CoreCell
from uncork.supervise.channel import Channel
from uncork.system.listen import Bound

_MICROSECONDS = 1_000_000


@dataclass(slots=True)
class Family:
    """`bound` are the sockets that its workers accept from, `apps` as in channel.Loaded."""

    channel: Channel
    board: Scoreboard
    settings: Settings
    bound: tuple[Bound, ...]
    apps: tuple[tuple[str, int], ...] = ()

    def running(self, generation: Generation) -> Iterator[Running]:
        """Its requests that have a deadline."""
        for worker in generation.workers.values():
            if not worker.pid:
                continue
            for core in range(self.board.cores):
                row = self.board.core(worker.slot, core)
                if row[CoreCell.IN_REQUEST] and row[CoreCell.DEADLINE]:
                    yield Running(
                        generation.number,
                        worker.slot,
                        worker.wid,
                        worker.pid,
                        core,
                        row[CoreCell.STARTED] / _MICROSECONDS,
                        row[CoreCell.DEADLINE] / _MICROSECONDS,
                    )
