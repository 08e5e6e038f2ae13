"""Fork, adopt, reap, signal, with real processes."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from uncork.system.process import (
    HANDLED,
    adopt_orphans,
    dump_stacks_at,
    fork,
    handle_signals,
    kill,
    memory_usage,
    reap,
    wait_for_end,
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


def test_the_memory_of_another_process() -> None:
    """By its pid; one that is gone is an OSError, whatever its pid may mean later."""
    hold, held = os.pipe()

    def main() -> int:
        used = bytearray(b"x" * (64 << 20))
        os.read(hold, 1)
        return len(used) & 1

    own = memory_usage()[0]
    pid = fork(bounded(main))
    while memory_usage(pid)[0] < 64 << 20:
        os.sched_yield()
    assert memory_usage()[0] < own + (32 << 20)
    os.write(held, b"x")
    os.waitpid(pid, 0)
    with pytest.raises(OSError, match="No such"):
        memory_usage(pid)
    os.close(hold)
    os.close(held)


# ---- waiting for somebody's end


def test_the_end_of_a_process_that_is_no_child_is_waited_for() -> None:
    """A child of a child; its status is left for who has a right to it."""
    pids, go = os.pipe(), os.pipe()

    def waiter() -> int:
        pid = int.from_bytes(os.read(pids[0], 4), "big")
        wait_for_end(pid)
        return 42

    waiting = fork(bounded(waiter))
    awaited = fork(bounded(lambda: len(os.read(go[0], 1)) + 2))
    os.write(pids[1], awaited.to_bytes(4, "big"))
    assert os.waitid(os.P_PID, waiting, os.WEXITED | os.WNOHANG) is None
    os.write(go[1], b"x")

    assert os.waitstatus_to_exitcode(os.waitpid(waiting, 0)[1]) == 42
    assert os.waitstatus_to_exitcode(os.waitpid(awaited, 0)[1]) == 3
    for fd in (*pids, *go):
        os.close(fd)


def test_who_has_ended_is_not_waited_for() -> None:
    """Neither a zombie nor a process that nobody remembers."""
    pid = fork(lambda: 0)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    wait_for_end(pid)
    os.waitpid(pid, 0)
    wait_for_end(pid)


def test_to_wait_for_an_end_leaves_no_descriptor() -> None:
    """However often it is done."""
    before = len(os.listdir("/proc/self/fd"))
    pid = fork(lambda: 0)
    wait_for_end(pid)
    os.waitpid(pid, 0)
    wait_for_end(pid)

    assert len(os.listdir("/proc/self/fd")) == before


# ---- stacks


def test_a_signal_shows_the_stacks_and_then_does_what_its_handler_does(capfd: pytest.CaptureFixture[str]) -> None:
    """Of all threads, each with its name in dumps; the program goes on."""

    def main() -> int:
        came: list[int] = []
        handle_signals({signal.SIGUSR2: lambda number, _: came.append(number)})
        dump_stacks_at(signal.SIGUSR2)
        go, names = threading.Event(), []

        def where_it_hangs() -> None:
            names.append(threading.get_ident())
            go.wait()

        thread = threading.Thread(target=where_it_hangs)
        thread.start()
        while not names:
            os.sched_yield()
        os.kill(os.getpid(), signal.SIGUSR2)
        go.set()
        thread.join()
        os.write(1, f"{names[0]:016x}".encode())
        return 42 if came == [signal.SIGUSR2] else 1

    assert status_of(main) == 42
    name, log = capfd.readouterr()
    assert f"Thread 0x{name} (most recent call first):\n" in log
    assert "Current thread 0x" in log
    assert ", line" in log
    assert " in where_it_hangs\n" in log


def test_stacks_are_shown_in_the_middle_of_a_call_that_gives_nothing_back(tmp_path: Path) -> None:
    """C code that holds the interpreter's lock: no handler of Python's could run."""
    log, ready = tmp_path / "log", tmp_path / "ready"

    def main() -> int:
        handle_signals({})
        dump_stacks_at(signal.SIGUSR2)
        fd = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(fd, 2)
        ready.touch()
        # Unlike CDLL, PyDLL keeps the lock.  A signal that is handled ends the call.
        ctypes.PyDLL(None).sleep(PATIENCE)
        return 42

    pid = fork(bounded(main))
    while not ready.exists():
        os.sched_yield()
    while " in main\n" not in log.read_text():
        os.kill(pid, signal.SIGUSR2)
        time.sleep(0.05)
    kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def test_a_child_asks_anew_for_the_stacks(capfd: pytest.CaptureFixture[str]) -> None:
    """What a parent had registered counts as registered in its child, whose own handlers have replaced it."""

    def child() -> int:
        came: list[int] = []
        handle_signals({signal.SIGUSR2: lambda number, _: came.append(number)})
        dump_stacks_at(signal.SIGUSR2)
        os.kill(os.getpid(), signal.SIGUSR2)
        return 42 if came == [signal.SIGUSR2] else 1

    def parent() -> int:
        handle_signals({})
        dump_stacks_at(signal.SIGUSR2)
        return status_of(child)

    assert status_of(parent) == 42
    assert " in child\n" in capfd.readouterr().err
