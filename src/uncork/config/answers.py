"""The answer for every name: whether an option does something here, why not, and what to do instead.

Runs in: the process that reads the configuration.  Pure look-ups: nothing is read but the list beside this module, on
first use, since most starts need none of it.

What is declared in the option table answers for itself.  All other names of uWSGI have a row in `uwsgi_answers.tsv`: a
row with the name itself counts before one with a pattern, and one that stands above before one below.
"""

import os
import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import cache
from typing import Literal, NamedTuple, get_args

from uncork.config.names import uwsgi_names
from uncork.config.table import BY_NAME

_FILE = os.path.join(os.path.dirname(__file__), "uwsgi_answers.tsv")

# `accepted` has nothing to do here; `unsupported` would have, and does nothing.
Status = Literal["supported", "accepted", "unsupported", "unknown"]

_STATUSES: dict[str, Status] = {status: status for status in get_args(Status)}

# Between the name and the reason.
_FRAMES: dict[Status, str] = {
    "supported": "is supported",
    "accepted": "is accepted",
    "unsupported": "is not supported",
    "unknown": "is unknown",
}

_NOT_YET = "it is read and checked, but does nothing in this version"
NO_OPTION = "no option has this name"


class Answer(NamedTuple):
    """What to say of an option: `reason` and `instead` are clauses without a full stop, and `instead` may be ""."""

    status: Status
    reason: str
    instead: str = ""


class Row(NamedTuple):
    """A recorded answer.  `names` may hold shell patterns, and so may `values`: () stands for any value."""

    names: tuple[str, ...]
    values: tuple[str, ...]
    answer: Answer

    def fits(self, value: str | None) -> bool:
        """Whether the answer holds for this value, which may be several with commas or blanks between them.

        A plugin may have the number of requests that it is for in front, as in `0:python`.
        """
        given = [re.sub("^[0-9]+:", "", item) for item in re.split(r"[,\s]+", (value or "").strip(", \t\r\n"))]
        return not self.values or all(_is_in(self.values, item) for item in given)


class _Rows(NamedTuple):
    by_name: dict[str, list[Row]]
    patterns: list[tuple[str, Row]]


def known_answer(name: str, value: str | None) -> Answer | None:
    """The answer for an option with this value: None for a name that neither Uncork nor uWSGI has."""
    recorded = (row.answer for row in rows_of(name) if row.fits(value))
    return _declared(name) or next(recorded, None)


def usual_answer(name: str) -> Answer | None:
    """The same for the usual values of an option."""
    recorded = (row.answer for row in rows_of(name))
    return _declared(name) or next(recorded, None)


def _declared(name: str) -> Answer | None:
    declared = BY_NAME.get(name)
    if declared is None:
        return None
    option = declared.option
    return Answer("supported", option.help) if option.acts else Answer("accepted", _NOT_YET)


def sentence(entry_name: str, answer: Answer) -> str:
    """The answer in words: `carbon is not supported: nothing is sent to Graphite; let telegraf ...`."""
    words = f"{entry_name} {_FRAMES[answer.status]}: {answer.reason}"
    return f"{words}; {answer.instead}" if answer.instead else words


def is_plugin_accepted(name: str) -> bool:
    """Whether what a plugin of this name does for uWSGI is built in."""
    found = known_answer("plugin", name)
    return found is not None and found.status == "accepted"


@cache
def rows() -> tuple[Row, ...]:
    """All rows of the list, in its order."""
    with open(_FILE, encoding="ascii") as file:
        lines = [line for line in file.read().splitlines() if not line.startswith("#")]
    return tuple(_row(line) for line in lines)


def rows_of(name: str) -> Sequence[Row]:
    """The rows for a name, the one that counts first at the front; none for a declared or an unknown name."""
    by_name, patterns = _sorted_rows()
    if name in BY_NAME:
        return []
    if name in by_name or name not in uwsgi_names():
        return by_name.get(name, [])
    return [row for pattern, row in patterns if fnmatchcase(name, pattern)]


@cache
def _sorted_rows() -> _Rows:
    by_name: dict[str, list[Row]] = {}
    patterns: list[tuple[str, Row]] = []
    for row in rows():
        for name in row.names:
            if is_pattern(name):
                patterns.append((name, row))
            else:
                by_name.setdefault(name, []).append(row)
    return _Rows(by_name, patterns)


def is_pattern(name: str) -> bool:
    """Whether a name of a row stands for several."""
    return "*" in name or "?" in name


def _row(line: str) -> Row:
    names, status, values, reason, instead = line.split("\t")
    return Row(tuple(names.split()), tuple(values.split()), Answer(_STATUSES[status], reason, instead))


def _is_in(patterns: tuple[str, ...], item: str) -> bool:
    return any(fnmatchcase(item, pattern) for pattern in patterns)
