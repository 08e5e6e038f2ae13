"""What is left in brackets after all that could be was replaced: variables that are not set, placeholders of nothing.

Pure.  Runs in: the process of `uncork check`.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches

from uncork.config.names import is_immediate
from uncork.config.problem import Problem, about
from uncork.config.settings import Entry
from uncork.config.table import BY_NAME

# Nor that many guesses, each of which is a search among all names.
_MOST_GUESSES = 20

# Variables as people write them; in a command of a shell `$(date)` is none.
_VARIABLE = re.compile(r"\$\(([A-Z_][A-Z0-9_]*)\)")
_PLACEHOLDER = re.compile(r"%\(([\w.-]+)\)")
# Parts of the names whose values have placeholders of their own, such as `%(uri)`: they are replaced for each request.
_LATER = ("format", "encoder", "route")
# Those that uWSGI acts on at once, but whose text is taken up by what they make.
_MAKING = ("set", "set-ph", "set-placeholder", "declare-option", "declare-option2", "iprint")


def place(entry: Entry | None) -> tuple[str, str] | None:
    """What problems of one line share: the entry that they have may be that of before its brackets were replaced."""
    return entry and (entry.name, entry.origin)


def unset(entries: Iterable[Entry], environ: Mapping[str, str]) -> Iterator[Problem]:
    """Variables of the environment that a value asks for and that are not there: the text stays as it is."""
    for entry in _replaced(entries):
        if "$(" in (entry.value or ""):
            for name in dict.fromkeys(_VARIABLE.findall(entry.value or "")):
                if name not in environ:
                    yield about(entry, f"the variable {name} is not set", here=True)


def undefined(entries: Sequence[Entry], quoted: Collection[tuple[str, str] | None]) -> Iterator[str]:
    """Placeholders that nothing defines, or that stand where none is replaced: the text stays as it is.

    Of what was `quoted` already nothing is said.
    """
    names = {entry.name for entry in entries}
    guesses = 0
    for entry in entries:
        if _holds_brackets(entry) and _is_taken_as_it_is(entry) and place(entry) not in quoted:
            yield f"{entry} ({entry.name} is read before brackets are replaced)"
    for entry in _replaced(entries):
        if place(entry) in quoted or any(part in entry.name for part in _LATER):
            continue
        for name in dict.fromkeys(_PLACEHOLDER.findall(entry.value or "")):
            if name not in names:
                guesses += 1
                near = get_close_matches(name, names, n=1) if guesses <= _MOST_GUESSES else []
                yield f"{entry} (nothing defines %({name}){f'; did you mean %({near[0]})?' if near else ''})"


def _holds_brackets(entry: Entry) -> bool:
    return any(opening in (entry.value or "") for opening in ("$(", "@(", "%("))


def _is_taken_as_it_is(entry: Entry) -> bool:
    known = entry.name in BY_NAME and is_immediate(entry.name)
    return known and not entry.placeholder and entry.name not in _MAKING


def _replaced(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Options of the table in whose values brackets are replaced."""
    for entry in entries:
        if entry.name in BY_NAME and not entry.placeholder and not is_immediate(entry.name):
            yield entry
