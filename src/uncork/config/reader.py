"""Collect what was given, in uWSGI's order: environment, command line, files where they are named, bare files last.

Runs in: the process that reads the configuration.  Opens configuration files and nothing else.

Options that say what to read, which lines count or what a name means (`ini`, `if-env`, `set`, `strict`, ...) act here,
the moment they are met; all others are only written down.
"""

from collections.abc import Callable, Mapping
from functools import partial

from uncork.config import blocks, custom, formats
from uncork.config.answers import is_plugin_accepted
from uncork.config.files import INI, Files
from uncork.config.guesses import Guesses
from uncork.config.kinds import FLAG, leading_number
from uncork.config.names import is_known
from uncork.config.placeholders import Budget, RunawayError
from uncork.config.problem import Problem, about
from uncork.config.settings import Entry
from uncork.config.table import BY_NAME
from uncork.config.textfile import AT_ONCE, PATIENCE, STDIN, read_text, why

# Far more than any configuration: they stop one that counts without end, or options that stand for themselves.
_MOST_ENTRIES = 100_000
_DEEPEST_PARTS = 10


class Exit(Exception):
    """Option `exit`: leave at once, with this status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Reader:
    """Everything that was given so far: `entries` in order, the problems, a sentence for each warning.

    `custom` are the options that `declare-option` made, each with its template.  `settled` are the places of entries
    that acted when they were read, and whose values stay as they are.  `says` prints for `iprint`; without it nothing
    is printed, and `exit` does not leave.
    """

    def __init__(
        self,
        strict: bool,
        environ: Mapping[str, str],
        *,
        reloading: bool = False,
        says: Callable[[str], None] | None = None,
    ) -> None:
        self.entries: list[Entry] = []
        self.problems: list[Problem] = []
        self.warnings: list[str] = []
        self.custom: dict[str, str] = {}
        self.settled: set[int] = set()
        self.guesses = Guesses()
        self.budget = Budget()
        # A master has other things to do than to wait for a pipe.
        self.read_text = partial(read_text, patience=AT_ONCE if reloading else PATIENCE)
        self._strict = strict
        self._says = says
        self._surroundings = blocks.Surroundings(environ, self.named, is_plugin_accepted, reloading, self.read_text)
        self._first_of_name: dict[str, int] = {}
        self._files = Files(self.read_text)
        self._block: Entry | None = None
        self._turns: blocks.Turns = ()
        self._in_turn = False
        self._in_parts = 0
        self._too_deep = False

    def named(self, name: str) -> str | None:
        """The value of the first entry of a name, or None."""
        index = self._first_of_name.get(name)
        return None if index is None else self.entries[index].value

    def problem(self, entry: Entry, reason: str, *, here: bool = False) -> None:
        """Note why this cannot be started with."""
        self.problems.append(about(entry, reason, here=here))

    def end(self) -> None:
        """All was read."""
        if self._block is not None:
            self.warnings.append(f"{self._block} (this block has no end: all that follows belongs to it)")

    def add(self, entry: Entry) -> None:
        """Take a line or an option: inside a block as often as the block says, otherwise once."""
        if self._block is None or self._in_turn:
            if self._block is None and entry.name in blocks.ENDS and entry.name in BY_NAME:
                self.warnings.append(f"{entry} (no block is open here)")
            self._add(entry)
            return
        if entry.name in blocks.ENDS:
            self._block = None
            self._add(entry)
            return
        self._in_turn = True
        try:
            for turn in self._turns:
                value = entry.value
                if turn is not None and value is not None:
                    value = value.replace("%(_)", turn)
                self._add(entry._replace(value=value))
        finally:
            self._in_turn = False

    def _add(self, entry: Entry) -> None:
        """Write an entry down, and act on it if it cannot wait."""
        if len(self.entries) >= _MOST_ENTRIES:
            if len(self.entries) == _MOST_ENTRIES:
                self.problem(entry, f"more than {_MOST_ENTRIES:,} options")
                self.entries.append(entry)
            return
        known = is_known(entry.name) or entry.name in self.custom or entry.name in blocks.ENDS
        if self._strict and not entry.placeholder and not known:
            words = self.guesses.guess(entry.name)
            self.problem(entry, f"no such option, and strict is on{f'; {words}' if words else ''}")
        if not entry.part:
            self._first_of_name.setdefault(entry.name, len(self.entries))
        if entry.part or entry.name in self.custom or entry.name in IMMEDIATE:
            self.settled.add(len(self.entries))
        self.entries.append(entry)
        if entry.name in self.custom and not entry.placeholder:
            self.stand_for(entry, self._add)
        else:
            self.act(entry)

    def act(self, entry: Entry) -> None:
        """Do what cannot wait."""
        act = IMMEDIATE.get(entry.name)
        if act and not entry.placeholder:
            act(self, entry)

    def stand_for(self, entry: Entry, take: Callable[[Entry], None]) -> None:
        """Give `take` what an option of `declare-option` stands for."""
        if self._in_parts >= _DEEPEST_PARTS and not self._too_deep:
            self._too_deep = True
            self.problem(entry, f"options of declare-option stand in one another more than {_DEEPEST_PARTS} deep")
        if self._too_deep:
            return
        self._in_parts += 1
        try:
            for name, value in custom.parts(self.custom[entry.name], entry.value or "", self.budget):
                take(entry._replace(name=name, value=value, part=True))
        except RunawayError as error:
            self.problem(entry, str(error))
        finally:
            self._in_parts -= 1

    def load_bare(self, word: str) -> None:
        """Read a file named on the command line without an option."""
        path, section = split_section(word)
        file_format = INI if path == STDIN else format_of(path)
        if file_format is not None:
            self._load(path, section, file_format, word, None)
            return
        hint = f"; for an app in a Python file: --wsgi-file {word}" if word.endswith(".py") else ""
        reason = f"expected an option, or a file whose name ends in {_SUFFIXES_SHOWN}{hint}"
        self.problems.append(Problem(f"'{word}' ({reason})", reason=reason))

    def load_named(self, entry: Entry) -> None:
        """Read the file that an option names, in the format of that option."""
        path, section = split_section(entry.value or "")
        self._load(path, section, FORMAT_OF_OPTION[entry.name], str(entry), entry)

    def load_by_suffix(self, entry: Entry) -> None:
        """Read the file that `include`, `inherit` or `config` names."""
        path, section = split_section(entry.value or "")
        file_format = format_of(path)
        if file_format is None:
            here = "." not in path.rpartition("/")[2]
            self.problem(entry, f"expected a file whose name ends in {_SUFFIXES_SHOWN}", here=here)
        else:
            self._load(path, section, file_format, str(entry), entry)

    def define(self, entry: Entry) -> None:
        """`set = name=value`: as if a line of a file said name = value."""
        name, equals, value = (entry.value or "").partition("=")
        if equals and name != "set":
            self._add(_defined(entry, name, value))
        else:
            self.problem(entry, "expected name=value")

    def define_placeholder(self, entry: Entry) -> None:
        """`set-ph = name=value`: for use as %(name) only, and as it stands."""
        name, equals, value = (entry.value or "").partition("=")
        if not equals:
            self.problem(entry, "expected name=value")
        elif is_known(name):
            self.problem(entry, f"{name} is an option; choose another name")
        else:
            self._add(_defined(entry, name, value)._replace(placeholder=True))

    def declare(self, entry: Entry) -> None:
        """`declare-option = name=template`: from here on `name` is an option."""
        name, equals, template = (entry.value or "").partition("=")
        if not equals or not name:
            self.problem(entry, "expected name=option=$1;other=$2")
        elif is_known(name):
            self.warnings.append(f"{entry} ({name} is an option already, and stays what it is)")
        elif self.custom.setdefault(name, template) != template:
            self.warnings.append(f"{entry} ({name} was declared above, and that one counts)")

    def become_strict(self, entry: Entry) -> None:
        """From here on a name that is no option is a problem."""
        self._strict = FLAG.parse(entry.value)

    def open_block(self, entry: Entry) -> None:
        """What follows counts as often as the block says, up to its end."""
        if self._block is not None:
            self.problem(entry, f"blocks cannot stand in one another: end {self._block.name} first")
            return
        self._block = entry
        self._turns = ()
        try:
            self._turns = blocks.turns(entry.name, entry.value or "", self._surroundings)
        except (OSError, ValueError) as error:
            self.problem(entry, why(error), here=isinstance(error, OSError))

    def print(self, entry: Entry) -> None:
        """`iprint`: a text, now."""
        if self._says:
            self._says(entry.value or "")

    def exit(self, entry: Entry) -> None:
        """`exit`: leave, now.  Raises Exit."""
        if self._says:
            raise Exit((leading_number(entry.value or "") or 0) & 0xFF)

    def _load(self, path: str, section: str, file_format: str, place: str, entry: Entry | None) -> None:
        """Add the entries of a section of a file; `place` is what to quote when that fails."""
        try:
            with self._files.section(path, section, file_format) as found:
                if found.missing:
                    self.warnings.append(f"{place}: {found.missing}")
                for line in found.lines:
                    self.add(Entry(line.key, line.value, f"{found.shown}:{line.number}"))
        except formats.FormatError as error:
            shown = f"{self._files.shown}:{error.line}" if error.line else self._files.shown
            self.problems.append(Problem(f"{shown}: {error.sentence}", entry, reason=str(error)))
        except (OSError, ValueError) as error:
            reason = f"cannot be read: {why(error)}"
            self.problems.append(Problem(f"{place} ({reason})", entry, isinstance(error, OSError), reason))


def split_section(given: str) -> tuple[str, str]:
    """`file.ini:section` in its parts; the section is "" where none is named."""
    path, colon, section = given.rpartition(":")
    return (path, section) if colon else (given, "")


def format_of(path: str) -> str | None:
    """The format that the end of a file's name tells."""
    return next((name for suffix, name in _SUFFIXES.items() if path.endswith(suffix)), None)


