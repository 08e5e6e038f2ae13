"""The options of another server's command line, read by a table of them.

Pure.  Words in, settings out.  What no row of the table knows is a remark, and never a reason to stop.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from uncork.config.secrets import mask
from uncork.migrate.values import Given, ManualError, Value, from_shell


class Flag(NamedTuple):
    """One option: how it is spelled, the setting that it is for, and what follows it.

    Without an argument the setting becomes `value`.
    """

    names: tuple[str, ...]
    setting: str
    argument: Literal["no", "optional", "required"] = "required"
    value: bool = True


class Words(NamedTuple):
    """A command line: its settings in order, its other words, and (where, what) of what could not be read."""

    given: list[Given]
    rest: list[str]
    unread: list[tuple[str, str]]


class _Reading:
    """The words that are left, and what came of the others."""

    def __init__(self, words: Sequence[str], flags: Iterable[Flag], place: str) -> None:
        self.words = deque(words)
        self.flags: Mapping[str, Flag] = {name: flag for flag in flags for name in flag.names}
        self.place = place
        self.found = Words([], [], [])

    def long(self, word: str) -> None:
        name, equals, value = word.partition("=")
        flag = self.flags.get(name) or self._abbreviated(name)
        if flag is None:
            # Whether a value follows is anybody's guess; an app is the last word.
            if not equals and len(self.words) > 1 and not self.words[0].startswith("-"):
                self.words.popleft()
            self.found.unread.append((f"{self.place} {name}", "this option is not known here"))
        elif flag.argument == "no":
            self._give(flag, name, flag.value, "")
        elif equals:
            self._text(flag, name, value)
        else:
            self._next(flag, name)

    def short(self, word: str) -> None:
        letters = word[1:]
        while letters:
            name, letters = f"-{letters[0]}", letters[1:]
            flag = self.flags.get(name)
            if flag is None:
                self.found.unread.append((f"{self.place} {name}", "this option is not known here"))
                return
            if flag.argument == "no":
                self._give(flag, name, flag.value, "")
                continue
            if letters:
                self._text(flag, name, letters.removeprefix("="))
            else:
                self._next(flag, name)
            return

    def _abbreviated(self, name: str) -> Flag | None:
        """The one option whose name begins so, as argparse and getopt find it."""
        found = {id(flag): flag for full, flag in self.flags.items() if full.startswith(name)}
        return next(iter(found.values())) if len(found) == 1 else None

    def _next(self, flag: Flag, name: str) -> None:
        if self.words and (flag.argument == "required" or not self.words[0].startswith("-")):
            self._text(flag, name, self.words.popleft())
        elif flag.argument == "optional":
            self._give(flag, name, flag.value, "")
        else:
            self.found.unread.append((f"{self.place} {name}", "its value is missing"))

    def _text(self, flag: Flag, name: str, text: str) -> None:
        try:
            self._give(flag, name, from_shell(text), f" {mask(text)}")
        except ManualError as error:
            self.found.unread.append((f"{self.place} {name} {mask(text)}", str(error)))

    def _give(self, flag: Flag, name: str, value: Value, shown: str) -> None:
        self.found.given.append(Given(flag.setting, value, f"{self.place} {name}{shown}"))


def parse_flags(words: Sequence[str], flags: Iterable[Flag], place: str) -> Words:
    """Read `words`; `place` says in comments whose they are, such as `gunicorn`."""
    reading = _Reading(words, flags, place)
    while reading.words:
        word = reading.words.popleft()
        if word == "--":
            reading.found.rest.extend(reading.words)
            break
        if word.startswith("--"):
            reading.long(word)
        elif word.startswith("-") and word != "-":
            reading.short(word)
        else:
            reading.found.rest.append(word)
    return reading.found
