"""Carry out what `touch` finds: what touched files ask for, and the retry of a failed reload under py-autoreload.

Runs in: master.
"""

import time
from collections.abc import Callable, Iterable

from uncork.config.settings import Settings
from uncork.control.commands import Command
from uncork.master.errands import Errands
from uncork.master.touch import Run, TouchWatch, Watch, line, table
from uncork.supervise.exits import Exit
from uncork.supervise.startup import say
from uncork.system.command import shell


class Touches:
    """`ask` is told the commands, `errands` runs programs; relative paths count from `directory`."""

    def __init__(self, settings: Settings, directory: str, ask: Callable[[Command], None], errands: Errands) -> None:
        self._directory = directory
        self._ask = ask
        self._errands = errands
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
            if isinstance(command, Run):
                self._run(path, command)
            else:
                self._ask(command)

    def _run(self, path: str, run: Run) -> None:
        def ended(end: Exit) -> None:
            if end != Exit(0, 0):
                say(f"[uwsgi-touch-exec] what {path} runs {end}")

        try:
            self._errands.start(shell(run.command), ended)
        except OSError as error:
            say(f"[uwsgi-touch-exec] what {path} runs cannot be run: {str(error.strerror).lower()}")
