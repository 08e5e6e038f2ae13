"""Fork, adopt, reap, signal, with real processes."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial

import pytest

from uncork.system.process import (
    HANDLED,
    adopt_orphans,
    fork,
    handle_signals,
    kill,
    memory_usage,
    reap,
)

pytestmark = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")

# Seconds after which a child that hangs is ended by the kernel.
PATIENCE = 60


def bounded(main: Callable[[], int]) -> Callable[[], int]:
    """`main`, ended by SIGALRM if it does not return."""

    def run() -> int:
        signal.alarm(PATIENCE)
        return main()

    return run


def sleep() -> int:
    """A child that only a signal ends."""
    signal.pause()
    return 1


def status_of(main: Callable[[], int]) -> int:
    """The exit status of a child that runs `main`; minus the signal that ended it."""
    _, status = os.waitpid(fork(bounded(main)), 0)
    return os.waitstatus_to_exitcode(status)


@pytest.mark.parametrize("status", [0, 1, 17, 30, 255])
def test_a_child_leaves_with_the_status_that_its_main_returns(status: int) -> None:
    """And the parent knows its pid."""
    pid = fork(lambda: status)

    assert os.waitpid(pid, 0) == (pid, status << 8)


@pytest.mark.parametrize("error", [RuntimeError("x"), SystemExit(0), KeyboardInterrupt()])
def test_a_child_that_raises_never_returns_into_the_parents_stack(
    error: BaseException, capfd: pytest.CaptureFixture[str]
) -> None:
    """It says what happened and leaves with 1, also for a SystemExit that would mean success."""
    parent = os.getpid()

    def main() -> int:
        raise error

    status = status_of(main)

    assert os.getpid() == parent
    assert status == 1
    assert type(error).__name__ in capfd.readouterr().err


def test_neither_finally_nor_atexit_of_the_parent_runs_in_the_child() -> None:
    """The child's life is its main and nothing else; what it printed is flushed."""
    script = """
import atexit, os
from uncork.system.process import fork

def main():
    print("child", end=".")
    return 0

atexit.register(print, "atexit", flush=True)
print("buffered", end=".")
try:
    pid = fork(main)
    os.waitpid(pid, 0)
finally:
    print("finally", end=".")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=PATIENCE, check=True)

    assert done.stdout == "buffered.child.finally.atexit\n"


def test_signals_wait_until_the_child_has_its_handlers() -> None:
    """One that comes between the fork and handle_signals is delivered, and not to the parent's handlers."""
    ready, go = os.pipe(), os.pipe()

    def main() -> int:
        os.write(ready[1], b"x")
        os.read(go[0], 1)
        came: list[int] = []
        handle_signals({signal.SIGHUP: lambda number, _: came.append(number)})
        return 42 if came == [signal.SIGHUP] else 1

    pid = fork(bounded(main))
    os.read(ready[0], 1)
    os.kill(pid, signal.SIGHUP)
    os.kill(pid, signal.SIGTERM)
    os.write(go[1], b"x")
    _, status = os.waitpid(pid, 0)
    for fd in (*ready, *go):
        os.close(fd)

    assert os.waitstatus_to_exitcode(status) == 42


