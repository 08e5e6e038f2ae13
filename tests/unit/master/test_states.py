"""The tables of legal moves."""

from collections.abc import Mapping
from enum import Enum
from typing import TypeVar

import pytest

from uncork.master.slots import Generation, Worker
from uncork.master.states import GENERATION_MOVES, WORKER_MOVES, GenerationPhase, WorkerPhase

Phase = TypeVar("Phase", bound=Enum)


def reachable(moves: Mapping[Phase, frozenset[Phase]], start: Phase) -> set[Phase]:
    """Every phase that some sequence of moves leads to."""
    found = {start}
    while new := {target for phase in found for target in moves[phase]} - found:
        found |= new
    return found


def test_every_worker_phase_can_be_reached() -> None:
    """A slot begins without a process, may come to every phase, and ends once it was told to leave."""
    assert reachable(WORKER_MOVES, WorkerPhase.DUE) == set(WorkerPhase) == set(WORKER_MOVES)
    assert [phase for phase, targets in WORKER_MOVES.items() if not targets] == [WorkerPhase.LEAVING]


def test_only_a_ready_worker_retires() -> None:
    """Who retires has served, and goes on until it is replaced or kept: it never falls back to being forked."""
    assert [phase for phase, targets in WORKER_MOVES.items() if WorkerPhase.RETIRING in targets] == [WorkerPhase.READY]
    assert WORKER_MOVES[WorkerPhase.RETIRING] == {WorkerPhase.READY, WorkerPhase.LEAVING}


def test_a_generation_only_goes_forward() -> None:
    """A generation begins by loading, never goes back, and ends by draining."""
    order = list(GenerationPhase)
    assert reachable(GENERATION_MOVES, GenerationPhase.LOADING) == set(order) == set(GENERATION_MOVES)
    for phase, targets in GENERATION_MOVES.items():
        assert all(order.index(target) > order.index(phase) for target in targets)
        assert GenerationPhase.DRAINING in targets or phase is GenerationPhase.DRAINING


@pytest.mark.parametrize("start", list(WorkerPhase))
@pytest.mark.parametrize("target", list(WorkerPhase))
def test_a_worker_moves_by_the_table(start: WorkerPhase, target: WorkerPhase) -> None:
    """Nothing moves against it: that would be a fault of the planner."""
    worker = Worker(7, 3, start)
    if target in WORKER_MOVES[start]:
        worker.move(target)
        assert worker.phase is target
    else:
        with pytest.raises(AssertionError, match="worker 7: "):
            worker.move(target)
        assert worker.phase is start


@pytest.mark.parametrize("start", list(GenerationPhase))
@pytest.mark.parametrize("target", list(GenerationPhase))
def test_a_generation_moves_by_the_table(start: GenerationPhase, target: GenerationPhase) -> None:
    """The same for generations."""
    generation = Generation(5, 1, 0, 2, {}, phase=start)
    if target in GENERATION_MOVES[start]:
        generation.move(target)
        assert generation.phase is target
    else:
        with pytest.raises(AssertionError, match="generation 5: "):
            generation.move(target)
        assert generation.phase is start
