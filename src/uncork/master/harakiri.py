"""Carry out what `deadlines` decides: read who is overdue off the scoreboards, interrupt, kill, and say so.

Runs in: master.  The Python stack of the stuck thread is written by the worker itself, when it gets SIGUSR2.
"""

import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from uncork.config.settings import Settings
from uncork.control.stats import snapshot_vars
from uncork.master.deadlines import Deadlines, Running, Step
from uncork.master.events import WorkerSpent
from uncork.master.family import Family
from uncork.master.slots import Generation
from uncork.scoreboard.schema import CoreCell
from uncork.supervise.startup import say
from uncork.system import process

# How often, in seconds, the scoreboards are read for requests with a deadline.  No deadline is shorter (harakiri and
# set_user_harakiri count in seconds), so none is overdue before it was seen.
LOOK = 1.0


class HarakiriWatch:
    """`counts`: interrupted requests by worker id.  `spent` is told of a worker that is to be replaced."""

    def __init__(
        self,
        families: Mapping[int, Family],
        generations: Mapping[int, Generation],
        spent: Callable[[WorkerSpent], None],
    ) -> None:
        self._families = families
        self._generations = generations
        self._spent = spent
        self._deadlines = Deadlines()
        self._next_time = time.monotonic() + LOOK
        self._verbose = False
        self.counts: Counter[int] = Counter()

    def set(self, settings: Settings) -> None:
        """Take over the settings of a generation that serves."""
        self._deadlines.siblings = settings.harakiri.harakiri_graceful_timeout
        self._verbose = settings.harakiri.harakiri_verbose

    def next_time(self) -> float:
        """When `tick` has something to do."""
        return self._next_time

    def tick(self, now: float) -> None:
        """Do what is due."""
        if now < self._next_time:
            return
        requests = list(self._running())
        for step, running in self._deadlines.check(now, requests):
            self._act(step, running, now)
        coming = self._deadlines.next_time(requests)
        self._next_time = min(now + LOOK, now + LOOK if coming is None else coming)

    def _running(self) -> Iterator[Running]:
        for number, family in self._families.items():
            if number in self._generations:
                yield from family.running(self._generations[number])

    def _act(self, step: Step, running: Running, now: float) -> None:
        wid, pid = running.wid, running.pid
        match step:
            case Step.INTERRUPT:
                self.counts[wid] += 1
                say(f"*** HARAKIRI ON WORKER {wid} (pid: {pid}, try: 1, graceful: yes) ***")
                say(self._request(running, now))
                # A stopped process hears nothing.
                process.kill(pid, signal.SIGCONT)
                process.kill(pid, signal.SIGUSR2)
            case Step.REPLACE:
                say(f"worker {wid} (pid: {pid}) does not come out of it; the requests beside it may finish")
                self._spent(WorkerSpent(running.generation, running.slot, pid, "harakiri"))
            case Step.KILL:
                say(f"HARAKIRI !!! worker {wid} (pid: {pid}) is killed: core {running.core} could not be interrupted")
                for line in self._kernel(pid):
                    say(line)
                process.kill(pid, signal.SIGKILL)
            case Step.OVER:
                say(f"HARAKIRI: the request on core {running.core} of worker {wid} (pid: {pid}) is over")

    def _request(self, running: Running, now: float) -> str:
        """uWSGI's line about the request, with its age and the name of its thread in the stacks that follow."""
        board = self._families[running.generation].board
        pairs = (pair.partition("=") for pair in snapshot_vars(board.snapshot(running.slot, running.core)))
        known = {key: _plain(value) for key, _, value in pairs}
        age = now - running.started
        thread = board.core(running.slot, running.core)[CoreCell.THREAD]
        return (
            f"HARAKIRI [core {running.core}] {known.get('REMOTE_ADDR', '')} - {known.get('REQUEST_METHOD', '')} "
            f"{known.get('REQUEST_URI', '')} since {int(time.time() - age)} ({age:.1f} s); "
            f"the stack of its thread 0x{thread:016x}:"
        )

    def _kernel(self, pid: int) -> Iterator[str]:
        """What the kernel says about where the process is (proc(5))."""
        if not self._verbose:
            return
        for name in ("wchan", "syscall", "status"):
            try:
                with open(f"/proc/{pid}/{name}", encoding="utf-8", errors="backslashreplace") as file:
                    text = file.read(4096)
            except OSError:
                continue
            first = next((line for line in text.splitlines() if name != "status" or line.startswith("State:")), "")
            yield f"HARAKIRI: {name} of pid {pid}: {first}"


def _plain(text: str) -> str:
    """What a client sent, as it can stand in one line of a log."""
    return text.encode("unicode_escape").decode("ascii")
