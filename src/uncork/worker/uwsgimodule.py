"""The module `uwsgi` that applications import (uWSGI: plugins/python/uwsgi_pymodule.c).

It exists only inside the server: applications tell by `import uwsgi` where they run.  Functions of uWSGI that have
nothing to act on here are not there, so that an application sees by hasattr() what it can have.

Runs in: template (before the import of the application), worker, single process.
"""

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Sequence
from types import ModuleType
from typing import Protocol

from uncork import __version__
from uncork.config.settings import Settings
from uncork.config.table import BY_NAME
from uncork.supervise.startup import say
from uncork.system import process

NAME = "uwsgi"


class Cells(Protocol):
    """What is needed of scoreboard.cells.CoreCells."""

    def set_user_deadline(self, deadline: int) -> None: ...

    def total_requests(self) -> int: ...


class Thread(Protocol):
    """What is needed of worker.core.Core."""

    thread: int

    @property
    def cells(self) -> Cells: ...


class UwsgiModule(ModuleType):
    """The module.  `masterpid` is 0 without a master.  Applications assign `post_fork_hook` and `atexit`."""

    def __init__(self, settings: Settings, masterpid: int) -> None:
        super().__init__(NAME, "What the server tells the application, and does for it.")
        processes = settings.processes
        self._masterpid = masterpid
        self._wid = 0
        self._threads: Sequence[Thread] = ()
        self.version = __version__.encode()
        numbers = [int(part) if part.isdigit() else 0 for part in __version__.split(".")[:3]]
        self.version_info = (*numbers, 0, b"")
        self.hostname = socket.gethostname().encode()
        self.numproc = processes.processes
        self.cores = processes.cores
        self.has_threads = 1
        self.buffer_size = settings.sockets.buffer_size
        self.started_on = int(time.time())
        self.opt = _options(settings)
        self.applications = None

    def worker_id(self) -> int:
        """Number of this worker, from 1; 0 while the application is imported for all of them."""
        return self._wid

    def masterpid(self) -> int:
        """Process id of the master, 0 without one."""
        return self._masterpid

    def mule_id(self) -> int:
        """0: there are no mules."""
        return 0

    def total_requests(self) -> int:
        """Requests that the whole server has served."""
        return self._threads[0].cells.total_requests() if self._threads else 0

    def mem(self) -> tuple[int, int]:
        """(resident, address space) of this process in bytes."""
        return process.memory_usage()

    def log(self, text: str) -> bool:
        """One line to the server's log."""
        say(text)
        return True

    def reload(self) -> bool:
        """Reload the whole server, as SIGHUP does; False without a master."""
        if not self._masterpid:
            return False
        process.kill(self._masterpid, signal.SIGHUP)
        return True

    def set_user_harakiri(self, seconds: int) -> None:
        """Give the running request so many seconds from now on, 0 to take that back.

        The option harakiri counts beside it: the earlier end is the one.
        """
        me = threading.get_ident()
        for thread in self._threads:
            if thread.thread == me:
                thread.cells.set_user_deadline(int((time.monotonic() + seconds) * 1_000_000) if seconds > 0 else 0)

    def enter_worker(self, wid: int, threads: Sequence[Thread]) -> None:
        """From now on this is worker `wid`; calls what the application wants to be called after a fork."""
        self._wid = wid
        self._threads = threads
        hook = getattr(self, "post_fork_hook", None)
        if callable(hook):
            hook()

    def leave_worker(self) -> None:
        """Calls what the application wants to be called at the end."""
        hook = getattr(self, "atexit", None)
        if callable(hook):
            hook()


def install(settings: Settings, masterpid: int) -> UwsgiModule:
    """Make the module importable."""
    module = UwsgiModule(settings, masterpid)
    sys.modules[NAME] = module
    return module


def _options(settings: Settings) -> dict[str, object]:
    """The options that were given, as uWSGI shows them: values are bytes, True for none; the last one wins."""
    return {
        entry.name: True if entry.value is None else os.fsencode(entry.value)
        for entry in settings.entries
        if not entry.placeholder and entry.name in BY_NAME
    }
