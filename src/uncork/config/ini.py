"""uWSGI's ini dialect: text to lines per section.

Runs in: the process that reads the configuration.  Pure.

The rules of core/ini.c, which are not those of `configparser`: no comments behind a value, no quotes, no continuation,
no escapes; a key without `=` has the empty value; a section may come back, and a key may repeat: every line counts.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

_BLANK = " \t\r"


class Line(NamedTuple):
    """One setting: the number of its line in the file (from 1), its key and its value."""

    number: int
    key: str
    value: str


def parse(text: str, substitute: Callable[[str], str]) -> dict[str, list[Line]]:
    """The lines of every section of a file, in order.  `substitute` replaces magic variables in a line.

    Lines before the first section stand under "", which no one can ask for.
    """
    sections: dict[str, list[Line]] = {}
    current: list[Line] = sections.setdefault("", [])
    for number, raw in _joined_lines(text):
        line = (substitute(raw) if "%" in raw else raw).strip(_BLANK)
        if not line or line[0] in ";#":
            continue
        if line[0] == "[":
            # The last character goes, whatever it is: `[uwsgi] ; mine` opens the section "uwsgi] ; min".
            current = sections.setdefault(line[1:-1], [])
            continue
        key, _, value = line.partition("=")
        current.append(Line(number, key.rstrip(_BLANK), value.lstrip(_BLANK)))
    return sections


def _joined_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines with their numbers; one that ends in a lone `%` is joined with the next.

    uWSGI replaces magic variables before it splits lines, and `%` with a line break is one that it does not know.
    """
    start, joined = 1, ""
    for number, line in enumerate(text.split("\n"), 1):
        signs_at_end = len(line) - len(line.rstrip("%"))
        if signs_at_end % 2:
            joined += line[:-1]
            continue
        yield start, joined + line
        start, joined = number + 1, ""
    yield start, joined
