"""When the service manager is told that all is well (WATCHDOG=1 of sd_notify(3), WatchdogSec= of a systemd unit).

Pure: time and facts in, decisions out.  The master asks in its loop, so that a loop that hangs says nothing; and it
says nothing while no worker gets anywhere.  The service manager then ends the server and starts it anew.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

# All workers hang when each has been in a request for so many times its deadline: by then harakiri should have freed
# them long ago.
HARAKIRIS = 2


class Watchdog:
    """`interval` is how long the service manager waits, in seconds; it hears from us twice in that time."""

    def __init__(self, interval: float) -> None:
        self._half = interval / 2
        self._next = 0.0

    @classmethod
    def from_environ(cls, environ: Mapping[str, str], pid: int) -> "Watchdog | None":
        """What the service manager asks of process `pid` (sd_watchdog_enabled(3)); None if it asks for nothing."""
        microseconds = environ.get("WATCHDOG_USEC", "")
        if not (microseconds.isascii() and microseconds.isdigit()) or int(microseconds[:18]) == 0:
            return None
        if environ.get("WATCHDOG_PID", str(pid)) != str(pid):
            return None
        return cls(int(microseconds[:18]) / 1e6)

    def next_time(self) -> float:
        """When `due` wants to be asked again."""
        return self._next

    def due(self, now: float, progress: bool) -> bool:
        """Whether to send WATCHDOG=1 now; `progress` says whether some worker gets anywhere."""
        if now < self._next:
            return False
        # Without progress it is looked at again soon: one worker that comes back is good news.
        self._next = now + (self._half if progress else min(self._half, 1.0))
        return progress


class Busy(NamedTuple):
    """A worker: seconds that its oldest request has run (0 for none), and whether one of its threads is free."""

    oldest: float
    free: bool


def progress(workers: Iterable[Busy], harakiri: float) -> bool:
    """Whether some worker gets anywhere.  `harakiri` is the deadline of a request in seconds, 0 for none.

    Without a deadline nobody can tell a long request from one that hangs, and without workers (cheap, or all of them
    just starting) nobody hangs.
    """
    every = list(workers)
    return not harakiri or not every or any(one.free or one.oldest <= HARAKIRIS * harakiri for one in every)


def extension(seconds: float) -> str:
    """What gives a start so many seconds more than TimeoutStartSec= (EXTEND_TIMEOUT_USEC of sd_notify(3)).

    An import that is allowed a time of its own must not be cut short by the service manager's, and must not go on for
    ever either: it is said once, for as long as the start may take.
    """
    return f"EXTEND_TIMEOUT_USEC={int(seconds * 1e6)}"
