"""What a thread writes of its requests."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uncork.scoreboard import cells
from uncork.scoreboard.board import Scoreboard
from uncork.scoreboard.cells import CoreCells
from uncork.scoreboard.schema import SNAPSHOT_SIZE, AppCell, CoreCell, Header


@pytest.fixture
def board() -> Iterator[Scoreboard]:
    """Two workers of two threads, two applications."""
    made = Scoreboard(2, 2, 2)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("constant", "cell"),
    [(getattr(cells, cell.name), cell) for cell in CoreCell]
    + [(getattr(cells, f"APP_{cell.name}"), cell) for cell in AppCell],
)
def test_the_constants_for_the_compiler_are_those_of_the_schema(constant: int, cell: int) -> None:
    """The offsets are written down twice; they agree."""
    assert constant == cell


def test_a_request_shows_while_it_runs(board: Scoreboard) -> None:
    """From begin() to end() the watchers see that, since when and what is served."""
    pen = CoreCells(board, 2, 1)

    pen.begin(123_456, b"packet")

    row = board.core(2, 1)
    assert (row[CoreCell.IN_REQUEST], row[CoreCell.STARTED], row[CoreCell.SNAPSHOT]) == (1, 123_456, 6)
    assert board.snapshot(2, 1) == b"packet"
    assert board.requests(2, 1) == 0

    pen.end(0, 5, 5, False)

    assert board.core(2, 1)[CoreCell.IN_REQUEST] == 0
    assert board.snapshot(2, 1) == b""
    assert board.requests(2, 1) == 1


@pytest.mark.parametrize("size", [0, 1, SNAPSHOT_SIZE - 1, SNAPSHOT_SIZE, SNAPSHOT_SIZE + 1, 65539])
def test_only_the_head_of_a_large_packet_is_kept(board: Scoreboard, size: int) -> None:
    """A snapshot is cut to its place; the request of the next thread stays untouched."""
    neighbour, pen = CoreCells(board, 2, 1), CoreCells(board, 2, 0)
    neighbour.begin(1, b"neighbour")
    packet = bytes(index % 251 for index in range(size))

    pen.begin(1, packet)

    assert board.snapshot(2, 0) == packet[:SNAPSHOT_SIZE]
    assert board.snapshot(2, 1) == b"neighbour"


def test_a_short_packet_after_a_long_one_shows_nothing_of_it(board: Scoreboard) -> None:
    """The snapshot of a request is of that request only."""
    pen = CoreCells(board, 1, 0)
    pen.begin(1, b"secret" * 500)
    pen.end(0, 1, 1, False)
    pen.begin(2, b"short")

    assert board.snapshot(1, 0) == b"short"


def test_requests_are_counted_and_added_up(board: Scoreboard) -> None:
    """Bytes and time add up, the average is uWSGI's (avg + last) / 2, failures count for thread and application."""
    pen = CoreCells(board, 1, 1)
    for app, duration, sent, failed in [(0, 100, 10, False), (1, 300, 20, True), (1, 50, 30, False), (-1, 0, 5, False)]:
        pen.begin(0, b"")
        pen.end(app, duration, sent, failed)

    row = board.core(1, 1)
    assert (row[CoreCell.TX], row[CoreCell.RUNNING_TIME], row[CoreCell.EXCEPTIONS]) == (65, 450, 1)
    assert row[CoreCell.AVG_RT] == (((100 // 2 + 300) // 2 + 50) // 2) // 2
    assert [list(board.app(1, 1, app)) for app in (0, 1)] == [[1, 0], [2, 1]]
    assert (board.requests(1, 1), pen.requests) == (4, 4)


def test_errors_of_the_client_are_counted_apart(board: Scoreboard) -> None:
    """Reading and writing have a counter each, and neither is a request."""
    pen = CoreCells(board, 1, 0)
    pen.read_error()
    pen.read_error()
    pen.write_error()

    row = board.core(1, 0)
    assert (row[CoreCell.READ_ERRORS], row[CoreCell.WRITE_ERRORS], board.requests(1, 0)) == (2, 1, 0)


def test_the_total_is_that_of_the_whole_server(board: Scoreboard) -> None:
    """All workers, all threads, and the generations before this one."""
    board.set_header(Header.EARLIER_REQUESTS, 1000)
    pens = [CoreCells(board, wid, core) for wid in (1, 2) for core in (0, 1)]
    for count, pen in enumerate(pens, 1):
        for _ in range(count):
            pen.end(0, 1, 1, False)

    assert [pen.total_requests() for pen in pens] == [1010] * 4


REQUESTS = st.lists(
    st.tuples(st.integers(-1, 1), st.integers(0, 10**7), st.integers(0, 10**9), st.booleans(), st.booleans())
)


@given(REQUESTS)
@settings(deadline=None, max_examples=60)
def test_the_numbers_of_a_slot_outlive_its_workers(requests: list[tuple[int, int, int, bool, bool]]) -> None:
    """A worker that takes over a slot goes on where the one before it stopped, wherever that died."""
    replaced, steady = Scoreboard(1, 1, 2), Scoreboard(1, 1, 2)
    pen, reference = CoreCells(replaced, 1, 0), CoreCells(steady, 1, 0)
    for app, duration, sent, failed, dies in requests:
        if dies:
            pen.begin(1, b"cut short")
            replaced.clear_core(1, 0)
            pen = CoreCells(replaced, 1, 0)
        for each in (pen, reference):
            each.begin(1, b"packet")
            each.end(app, duration, sent, failed)
        if dies:
            for each in (pen, reference):
                each.read_error()
                each.write_error()

    shown = [
        [*board.core(1, 0)[CoreCell.EXCEPTIONS :], *board.app(1, 0, 0), *board.app(1, 0, 1)]
        for board in (replaced, steady)
    ]
    assert shown[0] == shown[1]
    assert replaced.requests(1, 0) == steady.requests(1, 0) == len(requests)
