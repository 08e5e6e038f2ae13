"""Decide how many workers there are: the cheaper options, and cheap mode.

    Cheaper.tick                once a second: facts -> Decision
      _sleepy                   option idle: nobody came for so long
      _decide                   the memory of all together, the FIFO, or what option cheaper-algo names
    Cheaper.wake, go_cheap      a connection came while there was no worker; C on the FIFO

Pure: facts and monotonic seconds come from the caller, who starts and ends workers.  Behaviour: uWSGI 2.0.30
(core/master_utils.c, core/master_checks.c).
"""

from typing import Final, NamedTuple

from uncork.config.options.cheaper import Cheaper as Options
from uncork.config.options.cheaper import first_workers
from uncork.master.cheaperalgo import ALGORITHMS, Change, Facts, Spare, View

# How often it is decided, in seconds: uWSGI's master cycle.
INTERVAL: Final = 1.0


class Decision(NamedTuple):
    """So many workers there shall be.  `line` is for the log, "" for none; `stop` ends the server (die-on-idle)."""

    workers: int
    line: str = ""
    stop: bool = False


class Cheaper:
    """`cheap`: there is no worker, the master watches the sockets and calls `wake` for the first connection.

    Else there are `cheaper` to `processes` workers, and fewer only where their memory has a hard limit.
    """

    def __init__(self, options: Options, processes: int, now: float) -> None:
        self.cheap = options.cheap
        self._awake = first_workers(options, processes)
        self._active_at = now
        self._requests = 0
        self._next = now + INTERVAL
        self.set(options, processes)

    def set(self, options: Options, processes: int) -> None:
        """Take over the settings of a reload; the number of workers stays where it may."""
        self._options = options
        self._processes = processes
        self._fewest = options.cheaper or processes
        self._awake = min(max(self._awake, self._fewest), processes)
        self._algorithm = ALGORITHMS.get(options.cheaper_algo, Spare)(options)

    @property
    def workers(self) -> int:
        """How many workers there shall be."""
        return 0 if self.cheap else self._awake

    def next_time(self) -> float | None:
        """When `tick` wants to be called, None for never."""
        return self._next if self.cheap or self._options.cheaper or self._options.idle else None

    def tick(self, now: float, facts: Facts) -> Decision:
        """What the facts call for."""
        if now < self._next:
            return Decision(self.workers)
        self._next = now + INTERVAL
        if self.cheap:
            return self.wake(now) if facts.queue else Decision(0)
        if self._sleepy(now, facts):
            line = f"workers have been inactive for more than {self._options.idle} seconds"
            return Decision(self._awake, line, stop=True) if self._options.die_on_idle else self.go_cheap(line)
        if not self._options.cheaper:
            return Decision(self._awake)
        change, before = self._decide(now, facts), self._awake
        if not change.by:
            return Decision(before, change.why)
        self._awake = min(self._processes, before + change.by)
        return Decision(self._awake, f"{change.why}: {_workers(self._awake)} instead of {before}")

    def wake(self, now: float) -> Decision:
        """A connection waits: the first workers are to come."""
        if not self.cheap:
            return Decision(self._awake)
        self.cheap = False
        self._active_at = now
        self._awake = first_workers(self._options, self._processes)
        # What was learnt before the sleep does not hold after it.
        self.set(self._options, self._processes)
        return Decision(self._awake, f"a connection came: {_workers(self._awake)}")

    def go_cheap(self, why: str = "going cheap...") -> Decision:
        """All workers are to go, and the sockets to be watched."""
        if self.cheap:
            return Decision(0)
        self.cheap = True
        return Decision(0, f"{why}\ncheap mode enabled: waiting for socket connection...")

    def _sleepy(self, now: float, facts: Facts) -> bool:
        """Whether nobody came for the time of `idle`.  A worker that is still starting was wanted by somebody."""
        starting = len(facts.workers) < self._awake
        busy = any(load.busy for load in facts.workers.values())
        if starting or busy or facts.queue or facts.requests != self._requests:
            self._active_at = now
            self._requests = facts.requests
        return bool(self._options.idle) and now - self._active_at >= self._options.idle

    def _decide(self, now: float, facts: Facts) -> Change:
        rss = sum(load.rss for load in facts.workers.values())
        soft, hard = self._options.cheaper_rss_limit_soft, self._options.cheaper_rss_limit_hard
        if hard is not None and rss >= hard:
            # Below `cheaper` too, as with uWSGI, but never the last one; they come back when they are needed.
            return self._less(1, 1, f"all workers together occupy {rss} bytes")
        may_grow = self._awake < self._processes and (soft is None or rss < soft)
        if facts.asked > 0:
            return Change(facts.asked, "asked for") if may_grow else Change()
        if facts.asked < 0:
            return self._less(-facts.asked, self._fewest, "asked for")
        return self._algorithm.change(View(now, facts, self._awake, may_grow, self._awake > self._fewest))

    def _less(self, by: int, fewest: int, why: str) -> Change:
        possible = min(by, self._awake - fewest)
        return Change(-possible, why) if possible > 0 else Change()


def _workers(number: int) -> str:
    return f"{number} worker{'' if number == 1 else 's'}"
