"""What hooks do to files: write, create, change mode and owner.

Runs in: whichever process has come to the moment of a hook, which is often root in a directory of somebody else.  Must
not: follow a link at the end of a path, or wait for anybody.  Each raises OSError, and ValueError with a sentence for a
file of another kind.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

# What umask leaves of it is what a new file may be used for (uWSGI core/hooks.c).
_FILE_MODE = 0o644
# Without O_NONBLOCK a named pipe that nobody reads would keep us here for ever.
_FLAGS = os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


def create(path: str) -> None:
    """Make an empty file, or empty the one that is there."""
    os.close(os.open(path, _FLAGS | os.O_CREAT | os.O_TRUNC, _FILE_MODE))


def write(path: str, text: str) -> None:
    """Let `text` be all that is in the file."""
    _put(os.open(path, _FLAGS | os.O_CREAT | os.O_TRUNC, _FILE_MODE), text)


def append(path: str, text: str) -> None:
    """Add `text` to the end of the file."""
    _put(os.open(path, _FLAGS | os.O_CREAT | os.O_APPEND, _FILE_MODE), text)


def write_fifo(path: str, text: str) -> bool:
    """Write to a named pipe; False if nobody reads it."""
    try:
        fd = os.open(path, _FLAGS)
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        return False
    if not stat.S_ISFIFO(os.fstat(fd).st_mode):
        os.close(fd)
        raise ValueError(f"{path} is no named pipe (mkfifo makes one)")
    _put(fd, text)
    return True


def _put(fd: int, text: str) -> None:
    """Write all of it, and close."""
    data = os.fsencode(text)
    try:
        written = os.write(fd, data)
        if written < len(data):
            raise ValueError(f"only {written} of {len(data)} bytes found room")
    except BlockingIOError:
        raise ValueError("the pipe is full: whoever reads it does not go on") from None
    finally:
        os.close(fd)


@contextmanager
def _held(path: str) -> Iterator[str]:
    """Another name of the file that `path` names, which stays with it."""
    fd = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if stat.S_ISLNK(os.fstat(fd).st_mode):
            raise ValueError(f"{path} is a link (name the file itself)")
        yield f"/proc/self/fd/{fd}"
    finally:
        os.close(fd)


def change_mode(path: str, mode: int) -> None:
    """See chmod(2)."""
    with _held(path) as file:
        os.chmod(file, mode)


def make_sticky(path: str) -> None:
    """Let only its owner delete what is in this directory (inode(7))."""
    with _held(path) as file:
        os.chmod(file, stat.S_IMODE(os.stat(file).st_mode) | stat.S_ISVTX)


def change_owner(path: str, uid: int, gid: int) -> None:
    """See chown(2)."""
    with _held(path) as file:
        os.chown(file, uid, gid)
