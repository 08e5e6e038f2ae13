"""Configurations in json: `{"uwsgi": {"socket": ":3031", "master": true, "env": ["A=1", "B=2"]}}`.

Runs in: the process that reads the configuration.  Pure.

As with uWSGI true is the text 1, false and null are 0, and of a name that repeats the last value counts, at the place
of the first, and a list inside a list does not count, nor does an object.  Numbers are the texts that they are written
as.
"""

import json
import re
from collections.abc import Iterator, Sequence

from uncork.config.formats import FormatError, Sections, tree

_TOKEN = re.compile(r'[ \t\r\n]*("(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+)', re.DOTALL)
_WORDS = {"true": "1", "false": "0", "null": "0"}


def parse(text: str, asked: str) -> Sections:
    """The sections of a json text.  Raises FormatError and RecursionError."""
    try:
        json.loads(text, parse_int=str, parse_float=str, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        raise FormatError(error.lineno, f"this is no json: {error.msg.lower()}") from None
    return tree.sections(_node(_tokens(text)), asked)


def _refuse(word: str) -> None:
    raise FormatError(0, f"{word} is no value in json")


def _tokens(text: str) -> Iterator[tuple[int, str]]:
    """The number of its line and the text of every token.  The whole is valid json, or this would not be called."""
    number, position = 1, 0
    while found := _TOKEN.match(text, position):
        number += text.count("\n", position, found.end())
        position = found.end()
        yield number, found[1]


def _node(tokens: Iterator[tuple[int, str]]) -> tree.Node:
    number, word = next(tokens)
    return _node_of(number, word, tokens)


def _node_of(number: int, word: str, tokens: Iterator[tuple[int, str]]) -> tree.Node:
    if word == "{":
        return tree.Mapping(number, _pairs(tokens))
    if word == "[":
        return tree.List(number, _items(tokens))
    return _text(number, word)


def _text(number: int, word: str) -> tree.Text:
    if not word.startswith('"'):
        return tree.Text(number, _WORDS.get(word, word))
    text: str = json.loads(word)
    # Half a pair of \u escapes is no character; bytes that are not UTF-8 are kept as such halves on purpose.
    if "\\u" in word and any("\ud800" <= character <= "\udfff" for character in text):
        raise FormatError(number, "a text holds an escape that is no character")
    return tree.Text(number, text)


def _items(tokens: Iterator[tuple[int, str]]) -> Sequence[tree.Node]:
    items: list[tree.Node] = []
    for number, word in tokens:
        if word == "]":
            break
        node = None if word == "," else _node_of(number, word, tokens)
        if isinstance(node, tree.Text):
            items.append(node)
    return items


def _pairs(tokens: Iterator[tuple[int, str]]) -> Sequence[tuple[tree.Text, tree.Node]]:
    pairs: dict[str | None, tuple[tree.Text, tree.Node]] = {}
    for number, word in tokens:
        if word == "}":
            break
        if word == ",":
            continue
        name = _text(number, word)
        next(tokens)  # the colon
        pairs[name.text] = (name, _node(tokens))
    return list(pairs.values())
