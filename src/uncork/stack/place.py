"""The private directory of one running stack: sockets, nginx's configuration, logs and temporary files.

Runs in: the process of `uncork up`.

It is `.uncork/run` inside the project, where people find the logs, unless
  - nginx starts as root: its workers then run as somebody without rights, who may not enter most projects;
  - the project cannot be written;
  - the path would be too long for a unix socket, or is one that nginx's syntax cannot hold.
Then it is a new directory of its own, removed at the end.
"""

import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TextIO

from uncork.errors import UncorkError
from uncork.nginx.directives import NginxTextError, quote
from uncork.nginx.private import WorkerAccount
from uncork.nginx.site import UNIX_PATH_BYTES

HOME = ".uncork"

# The longest file name below the directory that is a socket.
LONGEST_SOCKET = "/notify.sock"

# nginx spools large bodies beside its sockets: /run and XDG_RUNTIME_DIR are memory, and TMPDIR often is too (hier(7)).
SPOOL = "/var/tmp"  # noqa: S108 - a parent for mkdtemp, which makes a new directory for us alone

PRIVATE = 0o700
# Searchable for nginx's group: its workers reach the socket by name and can list nothing.
SHARED = 0o710


class PlaceError(UncorkError):
    """No directory could be had, or another stack of this project has it."""


@dataclass(frozen=True, slots=True)
class Place:
    """`directory`: absolute, ours; `note`: why it is not inside the project, "" when it is."""

    directory: str
    note: str
    lock: TextIO | None

    def path(self, name: str) -> str:
        """Absolute path of a file in the directory."""
        return os.path.join(self.directory, name)

    def write(self, name: str, text: str, mode: int) -> str:
        """Make the file with the text and the mode, and with the directory's group; its path."""
        path = self.path(name)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with open(fd, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
            if os.geteuid() == 0:
                os.fchown(fd, -1, os.stat(self.directory).st_gid)
            os.fchmod(fd, mode)
        return path

    def announce(self, url: str) -> None:
        """Tell a second `uncork up` in this project where the first one is."""
        if self.lock is not None:
            self.lock.seek(0)
            self.lock.truncate()
            self.lock.write(f"{os.getpid()} {url}\n")
            self.lock.flush()


@contextmanager
def open_place(project: str, account: WorkerAccount | None) -> Iterator[Place]:
    """The directory for a stack of `project`, empty, and held until the end of the block.

    `account`: whom nginx's workers run as if that is not ourselves.
    Raises PlaceError when the project is up already, or nothing can be written anywhere.
    """
    with ExitStack() as cleanup:
        run = os.path.join(project, HOME, "run")
        home, note = _open_home(project)
        lock = None
        if home is not None:
            cleanup.callback(os.close, home)
            lock = cleanup.enter_context(_locked(home))
            note = why_not_inside(run, account) or _emptied(run)
        if note:
            run = _temporary(account)
            cleanup.callback(shutil.rmtree, run, ignore_errors=True)
            note = f"{note}: logs and sockets are in {run}"
        else:
            cleanup.callback(_remove_sockets, run)
        yield Place(run, note, lock)


def why_not_inside(run: str, account: WorkerAccount | None) -> str:
    """Why `run` inside a project will not do; "" if it will."""
    if account is not None and account.uid != os.geteuid():
        return f"nginx's workers run as {account.user} and must reach the socket"
    if len(os.fsencode(run + LONGEST_SOCKET)) > UNIX_PATH_BYTES:
        return "the path of the project is too long for a socket"
    try:
        quote(run)
    except NginxTextError as error:
        return str(error)
    return ""


def _open_home(project: str) -> tuple[int | None, str]:
    """A descriptor of the project's own directory for us, made if need be, or None and why there is none."""
    home = os.path.join(project, HOME)
    try:
        try:
            os.mkdir(home, PRIVATE)
        except FileExistsError:
            pass
        fd = os.open(home, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        return None, f"{home} cannot be used ({str(error.strerror).lower()})"
    # From here on by descriptor: whoever owns the project cannot put a link in the way of what we write.
    try:
        os.fchmod(fd, PRIVATE)
        with _open_in(fd, ".gitignore") as file:
            file.truncate(0)
            file.write("*\n")
    except OSError as error:
        os.close(fd)
        return None, f"{home} cannot be used ({str(error.strerror).lower()})"
    return fd, ""


def _open_in(directory: int, name: str) -> TextIO:
    fd = os.open(name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=directory)
    return open(fd, "r+", encoding="utf-8", errors="replace")


@contextmanager
def _locked(home: int) -> Iterator[TextIO]:
    """One stack for each project: the lock ends with the process, however it ends.  Raises PlaceError."""
    with _open_in(home, "lock") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid, _, url = file.read().strip().partition(" ")
            where = f" at {url} (pid {pid})" if url else ""
            raise PlaceError(f"this project is up already{where}: stop that first (Ctrl-C in its terminal)") from None
        file.truncate(0)
        yield file


def _emptied(run: str) -> str:
    """Make `run` a new, empty directory; why that is impossible, or ""."""
    try:
        if os.path.lexists(run):
            shutil.rmtree(run)
        os.mkdir(run, PRIVATE)
    except OSError as error:
        return f"{run} cannot be replaced ({str(error.strerror).lower()})"
    return ""


def _temporary(account: WorkerAccount | None) -> str:
    """A new directory of our own where the system has room for such."""
    parents = (SPOOL, tempfile.gettempdir())
    for parent in parents:
        if len(os.fsencode(parent)) > UNIX_PATH_BYTES - len(f"/uncork-xxxxxxxx{LONGEST_SOCKET}"):
            continue
        try:
            run = tempfile.mkdtemp(prefix="uncork-", dir=parent)
            if account is not None:
                os.chown(run, -1, account.gid)
                os.chmod(run, SHARED)
        except OSError:
            continue
        return run
    raise PlaceError(f"no directory for sockets can be made in {' or '.join(parents)} (set TMPDIR to one)")


def _remove_sockets(run: str) -> None:
    """The logs stay to be read; sockets without a server would only mislead."""
    for name in os.listdir(run):
        path = os.path.join(run, name)
        if stat.S_ISSOCK(os.lstat(path).st_mode):
            os.unlink(path)
