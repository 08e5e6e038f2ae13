"""Measure the workers once a second where options limit their age or memory.

Runs in: master.  What the numbers mean is decided in `supervise.recycle`; requests, and memory after each of them, are
watched by the workers themselves.
"""

import signal
import time
from collections.abc import Callable

from uncork.config.settings import Settings
from uncork.master.events import WorkerSpent
from uncork.master.slots import Generation, Worker
from uncork.supervise.recycle import limits_of, why_kill, why_recycle
from uncork.supervise.startup import say
from uncork.system import process

INTERVAL = 1.0


class Measure:
    """`front` gives the generation in front; `spent` is told of workers that have lived long enough."""

    def __init__(
        self, settings: Settings, front: Callable[[], Generation | None], spent: Callable[[WorkerSpent], None]
    ) -> None:
        self._front = front
        self._spent = spent
        self._next_time = time.monotonic() + INTERVAL
        self.set(settings)

    def set(self, settings: Settings) -> None:
        """Take over the settings of a generation."""
        self._limits = limits_of(settings.recycle, settings.processes.processes)
        self._needed = bool(self._limits.lifetime.first) or self._limits.watches_memory

    def next_time(self) -> float | None:
        """When `tick` has something to do."""
        return self._next_time if self._needed else None

    def tick(self, now: float) -> None:
        """Look at every worker in front."""
        if not self._needed or now < self._next_time:
            return
        self._next_time = now + INTERVAL
        front = self._front()
        for worker in list(front.workers.values()) if front is not None else ():
            if front is not None and worker.serving:
                self._look_at(front, worker, now)

    def _look_at(self, front: Generation, worker: Worker, now: float) -> None:
        try:
            rss, vsz = process.memory_usage(worker.pid) if self._limits.watches_memory else (0, 0)
        except OSError:
            return  # it has just ended
        reason = why_kill(self._limits, rss, vsz)
        if reason:
            say(f"worker {worker.wid} (pid: {worker.pid}) is killed: {reason}")
            process.kill(worker.pid, signal.SIGKILL)
            return
        reason = why_recycle(self._limits, worker.wid, 0, now - worker.since, 0, 0)
        if reason and not worker.spent:
            self._spent(WorkerSpent(front.number, worker.slot, worker.pid, reason))
