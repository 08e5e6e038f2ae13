"""A process that is held by descriptor."""

import os
import signal
import time
from pathlib import Path

import pytest

from uncork.system import process
from uncork.system.pidfd import HeldProcess, name_of, owner_of, started, writes_to, wrote


def sleeper() -> int:
    """A child that waits for a signal."""

    def main() -> int:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        while True:
            signal.pause()

    return process.fork(main)


def test_a_signal_reaches_the_process_that_is_held() -> None:
    """And its end is seen."""
    pid = sleeper()
    held = HeldProcess(pid)
    assert not held.wait(0)
    held.send(signal.SIGKILL)

    assert held.wait(20)
    assert os.WTERMSIG(os.waitpid(pid, 0)[1]) == signal.SIGKILL
    with pytest.raises(ProcessLookupError):
        held.send(signal.SIGKILL)
    held.close()


def test_a_process_that_is_gone() -> None:
    """It cannot be held, has no name, no owner and no time."""
    pid = process.fork(lambda: 0)
    os.waitpid(pid, 0)

    with pytest.raises(ProcessLookupError):
        HeldProcess(pid)
    assert (started(pid), name_of(pid), owner_of(pid)) == (None, "", -1)
    assert not wrote(pid, time.time() + 1000)
    assert not writes_to(pid, 1, 1)


def test_when_it_began() -> None:
    """What was written before that is not its work."""
    pid = sleeper()
    now = time.time()

    assert wrote(pid, now)
    assert wrote(pid, now + 1e6)
    assert not wrote(pid, now - 60)
    assert owner_of(pid) == os.geteuid()
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def test_which_file_it_writes(tmp_path: Path) -> None:
    """Reading it does not count: so does whoever looks at it."""
    path = tmp_path / "file"
    path.touch()
    status = path.stat()
    with path.open("r"):
        assert not writes_to(os.getpid(), status.st_dev, status.st_ino)
    with path.open("w"):
        assert writes_to(os.getpid(), status.st_dev, status.st_ino)
    assert not writes_to(os.getpid(), status.st_dev, status.st_ino)


def test_its_name_is_printable() -> None:
    """A process may call itself anything."""
    reading, writing = os.pipe()
    again, go = os.pipe()

    def main() -> int:
        Path("/proc/self/comm").write_text("a\x1b[31m) b")
        os.write(writing, b"!")
        os.read(again, 1)
        return 0

    pid = process.fork(main)
    os.read(reading, 1)
    assert name_of(pid) == "a?[31m) b"
    assert started(pid) is not None
    os.write(go, b"!")
    os.waitpid(pid, 0)
    for fd in (reading, writing, again, go):
        os.close(fd)
