"""Configurations in yaml: the keys below `uwsgi:` are options, a list gives an option several times.

Runs in: the process that reads the configuration.  Pure.

Texts are what is written, quotes and line breaks aside: no value is a number, a date or a truth to this module.  uWSGI
reads yaml in one of two ways, as it was built: as yaml, or line by line.  Here it is yaml where PyYAML is installed.
Line by line is how the rest is read: without PyYAML, and files that are not quite yaml but that uWSGI would run, like
`log-format: id: %(uri)`.
"""

import re

from uncork.config.formats import FormatError, Sections, tree

_BLANK = " \t\r"
_COMMENT = re.compile(r"(^|[ \t])#.*")
_QUOTED = re.compile(r"\"([^\"\\]*)\"|'([^']*)'")
_HINT = "; lists and the like take PyYAML: pip install 'uncork[yaml]'"

# How a value begins that goes beyond one line, and what it is.
_BEYOND_LINES = {
    "[": "a list",
    "{": "a mapping",
    "|": "a text of several lines",
    ">": "a text of several lines",
    "&": "an anchor",
    "*": "an alias",
    "!": "a tag",
}


def parse(text: str, asked: str) -> Sections:
    """The sections of a yaml text.  Raises FormatError and RecursionError."""
    try:
        from uncork.config.formats import yamltree
    except ImportError:  # of PyYAML
        return tree.sections(_by_lines(text, asked), asked)
    try:
        root = yamltree.compose(text)
    except FormatError as broken:
        try:
            root = _by_lines(text, asked)
        except FormatError:
            raise broken from None
    return tree.sections(root, asked)


def _by_lines(text: str, asked: str) -> tree.Mapping:
    """A section is a name with a colon and what is indented below it, of which each line is `key: value`.

    Raises FormatError where a line of the section `asked` is none.  Other sections have their names only.
    """
    names: dict[str, tree.Text] = {}
    pairs: list[tuple[tree.Text, tree.Node]] = []
    inside = False
    for number, raw in enumerate(text.split("\n"), 1):
        line = _COMMENT.sub("", raw).rstrip(_BLANK)
        if line[:1] in ("", " ", "\t"):
            pairs += [_pair(number, line.strip(_BLANK))] if line and inside else []
            continue
        name, colon, rest = line.partition(":")
        inside = bool(colon) and name == asked and name not in names
        if colon:
            names.setdefault(name, tree.Text(number, name))
        if inside and rest:
            raise FormatError(number, f"{line} (expected {name}: alone, and its options below)")
    return tree.Mapping(
        1, [(name, tree.Mapping(name.number, pairs if name.text == asked else [])) for name in names.values()]
    )


def _pair(number: int, line: str) -> tuple[tree.Text, tree.Node]:
    key, colon, value = line.replace(":\t", ": ", 1).partition(": ")
    if not colon and line.endswith(":"):
        key, colon = line[:-1], ":"
    if line.startswith("-") or not colon:
        raise FormatError(number, f"{line} (expected key: value{_HINT if line.startswith('-') else ''})")
    value = value.strip(_BLANK)
    if value[:1] in _BEYOND_LINES:
        raise FormatError(number, f"{line} (this is {_BEYOND_LINES[value[0]]}{_HINT})")
    quoted = _QUOTED.fullmatch(value)
    text = (quoted[1] or quoted[2] or "") if quoted else value or None
    return tree.Text(number, key.rstrip(_BLANK)), tree.Text(number, text)
