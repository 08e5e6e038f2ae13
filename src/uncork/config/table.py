"""The option table: every supported option, found by name or by short letter.

Runs in: the process that reads the configuration.  Derived from the fields of the option groups and from nothing else:
a new option is a new field there.
"""

from collections.abc import Iterator
from typing import NamedTuple

from uncork.config.option import Option, options_of
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

# The groups by the name of their field in `Settings`, in the order of documentation.
GROUPS: dict[str, type] = {
    "reading": Reading,
    "sockets": Sockets,
    "processes": Processes,
    "reload": Reload,
    "harakiri": Harakiri,
    "recycle": Recycle,
    "cheaper": Cheaper,
    "touch": Touch,
    "control": Control,
    "daemon": Daemon,
    "python": Python,
    "logging": Logging,
    "stats": Stats,
    "http": Http,
    "static": Static,
    "routing": Routing,
    "emperor": Emperor,
    "services": Services,
    "api": Api,
    "alarms": Alarms,
    "cron": Cron,
    "hooks": Hooks,
}


class Declared(NamedTuple):
    """An option and the group that it is a field of."""

    group: str
    option: Option


def _declared() -> Iterator[Declared]:
    for name, group in GROUPS.items():
        for option in options_of(group):
            yield Declared(name, option)


OPTIONS: tuple[Declared, ...] = tuple(_declared())
BY_NAME: dict[str, Declared] = {name: declared for declared in OPTIONS for name in declared.option.names}
BY_SHORT: dict[str, Declared] = {declared.option.short: declared for declared in OPTIONS if declared.option.short}
