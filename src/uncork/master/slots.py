"""The planner's memory: a generation and its worker slots.

Runs in: master.  Pure: values that `plan` changes; every change of a phase is checked against `states`.
"""

from dataclasses import dataclass

from uncork.master.states import GENERATION_MOVES, WORKER_MOVES, GenerationPhase, WorkerPhase


@dataclass(slots=True)
class Worker:
    """A worker slot; `pid` is 0 without a process.  `due` is when to fork it, `deadline` when its mercy is over."""

    wid: int
    phase: WorkerPhase = WorkerPhase.DUE
    pid: int = 0
    since: float = 0.0
    due: float = 0.0
    deadline: float | None = None
    failures: int = 0
    respawns: int = 0

    @property
    def awaited(self) -> bool:
        """Whether the word that its process exists is still to come."""
        return not self.pid and self.phase is not WorkerPhase.DUE

    def move(self, phase: WorkerPhase) -> None:
        """Change the phase.  Raises AssertionError for a move that `states` does not know: a fault of the planner."""
        if phase not in WORKER_MOVES[self.phase]:
            raise AssertionError(f"worker {self.wid}: {self.phase} -> {phase}")
        self.phase = phase


@dataclass(slots=True)
class Generation:
    """A template and its workers.

    `template` is the template's pid, 0 once it is gone; `deadline` is when the mercy for a dismissed one is over.
    """

    number: int
    cores: int
    workers: dict[int, Worker]
    phase: GenerationPhase = GenerationPhase.LOADING
    template: int = 0
    deadline: float | None = None
    # Why the application could not be loaded, once the template has said so.
    reason: str = ""

    @property
    def forking(self) -> bool:
        """Whether the template forks workers when asked."""
        return bool(self.template) and self.phase in {GenerationPhase.FORKING, GenerationPhase.SERVING}

    def move(self, phase: GenerationPhase) -> None:
        """Change the phase.  Raises AssertionError for a move that `states` does not know: a fault of the planner."""
        if phase not in GENERATION_MOVES[self.phase]:
            raise AssertionError(f"generation {self.number}: {self.phase} -> {phase}")
        self.phase = phase
