"""Commands that the master has run beside the server: of cron, of alarms, of touched files.

Each runs in a process group of its own, and is killed when its time is over.  At the server's end those that tell of
alarms are ended; the others run on, as in uWSGI: a nightly report is no part of a deploy.

Runs in: master.  Must not: wait for any of them.
"""

import errno
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from uncork.config.secrets import mask
from uncork.supervise.exits import Exit
from uncork.supervise.startup import say
from uncork.system.command import environ_of_app, kill_group, nothing, start

# A command that hangs, started again and again, fills the machine: the same one runs so often at a time at most.
MOST_ALIKE = 50
# What a program needs of its surroundings, and that tells nothing of the app.
_HARMLESS = frozenset({"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR"})
# The way to the rest of the world, in small and in capital letters.
_WAY_OUT = frozenset({"http_proxy", "https_proxy", "all_proxy", "no_proxy", "ssl_cert_file", "ssl_cert_dir"})


class Errand(NamedTuple):
    """A program that runs: until when, on the monotonic clock, and who is told of its end and of its being killed."""

    words: Sequence[str]
    private: bool
    until: float | None
    ended: Callable[[Exit], None]
    overdue: Callable[[], None]


class Errands:
    """`output` gives a child its stdout and stderr; True keeps what it writes away from alarms."""

    def __init__(self, output: Callable[[bool], None]) -> None:
        self._output = output
        self._running: dict[int, Errand] = {}
        self._stopping = False

    def start(
        self,
        words: Sequence[str],
        ended: Callable[[Exit], None],
        *,
        limit: float | None = None,
        overdue: Callable[[], None] = nothing,
        text: bytes | None = None,
        private: bool = False,
    ) -> int | None:
        """Run a program, for `limit` seconds at most; its pid, None once the server stops.

        A `private` one tells of an alarm.  It is told nothing of the app: its environment is small; what it writes
        raises no alarm; and it ends with the server.
        Raises OSError if there can be no further process, or too many of the same run already.
        """
        if self._stopping:
            return None
        if sum(errand.words == words for errand in self._running.values()) >= MOST_ALIKE:
            raise OSError(errno.EAGAIN, f"it already runs {MOST_ALIKE} times")
        environ = small_environ(os.environ) if private else environ_of_app(os.environ)
        pid = start(words, environ, text, lambda: self._output(private))
        until = None if limit is None else time.monotonic() + limit
        self._running[pid] = Errand(words, private, until, ended, overdue)
        return pid

    def ended(self, pid: int, end: Exit) -> bool:
        """A child of the master has ended; whether it was one of these."""
        errand = self._running.pop(pid, None)
        if errand is None:
            return False
        errand.ended(end)
        return True

    def next_time(self) -> float | None:
        """See Part."""
        return min((errand.until for errand in self._running.values() if errand.until is not None), default=None)

    def tick(self, now: float) -> None:
        """See Part."""
        for pid, errand in list(self._running.items()):
            if errand.until is not None and now >= errand.until:
                self._running[pid] = errand._replace(until=None)
                errand.overdue()
                kill_group(pid, signal.SIGKILL)

    def stop(self) -> None:
        """The server stops: ask those that tell of alarms to end, name the others, and run none any more."""
        self._stopping = True
        for pid, errand in self._running.items():
            if errand.private:
                kill_group(pid, signal.SIGTERM)
            else:
                say(f"pid {pid} may outlive the server: {mask(errand.words[-1])}")

    def close(self) -> None:
        """The server leaves: kill those that tell of alarms still.  Whoever reaps them is not us."""
        for pid, errand in self._running.items():
            if errand.private:
                kill_group(pid, signal.SIGKILL)
        self._running.clear()


def small_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """What a program gets that is none of the app's business: no variable that may hold a secret of its."""
    return {
        name: value
        for name, value in environ.items()
        if name in _HARMLESS or name.startswith("LC_") or name.lower() in _WAY_OUT
    }
