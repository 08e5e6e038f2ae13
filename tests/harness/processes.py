"""Processes under test: each in a session of its own, so that nothing it starts can be missed at the end."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

# Far beyond what anything here takes on a loaded machine; a test that waits so long has failed.
PATIENCE = 30.0


def _live(field: int, value: int) -> list[int]:
    """Live processes whose field (counted behind the name, proc(5), stat) has this value, zombies left out."""
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            fields = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[field]) == value and fields[0] != "Z":
            found.append(int(name))
    return found


def session_pids(session: int) -> list[int]:
    """Every live process of `session`."""
    return _live(3, session)


def children_of(pid: int) -> list[int]:
    """The direct children of `pid`."""
    return _live(1, pid)


def command_of(pid: int) -> str | None:
    """The command line of `pid`, None once it is gone: it may end between being listed and being read."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text() or None
    except (FileNotFoundError, ProcessLookupError):
        return None


def wait_gone(pid: int, patience: float = PATIENCE) -> None:
    """Wait until `pid`, which need not be a child, is gone.  Raises TimeoutError."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    import select

    try:
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        if not poll.poll(patience * 1000):
            raise TimeoutError(f"process {pid} is still there after {patience} s")
    finally:
        os.close(fd)


class Process:
    """A program in its own session, its output in `log`."""

    def __init__(self, command: Sequence[str], cwd: Path, log: Path, env: Mapping[str, str]) -> None:
        self.log = log
        self.command = command
        with log.open("ab") as output:
            self.popen = subprocess.Popen(
                command,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **env},
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Of the program itself; also the number of its session."""
        return self.popen.pid

    def text(self) -> str:
        """All it has printed so far."""
        return self.log.read_text(errors="replace")

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self.popen.send_signal(number)

    def wait(self, patience: float = PATIENCE) -> int:
        """Its exit status, once it has ended by itself."""
        return self.popen.wait(patience)

    def wait_for_log(self, text: str, count: int = 1, patience: float = PATIENCE) -> None:
        """Wait until the log holds `text` so many times: for what the server says and nobody is notified of."""
        end = time.monotonic() + patience
        while self.text().count(text) < count:
            if time.monotonic() > end:
                raise TimeoutError(f"{text!r} is not {count} times in the log:\n{self.text()}")
            time.sleep(0.02)

    def close(self) -> None:
        """End it and all it started.  Raises AssertionError if anything outlived the program's own end."""
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGTERM)
            try:
                self.popen.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait(PATIENCE)
        left = session_pids(self.pid)
        end = time.monotonic() + 3.0
        while left and time.monotonic() < end:
            time.sleep(0.02)
            left = session_pids(self.pid)
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        assert not left, f"processes outlived {self.command}: {left}\n{self.text()}"
