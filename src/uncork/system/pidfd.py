"""A process that is no child of ours, held by a descriptor: whatever is sent reaches it, or nobody (pidfd_open(2)).

Runs in: the command line process.  A number may mean another process by the time that a signal is sent; a descriptor
never does.
"""

import os
import select
import signal
import time

# How far, in seconds, the start of a process may seem to lie behind a file that it wrote: clocks of both tick coarsely.
SLACK = 2.0


class HeldProcess:
    """The process `pid`.  Raises ProcessLookupError if there is none."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._fd = os.pidfd_open(pid)

    def send(self, number: int) -> None:
        """Send it a signal.  Raises ProcessLookupError if it has ended, PermissionError."""
        signal.pidfd_send_signal(self._fd, number)

    def wait(self, seconds: float) -> bool:
        """Whether it ends within `seconds`."""
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        return bool(poll.poll(max(0.0, seconds) * 1000))

    def close(self) -> None:
        """Let go of it."""
        os.close(self._fd)


def started(pid: int) -> float | None:
    """When the process began, in seconds of the epoch; None if it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # Field 22, counted behind the name, which may hold anything (proc(5)): ticks since the machine started.
            ticks = int(file.read().rpartition(b")")[2].split()[19])
    except (OSError, IndexError):
        return None
    age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    return time.time() - age


def wrote(pid: int, written: float) -> bool:
    """Whether the process was there already when a file was written, at `written` (epoch)."""
    since = started(pid)
    return since is not None and since <= written + SLACK


def writes_to(pid: int, device: int, inode: int) -> bool:
    """Whether the process has this file open for writing; False also if that cannot be seen."""
    folder = f"/proc/{pid}/fd"
    try:
        names = os.listdir(folder)
    except OSError:
        return False
    for name in names:
        try:
            # The link has the rights of the descriptor, what it leads to is the file (proc(5)).
            writing = os.lstat(f"{folder}/{name}").st_mode & 0o200
            status = os.stat(f"{folder}/{name}")
        except OSError:
            continue
        if writing and (status.st_dev, status.st_ino) == (device, inode):
            return True
    return False


def owner_of(pid: int) -> int:
    """The user of the process; -1 if it is gone."""
    try:
        return os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return -1


def name_of(pid: int) -> str:
    """What the kernel calls the process, printable; "" if it is gone."""
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
            name = file.read().rstrip("\n")
    except OSError:
        return ""
    return "".join(char if char.isprintable() else "?" for char in name)
