"""Interrupt a computation of this process that takes too long, such as an expression that looks at a line for ever.

Runs in: master, in its only thread.  It works because the module `re` looks for signals while it searches.
"""

import atexit
import signal
from collections.abc import Callable

# Processor time in seconds, and not that of the clock: a machine that is busy with others makes nothing slow.
STEP = 0.01


class TooLongError(Exception):
    """It took longer than it may."""


class TimeLimit:
    """Counts the time of computations by a signal, from the first one on.

    It comes once in a STEP, whatever is done then: so many short computations count as one long one.
    """

    def __init__(self) -> None:
        self._is_counting = False
        self._step: Callable[[], None] | None = None

    def _passed(self, _number: int, _frame: object) -> None:
        if self._step is not None:
            self._step()

    def run(self, act: Callable[[], None], step: Callable[[], None]) -> None:
        """Do `act`, and call `step` in the middle of it, each time that another STEP is over.

        What `step` raises ends `act`, wherever it is.
        """
        if not self._is_counting:
            self._is_counting = True
            signal.signal(signal.SIGVTALRM, self._passed)
            signal.setitimer(signal.ITIMER_VIRTUAL, STEP, STEP)
            # The interpreter gives up its handlers at the end, and without one the signal kills.
            atexit.register(self.close)
        self._step = step
        try:
            act()
        finally:
            self._step = None

    def close(self) -> None:
        """Count no more, and give the signal back."""
        if self._is_counting:
            self._is_counting = False
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            atexit.unregister(self.close)
            self.leave()

    @staticmethod
    def leave() -> None:
        """Give the signal back.  Runs in: a child, right after its fork, to which timers do not come along."""
        signal.signal(signal.SIGVTALRM, signal.SIG_DFL)
