"""The log file behind stdout and stderr (options `logto`, `logto2`): opened, opened again, rotated.

Runs in: master and single process; template and workers reopen it.  Must not: follow a symlink.
"""

import errno
import os
import stat
import time

from uncork.errors import UncorkError

# rw for us, r for the group: a log may hold addresses and paths that are nobody else's business.
LOG_MODE = 0o640


class LogFile:
    """A log file.  `path` is absolute: it outlives every chdir.

    `option` is what an error is about; `mode` and `owner` (uid, gid; -1 leaves one as it is) what the file shall have;
    `backupname` the name of the rotated file instead of one with the time; `truncate` empties it when it is opened for
    the first time.
    """

    def __init__(
        self,
        path: str,
        option: str = "logto",
        mode: int | None = None,
        owner: tuple[int, int] = (-1, -1),
        backupname: str | None = None,
        truncate: bool = False,
    ) -> None:
        self.path = os.path.abspath(path)
        self._option = option
        self._mode = mode
        self._owner = owner
        self._backupname = None if backupname is None else os.path.abspath(backupname)
        self._truncate = truncate

    def open(self) -> None:
        """Point stdout and stderr at the file, made if need be, written at its end.

        Raises UncorkError if it cannot be opened; the old log stays then.
        """
        fd = self.descriptor()
        os.dup2(fd, 1)
        os.dup2(fd, 2)
        os.close(fd)

    def descriptor(self) -> int:
        """A descriptor of its own for the file, made if need be, that writes at its end.  Raises UncorkError."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        # These are symlinks by design; anywhere else a link is somebody's trap.
        if self.path not in {"/dev/stdout", "/dev/stderr"} and not self.path.startswith("/dev/fd/"):
            flags |= os.O_NOFOLLOW
        try:
            # Without O_NONBLOCK a named pipe that nobody reads would keep us here for ever.
            fd = os.open(self.path, flags | os.O_NONBLOCK, LOG_MODE)
        except OSError as error:
            reason = "nobody reads this pipe" if error.errno == errno.ENXIO else str(error.strerror).lower()
            raise UncorkError(f"{self._option} = {self.path}: {reason} (check the path and its owner)") from None
        try:
            os.set_blocking(fd, True)
            self._settle(fd)
        except OSError as error:
            os.close(fd)
            raise UncorkError(f"{self._option} = {self.path}: {str(error.strerror).lower()}") from None
        self._truncate = False
        return fd

    def _settle(self, fd: int) -> None:
        """Empty the file where that is asked for; give it owner and mode as far as it is ours to give."""
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            return
        uid, gid = self._owner
        uid = -1 if uid == status.st_uid else uid
        gid = -1 if gid == status.st_gid else gid
        chmod = self._mode not in {None, stat.S_IMODE(status.st_mode)}
        ours = os.geteuid() in {0, status.st_uid}
        if status.st_nlink != 1 and (self._truncate or (ours and (chmod or (uid, gid) != (-1, -1)))):
            # Somebody may have laid out a file of others for us to empty or to give away.
            raise PermissionError(errno.EPERM, "the file has a second name, and is left as it is")
        if self._truncate:
            os.ftruncate(fd, 0)
        # The owner first: chown(2) may clear bits of the mode.
        if ours and (uid, gid) != (-1, -1):
            os.fchown(fd, uid, gid)
        if ours and chmod and self._mode is not None:
            os.fchmod(fd, self._mode)

    def larger_than(self, limit: int) -> bool:
        """Whether it has more than `limit` bytes (option `log-maxsize`); only files count."""
        try:
            status = os.lstat(self.path)
        except OSError:
            return False
        return stat.S_ISREG(status.st_mode) and status.st_size > limit

    def rotate(self) -> str:
        """Rename the file and open a fresh one; the old file's new name.  Raises UncorkError."""
        name = self.rename()
        self.open()
        return name

    def rename(self) -> str:
        """Rename the file to option `log-backupname`, else to `<path>.<unix time>` as uWSGI does; the new name.

        Raises UncorkError.
        """
        name = self._backupname or self._dated_name()
        try:
            os.rename(self.path, name)
        except OSError as error:
            raise UncorkError(f"cannot rotate {self.path}: {str(error.strerror).lower()}") from None
        return name

    def _dated_name(self) -> str:
        stem = f"{self.path}.{int(time.time())}"
        # A second rotation in the same second must not overwrite the first one's file.
        names = (stem, *(f"{stem}.{number}" for number in range(1, 1000)))
        return next(name for name in names if not os.path.lexists(name))


def fill_standard_descriptors() -> None:
    """Open /dev/null in the place of a standard descriptor that the server was started without.

    Else a socket would get its number, and what is printed would be sent to a client.
    """
    for fd in (0, 1, 2):
        try:
            os.fstat(fd)
        except OSError:
            # The lowest free number: this one, since those below are taken.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
