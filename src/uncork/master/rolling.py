"""Decide how workers are replaced by command: `c` one after another, `w` all side by side, `W` at once.

Runs in: master.  Pure; a part of the planner, under the rules of `plan`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from uncork.control.commands import Command
from uncork.master.crew import Crew
from uncork.master.events import Action, Say
from uncork.master.slots import Generation
from uncork.master.states import WorkerPhase

# Failures in a row after which a worker that nobody serves instead of is given up, too; it is tried on by back-off.
GIVE_UP_AFTER = 3


@dataclass(slots=True)
class Rolling:
    """A replacement under way: ids still to come, ids being replaced, and how many of these there may be."""

    command: Command
    todo: list[int]
    at_once: int
    active: set[int] = field(default_factory=set)
    # The processes that are ended at once, by id.
    ending: dict[int, int] = field(default_factory=dict)
    error: str = ""

    @classmethod
    def of(cls, command: Command, generation: Generation) -> "Rolling":
        """All workers of `generation` that are there to stay."""
        wids = [worker.wid for worker in generation.staying()]
        return cls(command, wids, 1 if command is Command.CHAIN_RELOAD else max(1, len(wids)))

    @property
    def done(self) -> bool:
        """Whether all are replaced, or the rest was given up."""
        return not self.todo and not self.active

    def step(self, generation: Generation, crew: Crew, now: float) -> Iterator[Action]:
        """Take note of who is replaced, and begin with the next ones."""
        for wid in sorted(self.active):
            there = [worker for worker in generation.named(wid) if worker.phase is not WorkerPhase.LEAVING]
            failed = next((worker for worker in there if worker.phase is WorkerPhase.DUE and worker.failures), None)
            if failed is not None and (len(there) > 1 or failed.failures >= GIVE_UP_AFTER):
                yield from self._give_up(failed.reason or "it keeps dying", wid, generation, crew, now)
                return
            if all(worker.phase is WorkerPhase.READY and worker.pid != self.ending.get(wid) for worker in there):
                self.active.discard(wid)
        while self.todo and len(self.active) < self.at_once:
            wid = self.todo[0]
            worker = next((worker for worker in generation.named(wid) if worker.phase is WorkerPhase.READY), None)
            if worker is not None:
                if self.command is Command.KILL_WORKERS:
                    yield Say(f"killing worker {worker.wid} (pid: {worker.pid})")
                    self.ending[wid] = worker.pid
                    yield from crew.replace_now(generation, worker, now)
                elif not crew.retire(generation, worker, now):
                    return  # until somebody who leaves has left, or its mercy is over
            self.active.add(wid)
            del self.todo[0]

    def _give_up(self, reason: str, wid: int, generation: Generation, crew: Crew, now: float) -> Iterator[Action]:
        """A replacement does not get ready: whoever still serves goes on serving."""
        self.error = f"worker {wid} could not be replaced: {reason}"
        yield Say(f"{self.error}; the worker of before goes on serving")
        for each in sorted(self.active):
            yield from crew.keep(generation, each, now)
        self.todo.clear()
        self.active.clear()
