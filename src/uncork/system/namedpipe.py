"""The named pipe of the master FIFO: made narrowly, taken over only from a dead server.

Runs in: master.  Must not: follow a symlink or remove what is not ours.
"""

import os
import stat

from uncork.errors import UncorkError

# As uWSGI: whoever may write to it may stop the server.
FIFO_MODE = 0o600
# One command and its newline.
ECHO_SIZE = 2


def make_fifo(path: str) -> int:
    """A descriptor that reads commands from the FIFO at `path`, made anew.

    Open for writing too, so that it never reports an end when the last writer closes (fifo(7), Linux).  Replaced is
    only what a server of this user left behind: a FIFO that nobody reads, or the tiny file that `echo r >path` makes
    when no server runs.  Raises UncorkError for everything else: what we did not make is not ours to remove.
    """
    _clear_fifo(path)
    try:
        os.mkfifo(path, FIFO_MODE)
        fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise UncorkError(f"master-fifo = {path}: {str(error.strerror).lower()}") from None
    status = os.fstat(fd)
    if not stat.S_ISFIFO(status.st_mode) or status.st_uid != os.geteuid():
        os.close(fd)
        raise UncorkError(f"master-fifo = {path}: somebody else has put a file there (choose a directory of your own)")
    return fd


def _clear_fifo(path: str) -> None:
    try:
        status = os.lstat(path)
    except OSError:
        return
    ours = status.st_uid == os.geteuid()
    if ours and stat.S_ISFIFO(status.st_mode):
        if _has_reader(path):
            raise UncorkError(f"master-fifo = {path}: another server reads it (stop that one, or choose another path)")
    elif not (ours and stat.S_ISREG(status.st_mode) and status.st_size <= ECHO_SIZE):
        raise UncorkError(
            f"master-fifo = {path}: the path exists and is no FIFO of ours (remove it, or choose another path)"
        )
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise UncorkError(f"master-fifo = {path}: {str(error.strerror).lower()}") from None


def _has_reader(path: str) -> bool:
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW))
    except OSError:  # ENXIO: nobody reads
        return False
    return True


def fifo_intact(path: str, fd: int) -> bool:
    """Whether `path` still is the FIFO behind `fd`."""
    try:
        return os.path.samestat(os.lstat(path), os.fstat(fd))
    except OSError:
        return False
