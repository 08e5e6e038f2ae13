"""The files of a uWSGI configuration: which line reads which section of which file.

Pure but for the files that it is told to read, each once.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from uncork.config import magic
from uncork.config.blocks import ENDS, OPENINGS
from uncork.config.files import DEFAULT_SECTION
from uncork.config.reader import FORMAT_OF_OPTION, format_of, split_section
from uncork.config.textfile import why
from uncork.migrate.lines import Section, Source, asked_names, asks_for_unknown_names, parse
from uncork.migrate.rules import Reader
from uncork.migrate.tidy import Facts

# All options that read a file; `inherit` does so at the end.
INCLUDES = FORMAT_OF_OPTION.keys() | {"include", "config", "inherit"}

_CONDITIONS = frozenset({"if-opt", "if-not-opt"})
_TEMPLATES = (".example", ".template", ".tpl", ".dist", ".sample", ".j2")


class Included(NamedTuple):
    """What a line asks for: a file, its format, and the name of the section."""

    file: magic.ConfigFile
    file_format: str
    section: str

    @property
    def key(self) -> tuple[str, str]:
        """The same for the same section."""
        return self.file.path, self.section


def format_of_template(path: str) -> str:
    """The format that the name of a file tells, of templates and examples such as `uwsgi.yaml.example` too."""
    for ending in _TEMPLATES:
        path = path.removesuffix(ending)
    return format_of(path) or "ini"


def located(path: str, section: str) -> Included:
    """A section of a file that is named from outside.  Raises OSError and ValueError."""
    return Included(magic.locate(path, section), format_of_template(path), section or DEFAULT_SECTION)


class Files:
    """The files that were read so far; `first` is the one that all began with."""

    def __init__(self, read: Reader, first: magic.ConfigFile) -> None:
        self._read = read
        self.first = first
        self._texts: dict[str, str] = {}

    def sections(self, included: Included) -> dict[str, Section]:
        """All sections of a file.  Raises OSError and ValueError."""
        file = included.file
        if file.path not in self._texts:
            self._texts[file.path] = self._read(file.path)
        return parse(self._texts[file.path], file.name, included.file_format, included.section)

    def asked(self, source: Source, file: magic.ConfigFile, last: magic.ConfigFile) -> Included:
        """What a line of `file` reads; without a path it is of the file read `last`.  Raises OSError and ValueError."""
        path, section = split_section(magic.substitute(source.text, file, self.first))
        file_format = FORMAT_OF_OPTION.get(source.key) or format_of(path)
        if file_format is None:
            raise ValueError("its name tells no format")
        found = magic.locate(path, section) if path else last._replace(given="", section=section)
        return Included(found, file_format, section or DEFAULT_SECTION)


def facts(sources: Iterable[Source]) -> Facts:
    """What the lines of a section ask for by themselves; a block that it leaves open reaches nobody knows where."""
    used: set[str] = set()
    declared: set[str] = set()
    obscure = in_block = False
    for source in sources:
        in_block = source.key not in ENDS if in_block else source.key in OPENINGS
        text = source.raw or source.text
        used |= asked_names(text)
        obscure = obscure or not (source.key or source.value) or asks_for_unknown_names(text)
        if source.key in _CONDITIONS:
            used.add(source.text.partition("=")[0])
        elif source.key == "declare-option":
            declared.add(source.text.partition("=")[0])
    return Facts(frozenset(used), frozenset(declared), obscure or in_block)


def _together(parts: Iterable[Facts]) -> Facts:
    found = Facts(frozenset(), frozenset(), obscure=False)
    for part in parts:
        found = Facts(found.used | part.used, found.declared | part.declared, found.obscure or part.obscure)
    return found


def facts_of_all(sections: Sequence[Sequence[Source]], files: Files) -> tuple[Facts, str]:
    """What sections ask for, and the files that they include; and why one of those cannot be read, or ""."""
    found = [facts(lines) for lines in sections]
    seen = {files.first.path}
    waiting = [(source, files.first) for lines in sections for source in lines if source.key in INCLUDES]
    while waiting:
        source, file = waiting.pop()
        try:
            included = files.asked(source, file, file)
            if included.file.path in seen:
                continue
            seen.add(included.file.path)
            more = [section.lines for section in files.sections(included).values()]
        except (OSError, ValueError) as error:
            reason = f"{source.place} {source.key} = {source.text}: it cannot be read: {why(error)}"
            return _together(found)._replace(obscure=True), reason
        found += [facts(lines) for lines in more]
        waiting += [(line, included.file) for lines in more for line in lines if line.key in INCLUDES]
    return _together(found), ""
