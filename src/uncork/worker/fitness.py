"""Notice when this worker has done enough: by its requests and, after each one, by its memory.

Runs in: worker.  The master starts the replacement; this worker serves until it is told to go.
"""

import time
from collections.abc import Callable

from uncork.config.settings import Settings
from uncork.supervise.recycle import Memory, limits_of, memory_limit, requests_limit, why_recycle
from uncork.system import process


class Fitness:
    """Calls `spent` once, with the reason.  `requests`: from how many on to be asked, 0 for never."""

    def __init__(self, settings: Settings, wid: int, spent: Callable[[str], None]) -> None:
        self._limits = limits_of(settings.recycle, settings.processes.processes)
        self._wid = wid
        self._spent = spent
        self._said = False
        self._since = time.monotonic()
        self.requests = requests_limit(self._limits, wid)
        # Whether memory is to be measured after each request.
        self.weighs = any(memory_limit(self._limits))
        self._fresh = Memory(*process.memory_usage()) if self.weighs else None

    def served(self, requests: int, rss: int, vsz: int) -> None:
        """So many requests of this process are over; it occupies so many bytes (0 if nobody measures)."""
        if self._said:
            return
        age = time.monotonic() - self._since
        reason = why_recycle(self._limits, self._wid, requests, age, rss, vsz, self._fresh)
        if reason:
            self._said = True
            self._spent(reason)
