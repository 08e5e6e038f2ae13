"""An ini file in the making, from the configuration of another server.

Pure.  Each line stands below a comment that says where it came from.  The comment has a line of its own: in the ini
dialect nothing ends a value but the line, and `pidfile = /run/app.pid ; --pid` would name another file.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from uncork.config.answers import sentence
from uncork.config.guesses import answer
from uncork.config.kinds import MismatchError
from uncork.config.names import is_immediate
from uncork.config.table import BY_NAME, GROUPS
from uncork.migrate.values import PERCENT_BRACKET, Formula, ManualError, literal

_WIDTH = 118


class Migrated(NamedTuple):
    """An ini file, and a sentence for everything that somebody has to look after."""

    text: str
    by_hand: tuple[str, ...]


class Remark(NamedTuple):
    """A sentence for a comment, and the texts of comments that belong to it."""

    sentence: str
    comments: tuple[str, ...] = ()


class Line(NamedTuple):
    """One option with its value; `sources` are the comments above it."""

    option: str
    value: Formula
    sources: tuple[str, ...]


class Draft:
    """What is to be written: lines, what needs no line, and what somebody has to do by hand."""

    def __init__(self, server: str) -> None:
        self.server = server
        self.lines: list[Line] = []
        self.unneeded: list[Remark] = []
        self.by_hand: list[Remark] = []

    def put(self, option: str, value: Formula | str | int | bool, source: str, *remarks: str) -> None:
        """Add a line.  What the option cannot take goes to what is left to do by hand."""
        formula = value if isinstance(value, Formula) else Formula(_spelled(value))
        why = _unfit(option, formula)
        if why:
            self.hand(source, why)
            return
        self.lines.append(Line(option, formula, (source, *remarks)))
        if not BY_NAME[option].option.acts:
            self.hand(source, f"{option}: {answer(option, formula.text).reason}")

    def put_text(self, option: str, text: str, source: str, *remarks: str) -> None:
        """Add a line with a text that shall arrive as it is."""
        try:
            self.put(option, literal(text), source, *remarks)
        except ManualError as error:
            self.hand(source, str(error))

    def nothing(self, source: str, reason: str) -> None:
        """Say why something needs no line."""
        self.unneeded.append(Remark(f"{source}: {reason}"))

    def hand(self, source: str, sentence: str) -> None:
        """Say what somebody has to do."""
        self.by_hand.append(Remark(f"{source}: {sentence}"))

    def has(self, option: str) -> bool:
        """Whether there is a line with this option."""
        return any(line.option == option for line in self.lines)

    def finished(self, title: str) -> Migrated:
        """The ini file, lines by topic."""
        lines = [comment(title), "", "[uwsgi]", *self._body(), *endnotes(self.unneeded, self.by_hand)]
        return Migrated("\n".join(lines) + "\n", tuple(remark.sentence for remark in self.by_hand))

    def _body(self) -> Iterator[str]:
        order = list(GROUPS)
        for topic, lines in groupby(sorted(self.lines, key=lambda line: order.index(_topic(line))), key=_topic):
            yield heading(topic)
            for line in lines:
                yield from (comment(source) for source in line.sources)
                yield from _rendered(line)


def endnotes(unneeded: Sequence[Remark], by_hand: Sequence[Remark]) -> Iterator[str]:
    """The comments at the end of a file: what has no line, and why."""
    for title, remarks in (("not needed here", unneeded), ("left to do by hand", by_hand)):
        if remarks:
            yield heading(title)
        for remark in remarks:
            yield from (comment(text) for text in (*remark.comments, remark.sentence))


def heading(topic: str) -> str:
    """The line that begins a topic, with an empty one before it."""
    return f"\n; ---- {topic} ----"


def comment(text: str) -> str:
    """A line that means nothing: whatever stands in the text, the line ends where it ends."""
    shown = "".join(character if character.isprintable() else " " for character in text)
    if len(shown) > 4 * _WIDTH:
        shown = f"{shown[: 4 * _WIDTH]} ..."
    # A lone % at its end would draw the next line into the comment.
    return f"; {shown}" + (" ." if shown.endswith("%") else "")


def _spelled(value: str | int | bool) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _topic(line: Line) -> str:
    return BY_NAME[line.option].group


def _unfit(option: str, formula: Formula) -> str:
    """Why a line with this value would not do what is meant, or ""."""
    declared = BY_NAME.get(option)
    if declared is None:
        return sentence(option, answer(option, formula.text))
    for text in (formula.text, formula.otherwise):
        if text is None:
            continue
        if PERCENT_BRACKET in text:
            return "the value holds %(, which would be replaced"
        if "(" in text and any(opening in text for opening in ("$(", "%(")):
            if is_immediate(option):
                return f"{option} is read before anything in brackets is replaced; write a number"
            continue
        try:
            declared.option.kind.parse(text.replace("%%", "%").replace("%k", "1"))
        except MismatchError as error:
            return f"{option} would be {text} (expected {error.expected})"
    return ""


def _rendered(line: Line) -> Iterator[str]:
    variable, value = line.value.variable, line.value
    if not variable:
        yield f"{line.option} = {value.text}"
        return
    yield from (f"if-env = {variable}", f"{line.option} = {value.text}", "endif")
    if value.otherwise is not None:
        yield from (f"if-not-env = {variable}", f"{line.option} = {value.otherwise}", "endif")
