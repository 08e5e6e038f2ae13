"""The command line, read as glibc's getopt_long reads uWSGI's.

Runs in: the process that was started.  Pure: words in, entries out; no file is opened and nothing is printed.

Options and other words may be mixed, `--` ends the options.  A long option may be shortened as far as it stays the only
one of all of uWSGI's names that starts so.  Short ones may be run together.
"""

from collections import deque
from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

from uncork.config.names import argument_of_long, complete, did_you_mean, long_of_short
from uncork.config.settings import Entry
from uncork.config.table import BY_NAME

# An abbreviation like `--http` fits dozens of names; nobody reads them all.
_CANDIDATES_SHOWN = 8


class Request(Enum):
    """What the command line asks for in place of a start."""

    HELP = "help"
    VERSION = "version"


_REQUESTS = {"help": Request.HELP, "usage": Request.HELP, "version": Request.VERSION}

# Options that tell a running server something, by its pidfile, in place of a start.
TELLING = frozenset({"stop", "reload", "pause", "suspend", "resume"})


class Arguments(NamedTuple):
    """A command line: its options in order, its other words, what it asks for, and a sentence for each mistake."""

    entries: list[Entry]
    files: list[str]
    request: Request | None
    problems: list[str]


class _UsageError(Exception):
    """One word of the command line is wrong; the text is the sentence."""


def parse_arguments(argv: Sequence[str]) -> Arguments:
    """Read a command line without the name of the program.  Mistakes are collected, never raised."""
    words = deque(argv)
    entries: list[Entry] = []
    files: list[str] = []
    problems: list[str] = []
    while words:
        word = words.popleft()
        if word == "--":
            files.extend(words)
            break
        try:
            if word.startswith("--"):
                entries.append(_long(word, words))
            elif word.startswith("-") and word != "-":
                entries.extend(_short(word, words))
            else:
                files.append(word)
        except _UsageError as error:
            problems.append(str(error))
    asked = [_REQUESTS[entry.name] for entry in entries if entry.name in _REQUESTS]
    return Arguments(entries, files, asked[0] if asked else None, problems)


def telling(argv: Sequence[str]) -> Entry | None:
    """The first option of a faultless command line that tells a running server something, if there is one."""
    arguments = parse_arguments(argv)
    if arguments.request or arguments.problems:
        return None
    return next((entry for entry in arguments.entries if entry.name in TELLING), None)


def _long(word: str, words: deque[str]) -> Entry:
    typed, equals, value = word.removeprefix("--").partition("=")
    name = _resolve(typed)
    argument = argument_of_long(name)
    origin = f"--{typed}"
    if argument == "no" and equals:
        raise _UsageError(f"{word} (--{name} takes no value)")
    if argument == "required" and not equals:
        return Entry(name, _next(name, origin, words), origin)
    return Entry(name, value if equals else None, origin)


def _resolve(typed: str) -> str:
    candidates = complete(typed)
    if not candidates:
        raise _UsageError(f"unknown option --{typed}{did_you_mean(typed, prefix='--')}")
    if len(candidates) > 1:
        shown = ", ".join(f"--{name}" for name in candidates[:_CANDIDATES_SHOWN])
        more = len(candidates) - _CANDIDATES_SHOWN
        raise _UsageError(f"--{typed} is ambiguous ({shown}{f' and {more} more' if more > 0 else ''})")
    return candidates[0]


def _short(word: str, words: deque[str]) -> list[Entry]:
    entries: list[Entry] = []
    letters = word[1:]
    while letters:
        letter, letters = letters[0], letters[1:]
        name = long_of_short(letter)
        if name is None:
            raise _UsageError(f"unknown option -{letter}{f' in {word}' if len(word) > 2 else ''}")
        argument, origin = argument_of_long(name), f"-{letter}"
        if argument == "no":
            entries.append(Entry(name, None, origin))
            continue
        # The rest of the word is the value; only a value that must be there may be the next word.
        value = letters or (_next(name, origin, words) if argument == "required" else None)
        entries.append(Entry(name, value, origin))
        break
    return entries


def _next(name: str, origin: str, words: deque[str]) -> str:
    if words:
        return words.popleft()
    declared = BY_NAME.get(name)
    expected = f" (expected {declared.option.kind.expected})" if declared else ""
    raise _UsageError(f"{origin} needs a value{expected}")
