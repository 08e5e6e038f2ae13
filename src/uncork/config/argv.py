"""The command line, read as glibc's getopt_long reads uWSGI's.

Runs in: the process that was started.  Pure: words in, entries out; no file is opened and nothing is printed.

Options and other words may be mixed, `--` ends the options.  A long option may be shortened as far as it stays the only
one of all of uWSGI's names that starts so.  Short ones may be run together.
"""

from collections import deque
from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

from uncork.config import custom
from uncork.config.guesses import Guesses
from uncork.config.kinds import Argument
from uncork.config.names import argument_of_long, complete, is_known, long_of_short, starting
from uncork.config.secrets import MASK
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
    return _Parser(argv).parse()


def telling(arguments: Arguments) -> Entry | None:
    """The first option of a faultless command line that tells a running server something, if there is one."""
    if arguments.request or arguments.problems:
        return None
    return next((entry for entry in arguments.entries if entry.name in TELLING), None)


class _Parser:
    """One command line: the words that are left, and the options that it has made by `declare-option` so far."""

    def __init__(self, argv: Sequence[str]) -> None:
        self._words = deque(argv)
        self._custom: dict[str, Argument] = {}
        self._guesses = Guesses()

    def parse(self) -> Arguments:
        """All of it."""
        entries: list[Entry] = []
        files: list[str] = []
        problems: list[str] = []
        while self._words:
            word = self._words.popleft()
            if word == "--":
                files.extend(self._words)
                break
            try:
                if word.startswith("--"):
                    entries.append(self._long(word))
                    self._declare(entries[-1])
                elif word.startswith("-") and word != "-":
                    entries.extend(self._short(word))
                else:
                    files.append(word)
            except _UsageError as error:
                problems.append(str(error))
        asked = [_REQUESTS[entry.name] for entry in entries if entry.name in _REQUESTS]
        return Arguments(entries, files, asked[0] if asked else None, problems)

    def _declare(self, entry: Entry) -> None:
        if entry.name == "declare-option":
            name, equals, template = (entry.value or "").partition("=")
            if equals and name:
                self._custom.setdefault(name, custom.argument(template))

    def _long(self, word: str) -> Entry:
        typed, equals, value = word.removeprefix("--").partition("=")
        name = self._resolve(typed)
        argument = argument_of_long(name) if is_known(name) else self._custom[name]
        origin = f"--{typed}"
        if argument == "no" and equals:
            raise _UsageError(f"--{typed}={MASK} (--{name} takes no value)")
        if argument == "required" and not equals:
            value = self._next(name, origin)
        elif not equals:
            return Entry(name, None, origin, source="argument")
        return Entry(name, value, origin, source="argument")

    def _resolve(self, typed: str) -> str:
        candidates = complete(typed)
        if typed not in candidates:
            candidates = [typed] if typed in self._custom else [*candidates, *starting(self._custom, typed)]
        if not candidates:
            raise _UsageError(f"unknown option --{typed}{self._guesses.did_you_mean(typed, prefix='--')}")
        if len(candidates) > 1:
            shown = ", ".join(f"--{name}" for name in candidates[:_CANDIDATES_SHOWN])
            more = len(candidates) - _CANDIDATES_SHOWN
            raise _UsageError(f"--{typed} is ambiguous ({shown}{f' and {more} more' if more > 0 else ''})")
        return candidates[0]

    def _short(self, word: str) -> list[Entry]:
        entries: list[Entry] = []
        letters = word[1:]
        while letters:
            letter, letters = letters[0], letters[1:]
            name = long_of_short(letter)
            if name is None:
                # What follows may be a value that was typed to the wrong letter, and is nobody's business.
                where = f" in {word.removesuffix(letters)}" if len(word) > 2 else ""
                raise _UsageError(f"unknown option -{letter}{where}")
            argument, origin = argument_of_long(name), f"-{letter}"
            if argument == "no":
                entries.append(Entry(name, None, origin, source="argument"))
                continue
            # The rest of the word is the value; only a value that must be there may be the next word.
            value = letters or (self._next(name, origin) if argument == "required" else None)
            entries.append(Entry(name, value, origin, source="argument"))
            break
        return entries

    def _next(self, name: str, origin: str) -> str:
        if self._words:
            return self._words.popleft()
        declared = BY_NAME.get(name)
        expected = f" (expected {declared.option.kind.expected})" if declared else ""
        raise _UsageError(f"{origin} needs a value{expected}")
