"""What a reload has read and opened until it serves or is given up, and how the last one ended.

Runs in: master.  Whether the new generation may serve is decided in `plan`.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from uncork.config.settings import Settings
from uncork.control.hooks import signal_commands
from uncork.errors import UncorkError
from uncork.supervise.sockets import close_unwanted, describe, open_sockets, settle
from uncork.supervise.startup import Started, say
from uncork.system.notify import notify


class Reloads:
    """`read_settings` reads the configuration anew (raises UncorkError)."""

    def __init__(self, read_settings: Callable[[], Settings]) -> None:
        self._read_settings = read_settings
        self._began = 0.0
        # What is to be served with; None while no reload is under way.
        self.coming: tuple[Settings, Started] | None = None
        # For the statistics; {} before the first reload.
        self.last: dict[str, object] = {}

    def begin(self, settings: Settings, started: Started) -> Settings:
        """Read the configuration from the directory that the first one was read in, and open its sockets.

        `settings` and `started` are those that serve.  Raises UncorkError or OSError; nothing has changed then.
        """
        self._began = time.monotonic()
        notify("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
        with _directory(settings, started.origin):
            new = self._read_settings()
        signal_commands(new)
        opened = open_sockets(new, started.opened)
        for name in restart_options(settings, new):
            say(f"{new.origin(name)}: {name} has changed; that takes effect when the server is started anew")
        self.coming = (new, started.with_sockets(opened).with_hooks(new))
        return new

    def swap(self, old: Started) -> tuple[Settings, Started] | None:
        """The sockets of the reload are those of the server now; None if there is no reload."""
        coming, self.coming = self.coming, None
        if coming is not None:
            settings, new = coming
            for line in (*describe(new.opened, old.opened.every), *settle(old.opened.every, new.opened, settings)):
                say(line)
        return coming

    def ended(self, error: str, started: Started) -> None:
        """A reload is over; `started` is what serves."""
        self.last = {
            "ok": int(not error),
            "at": int(time.time()),
            "seconds": int(time.monotonic() - self._began),
            "error": error,
        }
        if error:
            self.abandon(started)

    def abandon(self, started: Started) -> None:
        """Close what was opened for a reload that does not come to serve."""
        if self.coming is not None:
            close_unwanted(self.coming[1].opened.every, started.opened.every, vacuum=True)
            self.coming = None


@contextmanager
def _directory(settings: Settings, origin: str) -> Iterator[None]:
    """Be in `origin`, where relative names of configuration files begin.  Raises UncorkError, OSError."""
    # By descriptor: the way back must not depend on a path that a deploy may have removed.
    here = os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            os.chdir(origin)
        except PermissionError:
            # The user that the server has become may not go there.  Whoever named all files by whole paths need not.
            files = {entry.origin.rpartition(":")[0] for entry in settings.entries if entry.in_file}
            if not all(os.path.isabs(file) for file in files):
                raise UncorkError(
                    f"the directory that the server was started in ({origin}) is closed to its user (name the "
                    "configuration by an absolute path, or start the server elsewhere)"
                ) from None
        yield
    finally:
        os.fchdir(here)
        os.close(here)


# Options of what the first process opened and did once, most of it before it gave up its rights.
_OPENED_ONCE: dict[str, tuple[str, ...]] = {
    "processes": ("uid", "gid", "pidfile", "umask", "limit_as", "limit_nproc", "max_fd"),
    "control": ("pidfile2", "safe_pidfile", "safe_pidfile2", "hook_master_start"),
    "daemon": ("daemonize", "daemonize2"),
    "logging": (
        *("logto", "logto2", "logger", "req_logger", "log_master", "log_maxsize", "log_date", "log_backupname"),
        *("logfile_chmod", "logfile_chown"),
    ),
    "hooks": (
        *("hook_asap", "hook_pre_jail", "hook_in_jail", "hook_as_root", "hook_as_user"),
        *("exec_asap", "exec_pre_jail", "exec_in_jail", "exec_as_root", "exec_as_user"),
    ),
}


def restart_options(before: Settings, after: Settings) -> list[str]:
    """Names of the options that differ and that a reload does not change."""
    return [
        field.replace("_", "-")
        for group, fields in _OPENED_ONCE.items()
        for field in fields
        if getattr(getattr(before, group), field) != getattr(getattr(after, group), field)
    ]
