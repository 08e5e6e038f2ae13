"""The frozen result of reading the configuration: one typed field per option, and where each value came from.

Runs in: every process.  Values only: nothing is read, resolved against a directory or checked here.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from uncork.config.options.cheaper import Cheaper
from uncork.config.options.control import Control
from uncork.config.options.daemon import Daemon
from uncork.config.options.harakiri import Harakiri
from uncork.config.options.logging import Logging
from uncork.config.options.processes import Processes
from uncork.config.options.python import Python
from uncork.config.options.recycle import Recycle
from uncork.config.options.reload import Reload
from uncork.config.options.sockets import Sockets
from uncork.config.options.stats import Stats
from uncork.config.options.touch import Touch
from uncork.config.table import BY_NAME, OPTIONS


class Entry(NamedTuple):
    """One given option or placeholder.  `str()` is how to quote it in a message.

    `value` is None where none was given (`--master`).  `origin` is `file:line`, `--name` as typed, or `UWSGI_NAME`;
    for what `set` defined outside a file, with the defined name: `--set name`.  `placeholder` marks what `set-ph`
    defined: a name for `%(name)` and never an option.
    """

    name: str
    value: str | None
    origin: str
    placeholder: bool = False

    def __str__(self) -> str:
        value = self.value
        if value and self.name == "env":  # may be a password
            value = value.partition("=")[0] + "=***"
        if self.in_file:
            return f"{self.origin}: {self.name} = {value or ''}".rstrip()
        if value is None:
            return self.origin
        typed_apart = self.origin.startswith("-") and " " not in self.origin
        return f"{self.origin} {value}" if typed_apart else f"{self.origin}={value}"

    @property
    def in_file(self) -> bool:
        """Whether it is a line of a file."""
        return ":" in self.origin and not self.origin.startswith("-")


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole configuration, one group per topic; `Settings()` is all defaults.

    `entries` has everything that was given, options and placeholders, expanded and in order of override.
    """

    sockets: Sockets = field(default_factory=Sockets)
    processes: Processes = field(default_factory=Processes)
    reload: Reload = field(default_factory=Reload)
    harakiri: Harakiri = field(default_factory=Harakiri)
    recycle: Recycle = field(default_factory=Recycle)
    cheaper: Cheaper = field(default_factory=Cheaper)
    touch: Touch = field(default_factory=Touch)
    control: Control = field(default_factory=Control)
    daemon: Daemon = field(default_factory=Daemon)
    python: Python = field(default_factory=Python)
    logging: Logging = field(default_factory=Logging)
    stats: Stats = field(default_factory=Stats)
    entries: tuple[Entry, ...] = ()

    @property
    def master(self) -> bool:
        """Whether a master runs: asked for, implied by an option, or needed to replace one of several workers."""
        return (
            self.processes.master
            or self.processes.processes > 1
            or bool(self.logging.req_logger)
            or any(
                getattr(getattr(self, group), option.field_name) != option.default
                for group, option in OPTIONS
                if option.implies_master
            )
        )

    def given(self, name: str) -> tuple[Entry, ...]:
        """The entries of an option, under whichever of its names, in order of override."""
        names = BY_NAME[name].option.names
        return tuple(entry for entry in self.entries if entry.name in names and not entry.placeholder)

    def origin(self, name: str) -> str:
        """Where the value of an option came from: `uwsgi.ini:7`, `--logto`, `UWSGI_LOGTO`, or `default`."""
        entries = self.given(name)
        return entries[-1].origin if entries else "default"
