"""The layout of the scoreboard, and what its readers see."""

import os
from collections.abc import Iterator

import pytest

from uncork.scoreboard.board import Scoreboard
from uncork.scoreboard.cells import CoreCells
from uncork.scoreboard.schema import CELL, SNAPSHOT_SIZE, AppCell, CoreCell, Header, WorkerCell

SIZES = [(1, 1, 1), (1, 4, 2), (3, 1, 1), (2, 3, 4), (16, 8, 3)]


@pytest.fixture(params=SIZES, ids=lambda size: "x".join(map(str, size)))
def board(request: pytest.FixtureRequest) -> Iterator[Scoreboard]:
    """Scoreboards of several sizes: slots, threads, applications."""
    made = Scoreboard(*request.param)
    yield made
    made.close()


@pytest.fixture
def small() -> Iterator[Scoreboard]:
    """Two slots of two threads, two applications."""
    made = Scoreboard(2, 2, 2)
    yield made
    made.close()


def cores(board: Scoreboard) -> list[tuple[int, int]]:
    """(slot, thread) of every thread."""
    return [(slot, core) for slot in range(1, board.slots + 1) for core in range(board.cores)]


def places(board: Scoreboard) -> list[int]:
    """The index of every cell that the schema knows, by way of the rows."""
    found: list[int] = list(Header)
    for slot in range(1, board.slots + 1):
        found += [board.worker_row(slot) + cell for cell in WorkerCell]
    for slot, core in cores(board):
        found += [board.core_row(slot, core) + cell for cell in CoreCell]
        found.append(board.requests_cell(slot, core))
        for app in range(board.apps):
            found += [board.app_row(slot, core, app) + cell for cell in AppCell]
    return found


def test_no_two_cells_share_a_place(board: Scoreboard) -> None:
    """Every cell has a place of its own, and there is no place without a cell."""
    assert sorted(places(board)) == list(range(len(board.cells)))


def test_every_reader_sees_the_value_of_its_own_cell(board: Scoreboard) -> None:
    """Distinct values written everywhere come back from where they were written, snapshots included."""
    for place in places(board):
        board.cells[place] = -place - 1
    for number, (slot, core) in enumerate(cores(board)):
        offset = board.snapshot_offset(slot, core)
        board.memory[offset : offset + SNAPSHOT_SIZE] = bytes([number % 256]) * SNAPSHOT_SIZE

    assert [board.header(cell) for cell in Header] == [-cell - 1 for cell in Header]
    for slot in range(1, board.slots + 1):
        assert board.worker(slot) == [-(board.worker_row(slot) + cell) - 1 for cell in WorkerCell]
    for number, (slot, core) in enumerate(cores(board)):
        assert board.core(slot, core) == [-(board.core_row(slot, core) + cell) - 1 for cell in CoreCell]
        assert board.requests(slot, core) == -board.requests_cell(slot, core) - 1
        for app in range(board.apps):
            assert board.app(slot, core, app) == [-(board.app_row(slot, core, app) + cell) - 1 for cell in AppCell]
        board.cells[board.core_row(slot, core) + CoreCell.SNAPSHOT] = SNAPSHOT_SIZE
        assert board.snapshot(slot, core) == bytes([number % 256]) * SNAPSHOT_SIZE


def test_the_snapshots_lie_behind_the_cells_and_end_with_the_memory(board: Scoreboard) -> None:
    """Bytes and cells do not overlap."""
    offsets = [board.snapshot_offset(slot, core) for slot, core in cores(board)]

    assert offsets == [len(board.cells) * CELL + number * SNAPSHOT_SIZE for number in range(len(offsets))]
    assert len(board.memory) == offsets[-1] + SNAPSHOT_SIZE


def test_a_new_scoreboard_is_all_zero(board: Scoreboard) -> None:
    """Nothing of a generation before it shows."""
    assert not any(board.cells)
    assert board.total_requests() == 0
    assert all(board.snapshot(slot, core) == b"" for slot, core in cores(board))


