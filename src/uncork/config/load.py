"""From command line, environment and files to frozen `Settings`.

Runs in: the process that was started, before anything else happens.

    read()
      parse_arguments()         argv.py         words to entries
      read_arguments()
        Reader                  reader.py       environment, command line, files: all entries in order
        _expand()               placeholders.py $(), then @(), then %()
        _Configured             kinds.py        entries to values: the last wins, lists add up
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from uncork.config import answers, blocks
from uncork.config.argv import Arguments, parse_arguments
from uncork.config.environment import environment_entries
from uncork.config.guesses import Guesses
from uncork.config.kinds import MismatchError
from uncork.config.names import is_immediate
from uncork.config.options import alarms, logging
from uncork.config.placeholders import ExhaustedError, Lookup, RunawayError, evaluate, expand
from uncork.config.problem import Problem
from uncork.config.reader import DEFERRED, Reader
from uncork.config.settings import Entry, Settings
from uncork.config.table import BY_NAME, GROUPS, OPTIONS
from uncork.config.textfile import why
from uncork.errors import ConfigError


class Reading(NamedTuple):
    """Everything that was read, whether a server can start with it or not.

    An option with a wrong value has its default in `settings`.  `used` are the names that some `%(name)` asked for.
    """

    settings: Settings
    problems: tuple[Problem, ...]
    warnings: tuple[str, ...]
    used: frozenset[str]

    def check(self) -> None:
        """Raises ConfigError with all that is wrong, in one."""
        if self.problems:
            raise ConfigError(dict.fromkeys(problem.text for problem in self.problems))


def load(argv: Sequence[str], environ: Mapping[str, str]) -> Reading:
    """The same as `read` for whoever can do nothing with a mistake.

    Raises ConfigError with the problems of all options together.
    """
    reading = read(argv, environ)
    reading.check()
    return reading


def read(
    argv: Sequence[str],
    environ: Mapping[str, str],
    *,
    reloading: bool = False,
    says: Callable[[str], None] | None = None,
) -> Reading:
    """Read the whole configuration; `argv` is without the name of the program, `says` prints for `iprint`.

    Raises reader.Exit for option `exit` if it may print; what is wrong is said, not raised.
    """
    return read_arguments(parse_arguments(argv), environ, reloading=reloading, says=says)


def read_arguments(
    arguments: Arguments,
    environ: Mapping[str, str],
    *,
    reloading: bool = False,
    says: Callable[[str], None] | None = None,
) -> Reading:
    """The same for a command line that has been taken apart."""
    # uWSGI looks for --strict before it reads anything; in a file it counts for the lines below it.
    strict = any(entry.name == "strict" for entry in arguments.entries)
    reader = Reader(strict, environ, reloading=reloading, says=says)
    for sentence in arguments.problems:
        reader.problems.append(Problem(sentence, reason=sentence))
    for entry in environment_entries(environ):
        reader.add(entry)
    for entry in arguments.entries:
        reader.add(entry)
    for word in arguments.files:
        # Names of a vassal that the Emperor passes; uWSGI skips them too.  After a mistake in the options
        # nobody knows which of the other words was meant as a value.
        if not word.startswith("[") and not arguments.problems:
            reader.load_bare(word)
    reader.end()
    used = _expand(reader, environ)
    settings = _settings(reader)
    reader.warnings.extend(_warnings(settings.entries, used | reader.custom.keys(), reader.guesses))
    reader.warnings.extend((*alarms.warnings(settings.alarms), *logging.warnings(settings.logging)))
    return Reading(settings, tuple(reader.problems), tuple(reader.warnings), frozenset(used))


def _expand(reader: Reader, environ: Mapping[str, str]) -> set[str]:
    """Replace what stands in brackets in all entries, one symbol after the other; returns the names that were used."""
    entries = reader.entries
    used: set[str] = set()

    def named(name: str) -> str | None:
        used.add(name)
        return reader.named(name)

    lookups: dict[str, Lookup] = {
        "$": environ.get,
        "@": lambda path: _file_content(path, reader.read_text),
        "%": lambda key: evaluate(key, named),
    }
    for symbol, lookup in lookups.items():
        for index, entry in enumerate(entries):
            if symbol + "(" not in (entry.value or "") or _is_literal(reader, index):
                continue
            try:
                entries[index] = entry._replace(value=expand(entry.value or "", symbol, lookup, reader.budget))
            except _UnreadableError as error:
                reader.problem(entry, str(error), here=True)
            except RunawayError as error:
                reader.problem(entry, str(error))
                if isinstance(error, ExhaustedError):
                    return used
    return used


def _is_literal(reader: Reader, index: int) -> bool:
    """What acted when it was read keeps its text, and so do options that uWSGI acts on at once and `set-ph`'s names."""
    entry = reader.entries[index]
    return entry.placeholder or index in reader.settled or is_immediate(entry.name)


class _UnreadableError(Exception):
    """A file in `@()` cannot be read; the text says which and why."""


