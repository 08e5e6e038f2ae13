"""File formats other than ini: text to lines per section, the same shape as `ini.parse` gives.

Runs in: the process that reads the configuration.  Pure.

uWSGI replaces magic variables in the whole text before any of these formats is parsed, and so must the caller.
"""

from collections.abc import Callable, Mapping
from importlib import import_module

from uncork.config.ini import Line

Sections = dict[str, list[Line]]
Parse = Callable[[str, str], Sections]

# The format of a file whose name ends so; uWSGI's names and one of our own.  The options have the formats' names.
SUFFIXES: Mapping[str, str] = {
    ".yaml": "yaml",
    ".yml": "yaml",
    ".json": "json",
    ".js": "json",
    ".xml": "xml",
    ".toml": "toml",
}
FORMATS = frozenset(SUFFIXES.values())

# Some parsers take seconds for megabytes, and no configuration is near this size.
_LARGEST_TEXT = 256 * 1024


class FormatError(ValueError):
    """A file is broken: the number of its line (from 1; 0 if nobody knows) and a sentence."""

    def __init__(self, line: int, sentence: str) -> None:
        super().__init__(f"line {line}: {sentence}" if line else sentence)
        self.line = line
        self.sentence = sentence


def parse(file_format: str, text: str, asked: str) -> Sections:
    """The lines of every section of a text in one of FORMATS, in order.

    Only the section `asked` has to be as configurations are; the file may belong to another program besides, whose
    sections are given as far as they can be read.  Raises FormatError.
    """
    if len(text) > _LARGEST_TEXT:
        raise FormatError(0, f"it is larger than {_LARGEST_TEXT // 1024} KiB")
    parser: Parse = import_module(f"{__name__}.{file_format}").parse  # each costs milliseconds that ini need not pay
    try:
        return parser(text, asked)
    except RecursionError:
        raise FormatError(0, "its values are nested too deep") from None
