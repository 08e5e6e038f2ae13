"""The files that the server keeps: its log, its FIFO, its pidfile.

Runs in: master and single process; workers reopen the log.  Must not: follow a symlink or touch what it did not make.
"""

import os
import stat
import time

from uncork.errors import UncorkError

# rw for us, r for the group: a log may hold addresses and paths that are nobody else's business.
LOG_MODE = 0o640
PIDFILE_MODE = 0o644
# As uWSGI: whoever may write to it may stop the server.
FIFO_MODE = 0o600
# One command and its newline.
ECHO_SIZE = 2


class LogFile:
    """The file behind stdout and stderr (option `logto`).  `path` is absolute: it outlives every chdir."""

    def __init__(self, path: str) -> None:
        self.path = os.path.abspath(path)

    def open(self) -> None:
        """Point stdout and stderr at the file, made if need be, written at its end.

        Raises UncorkError if it cannot be opened; the old log stays then.
        """
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        # A device such as /dev/stdout is a symlink by design; anywhere else a link is somebody's trap.
        if not self.path.startswith("/dev/"):
            flags |= os.O_NOFOLLOW
        try:
            fd = os.open(self.path, flags, LOG_MODE)
        except OSError as error:
            raise UncorkError(
                f"logto = {self.path}: {str(error.strerror).lower()} (check the path and its owner)"
            ) from None
        os.dup2(fd, 1)
        os.dup2(fd, 2)
        os.close(fd)

    def rotate(self) -> str:
        """Rename the file to `<path>.<unix time>`, as uWSGI does, and open a fresh one; the old file's new name."""
        stem = f"{self.path}.{int(time.time())}"
        # A second rotation in the same second must not overwrite the first one's file.
        names = (stem, *(f"{stem}.{number}" for number in range(1, 1000)))
        name = next(name for name in names if not os.path.lexists(name))
        try:
            os.rename(self.path, name)
        except OSError as error:
            raise UncorkError(f"cannot rotate {self.path}: {str(error.strerror).lower()}") from None
        self.open()
        return name


def make_fifo(path: str) -> int:
    """A descriptor that reads commands from the FIFO at `path`, made anew.

    Open for writing too, so that it never reports an end when the last writer closes (fifo(7), Linux).  Replaced is
    only what a server of this user left behind: a FIFO that nobody reads, or the tiny file that `echo r >path` makes
    when no server runs.  Raises UncorkError for everything else: what we did not make is not ours to remove.
    """
    _clear_fifo(path)
    try:
        os.mkfifo(path, FIFO_MODE)
        return os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise UncorkError(f"master-fifo = {path}: {str(error.strerror).lower()}") from None


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


class PidFile:
    """The file that names the master (option `pidfile`).

    Opened while the process may still be root, written once the server is sure to start: a second server on the same
    configuration fails before that, and leaves the first one's file as it is.  Raises UncorkError.
    """

    def __init__(self, path: str) -> None:
        self.path = os.path.abspath(path)
        flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        try:
            self._new = not os.path.lexists(self.path)
            self._fd = os.open(self.path, flags, PIDFILE_MODE)
        except OSError as error:
            raise UncorkError(f"pidfile = {self.path}: {str(error.strerror).lower()} (choose another path)") from None
        status = os.fstat(self._fd)
        # A second name or another owner means that somebody laid the file out for us to overwrite.
        if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1 or status.st_uid not in {0, os.geteuid()}:
            os.close(self._fd)
            raise UncorkError(f"pidfile = {self.path}: the path exists and is no pidfile of ours (remove it)")

    def write(self, pid: int) -> None:
        """Make the file say `pid`."""
        text = f"{pid}\n".encode()
        try:
            os.pwrite(self._fd, text, 0)
            os.ftruncate(self._fd, len(text))
        except OSError as error:
            raise UncorkError(f"pidfile = {self.path}: {str(error.strerror).lower()}") from None

    def close(self) -> None:
        """Close the descriptor.  Runs in: each child of the master, right after its fork."""
        os.close(self._fd)

    def abandon(self) -> None:
        """The start failed: leave no empty file behind."""
        os.close(self._fd)
        if self._new:
            _unlink(self.path)

    def remove(self) -> bool:
        """Remove the file (option `vacuum`) if it still is ours."""
        try:
            ours = os.path.samestat(os.lstat(self.path), os.fstat(self._fd))
        except OSError:
            return False
        return ours and _unlink(self.path)


def _unlink(path: str) -> bool:
    try:
        os.unlink(path)
    except OSError:
        return False
    return True
