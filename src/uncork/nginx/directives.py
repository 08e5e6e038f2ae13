"""Render nginx configuration from data: the only place where a value becomes nginx text.

Runs in: the command line process.  Pure.

Rules for this file
  1. A value is literal (nginx sees exactly this text) unless it is an `Expression` (nginx variables are meant).
  2. nginx knows no escape for `$`, so a literal that holds one is refused: it would be read as a variable.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from string import ascii_letters, digits

from uncork.errors import UncorkError

INDENT = "    "

# What needs no quotes.  nginx's tokenizer (ngx_conf_read_token, core/ngx_conf_file.c) would take more; whatever it
# treats specially anywhere in a word is left out, and quoting too much does no harm.
BARE = frozenset(ascii_letters + digits + "_-./:=@^~$+*,?&")


class NginxTextError(UncorkError):
    """A value that no nginx configuration can hold."""


@dataclass(frozen=True, slots=True)
class Expression:
    """Text in which `$name` is an nginx variable.

    Written by this project, never made from a value of somebody else.
    """

    text: str


Value = str | int | Expression


@dataclass(frozen=True, slots=True)
class Directive:
    """`name args;`, or with `children` (perhaps none) `name args { ... }`."""

    name: str
    args: tuple[Value, ...]
    children: tuple["Directive", ...] | None = None


def line(name: str, *args: Value) -> Directive:
    """A simple directive: `name args;`."""
    return Directive(name, args)


def block(name: str, *args: Value, children: Iterable[Directive]) -> Directive:
    """A block directive: `name args { children }`."""
    return Directive(name, args, tuple(children))


def quote(value: Value) -> str:
    """One value as one word of nginx's syntax.

    Raises NginxTextError for what cannot be written: a NUL anywhere, a `$` in a literal.
    """
    text = value.text if isinstance(value, Expression) else str(value)
    if "\0" in text:
        raise NginxTextError(f"{text!r} holds a NUL byte, which no nginx configuration can hold")
    if "$" in text and not isinstance(value, Expression):
        raise NginxTextError(f"{text!r} holds a $, which nginx always reads as the start of a variable: rename it")
    if text and BARE.issuperset(text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def render(directives: Iterable[Directive]) -> str:
    """The directives as text, one a line, indented by nesting."""
    return "".join(f"{row}\n" for row in _rows(directives, ""))


def _rows(directives: Iterable[Directive], indent: str) -> Iterator[str]:
    for item in directives:
        head = indent + " ".join([item.name, *map(quote, item.args)])
        if item.children is None:
            yield f"{head};"
        else:
            yield f"{head} {{"
            yield from _rows(item.children, indent + INDENT)
            yield f"{indent}}}"
