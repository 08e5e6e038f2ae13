"""Carry out what `cheaper` decides: how many workers there shall be, and who wakes a server that has none.

Runs in: master.
"""

import selectors
import time
from collections.abc import Callable, Iterator, Sequence

from uncork.config.settings import Settings
from uncork.errors import UncorkError
from uncork.master.cheaper import Cheaper, Decision
from uncork.master.cheaperalgo import Facts, Load
from uncork.master.family import Family
from uncork.master.slots import Generation
from uncork.scoreboard.ledger import Ledger
from uncork.scoreboard.schema import CoreCell
from uncork.supervise.startup import say
from uncork.system import listen, process
from uncork.system.listen import Bound


class Staffing:
    """`want` is told how many workers there shall be, `stop` ends the server (die-on-idle)."""

    def __init__(
        self,
        settings: Settings,
        selector: selectors.BaseSelector,
        ledger: Ledger,
        front: Callable[[], tuple[Generation, Family] | None],
        bound: Callable[[], Sequence[Bound]],
        want: Callable[[int], None],
        stop: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._selector = selector
        self._ledger = ledger
        self._front = front
        self._bound = bound
        self._want = want
        self._end = stop
        self._cheaper = Cheaper(settings.cheaper, settings.processes.processes, time.monotonic())
        # `+` less `-` since the last tick.
        self._asked = 0
        # The sockets that are watched while there is no worker.
        self._watched: list[Bound] = []
        self._over = False

    @property
    def workers(self) -> int:
        """How many there shall be."""
        return self._cheaper.workers

    def workers_under(self, settings: Settings) -> int:
        """How many there shall be if these settings come to serve."""
        most, fewest = settings.processes.processes, settings.cheaper.cheaper
        if self._cheaper.cheap:
            return 0
        return min(max(self._cheaper.workers, fewest), most) if fewest else most

    def set(self, settings: Settings) -> None:
        """Take over the settings of a generation that serves."""
        self._settings = settings
        self._cheaper.set(settings.cheaper, settings.processes.processes)
        self._watch()

    def ask(self, more: int) -> None:
        """`+` or `-` came.  Raises UncorkError where the number of workers is fixed."""
        if not self._settings.cheaper.cheaper:
            number = self._settings.processes.processes
            raise UncorkError(f"the number of workers is fixed at {number} (cheaper = N lets it change)")
        self._asked += more

    def go_cheap(self) -> None:
        """`C` came."""
        self._carry_out(self._cheaper.go_cheap())

    def next_time(self) -> float | None:
        """See Part."""
        return None if self._over or self._front() is None else self._cheaper.next_time()

    def tick(self, now: float) -> None:
        """See Part."""
        due = self._cheaper.next_time()
        front = self._front()
        if due is None or now < due or front is None or self._over:
            return
        facts = Facts(dict(self._loads(now, *front)), self._served(front[1]), self._queue(), self._asked)
        self._asked = 0
        self._carry_out(self._cheaper.tick(now, facts))

    def _carry_out(self, decision: Decision) -> None:
        for text in decision.line.splitlines():
            say(text)
        if decision.stop:
            self._end()
            return
        self._want(decision.workers)
        self._watch()

    def _watch(self) -> None:
        """Listen for the first connection if nobody else does."""
        self.unwatch()
        if self._cheaper.cheap and not self._over:
            self._watched = list(self._bound())
            for bound in self._watched:
                self._selector.register(bound.sock, selectors.EVENT_READ, self._wake)

    def unwatch(self) -> None:
        """Listen no more, before a socket is closed."""
        for bound in self._watched:
            self._selector.unregister(bound.sock)
        self._watched = []

    def stop(self) -> None:
        """The server stops: nobody is hired any more."""
        self._over = True
        self.unwatch()

    def _wake(self) -> None:
        self._carry_out(self._cheaper.wake(time.monotonic()))

    def _loads(self, now: float, generation: Generation, family: Family) -> Iterator[tuple[int, Load]]:
        cheaper = self._settings.cheaper
        weigh = cheaper.cheaper_rss_limit_soft is not None or cheaper.cheaper_rss_limit_hard is not None
        board = family.board
        for worker in generation.staying():
            if not worker.serving:
                continue
            worked = 0
            busy = False
            for core in range(board.cores):
                row = board.core(worker.slot, core)
                worked += row[CoreCell.RUNNING_TIME] + self._ledger.core(worker.wid, core)[CoreCell.RUNNING_TIME]
                if row[CoreCell.IN_REQUEST]:
                    busy = True
                    worked += max(0, int(now * 1_000_000) - row[CoreCell.STARTED])
            yield worker.wid, Load(busy, worked, self._rss(worker.pid) if weigh else 0)

    def _rss(self, pid: int) -> int:
        try:
            return process.memory_usage(pid)[0]
        except OSError:
            return 0

    def _served(self, family: Family) -> int:
        return self._ledger.requests + family.board.total_requests()

    def _queue(self) -> int:
        return sum(listen.queue(bound.sock)[0] for bound in self._bound())
