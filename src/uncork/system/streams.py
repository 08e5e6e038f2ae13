"""What stdout and stderr are: one or two, and whether to write to them may block.

Runs in: the process that sets up the log.
"""

import errno
import os
import stat


def streams() -> list[tuple[int, ...]]:
    """stdout and stderr: together if they are the same, as behind `2>&1`, else each for itself."""
    try:
        same = os.path.samestat(os.fstat(1), os.fstat(2))
    except OSError:
        same = False
    return [(1, 2)] if same else [(1,), (2,)]


def could_block(number: int) -> bool:
    """Whether descriptor `number` is a pipe or a socket: those wait for whoever reads."""
    try:
        mode = os.fstat(number).st_mode
    except OSError as error:
        if error.errno != errno.EBADF:
            raise
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
