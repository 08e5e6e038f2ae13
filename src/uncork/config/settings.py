"""The frozen result of reading the configuration: one typed field per option, and where each value came from.

Runs in: every process.  Values only: nothing is read, resolved against a directory or checked here.
"""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from uncork.config.options.alarms import Alarms
from uncork.config.options.api import Api
from uncork.config.options.cheaper import Cheaper
from uncork.config.options.control import Control
from uncork.config.options.cron import Cron
from uncork.config.options.daemon import Daemon
from uncork.config.options.emperor import Emperor
from uncork.config.options.harakiri import Harakiri
from uncork.config.options.hooks import Hooks
from uncork.config.options.http import Http
from uncork.config.options.logging import Logging
from uncork.config.options.processes import Processes
from uncork.config.options.python import Python
from uncork.config.options.reading import Reading
from uncork.config.options.recycle import Recycle
from uncork.config.options.reload import Reload
from uncork.config.options.routing import Routing
from uncork.config.options.services import Services
from uncork.config.options.sockets import Sockets
from uncork.config.options.static import Static
from uncork.config.options.stats import Stats
from uncork.config.options.touch import Touch
from uncork.config.secrets import masked
from uncork.config.table import BY_NAME, OPTIONS

# Where an entry was given: a line of a file, an option of the command line, a variable of the environment, or what
# `set` defined in one of the latter two.
Source = Literal["file", "argument", "variable", "definition"]


class Entry(NamedTuple):
    """One given option or placeholder.  `str()` is how to quote it in a message, without what is secret.

    `value` is None where none was given (`--master`).  `origin` is `file:line`, `--name` as typed, or `UWSGI_NAME`;
    for what `set` defined outside a file, with the defined name: `--set name`.  `placeholder` marks what `set-ph`
    defined: a name for `%(name)` and never an option.  A `part` is what an option of `declare-option` stands for.
    """

    name: str
    value: str | None
    origin: str
    placeholder: bool = False
    part: bool = False
    source: Source = "file"

    def __str__(self) -> str:
        value = None if self.value is None else masked(self)
        if self.in_file:
            return f"{self.origin}: {self.name} = {value or ''}".rstrip()
        if value is None:
            return self.origin
        return f"{self.origin} {value}" if self.source == "argument" else f"{self.origin}={value}"

    @property
    def in_file(self) -> bool:
        """Whether it is a line of a file."""
        return self.source == "file"


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
    http: Http = field(default_factory=Http)
    static: Static = field(default_factory=Static)
    routing: Routing = field(default_factory=Routing)
    emperor: Emperor = field(default_factory=Emperor)
    services: Services = field(default_factory=Services)
    api: Api = field(default_factory=Api)
    alarms: Alarms = field(default_factory=Alarms)
    cron: Cron = field(default_factory=Cron)
    hooks: Hooks = field(default_factory=Hooks)
    reading: Reading = field(default_factory=Reading)
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
