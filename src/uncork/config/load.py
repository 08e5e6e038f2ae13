"""From command line, environment and files to frozen `Settings`.

Runs in: the process that was started, before anything else happens.

    load()
        parse_arguments()       argv.py         words to entries
        Reader                  reader.py       environment, command line, files: all entries in order
        _expand()               placeholders.py $(), then @(), then %()
        _Values                 kinds.py        entries to values: the last wins, lists add up
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from uncork.config.accepted import reason_to_accept
from uncork.config.argv import Request, parse_arguments
from uncork.config.environment import environment_entries
from uncork.config.kinds import MismatchError
from uncork.config.names import did_you_mean, is_immediate, is_known
from uncork.config.placeholders import Lookup, RunawayError, evaluate, expand
from uncork.config.reader import DEFERRED, STRUCTURE, Reader, read_text, why
from uncork.config.settings import Entry, Settings
from uncork.config.table import BY_NAME, GROUPS, OPTIONS
from uncork.errors import ConfigError

# The first words of the names that open a block, which ends at endif or endfor.
_BLOCKS = frozenset(("if", "ifenv", "ifexists", "ifplugin", "ifdir", "for"))


class Configuration(NamedTuple):
    """What a start works with.  With a `request` the settings are all defaults: nothing was read."""

    settings: Settings
    warnings: tuple[str, ...] = ()
    request: Request | None = None


def load(argv: Sequence[str], environ: Mapping[str, str]) -> Configuration:
    """Read the whole configuration; `argv` is without the name of the program.

    Raises ConfigError with the problems of all options together.
    """
    arguments = parse_arguments(argv)
    if arguments.request:
        return Configuration(Settings(), request=arguments.request)
    # uWSGI looks for --strict before it reads anything; in a file it counts for the lines below it.
    reader = Reader(strict=any(entry.name == "strict" for entry in arguments.entries))
    reader.problems.extend(arguments.problems)
    for entry in environment_entries(environ):
        reader.add(entry)
    for entry in arguments.entries:
        reader.add(entry)
    for word in arguments.files:
        # Names of a vassal that the Emperor passes; uWSGI skips them too.  After a mistake in the options
        # nobody knows which of the other words was meant as a value.
        if not word.startswith("[") and not arguments.problems:
            reader.load_bare(word)
    used = _expand(reader, environ)
    settings = _settings(reader)
    reader.warnings.extend(_warnings(settings.entries, used))
    if reader.problems:
        raise ConfigError(dict.fromkeys(reader.problems))
    return Configuration(settings, tuple(reader.warnings))


def _expand(reader: Reader, environ: Mapping[str, str]) -> set[str]:
    """Replace what stands in brackets in all entries, one symbol after the other; returns the names that were used.

    Options that uWSGI acts on at once keep their text, for they have been acted on, and so do `set-ph` placeholders.
    """
    entries = reader.entries
    first_of_name: dict[str, int] = {}
    for index, entry in enumerate(entries):
        first_of_name.setdefault(entry.name, index)
    used: set[str] = set()

    def named(name: str) -> str | None:
        used.add(name)
        index = first_of_name.get(name)
        return None if index is None else entries[index].value

    lookups: dict[str, Lookup] = {
        "$": environ.get,
        "@": _file_content,
        "%": lambda key: evaluate(key, named),
    }
    for symbol, lookup in lookups.items():
        for index, entry in enumerate(entries):
            if not entry.value or symbol + "(" not in entry.value:
                continue
            if entry.placeholder or is_immediate(entry.name):
                continue
            try:
                entries[index] = entry._replace(value=expand(entry.value, symbol, lookup))
            except RunawayError:
                reader.problems.append(f"{entry} (refers to itself)")
            except _UnreadableError as error:
                reader.problems.append(f"{entry} ({error})")
    return used


class _UnreadableError(Exception):
    """A file in `@()` cannot be read; the text says which and why."""


def _file_content(path: str) -> str:
    """What `@(path)` stands for; one line break at the end does not count."""
    try:
        return read_text(path).removesuffix("\n")
    except (OSError, ValueError) as error:
        raise _UnreadableError(f"{path} cannot be read: {why(error)}") from error


def _settings(reader: Reader) -> Settings:
    """The values of all entries.  The list grows while it is walked: `inherit` adds at its end."""
    parsed: dict[str, list[object]] = {}
    for entry in reader.entries:
        if entry.placeholder:
            continue
        if "\0" in entry.name or "\0" in (entry.value or ""):
            reader.problems.append(f"{entry} (holds a NUL byte)".replace("\0", "\\0"))
        elif entry.name in DEFERRED:
            DEFERRED[entry.name](reader, entry)
        elif entry.name in BY_NAME:
            option = BY_NAME[entry.name].option
            try:
                parsed.setdefault(option.name, []).append(option.kind.parse(entry.value))
            except MismatchError as error:
                reader.problems.append(f"{entry} (expected {error.expected}{_why_literal(entry)})")
    return _built(parsed, tuple(reader.entries))


def _built(parsed: Mapping[str, Sequence[object]], entries: tuple[Entry, ...]) -> Settings:
    values: dict[str, dict[str, object]] = {group: {} for group in GROUPS}
    for group, option in OPTIONS:
        if parsed.get(option.name):
            values[group][option.field_name] = option.kind.combine(parsed[option.name])
    # Which field has which type is known to the kinds of the options, not to the type checker.
    make: Callable[..., Settings] = Settings
    makers: Mapping[str, Callable[..., object]] = GROUPS
    return make(**{name: maker(**values[name]) for name, maker in makers.items()}, entries=entries)


def _why_literal(entry: Entry) -> str:
    """Words for a value that still has a placeholder in it."""
    if not any(opening in (entry.value or "") for opening in ("$(", "@(", "%(")):
        return ""
    if is_immediate(entry.name):
        return f"; {entry.name} is read before brackets are replaced"
    return "; what stands in brackets is not defined"


def _warnings(entries: Sequence[Entry], used: set[str]) -> Iterator[str]:
    """One warning for each name that does nothing here."""
    seen: set[str] = set()
    for entry in entries:
        name = entry.name
        if name in seen or entry.placeholder or name in BY_NAME or name in STRUCTURE:
            continue
        if reason_to_accept(name, entry.value):
            continue
        seen.add(name)
        origin = entry.origin
        if is_known(name):
            subject = origin if origin == f"--{name}" else f"{origin}: {name}"
            block = ", so the lines of its block always count" if name.partition("-")[0] in _BLOCKS else ""
            yield f"{subject} is known to uWSGI but has no effect here yet{block}"
        elif entry.in_file and not name:
            yield f"{origin}: the line has no name before its ="
        elif entry.in_file and name not in used:
            yield f"{origin}: {name} is no option, and nothing uses %({name}){did_you_mean(name)}"
