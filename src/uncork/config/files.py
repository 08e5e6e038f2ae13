"""The files of a configuration: found, opened, and taken apart into the lines of their sections.

Runs in: the process that reads the configuration.  Opens configuration files and nothing else.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from uncork.config import formats, ini, magic

DEFAULT_SECTION = "uwsgi"
INI = "ini"

# Far more than any configuration: they stop a file that includes others without end.
_MOST_FILES = 500
_DEEPEST_NESTING = 50

_BYTE_ORDER_MARK = "\ufeff"
_HIDDEN = "; the file begins with a byte order mark, which hides its first line: save it without"

Key = tuple[object, ...]


class Section(NamedTuple):
    """Lines, and the name of their file as a message quotes it; `missing` says what is there if the section is not."""

    shown: str
    lines: Sequence[ini.Line]
    missing: str = ""


class Files:
    """The files of one reading: which came first and last, and what was read already.  `read` gives the text of one."""

    def __init__(self, read: Callable[[str], str]) -> None:
        self.shown = ""
        self._read = read
        self._first: magic.ConfigFile | None = None
        self._last: magic.ConfigFile | None = None
        self._being_read: list[tuple[str, str]] = []
        self._opened = 0
        self._texts: dict[str, str] = {}
        self._parsed: dict[Key, formats.Sections] = {}

    @contextmanager
    def section(self, path: str, section: str, file_format: str) -> Iterator[Section]:
        """A section of a file; without a path of the one that was read last, whatever file asks for it.

        What is read inside counts as included.  Raises OSError, FormatError and ValueError, also where files include
        one another without end.
        """
        file = magic.locate(path, section) if path else self._same_file(section)
        key = (file.path, file.section or DEFAULT_SECTION)
        self._opened += 1
        if key in self._being_read:
            raise ValueError("this section is being read already, and cannot include itself")
        if self._opened > _MOST_FILES:
            raise ValueError(f"more than {_MOST_FILES} files were included")
        if len(self._being_read) >= _DEEPEST_NESTING:
            raise ValueError(f"files include one another more than {_DEEPEST_NESTING} deep")
        self._being_read.append(key)
        try:
            yield self._section(file, file_format)
        finally:
            self._being_read.pop()

    def _same_file(self, section: str) -> magic.ConfigFile:
        if self._last is None:
            raise ValueError("no file was read before this one")
        return self._last._replace(given="", section=section)

    def _section(self, file: magic.ConfigFile, file_format: str) -> Section:
        self._first = self._first or file
        self._last = file
        self.shown = shown = file.given or self.shown
        asked = file.section or DEFAULT_SECTION
        if file.path not in self._texts:
            self._texts[file.path] = self._read(file.path)
        text = self._texts[file.path]
        sections = self._sections(file, file_format, text, asked)
        if asked in sections:
            return Section(shown, sections[asked])
        others = ", ".join(f"[{name}]" for name in sections if name) or "no sections"
        hidden = _HIDDEN if text.startswith(_BYTE_ORDER_MARK) else ""
        return Section(shown, (), f"no section [{asked}] in {shown}, nothing was read (it has {others}){hidden}")

    def _sections(self, file: magic.ConfigFile, file_format: str, text: str, asked: str) -> formats.Sections:
        """The sections of a text, taken apart once for all that are asked for, if they are the same for all."""
        first = self._first or file
        letters = set(re.findall("%(.)", text))
        key = (file.path, file_format, file.given if "o" in letters else "", asked if "x" in letters else "")
        known = self._parsed.get(key)
        # Of other formats only the section that is asked for is read with care: one without lines may have a mistake.
        if known is None or (file_format != INI and not known.get(asked)):
            known = _parse(file_format, text, asked, lambda text: magic.substitute(text, file, first))
            self._parsed[key] = known
        return known


def _parse(file_format: str, text: str, asked: str, substitute: Callable[[str], str]) -> formats.Sections:
    """Raises FormatError.  In ini the magic variables of a line are replaced when it has become one."""
    if file_format == INI:
        return ini.parse(text, substitute)
    try:
        return formats.parse(file_format, substitute(text), asked)
    except formats.FormatError as error:
        if not text.startswith(_BYTE_ORDER_MARK):
            raise
        raise formats.FormatError(error.line, f"{error.sentence}{_HIDDEN}") from None
