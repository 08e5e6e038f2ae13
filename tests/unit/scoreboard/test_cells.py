"""What a thread writes of its requests."""

from collections.abc import Iterator

import pytest

from uncork.scoreboard import cells
from uncork.scoreboard.board import Scoreboard
from uncork.scoreboard.cells import CoreCells
from uncork.scoreboard.schema import SNAPSHOT_SIZE, AppCell, CoreCell, Header


@pytest.fixture
def board() -> Iterator[Scoreboard]:
    """Two slots of two threads, two applications."""
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
    """All slots, all threads, and whoever came before."""
    board.set_header(Header.EARLIER_REQUESTS, 1000)
    pens = [CoreCells(board, slot, core) for slot in (1, 2) for core in (0, 1)]
    for count, pen in enumerate(pens, 1):
        for _ in range(count):
            pen.end(0, 1, 1, False)

    assert [pen.total_requests() for pen in pens] == [1010] * 4


# ---- deadlines -------------------------------------------------------------------------------------------------------

SECOND = 1_000_000


def deadline(board: Scoreboard) -> int:
    """What the master sees of the first thread."""
    return board.core(1, 0)[CoreCell.DEADLINE]


def test_without_harakiri_no_request_has_a_deadline(board: Scoreboard) -> None:
    """However long it takes."""
    pen = CoreCells(board, 1, 0)
    pen.begin(5 * SECOND, b"")

    assert deadline(board) == 0
    assert not pen.overdue(10**15)


def test_with_harakiri_each_request_has_its_own_deadline(board: Scoreboard) -> None:
    """It counts from the request's begin, and is gone with the request."""
    pen = CoreCells(board, 1, 0, 2 * SECOND)
    for started in (5 * SECOND, 9 * SECOND):
        pen.begin(started, b"")
        assert deadline(board) == started + 2 * SECOND
        pen.end(0, 1, 1, False)
        assert deadline(board) == 0


@pytest.mark.parametrize(("now", "overdue"), [(6.9, False), (7.0, True), (100.0, True)])
def test_overdue(board: Scoreboard, now: float, overdue: bool) -> None:
    """From the deadline on."""
    pen = CoreCells(board, 1, 0, 2 * SECOND)
    pen.begin(5 * SECOND, b"")

    assert pen.overdue(int(now * SECOND)) is overdue

    pen.end(0, 1, 1, False)
    assert not pen.overdue(int(now * SECOND))


@pytest.mark.parametrize(
    ("limit", "asked", "is_at"),
    [
        # The application alone decides.
        (0, 7, 7),
        (0, 0, 0),
        # Beside harakiri the earlier end is the one; to take it back leaves harakiri.
        (2, 6, 6),
        (2, 7, 7),
        (2, 30, 7),
        (2, 0, 7),
    ],
)
def test_the_application_sets_a_deadline(board: Scoreboard, limit: int, asked: int, is_at: int) -> None:
    """uwsgi.set_user_harakiri in a request that began at second 5; the next request has no part in it."""
    pen = CoreCells(board, 1, 0, limit * SECOND)
    pen.begin(5 * SECOND, b"")
    pen.set_user_deadline(asked * SECOND)

    assert deadline(board) == is_at * SECOND

    pen.end(0, 1, 1, False)
    assert deadline(board) == 0
    pen.begin(20 * SECOND, b"")
    assert deadline(board) == (20 + limit) * SECOND * bool(limit)


def test_a_thread_says_what_it_is_called(board: Scoreboard) -> None:
    """So that a dump of Python stacks can be read; requests do not change it."""
    pen = CoreCells(board, 2, 1)
    pen.begin_thread(2**63 - 1)
    pen.begin(1, b"")
    pen.end(0, 1, 1, False)

    assert board.core(2, 1)[CoreCell.THREAD] == 2**63 - 1
    assert board.core(2, 0)[CoreCell.THREAD] == 0