def _defined(entry: Entry, name: str, value: str) -> Entry:
    """What `set` or `set-ph` in `entry` gives a value."""
    if entry.in_file:
        return Entry(name, value, entry.origin)
    return Entry(name, value, f"{entry.origin} {name}", source="definition")


def _names(*options: str) -> tuple[str, ...]:
    """All names of some options."""
    return tuple(name for option in options for name in BY_NAME[option].option.names)


_SUFFIXES = {".ini": INI, **formats.SUFFIXES}
# The options that name a file of a format have the format's name.
FORMAT_OF_OPTION = {
    **{name: file_format for file_format in (INI, *formats.FORMATS) for name in _names(file_format)},
    # The file is a configuration and, for PasteDeploy, the app besides.
    **dict.fromkeys(_names("ini-paste", "ini-paste-logged"), INI),
}

*_most_suffixes, _last_suffix = _SUFFIXES
_SUFFIXES_SHOWN = f"{', '.join(_most_suffixes)} or {_last_suffix}"

IMMEDIATE: dict[str, Callable[[Reader, Entry], None]] = {
    **dict.fromkeys(FORMAT_OF_OPTION, Reader.load_named),
    **dict.fromkeys(blocks.OPENINGS, Reader.open_block),
    **dict.fromkeys(_names("include", "config"), Reader.load_by_suffix),
    **dict.fromkeys(_names("set"), Reader.define),
    **dict.fromkeys(_names("set-placeholder"), Reader.define_placeholder),
    "declare-option": Reader.declare,
    **dict.fromkeys(_names("strict"), Reader.become_strict),
    **dict.fromkeys(_names("iprint"), Reader.print),
    **dict.fromkeys(_names("exit"), Reader.exit),
}
# These act later, after placeholders are expanded: what `inherit` loads keeps its placeholders as they are.
DEFERRED: dict[str, Callable[[Reader, Entry], None]] = {
    **dict.fromkeys(_names("inherit"), Reader.load_by_suffix),
    "declare-option2": Reader.declare,
}
