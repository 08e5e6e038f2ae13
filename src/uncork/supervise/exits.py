"""What a child's end means.

Pure.  Exit statuses of workers are uWSGI's (uwsgi.h): scripts and process managers know them.
"""

import os
import signal
from dataclasses import dataclass
from enum import IntEnum


class ExitCode(IntEnum):
    """The statuses that processes of this server leave with."""

    OK = 0
    FAILED = 1
    # A worker that finished its request because it shall be replaced (UWSGI_RELOAD_CODE).
    RELOAD = 17
    # The application could not be loaded (UWSGI_FAILED_APP_CODE).
    FAILED_APP = 22
    # A worker, or a server without a master, that was told to end (UWSGI_END_CODE).
    END = 30


@dataclass(frozen=True, slots=True)
class Exit:
    """A decoded wait status: `code` for an exit, `signal` (0 if none) for a death by signal."""

    code: int
    signal: int

    @classmethod
    def from_status(cls, status: int) -> "Exit":
        """From what waitpid(2) returns."""
        if os.WIFSIGNALED(status):
            return cls(code=0, signal=os.WTERMSIG(status))
        return cls(code=os.WEXITSTATUS(status), signal=0)

    def __str__(self) -> str:
        if not self.signal:
            return f"exited with status {self.code}"
        try:
            name = signal.Signals(self.signal).name
        except ValueError:
            name = "an unknown signal"
        return f"killed by signal {self.signal} ({name})"
