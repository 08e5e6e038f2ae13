"""The file that names the master (option `pidfile`).

Runs in: master and single process.  Must not: follow a symlink or write over what is no pidfile.
"""

import os
import stat

from uncork.errors import UncorkError

PIDFILE_MODE = 0o644


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
