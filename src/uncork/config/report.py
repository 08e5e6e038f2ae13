"""What is to be said of a configuration that was read: a row for each option, the mistakes, the warnings.

Pure: a Reading in, texts out; nothing in them is secret.  What depends on this machine, such as a directory that does
not exist, is kept apart: a file is often checked on another machine than the one that it is for.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import NamedTuple, get_args

from uncork.config import blocks
from uncork.config.answers import NO_OPTION, Answer, Status, known_answer
from uncork.config.guesses import Guesses
from uncork.config.kinds import leading_number
from uncork.config.leftovers import place, undefined, unset
from uncork.config.load import Reading
from uncork.config.names import is_known
from uncork.config.problem import Problem, about
from uncork.config.reader import FORMAT_OF_OPTION, format_of
from uncork.config.secrets import Secrets
from uncork.config.settings import Entry
from uncork.config.table import BY_NAME
from uncork.config.templates import holds_blank

STATUSES = get_args(Status)

# Exit statuses of `uncork check`.
FINE, WARNED, BROKEN = 0, 1, 2

# More rows than these, such as those of a block that counts to 9,999, nobody reads.
_MOST_ROWS = 2000
_DECLARING = ("declare-option", "declare-option2")


class Mark(Enum):
    """What a row is, for whoever looks over many of them: a status, or something about this value in particular."""

    SUPPORTED = "supported"
    ACCEPTED = "accepted"
    UNSUPPORTED = "unsupported"
    UNKNOWN = "unknown"
    OVERRIDDEN = "overridden"
    HERE = "here"
    WRONG = "wrong"


class Row(NamedTuple):
    """One option or placeholder as it counts: `value` after expansion (None: without one), `origin` as file:line."""

    name: str
    value: str | None
    origin: str
    status: Status
    reason: str
    mark: Mark


class Findings(NamedTuple):
    """What others found about the settings: what is wrong, remarks, and a sentence for each thing that is missing.

    What is missing may come from a command line beside the file.
    """

    problems: Sequence[Problem] = ()
    remarks: Sequence[str] = ()
    missing: Mapping[str, str] = {}


_NOTHING = Findings()


class Report(NamedTuple):
    """`warnings` include those that depend on this machine, which stand in `here` once more.

    `missing`: what a command line has to add, such as an app.
    """

    rows: tuple[Row, ...]
    errors: tuple[str, ...]
    warnings: tuple[str, ...]
    here: tuple[str, ...]
    missing: tuple[str, ...] = ()

    @property
    def exit(self) -> int:
        """The exit status: could a server start with it, and would it warn."""
        if self.errors:
            return BROKEN
        return WARNED if self.warnings else FINE

    @property
    def counts(self) -> dict[str, int]:
        """How many rows have each status."""
        return {status: sum(row.status == status for row in self.rows) for status in STATUSES}


def arguments(file: str, definitions: Iterable[str] = ()) -> list[str]:
    """The command line that reads `file` (FILE, FILE:SECTION or - for standard input) as a start with it would.

    `definitions` are NAME=VALUE, for `set`.  Files are often kept under names like app.ini.example or app.conf.
    """
    name = file.rpartition("/")[2].partition(":")[0]
    formats = (format_of(f".{part}") for part in reversed(name.split(".")[1:]))
    return [*(f"--set={definition}" for definition in definitions), f"--{next(filter(None, formats), 'ini')}={file}"]


def is_unreadable(reading: Reading) -> bool:
    """Whether the file itself cannot be read: there is nothing to say of it then."""
    return any(problem.entry is not None and _names_file(problem.entry) for problem in reading.problems)


def report(reading: Reading, environ: Mapping[str, str], found: Findings = _NOTHING, *, here: bool = False) -> Report:
    """All that is to be said.  With `here` what is wrong on this machine is an error, too."""
    entries = reading.settings.entries
    secrets = Secrets(entries, environ)
    problems = _all_problems(reading, environ, found)
    errors = [problem.text for problem in problems if not problem.here]
    local = [problem.text for problem in problems if problem.here]
    rows, cut = tuple(_rows(reading, problems, secrets)), list(_cut(entries))
    if here:
        errors, local = [*errors, *local], []
    remarks = (
        _not_said(reading, problems),
        found.remarks,
        undefined(entries, {place(problem.entry) for problem in problems}),
        found.missing.values(),
        cut,
    )
    warnings = [*(sentence for sentences in remarks for sentence in sentences), *local]
    said = _said(errors, secrets), _said(warnings, secrets), _said(local, secrets)
    return Report(rows, *said, tuple(found.missing))


def _said(sentences: Iterable[str], secrets: Secrets) -> tuple[str, ...]:
    """Each once."""
    return tuple(secrets.text(sentence) for sentence in dict.fromkeys(sentences))


# ---- problems --------------------------------------------------------------------------------------------------------


def _all_problems(reading: Reading, environ: Mapping[str, str], found: Findings) -> list[Problem]:
    """What is wrong, by whomever it was found; of a line that lacks a variable only that is said."""
    entries = reading.settings.entries
    lacking_ones = list(unset(entries, environ))
    lacking = {place(problem.entry) for problem in lacking_ones}
    others = [problem for problem in (*reading.problems, *found.problems) if place(problem.entry) not in lacking]
    local = {place(problem.entry) for problem in others if problem.here and problem.entry}
    return [*(_adapted(problem, local) for problem in others), *_leaving(entries), *lacking_ones]


def _adapted(problem: Problem, local: set[tuple[str, str] | None]) -> Problem:
    """A problem in the words of a check: whether it is one of this machine, and how to quote it."""
    entry = problem.entry
    if entry is None:
        return problem
    if _names_file(entry):
        quotes = problem.text.startswith(f"{entry} (")
        return problem._replace(text=f"{entry.value}: {problem.reason}" if quotes else problem.text, here=False)
    if not problem.here and entry.name in BY_NAME and holds_blank(entry.value or ""):
        return about(entry, f"to be filled in; {problem.reason}", here=True)
    return problem._replace(here=problem.here or place(entry) in local)


def _names_file(entry: Entry) -> bool:
    """Whether it is the option of `arguments`, which no configuration has."""
    return entry.source == "argument" and entry.name in FORMAT_OF_OPTION


def _leaving(entries: Iterable[Entry]) -> Iterator[Problem]:
    """`exit` ends a start; in a block that asks for something, that may be so on this machine only."""
    conditional = False
    for entry in entries:
        if entry.name in blocks.OPENINGS:
            conditional = not entry.name.startswith("for")
        elif entry.name in blocks.ENDS:
            conditional = False
        elif entry.name == "exit" and not entry.placeholder:
            status = (leading_number(entry.value or "") or 0) & 0xFF
            yield about(entry, f"a start ends here, with status {status}", here=conditional)


def _not_said(reading: Reading, problems: Iterable[Problem]) -> Iterator[str]:
    """Warnings, but those of a name that is a mistake already."""
    wrong = {f"{problem.entry.origin}: {problem.entry.name}" for problem in problems if problem.entry}
    return (text for text in reading.warnings if text.partition(" is no option, ")[0] not in wrong)


# ---- rows ------------------------------------------------------------------------------------------------------------


def _rows(reading: Reading, problems: Iterable[Problem], secrets: Secrets) -> Iterator[Row]:
    """In the order in which the entries count, without the option that named the file, and not without end."""
    entries = reading.settings.entries
    last = {_canonical(entry): entry for entry in entries}
    declared = {(entry.value or "").partition("=")[0] for entry in entries if entry.name in _DECLARING}
    shown = _own(entries)[:_MOST_ROWS]
    by_row = _problems_by_row(problems, shown)
    guesses = Guesses()
    for index, entry in enumerate(shown):
        said = _answer(entry, reading.used, declared, guesses)
        if index in by_row:
            reason = "; ".join(problem.reason or problem.text for problem in by_row[index])
            mark = Mark.HERE if all(problem.here for problem in by_row[index]) else Mark.WRONG
        elif _is_overridden(entry, last[_canonical(entry)]):
            reason, mark = f"overridden: {last[_canonical(entry)].origin} counts", Mark.OVERRIDDEN
        else:
            reason, mark = "; ".join(filter(None, (said.reason, said.instead))), Mark(said.status)
        value = None if entry.value is None else secrets.value(entry)
        yield Row(entry.name, value, entry.origin, said.status, secrets.text(reason), mark)


def _cut(entries: Sequence[Entry]) -> Iterator[str]:
    number = len(_own(entries))
    if number > _MOST_ROWS:
        yield f"only the first {_MOST_ROWS:,} of {number:,} options are shown"


def _own(entries: Sequence[Entry]) -> list[Entry]:
    """What the configuration has."""
    return [entry for entry in entries if not _names_file(entry)]


def _problems_by_row(problems: Iterable[Problem], entries: Sequence[Entry]) -> dict[int, list[Problem]]:
    """What is wrong with each row."""
    exact: dict[Entry, list[int]] = {}
    similar: dict[tuple[str, str] | None, list[int]] = {}
    for index, entry in enumerate(entries):
        exact.setdefault(entry, []).append(index)
        similar.setdefault(place(entry), []).append(index)
    found: dict[int, list[Problem]] = {}
    for problem in problems:
        if problem.entry is not None:
            for index in exact.get(problem.entry, similar.get(place(problem.entry), [])):
                found.setdefault(index, []).append(problem)
    return found


def _answer(entry: Entry, used: frozenset[str], declared: set[str], guesses: Guesses) -> Answer:
    """What to say of an entry: that of its name, unless the configuration gave the name a meaning of its own."""
    name = entry.name
    if name in declared:
        return Answer("supported", "made by declare-option")
    if entry.placeholder or (name in used and not is_known(name)):
        return Answer("accepted", f"a placeholder that {'other lines use' if name in used else 'no line uses'}")
    return known_answer(name, entry.value) or Answer("unknown", NO_OPTION, guesses.guess(name))


def _canonical(entry: Entry) -> str:
    """What entries share of which only the last one counts."""
    declared = None if entry.placeholder else BY_NAME.get(entry.name)
    return f"={declared.option.name}" if declared else entry.name


def _is_overridden(entry: Entry, last: Entry) -> bool:
    declared = BY_NAME.get(entry.name)
    return entry is not last and not entry.placeholder and bool(declared and not declared.option.kind.accumulates)
