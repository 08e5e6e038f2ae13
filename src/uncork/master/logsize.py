"""When the file of `logto` is to be rotated.

Runs in: master.  Must not: block.
"""

import time

from uncork.system.logfile import LogFile

# How often, in seconds, sizes are looked at.
SIZE_CHECK = 1.0


class SizeWatch:
    """Looks whether the file of `logto` has outgrown `limit` bytes (option `log-maxsize`)."""

    def __init__(self, file: LogFile, limit: int) -> None:
        self._file = file
        self._limit = limit
        self._next = time.monotonic()

    def next_time(self) -> float:
        """When `tick` is to be called next, on the monotonic clock."""
        return self._next

    def tick(self, now: float) -> bool:
        """Whether the file is to be rotated now."""
        if now < self._next:
            return False
        self._next = now + SIZE_CHECK
        return self._file.larger_than(self._limit)
