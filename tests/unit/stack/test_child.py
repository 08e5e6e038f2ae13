"""A program of the stack, tried with real processes that tell when they are ready."""

import asyncio
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from uncork.errors import UncorkError
from uncork.stack.child import Child, Program
from uncork.supervise.exits import Exit

# Prints its pid and waits to be ended; with arguments it ignores those signals.
WAITER = """
import os, signal, sys
for name in sys.argv[1:]:
    signal.signal(signal.Signals[name], signal.SIG_IGN)
os.write(1, b"%d\\n" % os.getpid())
while True:
    signal.pause()
"""

# A leader like nginx's master: its worker lives in the same group and outlives it.
LEADER = f"""
import os, subprocess, sys
subprocess.Popen([sys.executable, "-c", {WAITER!r}])
os.wait()
"""


@contextmanager
def output() -> Iterator[tuple[int, int]]:
    """A pipe whose writing end becomes a program's stdout."""
    reading, writing = os.pipe()
    try:
        yield reading, writing
    finally:
        os.close(reading)
        os.close(writing)


def program(script: str, writing: int, *ignored: str) -> Program:
    """Run the script with the pipe as its stdout, through a shell's redirection."""
    command = ("/bin/sh", "-c", f'exec "$@" >/dev/fd/{writing}', "sh", sys.executable, "-c", script, *ignored)
    return Program("waiter", command, dict(os.environ), "/", signal.SIGTERM, signal.SIGINT, inherit=(writing,))


async def started(what: Program, reading: int) -> tuple[Child, int]:
    """The child, and the pid that it printed when it was ready."""
    child = Child(what)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGCHLD, child.poll)
    said = asyncio.Event()
    loop.add_reader(reading, said.set)
    child.start()
    async with asyncio.timeout(30):
        await said.wait()
    loop.remove_reader(reading)
    return child, int(os.read(reading, 100))


def gone(pid: int, seconds: float = 10) -> bool:
    """Wait for the end of a process that need not be our child."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([fd], [], [], seconds)[0])
    finally:
        os.close(fd)


def test_an_end_is_reported_with_its_status() -> None:
    """The future holds the exit status, or the signal that ended it."""

    async def main() -> list[Exit]:
        ends = []
        for code in ("exit 7", "kill -9 $$"):
            child = Child(Program("sh", ("/bin/sh", "-c", code), {}, "/", signal.SIGTERM, signal.SIGINT))
            asyncio.get_running_loop().add_signal_handler(signal.SIGCHLD, child.poll)
            child.start()
            ends.append(await child.wait())
        return ends

    assert asyncio.run(main()) == [Exit(7, 0), Exit(0, signal.SIGKILL)]


def test_a_program_that_is_not_there_is_one_sentence() -> None:
    """What cannot be started is an error for the user, with the program's name."""

    async def main() -> None:
        Child(Program("nginx", ("/nowhere/nginx",), {}, "/", signal.SIGTERM, signal.SIGINT)).start()

    with pytest.raises(UncorkError, match="nginx: /nowhere/nginx cannot be started"):
        asyncio.run(main())


def test_what_a_killed_leader_leaves_behind_ends_too() -> None:
    """The workers of a killed master are signalled, or they would serve for ever."""
    with output() as (reading, writing):

        async def main() -> tuple[Exit, int]:
            child, worker = await started(program(LEADER, writing), reading)
            child.signal(signal.SIGKILL, group=False)
            return await child.wait(), worker

        end, worker = asyncio.run(main())

        assert end == Exit(0, signal.SIGKILL)
        assert gone(worker)


@pytest.mark.parametrize(
    ("ignored", "hurried", "ended_by", "by_itself"),
    [
        ((), False, signal.SIGTERM, True),
        (("SIGTERM",), True, signal.SIGINT, True),
        (("SIGTERM", "SIGINT"), True, signal.SIGKILL, False),
    ],
)
def test_stopping_gets_firmer(
    monkeypatch: pytest.MonkeyPatch, ignored: tuple[str, ...], hurried: bool, ended_by: signal.Signals, by_itself: bool
) -> None:
    """Asked first, told next, killed last; a hurry cuts the first wait short, and only a kill counts against it."""
    monkeypatch.setattr("uncork.stack.child.QUICK_SECONDS", 0.2 if not by_itself else 60)
    with output() as (reading, writing):

        async def main() -> tuple[bool, Exit]:
            child, _ = await started(program(WAITER, writing, *ignored), reading)
            hurry = asyncio.Event()
            if hurried:
                hurry.set()
            return await child.stop(60, hurry), await child.wait()

        assert asyncio.run(main()) == (by_itself, Exit(0, ended_by))


def test_stopping_what_never_ran_is_no_work() -> None:
    """A stack that failed early is stopped like any other."""
    child = Child(Program("x", ("x",), {}, "/", signal.SIGTERM, signal.SIGINT))

    assert asyncio.run(child.stop(1, asyncio.Event()))


def test_stale_sockets_are_removed_before_a_start(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What a killed server left must not be in the way of the next one; a missing file is fine."""
    folder = tmp_path_factory.mktemp("stale")
    (folder / "app.sock").touch()
    stale = (str(folder / "app.sock"), str(folder / "none.sock"))

    async def main() -> Exit:
        child = Child(Program("sh", ("/bin/sh", "-c", "ls"), {}, str(folder), signal.SIGTERM, signal.SIGINT, (), stale))
        asyncio.get_running_loop().add_signal_handler(signal.SIGCHLD, child.poll)
        child.start()
        return await child.wait()

    assert asyncio.run(main()) == Exit(0, 0)
    assert list(folder.iterdir()) == []


def test_a_program_does_not_outlive_its_parent() -> None:
    """Even a parent that is killed outright takes its programs with it."""
    parent = f"""
import asyncio, os, signal, sys
from uncork.stack.child import Child, Program
async def main():
    command = (sys.executable, "-c", {WAITER!r})
    Child(Program("waiter", command, dict(os.environ), "/", signal.SIGTERM, signal.SIGINT)).start()
    await asyncio.Event().wait()
asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        waiter = int(process.stdout.readline())
        process.kill()
        assert gone(waiter)
