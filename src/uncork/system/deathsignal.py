"""Tie the life of a process to that of its parent.

Runs in: the process that starts programs which are not ours and cannot watch their parent themselves, such as nginx;
worker, which may be too busy to notice that the master is gone.
"""

import ctypes
import os
from collections.abc import Callable

# prctl(2), PR_SET_PDEATHSIG: the signal that the kernel sends to this process when its parent ends.  Kept over exec.
_PR_SET_PDEATHSIG = 1


def tie_to_parent(number: int) -> None:
    """Get signal `number` when the parent of the moment ends."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)


def signalled_with_parent(number: int) -> Callable[[], None]:
    """What to run between fork and exec (subprocess's `preexec_fn`), for a child that gets `number` if we end first.

    Call it in the parent: whatever it needs is loaded before the fork.
    """
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def tie() -> None:
        """Runs in: child, between fork and exec."""
        prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
        if os.getppid() != parent:  # it ended before the line above
            os._exit(1)

    return tie
