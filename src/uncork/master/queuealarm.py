"""The line about a listen queue that is full: the workers are too few, or stuck, and clients are turned away.

Pure: what the sockets look like and the time in, lines out; at most one a second for each socket.
"""

from collections.abc import Iterable
from typing import NamedTuple

# Seconds between two lines on one socket: uWSGI's master looks once a second.
PAUSE = 1.0


class Queue(NamedTuple):
    """A listening socket: its name and descriptor, how many wait in its queue, and how many may (0: nobody knows)."""

    name: str
    fd: int
    waiting: int
    limit: int


class QueueAlarm:
    """Remembers what was said."""

    def __init__(self) -> None:
        # When each socket may be named again.
        self._quiet_until: dict[str, float] = {}

    def lines(self, queues: Iterable[Queue], now: float) -> list[str]:
        """What to log at the monotonic time `now`, in uWSGI's words (core/master_checks.c)."""
        found = []
        for queue in queues:
            if not queue.limit or queue.waiting < queue.limit or now < self._quiet_until.get(queue.name, 0.0):
                continue
            self._quiet_until[queue.name] = now + PAUSE
            found.append(
                f'*** uWSGI listen queue of socket "{queue.name}" (fd: {queue.fd}) full !!! '
                f"({queue.waiting}/{queue.limit}) ***"
            )
        return found
