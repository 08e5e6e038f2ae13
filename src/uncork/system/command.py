"""Run a command that the configuration names: a child in a process group of its own.

    start                               nobody waits for it; whoever started it hears of its end, and may kill its group
    run                                 wait for its end, by way of a guard
      _guard                            start, then wait for the first of: its end, the end of the wait for it

Runs in: whichever process has something to run, the guard, and the child between fork and exec.  Must not: let a
command outlive the wait for it, whichever way that ends.
"""

import os
import select
import signal
import struct
from collections.abc import Callable, Mapping, Sequence

from uncork.system.process import HANDLED, fork

# What Python ignores (Py_Initialize) and every other program expects to die of.
_IGNORED = (signal.SIGPIPE, signal.SIGXFSZ)
# The status of a shell that cannot run its command (sh(1)).
NOT_RUN = 127
# What the service manager told the server, and nobody else (sd_notify(3), sd_listen_fds(3)).
_FOR_THE_SERVER = frozenset(
    {"NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"}
)
# What a guard tells: how the command ended as Popen.returncode does, and the errno of one that could not be started.
_ANSWER = struct.Struct("ii")

# Taken before an app can replace them: gevent's would wait in their own way.
_waitpid, _poll, _signal = os.waitpid, select.poll, signal.signal


def shell(command: str) -> Sequence[str]:
    """The words that have /bin/sh run `command`."""
    return ("/bin/sh", "-c", command)


def environ_of_app(environ: Mapping[str, str]) -> dict[str, str]:
    """The server's own environment, without what its service manager told it."""
    return {name: value for name, value in environ.items() if name not in _FOR_THE_SERVER}


def nothing() -> None:
    """Prepare nothing."""


def start(
    words: Sequence[str], environ: Mapping[str, str], text: bytes | None = None, prepare: Callable[[], None] = nothing
) -> int:
    """Run the program `words[0]`; its pid, which is also the number of its process group.

    It reads `text`, or nothing, from standard input.  `prepare` runs in the child, for the other descriptors.
    Raises OSError if there can be no further process.
    """
    source = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC) if text is None else _file_with(text)

    def main() -> int:
        os.setpgid(0, 0)
        prepare()
        os.dup2(source, 0)
        for number in (*_IGNORED, *HANDLED):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        try:
            os.execve(words[0], list(words), environ)  # noqa: S606 - the shell is among the words
        except OSError as error:
            os.write(2, f"{words[0]}: {str(error.strerror).lower()}\n".encode())
        return NOT_RUN

    try:
        pid = fork(main, plain=True)
    finally:
        os.close(source)
    try:
        # The child does the same: whoever comes first, the group is there when we return.
        os.setpgid(pid, pid)
    except OSError:
        pass  # it runs its program already, or is gone
    return pid


def run(words: Sequence[str], environ: Mapping[str, str], limit: float | None = None) -> int:
    """Run the program `words[0]` to its end: its exit status, or minus the number of the signal that killed it.

    It is killed, with all of its group, when `limit` seconds are over, when the handler of a signal raises in here, and
    when this process ends, however it does.  What it leaves behind when it ends by itself lives on.  Raises
    TimeoutError, OSError if there can be no further process.
    """
    read, write = os.pipe2(os.O_CLOEXEC)
    guard = 0
    try:
        try:
            guard = fork(lambda: _guard(read, write, words, environ), plain=True)
        finally:
            os.close(write)
        poll = _poll()
        poll.register(read, select.POLLIN)
        if not poll.poll(None if limit is None else limit * 1000):
            raise TimeoutError(f"not over after {limit:g} seconds")
        answer = os.read(read, _ANSWER.size)
    finally:
        os.close(read)  # which ends the guard, and by it the command
        if guard:
            _reap(guard)
    # Without a word: somebody has killed the guard.
    status, number = _ANSWER.unpack(answer or _ANSWER.pack(-signal.SIGKILL, 0))
    if number:
        raise OSError(number, os.strerror(number))
    return int(status)


def _guard(read: int, write: int, words: Sequence[str], environ: Mapping[str, str]) -> int:
    """Runs in: the guard, which whoever waits for the command cannot outlive, nor the command it."""
    os.close(read)
    _signal(signal.SIGCHLD, signal.SIG_DFL)  # an app may ignore it, and then nobody knows how its children end
    try:
        pid = start(words, environ)
    except OSError as error:
        return _tell(write, 0, error.errno or 0)
    poll = _poll()
    poll.register(os.pidfd_open(pid), select.POLLIN)
    poll.register(write, 0)  # an error is told unasked: nobody reads any more
    if any(fd == write for fd, _ in poll.poll()):
        kill_group(pid, signal.SIGKILL)
        return 1
    return _tell(write, os.waitstatus_to_exitcode(_waitpid(pid, 0)[1]), 0)


def _tell(write: int, status: int, number: int) -> int:
    try:
        os.write(write, _ANSWER.pack(status, number))
    except BrokenPipeError:
        return 1  # too late
    return 0


def _reap(pid: int) -> None:
    try:
        _waitpid(pid, 0)
    except ChildProcessError:
        pass  # SIGCHLD is ignored


def _file_with(text: bytes) -> int:
    """A descriptor that holds `text`, however long it is: a pipe would have to be fed."""
    fd = os.memfd_create("message", os.MFD_CLOEXEC)
    try:
        os.write(fd, text)
        os.lseek(fd, 0, os.SEEK_SET)
    except OSError:
        os.close(fd)
        raise
    return fd


def kill_group(pid: int, number: int) -> None:
    """Send a signal to the process group of a child that was not reaped yet; one that is gone is no error.

    Raises ValueError for anything but the pid of one process: 1 and below mean other groups (kill(2)).
    """
    if pid <= 1:
        raise ValueError(f"pid {pid}")
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        pass  # a program that changed its user is its own master
