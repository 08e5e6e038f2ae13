"""The files that name the master (`pidfile`, `pidfile2`, `safe-pidfile`, `safe-pidfile2`), and reading one.

Runs in: master and single process; the command line process reads.  Must not: follow a symlink or write over what is no
pidfile.
"""

import os
import stat
from typing import NamedTuple

from uncork.errors import UncorkError

PIDFILE_MODE = 0o644

# Far more than any process id and its line break.
_LONGEST = 64


class PidFile:
    """One of them.

    Opened while the process may still be root, written once the server is sure to start: a second server on the same
    configuration fails before that, and leaves the first one's file as it is.  Raises UncorkError.
    """

    def __init__(self, path: str, option: str = "pidfile") -> None:
        self.path = os.path.abspath(path)
        self._option = option
        self._new = not os.path.lexists(self.path)
        self._fd = self._opened()

    def _opened(self) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        try:
            fd = os.open(self.path, flags, PIDFILE_MODE)
        except OSError as error:
            raise self._error(f"{str(error.strerror).lower()} (choose another path)") from None
        status = os.fstat(fd)
        # A second name or another owner means that somebody laid the file out for us to overwrite.
        if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1 or status.st_uid not in {0, os.geteuid()}:
            os.close(fd)
            raise self._error("the path exists and is no pidfile of ours (remove it)")
        return fd

    def write(self, pid: int) -> None:
        """Make the file say `pid`; if somebody removed or replaced it, a new one."""
        if self._lost():
            fd = self._opened()
            os.close(self._fd)
            self._fd = fd
        text = f"{pid}\n".encode()
        # A file of root's stays root's, or a later start as root would refuse it.
        if os.fstat(self._fd).st_uid != os.geteuid() or not self._replaced(text):
            self._overwrite(text)

    def _replaced(self, text: bytes) -> bool:
        """Whether a new file with `text` stands in its place: whoever reads gets the old one or the new one, whole."""
        beside = f"{self.path}.{os.urandom(8).hex()}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            fd = os.open(beside, flags, PIDFILE_MODE)
        except OSError:  # the directory is not ours to make files in
            return False
        try:
            os.write(fd, text)
            os.replace(beside, self.path)
        except OSError:
            os.close(fd)
            _unlink(beside)
            return False
        os.close(self._fd)
        self._fd = fd
        return True

    def _overwrite(self, text: bytes) -> None:
        try:
            os.pwrite(self._fd, text, 0)
            os.ftruncate(self._fd, len(text))
        except OSError as error:
            raise self._error(str(error.strerror).lower()) from None

    def close(self) -> None:
        """Close the descriptor.  Runs in: each child of the master, right after its fork."""
        os.close(self._fd)

    def abandon(self) -> None:
        """The start failed: leave no empty file behind, and touch none that another server has put there since."""
        if self._new and self._intact():
            _unlink(self.path)
        os.close(self._fd)

    def remove(self) -> bool:
        """Remove the file (option `vacuum`) if it still is ours."""
        return self._intact() and _unlink(self.path)

    def _lost(self) -> bool:
        """Whether the path leads elsewhere by now; not if the user that this process has become cannot look there."""
        try:
            return not os.path.samestat(os.lstat(self.path), os.fstat(self._fd))
        except FileNotFoundError:
            return True
        except OSError:
            return False

    def _intact(self) -> bool:
        try:
            return os.path.samestat(os.lstat(self.path), os.fstat(self._fd))
        except OSError:
            return False

    def _error(self, why: str) -> UncorkError:
        return UncorkError(f"{self._option} = {self.path}: {why}")


class PidFiles:
    """All pidfiles of a server.  The safe ones are written when it serves, the others when the start is sure."""

    def __init__(self) -> None:
        self._files: list[PidFile] = []
        self._safe: list[PidFile] = []
        self._ready = False

    def open(self, option: str, path: str | None) -> None:
        """Open the file of `option`, if it has one.  Raises UncorkError."""
        if path is not None:
            (self._safe if option.startswith("safe-") else self._files).append(PidFile(path, option))

    @property
    def paths(self) -> list[str]:
        """Where the files are, or will be."""
        return [file.path for file in (*self._files, *self._safe)]

    def write(self, pid: int) -> None:
        """The start is sure.  Raises UncorkError."""
        for file in self._files:
            file.write(pid)

    def ready(self, pid: int) -> None:
        """The server serves, for the first time or again.  Raises UncorkError."""
        if not self._ready:
            self._ready = True
            for file in self._safe:
                file.write(pid)

    def write_again(self, pid: int) -> None:
        """Write all that are due by now (FIFO `P`).  Raises UncorkError after the others have been tried."""
        problems: list[str] = []
        for file in (*self._files, *(self._safe if self._ready else ())):
            try:
                file.write(pid)
            except UncorkError as error:
                problems.append(str(error))
        if problems:
            raise UncorkError("\n".join(problems))

    def close(self) -> None:
        """Close the descriptors.  Runs in: each child of the master, right after its fork."""
        for file in (*self._files, *self._safe):
            file.close()

    def abandon(self) -> None:
        """The start failed: what was not there before is not there after, and no older file has changed."""
        for file in (*self._files, *self._safe):
            file.abandon()

    def end(self, vacuum: bool) -> list[str]:
        """The server ends: the paths of the files that `vacuum` removed.  A safe one that was never written goes."""
        if not self._ready:
            for file in self._safe:
                file.abandon()
            self._safe.clear()
        return [file.path for file in (*self._files, *self._safe) if vacuum and file.remove()]


class Named(NamedTuple):
    """What a pidfile says: the process, and of the file itself its owner, device, inode and time of writing (epoch)."""

    pid: int
    owner: int
    device: int
    inode: int
    written: float


def read_pidfile(path: str) -> Named:
    """What the pidfile at `path` says.  Raises UncorkError whose text begins with the path.

    No link is followed: root reads files here that lie in directories of others.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise UncorkError(f"{path}: {str(error.strerror).lower()}") from None
    try:
        status = os.fstat(fd)
        text = os.read(fd, _LONGEST) if stat.S_ISREG(status.st_mode) else b""
    except OSError as error:
        raise UncorkError(f"{path}: {str(error.strerror).lower()}") from None
    finally:
        os.close(fd)
    words = text.split()
    # 0 means a whole group to kill(2).
    if len(words) != 1 or not words[0].isdigit() or len(words[0]) > 10 or int(words[0]) < 1:
        raise UncorkError(f"{path}: no pidfile (expected one process id)")
    return Named(int(words[0]), status.st_uid, status.st_dev, status.st_ino, status.st_mtime)


def _unlink(path: str) -> bool:
    try:
        os.unlink(path)
    except OSError:
        return False
    return True
