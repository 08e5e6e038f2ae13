"""Lay the scoreboard out in one anonymous mmap, and read it.

Runs in: the master, which makes one for each generation before it forks the template, and (inherited) in that template
and its workers.  Layout, in cells: header | worker rows | core rows | requests, one cell a core | app rows; then the
snapshots, in bytes.  The requests stand side by side so that their sum is one slice.
"""

import mmap
from collections.abc import Sequence

from uncork.scoreboard.schema import CELL, SNAPSHOT_SIZE, AppCell, CoreCell, Header, WorkerCell


class Scoreboard:
    """`workers` rows of `cores` threads each, serving up to `apps` applications.  Worker ids count from 1."""

    def __init__(self, workers: int, cores: int, apps: int) -> None:
        self.workers = workers
        self.cores = cores
        self.apps = apps
        self._worker_rows = len(Header)
        self._core_rows = self._worker_rows + workers * len(WorkerCell)
        self._requests = self._core_rows + workers * cores * len(CoreCell)
        self._app_rows = self._requests + workers * cores
        cells = self._app_rows + workers * cores * apps * len(AppCell)
        self._snapshots = cells * CELL
        self.memory = mmap.mmap(-1, self._snapshots + workers * cores * SNAPSHOT_SIZE)
        self.cells = memoryview(self.memory)[: self._snapshots].cast("q")

    def close(self) -> None:
        """Give the memory back; the rows of a live worker stay valid for it."""
        self.cells.release()
        self.memory.close()

    def worker_row(self, wid: int) -> int:
        """Index of the first cell of worker `wid`."""
        return self._worker_rows + (wid - 1) * len(WorkerCell)

    def core_row(self, wid: int, core: int) -> int:
        """Index of the first cell of thread `core` of worker `wid`."""
        return self._core_rows + self._core(wid, core) * len(CoreCell)

    def requests_cell(self, wid: int, core: int) -> int:
        """Index of the cell that counts the requests of thread `core` of worker `wid`."""
        return self._requests + self._core(wid, core)

    def app_row(self, wid: int, core: int, app: int) -> int:
        """Index of the first cell of application `app` in thread `core` of worker `wid`."""
        return self._app_rows + (self._core(wid, core) * self.apps + app) * len(AppCell)

    def snapshot_offset(self, wid: int, core: int) -> int:
        """Byte offset of the snapshot of thread `core` of worker `wid`."""
        return self._snapshots + self._core(wid, core) * SNAPSHOT_SIZE

    def requests_span(self) -> tuple[int, int]:
        """Slice of `cells` that holds every thread's request count."""
        return self._requests, self._app_rows

    def _core(self, wid: int, core: int) -> int:
        return (wid - 1) * self.cores + core

    def header(self, cell: Header) -> int:
        """One of the master's own cells."""
        return self.cells[cell]

    def set_header(self, cell: Header, value: int) -> None:
        """Runs in: master, the only writer of the header."""
        self.cells[cell] = value

    def worker(self, wid: int) -> Sequence[int]:
        """The row of worker `wid`, to be indexed by WorkerCell."""
        row = self.worker_row(wid)
        return self.cells[row : row + len(WorkerCell)].tolist()

    def core(self, wid: int, core: int) -> Sequence[int]:
        """The row of a thread, to be indexed by CoreCell."""
        row = self.core_row(wid, core)
        return self.cells[row : row + len(CoreCell)].tolist()

    def requests(self, wid: int, core: int) -> int:
        """Requests that thread `core` of worker slot `wid` has served in this generation."""
        return self.cells[self.requests_cell(wid, core)]

    def total_requests(self) -> int:
        """Requests of all workers of this generation."""
        start, end = self.requests_span()
        return sum(self.cells[start:end])

    def app(self, wid: int, core: int, app: int) -> Sequence[int]:
        """The row of an application in a thread, to be indexed by AppCell."""
        row = self.app_row(wid, core, app)
        return self.cells[row : row + len(AppCell)].tolist()

    def snapshot(self, wid: int, core: int) -> bytes:
        """The first bytes of the packet that thread `core` of worker `wid` is serving; b"" if it serves none."""
        row = self.core_row(wid, core)
        if not self.cells[row + CoreCell.IN_REQUEST]:
            return b""
        size = min(max(self.cells[row + CoreCell.SNAPSHOT], 0), SNAPSHOT_SIZE)
        offset = self.snapshot_offset(wid, core)
        return self.memory[offset : offset + size]

    def clear_core(self, wid: int, core: int) -> None:
        """Forget the running request of a thread whose worker is dead.  Runs in: master, once the writer is gone."""
        self.cells[self.core_row(wid, core) + CoreCell.IN_REQUEST] = 0
