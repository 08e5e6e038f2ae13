"""Configurations in toml, a format of our own: `[uwsgi]`, and its keys are options.

Runs in: the process that reads the configuration.  Pure.

    [uwsgi]
    http-socket = ":8080"
    processes = 4
    master = true
    static-map = ["/static=static", "/media=media"]

    [uwsgi.env]
    MODE = "production"

Any other table is a section, as in `--toml app.toml:other`.
"""

import re
import tomllib

from uncork.config.formats import FormatError, Sections, tree

Path = tuple[str, ...]
Places = dict[Path, int]

_PLACE = re.compile(r" \((at line (?P<line>\d+), column \d+|at end of document)\)$")

# Strings before all else, so that nothing inside of them counts.
_TOKEN = re.compile(
    r"(?P<string>'''.*?'''+|\"\"\"(?:[^\"\\]|\\.|\"(?!\"\"))*\"\"\"+|'[^'\n]*'|\"(?:[^\"\\\n]|\\.)*\")"
    r"|(?P<nothing>\#[^\n]*|[ \t\r]+)"
    r"|(?P<sign>[\[\]{}=,.\n])"
    r"|(?P<word>[^\s\[\]{}=,.\"'\#]+)",
    re.DOTALL,
)
_BRACKETS = {"[": 1, "{": 1, "]": -1, "}": -1}
# tomllib gives these as numbers, and what was written is gone: 0o660 would become 432.
_NOT_DECIMAL = re.compile("[+-]?0[xob]")


def parse(text: str, asked: str) -> Sections:
    """The sections of a toml text.  Raises FormatError and RecursionError."""
    try:
        document = tomllib.loads(text, parse_float=str)
    except ValueError as error:
        place = _PLACE.search(str(error))
        line = int(place["line"] or 0) if place else 0
        raise FormatError(line, f"this is no toml: {_PLACE.sub('', str(error)).lower()}") from None
    places = _places(text)
    return tree.sections(tree.Mapping(1, _pairs(document, (), 1, places)), asked)


def _pairs(table: dict[str, object], path: Path, line: int, places: Places) -> list[tuple[tree.Text, tree.Node]]:
    pairs = []
    for key, value in table.items():
        number = places.get((*path, key), line)
        pairs.append((tree.Text(number, key), _node(value, (*path, key), number, places)))
    return pairs


def _node(value: object, path: Path, line: int, places: Places) -> tree.Node:
    if isinstance(value, dict):
        return tree.Mapping(line, _pairs(value, path, line, places))
    if isinstance(value, list):
        return tree.List(line, [_node(item, path, line, places) for item in value])
    # Dates are the only values left whose text is not quite what was written, and no option takes one.
    return tree.Text(line, str(value).lower() if isinstance(value, bool) else str(value))


def _places(text: str) -> Places:
    """The number of the line where each table and each key begins, of a text that is valid.  Raises FormatError."""
    places: Places = {}
    table: Path = ()
    path: list[str] = []  # of the header or the key that is being read; it ends at = or at the end of the line
    number, depth, in_value = 1, 0, False
    for token in _TOKEN.finditer(text):
        sign, word = token["sign"], token["word"]
        if sign == "\n" and depth == 0:
            if path and not in_value:
                table = tuple(path)
                places.setdefault(table, number)
            path, in_value = [], False
        elif sign == "=" and not in_value:
            places.setdefault((*table, *path), number)
            in_value = True
        elif in_value and word and _NOT_DECIMAL.match(word):
            raise FormatError(number, f"{word} (expected a decimal number, or a text in quotes)")
        elif not in_value and (word or token["string"]):
            path.append(word or token["string"][1:-1])
        depth += _BRACKETS.get(sign or "", 0)
        number += text.count("\n", token.start(), token.end())
    return places
