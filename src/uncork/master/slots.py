"""The planner's memory: a generation and its workers.

Runs in: master.  Pure: values that `plan` and `crew` change; every change of a phase is checked against `states`.

A worker has two numbers: its id, which people and statistics see and which its replacement inherits, and its slot, the
rows of the scoreboard that its process alone writes.  There are twice as many slots as workers, so that a worker can
serve on while its replacement gets ready.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from uncork.master.states import GENERATION_MOVES, WORKER_MOVES, GenerationPhase, WorkerPhase

# Slots for each worker: itself, and one that comes or goes beside it.
SLOTS_EACH = 2


@dataclass(slots=True)
class Worker:
    """A worker; `pid` is 0 without a process.  `due` is when to fork it.

    `deadline` is when a starting one has to be ready, or when the mercy of a leaving one is over.
    """

    wid: int
    slot: int
    phase: WorkerPhase = WorkerPhase.DUE
    pid: int = 0
    since: float = 0.0
    due: float = 0.0
    deadline: float | None = None
    failures: int = 0
    respawns: int = 0
    # Why it could not get ready, in its own words.
    reason: str = ""
    # Whether it takes nobody new any more.
    stopped: bool = False
    # Why it has done enough and shall be replaced; "" while it has not.
    spent: str = ""

    @property
    def awaited(self) -> bool:
        """Whether the word that its process exists is still to come."""
        return not self.pid and self.phase is not WorkerPhase.DUE

    @property
    def serving(self) -> bool:
        """Whether it takes requests."""
        return self.phase in {WorkerPhase.READY, WorkerPhase.RETIRING}

    def move(self, phase: WorkerPhase) -> None:
        """Change the phase.  Raises AssertionError for a move that `states` does not know: a fault of the planner."""
        if phase not in WORKER_MOVES[self.phase]:
            raise AssertionError(f"worker {self.wid}: {self.phase} -> {phase}")
        self.phase = phase


@dataclass(slots=True)
class Generation:
    """A template and its workers by slot, `wanted` of them with ids from 1, in at most `slots` slots.

    `template` is the template's pid, 0 once it is gone.  `deadline` is when a generation that is being proven has to be
    ready, or when the mercy for a dismissed template is over.  `boot` is how long a worker may take to get ready (None:
    as long as it likes), `probe` whether its first workers have to answer a request, `mercy` how long one may finish.
    """

    number: int
    cores: int
    wanted: int
    slots: int
    workers: dict[int, Worker]
    probe: bool = False
    boot: float | None = None
    mercy: float = 60.0
    phase: GenerationPhase = GenerationPhase.LOADING
    template: int = 0
    deadline: float | None = None
    # Whether a template that takes too long was asked where it hangs.
    asked: bool = False
    # Why the application could not be loaded, once the template has said so.
    reason: str = ""
    # Why this generation cannot be proven, and the status that its worker left with.
    failure: str = ""
    status: int = 0

    @property
    def forking(self) -> bool:
        """Whether the template forks workers when asked."""
        return bool(self.template) and self.phase in {GenerationPhase.FORKING, GenerationPhase.SERVING}

    @property
    def complete(self) -> bool:
        """Whether it has all the workers it wants, and all are ready."""
        return len(self.workers) == self.wanted and all(
            worker.phase is WorkerPhase.READY for worker in self.workers.values()
        )

    def move(self, phase: GenerationPhase) -> None:
        """Change the phase.  Raises AssertionError for a move that `states` does not know: a fault of the planner."""
        if phase not in GENERATION_MOVES[self.phase]:
            raise AssertionError(f"generation {self.number}: {self.phase} -> {phase}")
        self.phase = phase

    def named(self, wid: int) -> list[Worker]:
        """All with this id: the one that serves, the one that is to replace it, those that are leaving."""
        return [worker for worker in self.workers.values() if worker.wid == wid]

    def staying(self) -> Iterator[Worker]:
        """One for each id that is there to stay: the serving one rather than its replacement."""
        best: dict[int, Worker] = {}
        for worker in self.workers.values():
            if worker.phase is not WorkerPhase.LEAVING and (worker.wid not in best or worker.serving):
                best[worker.wid] = worker
        return iter([best[wid] for wid in sorted(best)])

    def free_slot(self) -> int | None:
        """A slot that nobody writes, None if there is none at the moment."""
        return next((slot for slot in range(1, self.slots + 1) if slot not in self.workers), None)
