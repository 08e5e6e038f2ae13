"""Fork, adopt, reap, signal.

Runs in: master, template and the single process.  Every fork in this project goes through `fork`; commands of the
configuration are run by `command`.
"""

import ctypes
import faulthandler
import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import NoReturn

# prctl(2), PR_SET_CHILD_SUBREAPER: the orphans below this process become its children.
_PR_SET_CHILD_SUBREAPER = 36

# Signals that the server gives a meaning to; blocked across every fork, so that one that lands between fork and the
# child's own handlers is not lost in a loop that the child never runs.
HANDLED = frozenset(
    {
        signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM,
        signal.SIGUSR1, signal.SIGUSR2, signal.SIGTSTP, signal.SIGCHLD,
    }
)  # fmt: skip

Handler = Callable[[int, object], None]

# Taken before an app can replace it: gevent's makes the child ready to run the app, and watches it.
_fork = os.fork


def fork(main: Callable[[], int], plain: bool = False) -> int:
    """Fork a child that runs `main` and leaves with the status it returns; returns the child's pid.

    The child starts with HANDLED blocked and calls `handle_signals` when it is ready for them.  Nothing of the parent's
    stack runs in the child: no atexit, no finally.  `plain`: the app is not told of a child that does not run it.
    Raises OSError if there can be no further process.
    """
    _flush()
    previous = signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)
    try:
        pid = _fork() if plain else os.fork()
    except OSError:
        signal.pthread_sigmask(signal.SIG_SETMASK, previous)
        raise
    if pid == 0:
        _child(main)
    signal.pthread_sigmask(signal.SIG_SETMASK, previous)
    return pid


def _child(main: Callable[[], int]) -> NoReturn:
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        status = main()
    except BaseException:  # noqa: BLE001 - nothing may return into the parent's stack
        sys.excepthook(*sys.exc_info())
    finally:
        _flush()
        os._exit(status)


def _flush() -> None:
    """Write out what is buffered, so that a child does not write it again; a full disk loses it, never the server."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            pass  # full, closed, or never there


def handle_signals(handlers: dict[int, Handler]) -> None:
    """Install `handlers`, make every other signal of HANDLED do nothing, and let them come.

    A handler that does nothing instead of SIG_IGN: ignored signals would stay ignored in programs that the app starts.
    """
    for number in HANDLED - {signal.SIGCHLD}:
        signal.signal(number, handlers.get(number, _nothing))
    signal.signal(signal.SIGCHLD, handlers.get(signal.SIGCHLD, signal.SIG_DFL))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)


@contextmanager
def interrupted(numbers: Iterable[int], error: Callable[[int], Exception], later: bool = False) -> Iterator[None]:
    """Let a signal of `numbers` raise `error(number)` in here, blocked or not; afterwards all is as before.

    One that waits already does it at once or, with `later`, is forgotten.  Only the main thread hears signals: in
    another one nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, _frame: object) -> None:
        raise error(number)

    mask = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    before = {number: signal.getsignal(number) for number in numbers}
    try:
        for number in before:
            if later:
                signal.signal(number, signal.SIG_IGN)  # what waits is discarded (signal(7))
            signal.signal(number, handle)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)
        yield
    finally:
        try:
            signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
        finally:
            for number, handler in before.items():
                signal.signal(number, signal.SIG_DFL if handler is None else handler)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def dump_stacks_at(number: int) -> None:
    """Have signal `number` write the Python stacks of all threads to the log, then do what its handler does.

    It is done in C, in the middle of whatever runs: also of a call that never gives the interpreter back.
    """
    # Registered by a parent it would count as registered still, but `signal.signal` has taken the signal since.
    faulthandler.unregister(number)
    faulthandler.register(number, file=2, all_threads=True, chain=True)


def _nothing(_number: int, _frame: object) -> None:
    """A signal that has no meaning here."""


def adopt_orphans() -> None:
    """Become the parent of every orphan below this process (workers, which the template forks twice)."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"prctl(PR_SET_CHILD_SUBREAPER): {os.strerror(number)}")


def reap() -> Iterable[tuple[int, int]]:
    """(pid, wait status) of every child that has ended by now."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        yield pid, status


def wait_for_end(pid: int) -> None:
    """Wait until process `pid`, which need not be a child, has ended."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        poll.poll()
    finally:
        os.close(fd)


def kill(pid: int, number: int) -> None:
    """Send a signal to a child; one that is gone already is no error.

    Raises ValueError for anything but the pid of one process: 0 and below mean whole groups (kill(2)).
    """
    if pid <= 0:
        raise ValueError(f"pid {pid}")
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def memory_usage(pid: int | None = None) -> tuple[int, int]:
    """(rss, vsz) of a process (None: this one) in bytes (proc(5), statm).  Raises OSError once it is gone."""
    with open(f"/proc/{pid or 'self'}/statm", "rb") as file:
        size, resident = file.read().split()[:2]
    page = os.sysconf("SC_PAGE_SIZE")
    return int(resident) * page, int(size) * page
