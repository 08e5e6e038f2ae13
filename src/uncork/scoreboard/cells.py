"""A thread's pen on the scoreboard: begin and end of a request, in two or three stores each.

Runs in: worker (compiled by mypyc), one `CoreCells` for each thread, which is its only writer.
"""

import mmap
from typing import Final

from uncork.scoreboard.board import Scoreboard
from uncork.scoreboard.schema import SNAPSHOT_SIZE, Header

# The offsets of schema.CoreCell and schema.AppCell as constants the compiler can see; a test keeps them equal.
IN_REQUEST: Final = 0
STARTED: Final = 1
SNAPSHOT: Final = 2
EXCEPTIONS: Final = 3
TX: Final = 4
RUNNING_TIME: Final = 5
AVG_RT: Final = 6
READ_ERRORS: Final = 7
WRITE_ERRORS: Final = 8
DEADLINE: Final = 9
THREAD: Final = 10
APP_REQUESTS: Final = 0
APP_EXCEPTIONS: Final = 1


class CoreCells:
    """The cells of thread `core` of the worker in slot `slot`; `limit` is harakiri in microseconds, 0 for none."""

    def __init__(self, board: Scoreboard, slot: int, core: int, limit: int = 0) -> None:
        self._cells: memoryview = board.cells
        self._memory: mmap.mmap = board.memory
        self._row: int = board.core_row(slot, core)
        self._requests_cell: int = board.requests_cell(slot, core)
        self._snapshot: int = board.snapshot_offset(slot, core)
        self._app_rows: list[int] = [board.app_row(slot, core, app) for app in range(board.apps)]
        span = board.requests_span()
        self._all_requests: memoryview = board.cells[span[0] : span[1]]
        self._earlier: memoryview = board.cells[Header.EARLIER_REQUESTS : Header.EARLIER_REQUESTS + 1]
        self._limit: int = limit
        self._timed = False
        self.requests: int = 0
        self._exceptions: int = 0
        self._tx: int = 0
        self._running_time: int = 0
        self._avg_rt: int = 0

    def begin(self, started: int, packet: bytes) -> None:
        """A request begins at `started` (monotonic microseconds); the head of `packet` is kept for those who watch."""
        size = len(packet)
        if size > SNAPSHOT_SIZE:
            packet = packet[:SNAPSHOT_SIZE]
            size = SNAPSHOT_SIZE
        self._memory[self._snapshot : self._snapshot + size] = packet
        cells = self._cells
        row = self._row
        cells[row + SNAPSHOT] = size
        cells[row + STARTED] = started
        if self._limit > 0:
            cells[row + DEADLINE] = started + self._limit
            self._timed = True
        cells[row + IN_REQUEST] = 1

    def end(self, app: int, duration: int, sent: int, failed: bool) -> None:
        """The request is over: it took `duration` microseconds, sent `sent` bytes; `failed` if the application raised.

        `app` is the application's number, -1 if none was found.
        """
        cells = self._cells
        row = self._row
        self.requests += 1
        self._tx += sent
        self._running_time += duration
        self._avg_rt = (self._avg_rt + duration) // 2
        cells[self._requests_cell] = self.requests
        cells[row + TX] = self._tx
        cells[row + RUNNING_TIME] = self._running_time
        cells[row + AVG_RT] = self._avg_rt
        if app >= 0:
            app_row = self._app_rows[app]
            cells[app_row + APP_REQUESTS] += 1
            if failed:
                cells[app_row + APP_EXCEPTIONS] += 1
        if failed:
            self._exceptions += 1
            cells[row + EXCEPTIONS] = self._exceptions
        cells[row + IN_REQUEST] = 0
        if self._timed:
            cells[row + DEADLINE] = 0
            self._timed = False

    def begin_thread(self, ident: int) -> None:
        """This thread, named `ident` in dumps of Python stacks, begins to serve."""
        self._cells[self._row + THREAD] = ident

    def set_user_deadline(self, deadline: int) -> None:
        """The application gives the running request until `deadline` (monotonic microseconds), 0: no such limit."""
        cells = self._cells
        row = self._row
        if self._limit > 0:
            latest: int = cells[row + STARTED] + self._limit
            if deadline == 0 or deadline > latest:
                deadline = latest
        cells[row + DEADLINE] = deadline
        self._timed = True

    def overdue(self, now: int) -> bool:
        """Whether the running request has taken too long by `now` (monotonic microseconds)."""
        deadline: int = self._cells[self._row + DEADLINE]
        return 0 < deadline <= now

    def read_error(self) -> None:
        """The client broke off while its request was being read."""
        self._cells[self._row + READ_ERRORS] += 1

    def write_error(self) -> None:
        """The client was gone when the answer came."""
        self._cells[self._row + WRITE_ERRORS] += 1

    def total_requests(self) -> int:
        """Requests served by the whole server, all generations together."""
        total: int = sum(self._all_requests) + self._earlier[0]
        return total
