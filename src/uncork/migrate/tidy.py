"""A section of a uWSGI configuration in order: canonical names, topics, nothing twice, and the same meaning.

Pure.  What could change the meaning is left as it is: names that a %(name) asks for, blocks, lines that read other
files or define names.  Lines are put in order only between those.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple

from uncork.config.blocks import ENDS, OPENINGS
from uncork.config.guesses import answer, guess
from uncork.config.kinds import Flag, Kind, MismatchError
from uncork.config.names import is_known
from uncork.config.quantities import Number
from uncork.config.secrets import masked
from uncork.config.settings import Entry
from uncork.config.table import BY_NAME, GROUPS
from uncork.migrate.draft import Remark, comment, heading
from uncork.migrate.lines import Source, asked_names

# The topic of names that are there for %(name), and of options that a %(name) asks for: they come first.
_NAMES = "names for %(name)"
_TOPICS = (_NAMES, *GROUPS)

_NUMBER = re.compile(r"(?P<number>[+-]?[0-9]+)(?P<rest>\s*[#;].*|\s+\S.*|[A-Za-z].*)", re.DOTALL)
_REMARK = re.compile(r".*\s(?P<remark>[#;].*)", re.DOTALL)
_OPENINGS = ("$(", "@(", "%(")
# Values in which a `#` behind a blank is a slip and no part of them, by what documentation calls them.
_PLAIN = frozenset({"PATH", "DIR", "USER", "GROUP", "ADDRESS", "MODULE", "OWNER", "FILE"})


class Facts(NamedTuple):
    """What is known of the whole configuration.

    `used` are the names that placeholders and conditions ask for, `declared` those that `declare-option` made.  Where
    not everything can be seen, the configuration is `obscure`, and lines stay as they are.
    """

    used: frozenset[str]
    declared: frozenset[str]
    obscure: bool


@dataclass
class Tidied:
    """The lines of the new section, and sentences for what has none."""

    body: list[str] = field(default_factory=list)
    unneeded: list[Remark] = field(default_factory=list)
    by_hand: list[Remark] = field(default_factory=list)


@dataclass
class _Item:
    """A line of the new section.

    A `fixed` one stays where it is, and so does what is before and behind it.  Only one whose value is `certain` to
    fit can override others.
    """

    source: Source
    name: str
    text: str
    topic: str
    remarks: list[str] = field(default_factory=list)
    fixed: bool = False
    in_block: bool = False
    certain: bool = True


def tidy(sources: Iterable[Source], facts: Facts, trailing: Sequence[str] = ()) -> Tidied:
    """The section that means the same."""
    tidied = Tidied()
    items = _without_overridden(list(_items(sources, facts, tidied)), facts)
    for fixed, run in groupby(items, key=lambda item: item.fixed):
        segment = list(run)
        ordered = segment if fixed or facts.obscure else _ordered(segment)
        tidied.body.extend(_rendered(ordered, headings=ordered is not segment))
    tidied.body.extend(trailing)
    return tidied


def _items(sources: Iterable[Source], facts: Facts, tidied: Tidied) -> Iterator[_Item]:
    block = ""
    for source in sources:
        if block or not source.key or source.key in facts.declared | OPENINGS | ENDS or _is_reading(source.key):
            yield _Item(source, source.key, source.written, "", fixed=True, in_block=bool(block))
            if source.key in ENDS:
                block = ""
            elif source.key in OPENINGS:
                block = source.key
            continue
        item = _option(source, facts, tidied) if source.key in BY_NAME else _name(source, facts, tidied)
        if item:
            yield item


def _is_reading(key: str) -> bool:
    """Whether it says what is read and how; such lines act at once, on those behind them."""
    return key in BY_NAME and BY_NAME[key].group == "reading"


def _quoted(source: Source) -> str:
    """A line in a sentence, without what is secret in it."""
    shown = masked(Entry(source.key, source.value, source.place))
    return f"{source.place} {source.key} = {shown}".removesuffix(" = ") if shown else f"{source.place} {source.key}"


# ---- one line --------------------------------------------------------------------------------------------------------


def _name(source: Source, facts: Facts, tidied: Tidied) -> _Item | None:
    """A name that is not in the option table: a placeholder, a slip, or an option that does nothing here."""
    item = _Item(source, source.key, source.written, _NAMES)
    if source.key in facts.used or facts.obscure:
        return item
    if not source.key:
        tidied.by_hand.append(Remark(f"{_quoted(source)}: the line has no name before its =", _bare(source)))
        return None
    found = answer(source.key, source.value)
    if found.status == "unknown":
        near = "" if is_known(source.key) else guess(source.key)
        if near:
            tidied.by_hand.append(Remark(f"{_quoted(source)}: no option has this name ({near})", _bare(source)))
            return None
        item.remarks.append("no option has this name; only the app can read it, from uwsgi.opt")
        return item
    sentence = f"{_quoted(source)}: {found.reason}" + (f"; {found.instead}" if found.instead else "")
    if found.status == "supported":  # such as `stop`: it does something, but not from a file
        return item
    where = tidied.unneeded if found.status == "accepted" else tidied.by_hand
    where.append(Remark(sentence, _bare(source)))
    return None


def _bare(source: Source) -> tuple[str, ...]:
    """The texts of the comments above a line, which move together with it."""
    return tuple(line.lstrip(";# \t") for line in source.comments)


def _option(source: Source, facts: Facts, tidied: Tidied) -> _Item:
    """A line with its canonical name, and its value without what does not count."""
    declared = BY_NAME[source.key]
    option = declared.option
    item = _Item(source, source.key, source.written, declared.group)
    if facts.obscure:
        return item
    if not facts.used.isdisjoint(option.names):
        item.topic = _NAMES
        return item
    item.name = option.name
    item.certain = not _depends(source.text)
    why = _mismatch(option.kind, source.value) if item.certain else ""
    if why:
        item.certain = False
        tidied.by_hand.append(Remark(f"{_quoted(source)}: expected {why}"))
    value = _cleaned(option.kind, source, tidied)
    item.text = item.name if value is None else f"{item.name} = {value}".rstrip()
    if item.text != source.written and source.key != "env":
        item.remarks.insert(0, source.written)
    if option.kind.metavar in _PLAIN and _REMARK.fullmatch(source.text):
        remark = _REMARK.sub(r"\g<remark>", source.text)
        sentence = f"nothing ends a value but the line, so that {remark} is part of it; take it out if it is none"
        tidied.by_hand.append(Remark(f"{_quoted(source)}: {sentence}"))
    return item


def _cleaned(kind: Kind[object], source: Source, tidied: Tidied) -> str | None:
    """The value in its plain form, where that is the same."""
    text = source.text
    if any(opening in text for opening in _OPENINGS):
        return source.value
    if isinstance(kind, Flag) and "%" not in text:
        is_on = kind.parse(source.value)
        remark = _REMARK.fullmatch(f" {text}")
        if remark and is_on != kind.parse(text[: remark.start("remark") - 1].strip()):
            tidied.by_hand.append(Remark(f"{_quoted(source)}: this means true: nothing ends a value but the line"))
        return "true" if is_on else "false"
    found = _NUMBER.fullmatch(text) if isinstance(kind, Number) else None
    if found and _same(kind, text, found["number"]):
        return found["number"]
    return source.value


def _depends(text: str) -> bool:
    """Whether the value is known only when the file is read."""
    return "%" in text or any(opening in text for opening in _OPENINGS)


def _mismatch(kind: Kind[object], value: str | None) -> str:
    """What was expected in place of the value, or ""."""
    try:
        kind.parse(value)
    except MismatchError as error:
        return error.expected
    return ""


def _same(kind: Kind[object], text: str, other: str) -> bool:
    try:
        return kind.parse(text) == kind.parse(other)
    except MismatchError:
        return False


# ---- all lines -------------------------------------------------------------------------------------------------------


def _without_overridden(items: Sequence[_Item], facts: Facts) -> list[_Item]:
    """The lines without those that a later one of the same section overrides, whatever comes in between."""
    counts: dict[str, _Item] = {}
    kept: list[_Item] = []
    for item in reversed(items):
        declared = BY_NAME.get(item.name)
        single = declared is not None and not facts.obscure and type(declared.option.kind).combine is Kind.combine
        if item.fixed or not single or item.topic == _NAMES:
            kept.append(item)
        elif item.name in counts:
            winner = counts[item.name]
            winner.remarks.append(f"overrides {item.source.place} {item.source.written}")
            winner.source = winner.source._replace(comments=(*item.source.comments, *winner.source.comments))
        else:
            counts.update({item.name: item} if item.certain else {})
            kept.append(item)
    return kept[::-1]


def _ordered(segment: list[_Item]) -> list[_Item]:
    """By topic, in each as it was; the segment itself if that could change what a placeholder becomes."""
    ordered = sorted(segment, key=lambda item: _TOPICS.index(item.topic))
    return ordered if _references(ordered) == _references(segment) else segment


def _references(items: Sequence[_Item]) -> set[tuple[int, int, bool]]:
    """Of each pair of lines of which one asks for the other, whose value asks again: which comes first."""
    asking = [(index, item, asked_names(item.source.text)) for index, item in enumerate(items)]
    return {
        (id(one), id(other), first < second)
        for first, one, names in asking
        for second, other, more in asking
        if other.source.key in names and (more or "%" in other.source.text)
    }


def _rendered(items: Iterable[_Item], *, headings: bool) -> Iterator[str]:
    topic = ""
    for item in items:
        if headings and item.topic != topic:
            topic = item.topic
            yield heading(topic)
        yield from item.source.comments
        if not item.in_block:
            first, *others = [*item.remarks, ""]
            yield comment(f"{item.source.place} {first}".rstrip())
            yield from (comment(remark) for remark in others if remark)
        yield item.text
