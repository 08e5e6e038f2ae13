"""A configuration of uWSGI's as it is written: lines with their comments, magic variables left as they are.

Pure.  The same rules as in `config.ini`, one step earlier: what somebody wrote has to be written again, and not what it
means on this machine.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from uncork.config import formats

_BLANK = " \t\r"

# Letters that are a magic variable behind %, brackets and % itself included.
_MAGIC = re.compile(r"%([%(\[vhkuUgGbVtTopsnedcxijOPSNEDCXIJ0-9])")
# Where characters of Unicode's private use begin: no format takes one of them for anything but a letter.
_PRIVATE = 0xE000


class Source(NamedTuple):
    """One line: where it stands (`uwsgi.ini:7`), its key and value, the comments above it, and how it was written.

    `value` is None for a key without `=`.  A key that only the machine can tell, because a magic variable stands in
    it, is "".
    """

    place: str
    key: str
    value: str | None
    comments: tuple[str, ...] = ()
    raw: str = ""

    @property
    def text(self) -> str:
        """The value, "" for none."""
        return self.value or ""

    @property
    def written(self) -> str:
        """The line again."""
        if self.raw:
            return self.raw
        return self.key if self.value is None else f"{self.key} = {self.value}".rstrip()


class Section(NamedTuple):
    """A section: its name and header, the comments above it, its lines, the comments behind them, and all as it was."""

    name: str
    header: str
    comments: tuple[str, ...]
    lines: list[Source]
    trailing: list[str]
    raw: list[str]


def parse(text: str, shown: str, file_format: str, asked: str) -> dict[str, Section]:
    """The sections of a file in order; "" is what stands before the first.  Raises FormatError."""
    return _ini(text, shown) if file_format == "ini" else _other(text, shown, file_format, asked)


def _ini(text: str, shown: str) -> dict[str, Section]:
    current = Section("", "", (), [], [], [])
    sections = {"": current}
    comments: list[str] = []
    for number, joined, originals in _joined_lines(text):
        line = _without_lone_sign(joined.strip(_BLANK))
        if line.startswith("["):
            name = line[1:-1]
            if name not in sections:
                sections[name] = Section(name, line, tuple(comments), [], [], [])
            else:
                sections[name].trailing.extend(comments)
            current, comments = sections[name], []
            continue
        current.raw.extend(originals)
        if line[:1] in (";", "#"):
            comments.append(line)
        elif line:
            current.lines.append(_source(f"{shown}:{number}", line, tuple(comments)))
            comments = []
    current.trailing.extend(comments)
    return sections


def _source(place: str, line: str, comments: tuple[str, ...]) -> Source:
    key, equals, value = line.partition("=")
    if "%" in key:
        return Source(place, "", None, comments, line)
    return Source(place, key.rstrip(_BLANK), value.lstrip(_BLANK) if equals else None, comments)


def _without_lone_sign(line: str) -> str:
    """A line without the % that had a blank behind it: both vanish, and alone it would take the next line."""
    return line[:-1] if _ends_in_lone_sign(line) else line


def _ends_in_lone_sign(line: str) -> bool:
    return (len(line) - len(line.rstrip("%"))) % 2 == 1


def _joined_lines(text: str) -> Iterator[tuple[int, str, list[str]]]:
    """Lines with their numbers, and as they were: one that ends in a lone % is joined with the next (`config.ini`)."""
    number, joined = 0, ""
    originals: list[str] = []
    for number, line in enumerate(text.removesuffix("\n").split("\n"), 1):
        originals.append(line.rstrip("\r"))
        if _ends_in_lone_sign(line):
            joined += line[:-1]
            continue
        yield number - len(originals) + 1, joined + line, originals
        joined, originals = "", []
    if originals:
        yield number - len(originals) + 1, joined, originals


def _other(text: str, shown: str, file_format: str, asked: str) -> dict[str, Section]:
    """yaml, json, xml and toml, where a magic variable would be in the parser's way."""
    hidden = _MAGIC.sub(lambda found: chr(_PRIVATE + ord(found[1])), text)
    sections: dict[str, Section] = {}
    for name, lines in formats.parse(file_format, hidden, asked).items():
        found = [Source(f"{shown}:{line.number}", _shown_again(line.key), _shown_again(line.value)) for line in lines]
        sections[name] = Section(name, f"[{name}]", (), found, [], [])
    return sections


def _shown_again(text: str) -> str:
    return "".join(
        f"%{chr(ord(character) - _PRIVATE)}" if _PRIVATE <= ord(character) < _PRIVATE + 128 else character
        for character in text
    )


# ---- names that values ask for ---------------------------------------------------------------------------------------

_REFERENCE = re.compile(r"%\(([^()]*)\)")
_NESTED = re.compile(r"%\([^()]*[%$@]")


def asked_names(text: str) -> frozenset[str]:
    """The names that placeholders in a text ask for."""
    return frozenset(word for key in _REFERENCE.findall(text) for word in key.split(" ") if word)


def asks_for_unknown_names(text: str) -> bool:
    """Whether a placeholder asks for a name that is put together only when the file is read."""
    return _NESTED.search(text) is not None
