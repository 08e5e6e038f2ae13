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


def test_a_generation_only_goes_forward() -> None:
    """A generation begins by loading, never goes back, and ends by draining."""
    order = list(GenerationPhase)
    assert reachable(GENERATION_MOVES, GenerationPhase.LOADING) == set(order) == set(GENERATION_MOVES)
    for phase, targets in GENERATION_MOVES.items():
        assert all(order.index(target) > order.index(phase) for target in targets)
        assert GenerationPhase.DRAINING in targets or phase is GenerationPhase.DRAINING


def test_an_illegal_move_is_refused() -> None:
    """Nothing moves against the tables: that would be a fault of the planner."""
    with pytest.raises(AssertionError, match="worker 1: "):
        Worker(1, WorkerPhase.LEAVING).move(WorkerPhase.READY)
    with pytest.raises(AssertionError, match="generation 1: "):
        Generation(1, 1, {}, GenerationPhase.SERVING).move(GenerationPhase.LOADING)
