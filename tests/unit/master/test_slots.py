"""What the planner remembers of a generation and its workers."""

import pytest

from uncork.master.slots import Generation, Worker
from uncork.master.states import GenerationPhase, WorkerPhase

DUE, STARTING, READY = WorkerPhase.DUE, WorkerPhase.STARTING, WorkerPhase.READY
RETIRING, LEAVING = WorkerPhase.RETIRING, WorkerPhase.LEAVING


def generation(*workers: Worker, wanted: int = 2, template: int = 100) -> Generation:
    """One that serves, with these workers in twice as many slots as are wanted."""
    made = Generation(1, 1, wanted, 2 * wanted, {worker.slot: worker for worker in workers})
    made.phase, made.template = GenerationPhase.SERVING, template
    return made


@pytest.mark.parametrize(
    ("phase", "pid", "awaited", "serving"),
    [
        (DUE, 0, False, False),
        (STARTING, 0, True, False),
        (STARTING, 101, False, False),
        (READY, 101, False, True),
        (RETIRING, 101, False, True),
        (LEAVING, 101, False, False),
        (LEAVING, 0, True, False),
    ],
)
def test_what_a_phase_means(phase: WorkerPhase, pid: int, awaited: bool, serving: bool) -> None:
    """A worker is awaited from the word to fork it until its process is known; it serves also while it retires."""
    worker = Worker(1, 1, phase, pid)
    assert (worker.awaited, worker.serving) == (awaited, serving)


@pytest.mark.parametrize(
    ("phase", "template", "forking"),
    [
        (GenerationPhase.LOADING, 100, False),
        (GenerationPhase.FORKING, 100, True),
        (GenerationPhase.SERVING, 100, True),
        (GenerationPhase.SERVING, 0, False),
        (GenerationPhase.DRAINING, 100, False),
    ],
)
def test_who_forks(phase: GenerationPhase, template: int, forking: bool) -> None:
    """A template that is there, has loaded, and was not dismissed."""
    assert Generation(1, 1, 1, 2, {}, phase=phase, template=template).forking is forking


@pytest.mark.parametrize(
    ("workers", "complete"),
    [
        ([Worker(1, 1, READY), Worker(2, 2, READY)], True),
        ([Worker(1, 3, READY), Worker(2, 4, READY)], True),
        ([Worker(1, 1, READY)], False),
        ([Worker(1, 1, READY), Worker(2, 2, STARTING)], False),
        ([Worker(1, 1, READY), Worker(2, 2, DUE)], False),
        ([Worker(1, 1, READY), Worker(2, 2, RETIRING)], False),
        ([Worker(1, 1, READY), Worker(2, 2, READY), Worker(2, 3, LEAVING)], False),
        ([], False),
    ],
)
def test_complete(workers: list[Worker], complete: bool) -> None:
    """All that are wanted, all ready, and nobody who comes or goes."""
    assert generation(*workers).complete is complete


def test_complete_without_workers() -> None:
    """Where none is wanted none is missing."""
    assert generation(wanted=0).complete


def test_named() -> None:
    """All that carry an id, whatever they do."""
    old, new, other = Worker(1, 1, RETIRING), Worker(1, 3, STARTING), Worker(2, 2, READY)
    assert generation(old, other, new).named(1) == [old, new]
    assert generation(old, other, new).named(3) == []


@pytest.mark.parametrize(
    ("workers", "slots"),
    [
        ([Worker(1, 1, READY), Worker(2, 2, READY)], [1, 2]),
        # In the order of their ids, whatever their slots.
        ([Worker(2, 1, READY), Worker(1, 2, READY)], [2, 1]),
        # Who serves stands for the id, not its replacement, whichever is found first.
        ([Worker(1, 1, RETIRING), Worker(1, 2, STARTING)], [1]),
        ([Worker(1, 1, STARTING), Worker(1, 2, RETIRING)], [2]),
        ([Worker(1, 1, DUE), Worker(1, 2, RETIRING)], [2]),
        # Who leaves is not there to stay.
        ([Worker(1, 1, LEAVING), Worker(1, 2, STARTING)], [2]),
        ([Worker(1, 1, READY), Worker(1, 2, LEAVING)], [1]),
        ([Worker(1, 1, LEAVING)], []),
        # A worker that waits for its time is.
        ([Worker(1, 1, DUE)], [1]),
    ],
)
def test_staying(workers: list[Worker], slots: list[int]) -> None:
    """One worker for each id that is there to stay."""
    assert [worker.slot for worker in generation(*workers).staying()] == slots


@pytest.mark.parametrize(
    ("taken", "free"), [((), 1), ((1,), 2), ((1, 2, 3), 4), ((2, 3), 1), ((1, 3, 4), 2), ((1, 2, 3, 4), None)]
)
def test_free_slot(taken: tuple[int, ...], free: int | None) -> None:
    """The lowest that nobody has; None where all are taken, also by workers that leave."""
    assert generation(*(Worker(1, slot, LEAVING) for slot in taken)).free_slot() == free
