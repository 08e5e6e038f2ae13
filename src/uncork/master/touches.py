"""Carry out what `touch` finds: the commands of touched files, and the retry of a failed reload under py-autoreload.

Runs in: master.
"""

import time
from collections.abc import Callable, Iterable

from uncork.config.settings import Settings
from uncork.control.commands import Command
from uncork.master.touch import TouchWatch, Watch, line, table
from uncork.supervise.startup import say


class Touches:
    """`ask` is told the commands; relative paths count from `directory`."""

    def __init__(self, settings: Settings, directory: str, ask: Callable[[Command], None]) -> None:
        self._directory = directory
        self._ask = ask
        self._table = table(settings.touch, directory)
        self._autoreload = bool(settings.touch.py_autoreload)
        # What a reload failed by: whoever mends it need not ask for another one.
        self._broken: list[Watch] = []
        self._watch = TouchWatch(self._table, time.monotonic())

    def set(self, settings: Settings) -> None:
        """Take over the settings of a generation that serves."""
        self._table, self._broken = table(settings.touch, self._directory), []
        self._autoreload = bool(settings.touch.py_autoreload)
        self._watch.watch(self._table)

    def watch_broken(self, paths: Iterable[str]) -> None:
        """The files that a failed import names: touching one of them is a reload."""
        if not self._autoreload:
            return
        self._broken = [Watch(path, path, Command.RELOAD, whole=True) for path in paths]
        self._watch.watch([*self._table, *self._broken])

    def next_time(self) -> float | None:
        """See Part."""
        return self._watch.next_time()

    def tick(self, now: float) -> None:
        """See Part."""
        for command, path in self._watch.tick(now):
            say(line(command, path))
            self._ask(command)
