"""The blocks of a configuration: `if-env`, `for` and their like, up to `endif` or `endfor`.

Runs in: the process that reads the configuration.  Decides which lines of a block count, how often, and what `%(_)` is
in them; looks at the environment and the file system and changes nothing.

uWSGI tries the condition for each line of the block (core/config.c); here it is tried once, where the block opens.
"""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from uncork.config.kinds import leading_number
from uncork.config.table import BY_NAME

# What `%(_)` stands for, once for each time that a line of the block counts; None leaves it as it is.
Turns = Sequence[str | None]

# More than any configuration needs, and few enough for a slip of the keyboard in `for-times`.
MOST_TURNS = 10_000


class Surroundings(NamedTuple):
    """What a condition may ask for: a variable, the value of a line above, a plugin, whether this is a reload, and the
    text of a file.
    """

    environ: Mapping[str, str]
    named: Callable[[str], str | None]
    has_plugin: Callable[[str], bool]
    reloading: bool
    read: Callable[[str], str]


def turns(name: str, value: str, surroundings: Surroundings) -> Turns:
    """How often the lines of a block count.  Raises OSError and ValueError where that cannot be found out."""
    found = _BY_NAME[name](value, surroundings)
    if len(found) > MOST_TURNS:
        raise ValueError(f"{len(found):,} turns; {MOST_TURNS:,} is the limit")
    return found


def _pair(asked: str, value_of: Callable[[str], str | None]) -> tuple[bool, str | None]:
    """Whether NAME, or NAME=VALUE, holds, and the value that NAME has."""
    name, equals, wanted = asked.partition("=")
    value = value_of(name)
    return value is not None and (not equals or value == wanted), value


def _env(asked: str, surroundings: Surroundings) -> tuple[bool, str | None]:
    return _pair(asked, surroundings.environ.get)


def _opt(asked: str, surroundings: Surroundings) -> tuple[bool, str | None]:
    return _pair(asked, surroundings.named)


def _exists(path: str, _surroundings: Surroundings) -> tuple[bool, str | None]:
    return os.path.exists(path), path


def _file(path: str, _surroundings: Surroundings) -> tuple[bool, str | None]:
    return os.path.isfile(path), path


def _directory(path: str, _surroundings: Surroundings) -> tuple[bool, str | None]:
    return os.path.isdir(path), path


def _hostname(name: str, _surroundings: Surroundings) -> tuple[bool, str | None]:
    return os.uname().nodename == name, name


def _hostname_match(pattern: str, _surroundings: Surroundings) -> tuple[bool, str | None]:
    try:
        return re.search(pattern, os.uname().nodename) is not None, pattern
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"no regular expression: {error}") from error


def _plugin(name: str, surroundings: Surroundings) -> tuple[bool, str | None]:
    return surroundings.has_plugin(name), name


def _reload(_value: str, surroundings: Surroundings) -> tuple[bool, str | None]:
    return surroundings.reloading, None


Condition = Callable[[str, Surroundings], tuple[bool, str | None]]
Block = Callable[[str, Surroundings], Turns]


def _if(condition: Condition, wanted: bool) -> Block:
    """The lines count once or not at all."""

    def block(value: str, surroundings: Surroundings) -> Turns:
        holds, found = condition(value, surroundings)
        return (found,) if holds is wanted else ()

    return block


def _words(value: str, _surroundings: Surroundings) -> Turns:
    return [word for word in value.split(" ") if word]


def _paths(pattern: str, _surroundings: Surroundings) -> Turns:
    from uncork.config.glob import glob  # few configurations need it

    return glob(pattern)


def _numbers(value: str, _surroundings: Surroundings) -> Turns:
    times = leading_number(value) or 0
    return [str(number) for number in range(1, min(times, MOST_TURNS + 1) + 1)]


def _lines(path: str, surroundings: Surroundings) -> Turns:
    *lines, last = surroundings.read(path).split("\n")
    return [line.rstrip("\r") for line in (*lines, *filter(None, [last]))]


_CONDITIONS: Mapping[str, Condition] = {
    "env": _env,
    "opt": _opt,
    "exists": _exists,
    "file": _file,
    "dir": _directory,
    "hostname": _hostname,
    "hostname-match": _hostname_match,
    "plugin": _plugin,
    "reload": _reload,
}

_BLOCKS: Mapping[str, Block] = {
    "for": _words,
    "for-glob": _paths,
    "for-times": _numbers,
    "for-readline": _lines,
    **{f"if-{name}": _if(condition, wanted=True) for name, condition in _CONDITIONS.items()},
    **{f"if-not-{name}": _if(condition, wanted=False) for name, condition in _CONDITIONS.items()},
}
_BY_NAME = {name: block for option, block in _BLOCKS.items() for name in BY_NAME[option].option.names}

OPENINGS = frozenset(_BY_NAME)
# `end` is a name only here.
ENDS = frozenset((*BY_NAME["endif"].option.names, *BY_NAME["endfor"].option.names, "end"))
