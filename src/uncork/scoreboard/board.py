"""Lay the scoreboard out in one anonymous mmap, and read it.

A slot is the place of one worker process at a time.

Runs in: the master, which makes one for each generation before it forks the template, and (inherited) in that template
and its workers.  Layout, in cells: header | worker rows | core rows | requests, one cell a core | app rows; then the
snapshots, in bytes.  The requests stand side by side so that their sum is one slice.
"""

import mmap
from collections.abc import Sequence

from uncork.scoreboard.schema import CELL, SNAPSHOT_SIZE, AppCell, CoreCell, Header, WorkerCell


class Scoreboard:
    """`slots` slots, counted from 1, of `cores` threads each, serving up to `apps` applications."""

    def __init__(self, slots: int, cores: int, apps: int) -> None:
        self.slots = slots
        self.cores = cores
        self.apps = apps
        self._worker_rows = len(Header)
        self._core_rows = self._worker_rows + slots * len(WorkerCell)
        self._requests = self._core_rows + slots * cores * len(CoreCell)
        self._app_rows = self._requests + slots * cores
        cells = self._app_rows + slots * cores * apps * len(AppCell)
        self._snapshots = cells * CELL
        self.memory = mmap.mmap(-1, self._snapshots + slots * cores * SNAPSHOT_SIZE)
        self.cells = memoryview(self.memory)[: self._snapshots].cast("q")

    def close(self) -> None:
        """Give the memory back; the rows of a live worker stay valid for it."""
        self.cells.release()
        self.memory.close()

    def worker_row(self, slot: int) -> int:
        """Index of the first cell of slot `slot`."""
        return self._worker_rows + (slot - 1) * len(WorkerCell)

    def core_row(self, slot: int, core: int) -> int:
        """Index of the first cell of thread `core` of slot `slot`."""
        return self._core_rows + self._core(slot, core) * len(CoreCell)

    def requests_cell(self, slot: int, core: int) -> int:
        """Index of the cell that counts the requests of thread `core` of slot `slot`."""
        return self._requests + self._core(slot, core)

    def app_row(self, slot: int, core: int, app: int) -> int:
        """Index of the first cell of application `app` in thread `core` of slot `slot`."""
        return self._app_rows + (self._core(slot, core) * self.apps + app) * len(AppCell)

    def snapshot_offset(self, slot: int, core: int) -> int:
        """Byte offset of the snapshot of thread `core` of slot `slot`."""
        return self._snapshots + self._core(slot, core) * SNAPSHOT_SIZE

    def requests_span(self) -> tuple[int, int]:
        """Slice of `cells` that holds every thread's request count."""
        return self._requests, self._app_rows

    def _core(self, slot: int, core: int) -> int:
        return (slot - 1) * self.cores + core

    def header(self, cell: Header) -> int:
        """One of the master's own cells."""
        return self.cells[cell]

    def set_header(self, cell: Header, value: int) -> None:
        """Runs in: master, the only writer of the header."""
        self.cells[cell] = value

    def worker(self, slot: int) -> Sequence[int]:
        """The row of slot `slot`, to be indexed by WorkerCell."""
        row = self.worker_row(slot)
        return self.cells[row : row + len(WorkerCell)].tolist()

    def core(self, slot: int, core: int) -> Sequence[int]:
        """The row of a thread, to be indexed by CoreCell."""
        row = self.core_row(slot, core)
        return self.cells[row : row + len(CoreCell)].tolist()

    def requests(self, slot: int, core: int) -> int:
        """Requests that thread `core` of slot `slot` has served in this generation."""
        return self.cells[self.requests_cell(slot, core)]

    def total_requests(self) -> int:
        """Requests of all workers of this generation."""
        start, end = self.requests_span()
        return sum(self.cells[start:end])

    def app(self, slot: int, core: int, app: int) -> Sequence[int]:
        """The row of an application in a thread, to be indexed by AppCell."""
        row = self.app_row(slot, core, app)
        return self.cells[row : row + len(AppCell)].tolist()

    def snapshot(self, slot: int, core: int) -> bytes:
        """The first bytes of the packet that thread `core` of slot `slot` is serving; b"" if it serves none."""
        row = self.core_row(slot, core)
        if not self.cells[row + CoreCell.IN_REQUEST]:
            return b""
        size = min(max(self.cells[row + CoreCell.SNAPSHOT], 0), SNAPSHOT_SIZE)
        offset = self.snapshot_offset(slot, core)
        return self.memory[offset : offset + size]

    def clear(self, slot: int) -> None:
        """Make a slot ready for its next worker.  Runs in: master, once the writer is gone."""
        self._zero(self.worker_row(slot), len(WorkerCell))
        self._zero(self.core_row(slot, 0), self.cores * len(CoreCell))
        self._zero(self.requests_cell(slot, 0), self.cores)
        self._zero(self.app_row(slot, 0, 0), self.cores * self.apps * len(AppCell))

    def _zero(self, start: int, count: int) -> None:
        for cell in range(start, start + count):
            self.cells[cell] = 0
