"""What a shell may offer on the command line: the options of the table, and for each the words or files that fit it.

Pure.  Runs in: the process of `uncork completion`; `uncork.config.shells` writes it down as a script.
"""

import re
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import NamedTuple

from uncork.config.argv import TELLING
from uncork.config.formats import SUFFIXES
from uncork.config.option import Option
from uncork.config.reader import FORMAT_OF_OPTION, format_of
from uncork.config.table import BY_NAME


class Offer(Enum):
    """What a shell may offer for a value."""

    NOTHING = "nothing"
    WORDS = "words"
    FILES = "files"
    FOLDERS = "folders"


class Value(NamedTuple):
    """A value: its name, and what to offer: `items` are the words, or the endings of files, none for any file."""

    name: str
    offer: Offer
    items: tuple[str, ...] = ()


class Word(NamedTuple):
    """An option: its names with their dashes, its help, and its value, None for a flag."""

    names: tuple[str, ...]
    help: str
    value: Value | None = None
    optional: bool = False


class Verb(NamedTuple):
    """A verb: its help, its options, and its arguments in order; the last one may stand several times."""

    name: str
    help: str
    options: tuple[Word, ...] = ()
    arguments: tuple[Value, ...] = ()


_ALL_ENDINGS = ("ini", *(suffix.removeprefix(".") for suffix in SUFFIXES))
CONFIGURATION = Value("FILE", Offer.FILES, _ALL_ENDINGS)

# Options that read a configuration, with the endings of what they read, and those whose path is a directory.
_READING = {
    **dict.fromkeys(("include", "config", "inherit", "inherit-before", "fallback-config"), _ALL_ENDINGS),
    **{
        name: tuple(ending for ending in _ALL_ENDINGS if format_of(f".{ending}") == file_format)
        for name, file_format in FORMAT_OF_OPTION.items()
    },
}
_FOLDERS = frozenset({"chdir", "chdir2", "home", "pythonpath", "emperor"})

# What the command line takes that is no option of the table.
_BESIDE = (
    Word(("--help", "-h"), "show all options"),
    Word(("--version",), "show the version"),
    *(
        Word((f"--{name}",), f"tell the server with this pidfile to {name}", Value("PIDFILE", Offer.FILES))
        for name in sorted(TELLING)
    ),
)


def _value(option: Option) -> Value | None:
    """What to offer behind an option."""
    kind, endings = option.kind, _READING.get(option.name)
    if kind.argument == "no":
        return None
    if endings:
        return Value("FILE", Offer.FILES, endings)
    if kind.choices:
        return Value(kind.metavar, Offer.WORDS, kind.choices)
    if kind.metavar == "DIR" or option.name in _FOLDERS:
        return Value("DIR", Offer.FOLDERS)
    # An address may be the path of a socket.
    files = kind.metavar in ("PATH", "FILE", "ADDRESS")
    return Value(kind.metavar, Offer.FILES if files else Offer.NOTHING)


def server_options() -> tuple[Word, ...]:
    """The options of the server, each under all of its names."""
    words = []
    for option in dict.fromkeys(declared.option for declared in BY_NAME.values()):
        names = tuple(f"--{name}" for name in option.names)
        short = (f"-{option.short}",) if option.short else ()
        words.append(Word((*names, *short), option.help, _value(option), option.kind.argument == "optional"))
    known = {name for word in words for name in word.names}
    return (*words, *(word for word in _BESIDE if not known.intersection(word.names)))


def plain(words: Iterable[str]) -> str:
    """The words that mean nothing to a shell, in one line: others cannot be offered."""
    return " ".join(word for word in words if re.fullmatch(r"[\w.+:@-]+", word))


def fill(template: str, parts: Mapping[str, Iterable[str]]) -> str:
    """The template with lines of text in place of each `@name@`."""
    return re.sub("@([a-z]+)@", lambda mark: "\n".join(parts[mark[1]]), template)
