"""Every name that uWSGI's command line knows, as facts, whether Uncork supports it or not.

Runs in: the process that reads the configuration.

An abbreviation on the command line means what it means to uWSGI only if all of its names count.  The list is read on
first use, since most starts need none of it.
"""

import os
from collections.abc import Iterable, KeysView
from functools import cache
from typing import NamedTuple

from uncork.config.kinds import Argument
from uncork.config.table import BY_NAME, BY_SHORT

_FILE = os.path.join(os.path.dirname(__file__), "uwsgi_names.tsv")

_ARGUMENTS: dict[str, Argument] = {"no": "no", "optional": "optional", "required": "required"}


class UwsgiName(NamedTuple):
    """One row of uWSGI's tables; `alias_of` is the first name that sets the same thing.  Missing texts are ""."""

    name: str
    short: str
    argument: Argument
    implies_master: bool
    immediate: bool
    alias_of: str


@cache
def _rows() -> dict[str, str]:
    """The row of every name, not yet taken apart: a start that needs the list needs few of its rows."""
    with open(_FILE, encoding="ascii") as file:
        _, *rows = file.read().splitlines()
    return {row[: row.index("\t")]: row for row in rows}


def uwsgi_names() -> KeysView[str]:
    """All names of uWSGI 2.0.30 with the plugins of its default build, in the order of its tables."""
    return _rows().keys()


def uwsgi_name(name: str) -> UwsgiName | None:
    """What uWSGI's tables say of a name, or None."""
    row = _rows().get(name)
    if row is None:
        return None
    _, short, argument, flags, alias_of = row.split("\t")
    return UwsgiName(name, short, _ARGUMENTS[argument], "master" in flags, "immediate" in flags, alias_of)


def is_known(name: str) -> bool:
    """Whether an option of this name exists here or in uWSGI."""
    return name in BY_NAME or name in uwsgi_names()


def is_immediate(name: str) -> bool:
    """Whether uWSGI acts on the option while it is read, before any `$()`, `@()` or `%()` is expanded."""
    known = uwsgi_name(name)
    return known is not None and known.immediate


def argument_of_long(name: str) -> Argument:
    """Whether `--name` takes an argument.  Raises KeyError for a name that nobody knows."""
    declared = BY_NAME.get(name)
    if declared:
        return declared.option.kind.argument
    known = uwsgi_name(name)
    if known is None:
        raise KeyError(name)
    return known.argument


def long_of_short(letter: str) -> str | None:
    """The name that a short letter stands for, or None; where aliases share one, the first."""
    declared = BY_SHORT.get(letter)
    if declared:
        return declared.option.name
    return next((name for name, row in _rows().items() if row.startswith(f"{name}\t{letter}\t")), None)


def complete(prefix: str) -> list[str]:
    """The names that `--prefix` may mean, as getopt_long resolves it: an exact name alone, else all that start so.

    Names of our own count only where no name of uWSGI starts so: they make nothing ambiguous that works with uWSGI.
    """
    if is_known(prefix):
        return [prefix]
    return starting(uwsgi_names(), prefix) or starting(BY_NAME, prefix)


def starting(names: Iterable[str], prefix: str) -> list[str]:
    """Those that start so, in their order."""
    return [name for name in names if name.startswith(prefix)]