def test_the_parents_signals_are_as_before() -> None:
    """Blocked across the fork, and not a moment longer."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    try:
        os.waitpid(fork(lambda: 0), 0)
        assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before | {signal.SIGUSR1}
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def test_a_child_writes_to_nobodys_wakeup_descriptor() -> None:
    """The parent's event loop does not hear the child's signals."""
    read, write = os.pipe2(os.O_NONBLOCK)

    def main() -> int:
        handle_signals({signal.SIGHUP: lambda *_: None})
        os.kill(os.getpid(), signal.SIGHUP)
        return 42

    previous = signal.set_wakeup_fd(write)
    try:
        assert status_of(main) == 42
        with pytest.raises(BlockingIOError):
            os.read(read, 1)
    finally:
        signal.set_wakeup_fd(previous)
        os.close(read)
        os.close(write)


def test_signals_without_a_handler_do_nothing_here_and_are_not_ignored_in_programs() -> None:
    """A program that the application starts has the default for them: ignoring would be inherited."""

    def main() -> int:
        handle_signals({})
        for number in HANDLED:
            os.kill(os.getpid(), number)
        script = "import os, signal; os.kill(os.getpid(), signal.SIGTERM)"
        return 42 if subprocess.run([sys.executable, "-c", script], check=False).returncode == -signal.SIGTERM else 1

    assert status_of(main) == 42


def test_reap_names_every_child_that_has_ended_and_waits_for_none() -> None:
    """With its wait status; a child that lives is not named, and without children there is nothing."""

    def main() -> int:
        assert list(reap()) == []
        hold, held = os.pipe()
        living = fork(bounded(lambda: len(os.read(hold, 1))))
        ended = {fork(partial(int, number)): number for number in (0, 3, 30)}
        killed = fork(bounded(sleep))
        kill(killed, signal.SIGKILL)
        for pid in (*ended, killed):
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        found = dict(reap())
        assert {pid: os.waitstatus_to_exitcode(status) for pid, status in found.items()} == {
            **ended,
            killed: -signal.SIGKILL,
        }
        assert list(reap()) == []
        os.write(held, b"x")
        os.waitid(os.P_PID, living, os.WEXITED | os.WNOWAIT)
        assert [(pid, os.waitstatus_to_exitcode(status)) for pid, status in reap()] == [(living, 1)]
        return 42

    assert status_of(main) == 42


def test_orphans_become_children_of_who_adopts_them() -> None:
    """The child of a child that has ended is reaped like a child of one's own."""

    def main() -> int:
        adopt_orphans()
        read, write = os.pipe()
        go = os.pipe()

        def grandchild() -> int:
            os.read(go[0], 1)
            os.write(write, os.getppid().to_bytes(4, "big"))
            return 17

        def between() -> int:
            os.write(write, fork(bounded(grandchild)).to_bytes(4, "big"))
            return 3

        child = fork(between)
        orphan = int.from_bytes(os.read(read, 4), "big")
        os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
        assert [(pid, os.waitstatus_to_exitcode(status)) for pid, status in reap()] == [(child, 3)]
        os.write(go[1], b"x")
        assert int.from_bytes(os.read(read, 4), "big") == os.getpid()
        os.waitid(os.P_PID, orphan, os.WEXITED | os.WNOWAIT)
        assert [(pid, os.waitstatus_to_exitcode(status)) for pid, status in reap()] == [(orphan, 17)]
        return 42

    assert status_of(main) == 42


def test_adoption_is_not_inherited() -> None:
    """A child of the one that adopts does not adopt by itself (prctl(2))."""

    def adopts() -> bool:
        found = ctypes.c_int()
        ctypes.CDLL(None).prctl(37, ctypes.byref(found), 0, 0, 0)
        return bool(found.value)

    def main() -> int:
        assert not adopts()
        adopt_orphans()
        assert adopts()
        return status_of(lambda: 1 if adopts() else 42)

    assert status_of(main) == 42


@pytest.mark.parametrize("pid", [0, -1, -12345])
@pytest.mark.parametrize("number", [0, signal.SIGTERM, signal.SIGKILL])
def test_whole_groups_are_never_signalled(pid: int, number: int) -> None:
    """kill(2) reads 0 as our own group and -1 as every process there is; here both are a ValueError."""
    with pytest.raises(ValueError, match=f"pid {pid}"):
        kill(pid, number)


def test_to_signal_a_process_that_is_gone_is_no_error() -> None:
    """Its end may not have been seen yet."""
    pid = fork(lambda: 0)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    kill(pid, signal.SIGTERM)
    os.waitpid(pid, 0)
    kill(pid, 0)


def test_a_signal_reaches_its_process() -> None:
    """And ends it, where that is what it does."""
    pid = fork(bounded(sleep))
    kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)

    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL


def test_memory_is_counted_in_bytes() -> None:
    """(resident, virtual), in whole pages; what is newly used shows."""
    rss, vsz = memory_usage()
    used = bytearray(b"x" * (64 << 20))
    more_rss, more_vsz = memory_usage()

    assert 0 < rss < vsz
    assert rss % os.sysconf("SC_PAGE_SIZE") == 0
    assert more_rss - rss > 32 << 20
    assert more_vsz > more_rss
    del used
