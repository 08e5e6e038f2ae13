"""Run the commands of cron at their time.

Runs in: master.  What is due is decided in `schedule`, how a command runs in `errands`.  Must not: wait for a command.
"""

import time
from collections.abc import Callable

from uncork.config.options.cron import Job
from uncork.config.secrets import mask
from uncork.config.settings import Settings
from uncork.master.errands import Errands
from uncork.master.schedule import MINUTE, is_new, matches
from uncork.supervise.exits import Exit
from uncork.supervise.startup import say
from uncork.system.command import shell


class Planned:
    """A job, when it ran last (minute of the epoch), and its processes: when each began, epoch seconds."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.last: int | None = None
        self.running: dict[int, int] = {}

    def statistics(self) -> dict[str, object]:
        """What uWSGI's statistics tell of it."""
        job = self.job
        pid, began = max(self.running.items(), key=lambda item: item[1], default=(-1, 0))
        times = {"minute": job.minute, "hour": job.hour, "day": job.day, "month": job.month, "week": job.week}
        return {**times, "command": mask(job.command), "unique": int(job.unique), "pid": pid, "started_at": began}


class CronTable:
    """`serving` says whether a generation serves: nothing is run before that.  `clock` gives epoch seconds."""

    def __init__(
        self, settings: Settings, errands: Errands, serving: Callable[[], bool], clock: Callable[[], float] = time.time
    ) -> None:
        self._errands = errands
        self._serving = serving
        self._clock = clock
        self._minute: int | None = None
        self._next = 0.0
        self._planned: list[Planned] = []
        self.set(settings)

    def set(self, settings: Settings) -> None:
        """Take over the settings of a generation.  A job that was there before goes on as if nothing had happened."""
        before, jobs = self._planned, settings.cron.jobs
        planned = [_take(before, job, _schedule) for job in jobs]
        for number, job in enumerate(jobs):
            if planned[number] is None:
                say(f'[uwsgi-cron] command "{mask(job.command)}" registered as cron task')
                # It may still run from its former schedule, which `unique` has to know.
                planned[number] = _take(before, job, _command)
        self._planned = [known or Planned(job) for known, job in zip(planned, jobs, strict=True)]
        self._minute, self._next = None, time.monotonic()

    def statistics(self) -> dict[str, object]:
        """The part `crons` of the statistics; nothing where no job is."""
        return {"crons": [planned.statistics() for planned in self._planned]} if self._planned else {}

    def next_time(self) -> float | None:
        """See Part."""
        return self._next if self._planned and self._serving() else None

    def tick(self, now: float) -> None:
        """See Part."""
        if not self._planned or not self._serving():
            return
        epoch = int(self._clock())
        minute = epoch // MINUTE
        self._next = now + MINUTE - epoch % MINUTE
        # A clock that was set is noticed at whatever wakes the master.
        if minute != self._minute:
            self._minute = minute
            self._run_due(epoch, minute)

    def _run_due(self, epoch: int, minute: int) -> None:
        at = time.localtime(epoch)
        for planned in self._planned:
            busy = planned.job.unique and planned.running
            if not busy and matches(planned.job, at) and is_new(minute, planned.last):
                planned.last = minute
                self._run(planned, epoch)

    def _run(self, planned: Planned, epoch: int) -> None:
        job, pid = planned.job, 0
        command = mask(job.command)

        def ended(end: Exit) -> None:
            began = planned.running.pop(pid)
            took = int(self._clock()) - began
            how = "" if end == Exit(0, 0) else f" ({end})"
            say(f'[uwsgi-cron] command "{command}" running with pid {pid} exited after {took} second(s){how}')

        def overdue() -> None:
            say(f'*** HARAKIRI ON CRON "{command}" (pid: {pid}) ***')

        limit = job.harakiri or None
        try:
            started = self._errands.start(shell(job.command), ended, limit=limit, overdue=overdue)
        except OSError as error:
            say(f'[uwsgi-cron] command "{command}" cannot be run: {str(error.strerror).lower()}')
            return
        if started is not None:
            pid = started
            planned.running[pid] = epoch
            say(f'[uwsgi-cron] running "{command}" (pid {pid})')


def _take(before: list[Planned], job: Job, sameness: Callable[[Job], object]) -> Planned | None:
    """The first of `before` that is the same, which is `job` from now on and no longer among them."""
    known = next((planned for planned in before if sameness(planned.job) == sameness(job)), None)
    if known is not None:
        before.remove(known)
        known.job = job
    return known


def _schedule(job: Job) -> object:
    """All but how long it may take, and whether beside itself."""
    return job._replace(unique=False, harakiri=0)


def _command(job: Job) -> object:
    return job.command
