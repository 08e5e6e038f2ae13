"""Texts, lists and mappings, as yaml, json and toml have them, become the lines of a configuration.

Runs in: the process that reads the configuration.  Pure.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from uncork.config.formats import FormatError, Sections
from uncork.config.ini import Line

# Far more than any configuration; aliases in yaml let a short text name a long list again and again.
_MOST_LINES = 20_000


class Text(NamedTuple):
    """A value; None where a yaml key has none."""

    number: int
    text: str | None


class List(NamedTuple):
    """Values that follow one another."""

    number: int
    items: Sequence["Node"]


class Mapping(NamedTuple):
    """Names with values; a name may repeat."""

    number: int
    pairs: Sequence[tuple[Text, "Node"]]


Node = Text | List | Mapping


def sections(root: Node, asked: str) -> Sections:
    """The sections of a file: its names that stand for a mapping.  Of several with one name the first counts.

    Raises FormatError if the section `asked` holds what no configuration holds.
    """
    found: Sections = {}
    for name, node in root.pairs if isinstance(root, Mapping) else ():
        if not isinstance(node, Mapping) or name.text is None or name.text in found:
            continue
        try:
            found[name.text] = _lines(node)
        except FormatError:
            if name.text == asked:
                raise
            found[name.text] = []
    return found


def _lines(section: Mapping) -> list[Line]:
    lines = list(islice(_each_line(section), _MOST_LINES + 1))
    if len(lines) > _MOST_LINES:
        raise FormatError(section.number, f"more than {_MOST_LINES} settings")
    return lines


def _each_line(section: Mapping) -> Iterator[Line]:
    """A text is a line, a list is a line for each of its texts, and so is a mapping: NAME=VALUE, as `env` takes it."""
    for name, node in section.pairs:
        key = name.text or ""
        if key == "<<":
            raise FormatError(name.number, "<< (mappings are not merged; name the options here, or include a file)")
        if isinstance(node, Mapping):
            for inner, value in node.pairs:
                yield from _line(value, key, f"{inner.text or ''}=")
        else:
            for item in node.items if isinstance(node, List) else (node,):
                yield from _line(item, key, "")


def _line(node: Node, key: str, prefix: str) -> Iterator[Line]:
    if not isinstance(node, Text):
        raise FormatError(node.number, f"{key} (expected a text, or a list of texts)")
    if node.text is not None:
        yield Line(node.number, key, prefix + node.text)
