"""Watch the server's own pulse: WATCHDOG=1 for the service manager, and the line about a full listen queue.

Runs in: master, in its loop; a loop that hangs says nothing.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence

from uncork.config.settings import Settings
from uncork.master.family import Family
from uncork.master.queuealarm import Queue, QueueAlarm
from uncork.master.slots import Generation
from uncork.master.watchdog import Busy, Watchdog, progress
from uncork.scoreboard.schema import CoreCell
from uncork.supervise.startup import say
from uncork.system import listen
from uncork.system.listen import Bound
from uncork.system.notify import notify

INTERVAL = 1.0


class Vitals:
    """`front` gives the generation in front, `bound` the sockets that are listened on.

    `full` is told the line about a listen queue that is full.
    """

    def __init__(
        self,
        settings: Settings,
        front: Callable[[], tuple[Generation, Family] | None],
        bound: Callable[[], Sequence[Bound]],
        full: Callable[[str], None],
    ) -> None:
        self._front = front
        self._bound = bound
        self._full = full
        self._alarm = QueueAlarm()
        self._watchdog = Watchdog.from_environ(os.environ, os.getpid())
        self._next_look = time.monotonic() + INTERVAL
        self.set(settings)

    def set(self, settings: Settings) -> None:
        """Take over the settings of a generation."""
        self._harakiri = settings.harakiri.harakiri

    def next_time(self) -> float:
        """See Part."""
        return self._next_look if self._watchdog is None else min(self._next_look, self._watchdog.next_time())

    def tick(self, now: float) -> None:
        """See Part."""
        watchdog = self._watchdog
        if watchdog is not None and now >= watchdog.next_time():
            going = progress(self._busy(now), self._harakiri)
            if watchdog.due(now, going):
                notify("WATCHDOG=1")
        if now >= self._next_look:
            self._next_look = now + INTERVAL
            queues = [
                Queue(str(bound.address), bound.sock.fileno(), *listen.queue(bound.sock)) for bound in self._bound()
            ]
            for text in self._alarm.lines(queues, now):
                say(text)
                self._full(text)

    def _busy(self, now: float) -> Iterator[Busy]:
        front = self._front()
        if front is None:
            return
        generation, family = front
        for worker in generation.workers.values():
            if worker.serving:
                rows = [family.board.core(worker.slot, core) for core in range(family.board.cores)]
                running = [now - row[CoreCell.STARTED] / 1e6 for row in rows if row[CoreCell.IN_REQUEST]]
                yield Busy(max(running, default=0.0), len(running) < len(rows))