def _file_content(path: str, read_text: Callable[[str], str]) -> str:
    """What `@(path)` stands for; one line break at the end does not count."""
    try:
        return read_text(path).removesuffix("\n")
    except (OSError, ValueError) as error:
        raise _UnreadableError(f"{path} cannot be read: {why(error)}") from error


class _Configured:
    """The values of all entries, in the order in which they count."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._values: dict[str, list[object]] = {}
        self.entries: list[Entry] = []

    def configure(self, index: int) -> None:
        """Let one entry of the reader count, and what it stands for if nobody knew that when it was read."""
        reader = self._reader
        entry = reader.entries[index]
        self.entries.append(entry)
        if entry.placeholder:
            return
        if "\0" in entry.name or "\0" in (entry.value or ""):
            reader.problem(entry, "holds a NUL byte")
        elif entry.name in reader.custom and index not in reader.settled:
            reader.stand_for(entry, self._take)
        elif entry.name in BY_NAME:
            self._parse(entry)
        if entry.name in DEFERRED:
            DEFERRED[entry.name](reader, entry)

    def _take(self, part: Entry) -> None:
        """What an option of `declare-option` stands for counts in its place."""
        self.entries.append(part)
        if part.name in self._reader.custom:
            self._reader.stand_for(part, self._take)
            return
        self._reader.act(part)
        if part.name in BY_NAME:
            self._parse(part)
        if part.name in DEFERRED:
            DEFERRED[part.name](self._reader, part)

    def _parse(self, entry: Entry) -> None:
        option = BY_NAME[entry.name].option
        try:
            if option.kind.counts(entry.value):
                self._values.setdefault(option.name, []).append(option.kind.parse(entry.value))
            if remark := option.kind.remark(entry.value):
                self._reader.warnings.append(f"{entry} ({remark})")
        except MismatchError as error:
            here = "$(" in (entry.value or "") and not is_immediate(entry.name)
            self._reader.problem(entry, f"expected {error.expected}{_why_literal(entry)}", here=here)

    def settings(self) -> Settings:
        """All of them."""
        values: dict[str, dict[str, object]] = {group: {} for group in GROUPS}
        for group, option in OPTIONS:
            if self._values.get(option.name):
                values[group][option.field_name] = option.kind.combine(self._values[option.name])
        # Which field has which type is known to the kinds of the options, not to the type checker.
        make: Callable[..., Settings] = Settings
        makers: Mapping[str, Callable[..., object]] = GROUPS
        return make(**{name: maker(**values[name]) for name, maker in makers.items()}, entries=tuple(self.entries))


def _settings(reader: Reader) -> Settings:
    """The values of all entries.  The list grows while it is walked: `inherit` adds at its end."""
    configured = _Configured(reader)
    order = _order(reader.entries)
    for index in order:
        configured.configure(index)
    index = len(order)
    while index < len(reader.entries):
        configured.configure(index)
        index += 1
    return configured.settings()


def _order(entries: Sequence[Entry]) -> Sequence[int]:
    """The places of the entries in the order in which they count.

    What an option of `declare-option` stands for counts when it is read, and so before all lines with the same option.
    """
    if not any(entry.part for entry in entries):
        return range(len(entries))
    first: dict[str, int] = {}
    ranks = []
    for index, entry in enumerate(entries):
        option = BY_NAME[entry.name].option.name if entry.name in BY_NAME else entry.name
        if entry.part:
            ranks.append((min(index, first.get(option, index)), False))
        else:
            ranks.append((index, True))
            if not is_immediate(entry.name):
                first.setdefault(option, index)
    return sorted(range(len(entries)), key=ranks.__getitem__)


def _why_literal(entry: Entry) -> str:
    """Words for a value that still has a placeholder in it."""
    if not any(opening in (entry.value or "") for opening in ("$(", "@(", "%(")):
        return ""
    if entry.part or is_immediate(entry.name):
        return f"; {entry.name} is read before brackets are replaced"
    return "; what stands in brackets is not defined"


def _warnings(entries: Sequence[Entry], used: set[str], guesses: Guesses) -> Iterator[str]:
    """One warning for each name that does nothing here."""
    seen: set[str] = set()
    for entry in entries:
        name = entry.name
        if name in seen or entry.placeholder or name in blocks.ENDS:
            continue
        answer = answers.known_answer(name, entry.value)
        declared = name in BY_NAME
        if answer and (answer.status == "supported" or (answer.status == "accepted" and not declared)):
            continue
        seen.add(name)
        origin = entry.origin
        if answer:
            subject = origin if origin == f"--{name}" else f"{origin}: {name}"
            yield f"{subject}: {answer.reason}" if declared else answers.sentence(subject, answer)
        elif entry.in_file and not name:
            yield f"{origin}: the line has no name before its ="
        elif entry.in_file and name not in used:
            yield f"{origin}: {name} is no option, and nothing uses %({name}){guesses.did_you_mean(name)}"
