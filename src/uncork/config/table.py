"""The option table: every supported option, found by name or by short letter.

Runs in: the process that reads the configuration.  Derived from the fields of the option groups and from nothing else:
a new option is a new field there.
"""

from collections.abc import Iterator
from dataclasses import fields
from typing import NamedTuple

from uncork.config.option import METADATA_KEY, Option
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

Group = (
    type[Sockets]
    | type[Processes]
    | type[Reload]
    | type[Harakiri]
    | type[Recycle]
    | type[Cheaper]
    | type[Touch]
    | type[Control]
    | type[Daemon]
    | type[Python]
    | type[Logging]
    | type[Stats]
)

# The groups by the name of their field in `Settings`, in the order of documentation.
GROUPS: dict[str, Group] = {
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
}


class Declared(NamedTuple):
    """An option and the group that it is a field of."""

    group: str
    option: Option


def _declared() -> Iterator[Declared]:
    for name, group in GROUPS.items():
        for field in fields(group):
            yield Declared(name, field.metadata[METADATA_KEY])


OPTIONS: tuple[Declared, ...] = tuple(_declared())
BY_NAME: dict[str, Declared] = {name: declared for declared in OPTIONS for name in declared.option.names}
BY_SHORT: dict[str, Declared] = {declared.option.short: declared for declared in OPTIONS if declared.option.short}
