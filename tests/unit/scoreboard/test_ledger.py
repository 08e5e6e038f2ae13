"""What workers that are gone had counted."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uncork.scoreboard.board import Scoreboard
from uncork.scoreboard.cells import CoreCells
from uncork.scoreboard.ledger import Ledger
from uncork.scoreboard.schema import AppCell, CoreCell, Header, WorkerCell


@pytest.fixture
def board() -> Iterator[Scoreboard]:
    """Two slots of two threads, two applications."""
    made = Scoreboard(2, 2, 2)
    yield made
    made.close()


def test_a_new_ledger_knows_nobody(board: Scoreboard) -> None:
    """Every number of a worker that has not ended yet is zero."""
    ledger = Ledger()
    assert (ledger.requests, ledger.log_lost, ledger.served(1, 0), ledger.signals(1)) == (0, 0, 0, 0)
    assert list(ledger.core(1, 0)) == [0] * len(CoreCell)
    assert list(ledger.app(1, 0)) == [0] * len(AppCell)


def test_a_slot_is_absorbed_once(board: Scoreboard) -> None:
    """Its numbers are taken over and wiped in one go: to do it twice adds nothing, and nothing is counted twice."""
    ledger = Ledger()
    pen = CoreCells(board, 2, 1)
    pen.end(1, 10, 100, True)
    board.cells[board.worker_row(2) + WorkerCell.SIGNALS] = 5
    board.cells[board.worker_row(2) + WorkerCell.LOG_LOST] = 7
    for _ in range(2):
        ledger.absorb(board, 2, 1)
        assert (ledger.requests, ledger.log_lost, ledger.served(1, 1), ledger.signals(1)) == (1, 7, 1, 5)
        assert list(ledger.app(1, 1)) == [1, 1]
        assert board.total_requests() == 0
    del pen


def test_numbers_belong_to_the_id_not_to_the_slot(board: Scoreboard) -> None:
    """A worker that is replaced in another slot goes on; who takes the slot over has no part in it."""
    ledger = Ledger()
    for slot, wid, times in ((1, 1, 3), (2, 1, 4), (1, 2, 5)):
        pen = CoreCells(board, slot, 0)
        for _ in range(times):
            pen.begin(1, b"")
            pen.end(0, 1, 10, False)
        ledger.absorb(board, slot, wid)
        del pen
    assert [ledger.served(wid, 0) for wid in (1, 2, 3)] == [7, 5, 0]
    assert [ledger.core(wid, 0)[CoreCell.TX] for wid in (1, 2, 3)] == [70, 50, 0]
    assert ledger.requests == 12


def test_the_master_and_its_header_are_left_alone(board: Scoreboard) -> None:
    """A pause or a turn of the log does not end with a worker."""
    for cell in Header:
        board.set_header(cell, cell + 1)
    Ledger().absorb(board, 1, 1)
    assert [board.header(cell) for cell in Header] == [cell + 1 for cell in Header]


def test_what_is_only_true_at_the_moment_is_forgotten(board: Scoreboard) -> None:
    """A running request, its deadline, its thread: they end with the process."""
    ledger = Ledger()
    pen = CoreCells(board, 1, 0, limit=9)
    pen.begin_thread(77)
    pen.begin(5, b"packet")
    del pen
    ledger.absorb(board, 1, 1)
    row = ledger.core(1, 0)
    cells = (CoreCell.IN_REQUEST, CoreCell.STARTED, CoreCell.SNAPSHOT, CoreCell.DEADLINE, CoreCell.THREAD)
    assert [row[cell] for cell in cells] == [0] * 5
    assert board.snapshot(1, 0) == b""


def test_generations_of_different_shapes_add_up() -> None:
    """A reload may bring more threads or fewer applications; what was counted stays."""
    ledger = Ledger()
    for cores, apps in ((1, 1), (3, 2), (2, 1)):
        board = Scoreboard(1, cores, apps)
        for core in range(cores):
            pen = CoreCells(board, 1, core)
            pen.end(apps - 1, 1, 10, False)
            del pen
        ledger.absorb(board, 1, 1)
        board.close()
    assert [ledger.served(1, core) for core in range(3)] == [3, 2, 1]
    assert [ledger.app(1, app)[AppCell.REQUESTS] for app in range(2)] == [3, 3]
    assert ledger.requests == 6


REQUESTS = st.lists(
    st.tuples(st.integers(-1, 1), st.integers(0, 10**7), st.integers(0, 10**9), st.booleans(), st.booleans())
)
SUMS = (CoreCell.EXCEPTIONS, CoreCell.TX, CoreCell.RUNNING_TIME, CoreCell.READ_ERRORS, CoreCell.WRITE_ERRORS)


@given(REQUESTS)
@settings(deadline=None, max_examples=60)
def test_no_number_is_lost_with_a_worker(requests: list[tuple[int, int, int, bool, bool]]) -> None:
    """However often a worker is replaced, in alternating slots: ledger and slots together count as if it never was."""
    replaced, steady, ledger = Scoreboard(2, 1, 2), Scoreboard(1, 1, 2), Ledger()
    slot = 1
    pen, reference = CoreCells(replaced, slot, 0), CoreCells(steady, 1, 0)
    for app, duration, sent, failed, dies in requests:
        if dies:
            pen.begin(1, b"cut short")
            ledger.absorb(replaced, slot, 1)
            slot = 3 - slot
            pen = CoreCells(replaced, slot, 0)
        for each in (pen, reference):
            each.begin(1, b"packet")
            each.end(app, duration, sent, failed)
            if dies:
                each.read_error()
                each.write_error()

    now, before = replaced.core(slot, 0), ledger.core(1, 0)
    assert [now[cell] + before[cell] for cell in SUMS] == [steady.core(1, 0)[cell] for cell in SUMS]
    for app in range(2):
        counts = zip(replaced.app(slot, 0, app), ledger.app(1, app), strict=True)
        assert [sum(pair) for pair in counts] == list(steady.app(1, 0, app))
    assert replaced.requests(slot, 0) + ledger.served(1, 0) == steady.requests(1, 0) == len(requests)
    assert replaced.total_requests() + ledger.requests == len(requests)
