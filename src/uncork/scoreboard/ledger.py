"""What workers that are gone had counted: by the id that their replacements carry on.

Runs in: master.  A slot of the scoreboard is wiped for its next worker; the statistics of a worker go on.
"""

from collections.abc import Sequence

from uncork.scoreboard.board import Scoreboard
from uncork.scoreboard.schema import AppCell, CoreCell, WorkerCell

# Sums over the lives of a worker; the other cells say what is at the moment.
_ADD_UP = (CoreCell.EXCEPTIONS, CoreCell.TX, CoreCell.RUNNING_TIME, CoreCell.READ_ERRORS, CoreCell.WRITE_ERRORS)


class Ledger:
    """`requests` and `log_lost` are of all workers that are gone."""

    def __init__(self) -> None:
        self.requests = 0
        self.log_lost = 0
        self._requests: dict[tuple[int, int], int] = {}
        self._cores: dict[tuple[int, int], list[int]] = {}
        self._apps: dict[tuple[int, int], list[int]] = {}
        self._signals: dict[int, int] = {}

    def absorb(self, board: Scoreboard, slot: int, wid: int) -> None:
        """Take over the numbers of worker `wid`, which has ended in `slot`, and wipe the slot."""
        row = board.worker(slot)
        self._signals[wid] = self.signals(wid) + row[WorkerCell.SIGNALS]
        self.log_lost += row[WorkerCell.LOG_LOST]
        for core in range(board.cores):
            served = board.requests(slot, core)
            self.requests += served
            self._requests[wid, core] = self.served(wid, core) + served
            cells = board.core(slot, core)
            total = self._cores.setdefault((wid, core), [0] * len(CoreCell))
            for cell in _ADD_UP:
                total[cell] += cells[cell]
            total[CoreCell.AVG_RT] = cells[CoreCell.AVG_RT] or total[CoreCell.AVG_RT]
            for app in range(board.apps):
                counts = self._apps.setdefault((wid, app), [0] * len(AppCell))
                for app_cell in AppCell:
                    counts[app_cell] += board.app(slot, core, app)[app_cell]
        board.clear(slot)

    def served(self, wid: int, core: int) -> int:
        """Requests of thread `core` of worker `wid` in its earlier lives."""
        return self._requests.get((wid, core), 0)

    def core(self, wid: int, core: int) -> Sequence[int]:
        """The sums of thread `core` of worker `wid`, to be indexed by CoreCell."""
        return self._cores.get((wid, core), _NO_CORE)

    def app(self, wid: int, app: int) -> Sequence[int]:
        """The sums of an application in worker `wid`, to be indexed by AppCell."""
        return self._apps.get((wid, app), _NO_APP)

    def signals(self, wid: int) -> int:
        """Signals that worker `wid` received in its earlier lives."""
        return self._signals.get(wid, 0)


_NO_CORE: Sequence[int] = (0,) * len(CoreCell)
_NO_APP: Sequence[int] = (0,) * len(AppCell)
