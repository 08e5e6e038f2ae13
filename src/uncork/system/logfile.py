"""The log file behind stdout and stderr (option `logto`): opened, opened again, rotated.

Runs in: master and single process; template and workers reopen it.  Must not: follow a symlink.
"""

import os
import time

from uncork.errors import UncorkError

# rw for us, r for the group: a log may hold addresses and paths that are nobody else's business.
LOG_MODE = 0o640


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