def test_the_total_is_the_sum_of_every_threads_requests(board: Scoreboard) -> None:
    """One slice holds exactly the cells that count requests."""
    expected = 0
    for number, (slot, core) in enumerate(cores(board), 1):
        board.cells[board.requests_cell(slot, core)] = number
        expected += number

    assert board.total_requests() == expected
    start, end = board.requests_span()
    assert sorted(board.requests_cell(slot, core) for slot, core in cores(board)) == list(range(start, end))


@pytest.mark.parametrize("value", [0, 1, -1, 2**63 - 1, -(2**63)])
def test_a_cell_holds_any_signed_64_bit_number(small: Scoreboard, value: int) -> None:
    """And the header is written through its own method."""
    small.set_header(Header.LOG_TURN, value)

    assert {cell: small.header(cell) for cell in Header} == dict.fromkeys(Header, 0) | {Header.LOG_TURN: value}


@pytest.mark.parametrize(("written", "shown"), [(0, 0), (5, 5), (4096, 4096), (4097, 4096), (2**62, 4096), (-1, 0)])
def test_a_snapshot_never_shows_more_than_its_own_bytes(small: Scoreboard, written: int, shown: int) -> None:
    """Whatever a dying worker left in the cell for the length, the neighbour's request is not shown."""
    row = small.core_row(1, 1)
    offset = small.snapshot_offset(1, 1)
    small.memory[offset : offset + 2 * SNAPSHOT_SIZE] = b"m" * SNAPSHOT_SIZE + b"n" * SNAPSHOT_SIZE
    small.cells[row + CoreCell.IN_REQUEST] = 1
    small.cells[row + CoreCell.SNAPSHOT] = written

    assert small.snapshot(1, 1) == b"m" * shown


def test_clearing_a_slot_wipes_that_slot_only(board: Scoreboard) -> None:
    """Whatever the dead worker had written, its successor begins with nothing; every other cell stays as it was."""
    slot = board.slots
    for place in places(board):
        board.cells[place] = place + 1

    board.clear(slot)

    own = {board.worker_row(slot) + cell for cell in WorkerCell}
    for core in range(board.cores):
        own |= {board.core_row(slot, core) + cell for cell in CoreCell} | {board.requests_cell(slot, core)}
        for app in range(board.apps):
            own |= {board.app_row(slot, core, app) + cell for cell in AppCell}
    assert [board.cells[place] for place in places(board)] == [
        0 if place in own else place + 1 for place in places(board)
    ]


def test_a_cleared_slot_shows_no_request(small: Scoreboard) -> None:
    """The request that its worker died in is not that of the next one."""
    dead, alive = CoreCells(small, 1, 0), CoreCells(small, 2, 0)
    dead.begin(5, b"dead")
    alive.begin(6, b"alive")

    small.clear(1)

    assert (small.snapshot(1, 0), small.snapshot(2, 0)) == (b"", b"alive")
    del dead, alive


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_what_a_worker_writes_the_master_reads(small: Scoreboard) -> None:
    """The memory is shared across fork in both directions, not copied."""
    to_child, to_parent = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            cells = CoreCells(small, 2, 1)
            cells.begin(77, b"from the child")
            os.write(to_parent[1], b"x")
            os.read(to_child[0], 1)
            status = small.header(Header.PAUSED)
            cells.end(1, 10, 20, False)
        finally:
            os._exit(status)
    assert os.read(to_parent[0], 1) == b"x"
    assert small.snapshot(2, 1) == b"from the child"
    assert small.core(2, 1)[CoreCell.STARTED] == 77
    small.set_header(Header.PAUSED, 42)
    os.write(to_child[1], b"x")
    _, status = os.waitpid(pid, 0)
    for fd in (*to_child, *to_parent):
        os.close(fd)

    assert os.waitstatus_to_exitcode(status) == 42
    assert small.requests(2, 1) == 1
    assert list(small.app(2, 1, 1)) == [1, 0]
    assert small.snapshot(2, 1) == b""
