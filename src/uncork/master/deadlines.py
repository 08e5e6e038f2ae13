"""Decide what happens to a request that has taken too long (harakiri).

    its deadline                        INTERRUPT: an exception in its own thread, its stack in the log
    GRACE later, still running          KILL the worker; with harakiri-graceful-timeout: REPLACE
    harakiri-graceful-timeout later     KILL

Runs in: master.  Pure: who reads the scoreboard and sends signals is `loop`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

# Seconds that an interrupted request has to answer.  Long enough for a traceback on a busy machine, short enough that
# the worker is gone half a second after the deadline.
GRACE = 0.3


class Running(NamedTuple):
    """A request that runs: where, and (monotonic seconds) since when and until when it may."""

    generation: int
    slot: int
    wid: int
    pid: int
    core: int
    started: float
    deadline: float


class Step(Enum):
    """What to do about it."""

    INTERRUPT = "interrupt"
    # Have a replacement take over; the worker's other threads go on for a while.
    REPLACE = "replace"
    KILL = "kill"
    # It was interrupted and is over: the worker lives.
    OVER = "over"


@dataclass(slots=True)
class Struck:
    """A request that was interrupted, and which step comes next, when."""

    running: Running
    next_step: Step
    at: float


@dataclass(slots=True)
class Deadlines:
    """`siblings`: seconds that the other threads of a worker get before it is killed (harakiri-graceful-timeout)."""

    siblings: float = 0.0
    # Workers that were killed: none of their requests is over.
    _killed: set[int] = field(default_factory=set)
    _struck: dict[tuple[int, int, float], Struck] = field(default_factory=dict)

    def check(self, now: float, running: Iterable[Running]) -> Iterator[tuple[Step, Running]]:
        """The steps that are due."""
        seen = set()
        killed = self._killed
        for request in running:
            key = (request.pid, request.core, request.started)
            seen.add(key)
            struck = self._struck.get(key)
            if struck is None:
                if request.deadline <= now:
                    after = Step.REPLACE if self.siblings > GRACE else Step.KILL
                    self._struck[key] = Struck(request, after, now + GRACE)
                    yield Step.INTERRUPT, request
            elif struck.at <= now:
                yield struck.next_step, request
                if struck.next_step is Step.KILL:
                    killed.add(request.pid)
                # However often it has to be said: a process that cannot die now (D state) may later.
                struck.at = now + (self.siblings - GRACE if struck.next_step is Step.REPLACE else 1.0)
                struck.next_step = Step.KILL
        for key in [key for key in self._struck if key not in seen]:
            struck = self._struck.pop(key)
            if struck.running.pid not in killed:
                yield Step.OVER, struck.running

    def next_time(self, running: Iterable[Running]) -> float | None:
        """When `check` has something to do."""
        times = [struck.at for struck in self._struck.values()]
        times += [
            request.deadline for request in running if (request.pid, request.core, request.started) not in self._struck
        ]
        return min(times, default=None)
