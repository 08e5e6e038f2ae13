"""Collect what was given, in uWSGI's order: environment, command line, files where they are named, bare files last.

Runs in: the process that reads the configuration.  Opens configuration files and nothing else.

Options that say what to read or define names (`ini`, `include`, `set`, `strict`, ...) act here, the moment they are
met; all others are only written down.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from uncork.config import ini, magic
from uncork.config.kinds import FLAG
from uncork.config.names import did_you_mean, is_known
from uncork.config.settings import Entry

DEFAULT_SECTION = "uwsgi"

# Far more than any configuration: they stop a file that includes others without end, or is a device.
_MOST_FILES = 500
_DEEPEST_NESTING = 50
_LARGEST_FILE = 4 * 1024 * 1024


def read_text(path: str) -> str:
    """The text of a file, bytes that are not UTF-8 kept as surrogates (PEP 383).

    Raises OSError, and ValueError where the path can be none or the file is too large.
    """
    with open(path, "rb") as file:
        content = file.read(_LARGEST_FILE + 1)
    if len(content) > _LARGEST_FILE:
        raise ValueError(f"it is larger than {_LARGEST_FILE // (1024 * 1024)} MiB")
    return content.decode("utf-8", "surrogateescape")


def why(error: OSError | ValueError) -> str:
    """What went wrong with a file, in words."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


class Reader:
    """Everything that was given so far: `entries` in order, and a sentence for each problem and warning."""

    def __init__(self, strict: bool) -> None:
        self.entries: list[Entry] = []
        self.problems: list[str] = []
        self.warnings: list[str] = []
        self._strict = strict
        self._first: magic.ConfigFile | None = None
        self._last: magic.ConfigFile | None = None
        self._last_shown = ""
        self._being_read: list[tuple[str, str]] = []
        self._files_read = 0

    def add(self, entry: Entry) -> None:
        """Write an entry down, and act on it if it cannot wait."""
        if self._strict and not entry.placeholder and not is_known(entry.name):
            self.problems.append(f"{entry} (no such option, and strict is on){did_you_mean(entry.name)}")
        self.entries.append(entry)
        act = _IMMEDIATE.get(entry.name)
        if act and not entry.placeholder:
            act(self, entry)

    def load_bare(self, word: str) -> None:
        """Read a file named on the command line without an option."""
        path, _ = _split_section(word)
        if path.endswith(".ini"):
            self._load(word, word)
            return
        hint = f"; for an app in a Python file: --wsgi-file {word}" if word.endswith(".py") else ""
        self.problems.append(f"'{word}' (expected an option, or a file whose name ends in .ini{hint})")

    def load_named(self, entry: Entry) -> None:
        """Read the ini file that an option names."""
        self._load(entry.value or "", str(entry))

    def load_by_suffix(self, entry: Entry) -> None:
        """Read the file that `include`, `inherit` or `config` names."""
        path, _ = _split_section(entry.value or "")
        if path.endswith(".ini"):
            self.load_named(entry)
        else:
            self.problems.append(f"{entry} (expected a file whose name ends in .ini)")

    def define(self, entry: Entry) -> None:
        """`set = name=value`: as if a line of a file said name = value."""
        name, equals, value = (entry.value or "").partition("=")
        if equals and name != "set":
            self.add(Entry(name, value, _origin_of_defined(entry, name)))
        else:
            self.problems.append(f"{entry} (expected name=value)")

    def define_placeholder(self, entry: Entry) -> None:
        """`set-ph = name=value`: for use as %(name) only, and as it stands."""
        name, equals, value = (entry.value or "").partition("=")
        if not equals:
            self.problems.append(f"{entry} (expected name=value)")
        elif is_known(name):
            self.problems.append(f"{entry} ({name} is an option; choose another name)")
        else:
            self.add(Entry(name, value, _origin_of_defined(entry, name), placeholder=True))

    def become_strict(self, entry: Entry) -> None:
        """From here on a name that is no option is a problem."""
        self._strict = FLAG.parse(entry.value)

    def _load(self, given: str, place: str) -> None:
        """Add the entries of a section of a file; `place` is what to quote when that fails."""
        path, section = _split_section(given)
        try:
            file = magic.locate(path, section) if path else self._same_file(section)
            with self._reading(file):
                self._add_lines(file, place)
        except (OSError, ValueError) as error:
            self.problems.append(f"{place} (cannot be read: {why(error)})")

    def _same_file(self, section: str) -> magic.ConfigFile:
        """Another section of the file that was read last, whatever file asks for it."""
        if self._last is None:
            raise ValueError("no file was read before this one")
        return self._last._replace(given="", section=section)

    @contextmanager
    def _reading(self, file: magic.ConfigFile) -> Iterator[None]:
        """Raises ValueError where files include one another without end."""
        key = (file.path, file.section or DEFAULT_SECTION)
        self._files_read += 1
        if key in self._being_read:
            raise ValueError("this section is being read already, and cannot include itself")
        if self._files_read > _MOST_FILES:
            raise ValueError(f"more than {_MOST_FILES} files were included")
        if len(self._being_read) >= _DEEPEST_NESTING:
            raise ValueError(f"files include one another more than {_DEEPEST_NESTING} deep")
        self._being_read.append(key)
        try:
            yield
        finally:
            self._being_read.pop()

    def _add_lines(self, file: magic.ConfigFile, place: str) -> None:
        self._first = first = self._first or file
        self._last = file
        self._last_shown = shown = file.given or self._last_shown
        text = read_text(file.path)
        sections = ini.parse(text, lambda line: magic.substitute(line, file, first))
        asked = file.section or DEFAULT_SECTION
        if asked not in sections:
            others = ", ".join(f"[{name}]" for name in sections if name)
            self.warnings.append(
                f"{place}: no section [{asked}] in {shown}, nothing was read (it has {others or 'no sections'})"
            )
        for line in sections.get(asked, ()):
            self.add(Entry(line.key, line.value, f"{shown}:{line.number}"))


def _split_section(given: str) -> tuple[str, str]:
    """`file.ini:section` in its parts; the section is "" where none is named."""
    path, colon, section = given.rpartition(":")
    return (path, section) if colon else (given, "")


def _origin_of_defined(entry: Entry, name: str) -> str:
    return entry.origin if entry.in_file else f"{entry.origin} {name}"


_IMMEDIATE: dict[str, Callable[[Reader, Entry], None]] = {
    "ini": Reader.load_named,
    "include": Reader.load_by_suffix,
    "config": Reader.load_by_suffix,
    "set": Reader.define,
    "set-placeholder": Reader.define_placeholder,
    "set-ph": Reader.define_placeholder,
    "strict": Reader.become_strict,
}
# `inherit` acts later, after placeholders are expanded: what it loads keeps its placeholders as they are.
DEFERRED: dict[str, Callable[[Reader, Entry], None]] = {"inherit": Reader.load_by_suffix}

# Names that were acted on while reading and set no value; `strict` is an option besides.
STRUCTURE = (_IMMEDIATE.keys() | DEFERRED.keys()) - {"strict"}
