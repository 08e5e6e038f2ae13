"""A planner brought to where a test begins, and tables of what happens to it then.

A row is (second, event, action, ...); lines for the log are left out of it and have tables of their own.  The template
of generation N has pid N00, the first process in its slot S has N00 + S.
"""

import signal
from collections.abc import Sequence

from uncork.control.commands import Command
from uncork.master.events import (
    Action,
    Asked,
    ChildEnded,
    Event,
    Say,
    Serving,
    SettingsRead,
    Start,
    StartTemplate,
    TemplateFailed,
    TemplateLoaded,
    TemplateStarted,
    Wants,
    WorkerForked,
    WorkerReady,
)
from uncork.master.plan import Planner
from uncork.supervise.exits import Exit

Row = tuple[float, Event, *tuple[Action, ...]]

HUP, INT, KILL, USR2 = signal.SIGHUP, signal.SIGINT, signal.SIGKILL, signal.SIGUSR2
MERCY = 60.0

LEFT = Exit(0, 0)
NO_APP = Exit(22, 0)
RELOADED = Exit(17, 0)
TOLD = Exit(30, 0)
CRASHED = Exit(0, signal.SIGSEGV)
KILLED = Exit(0, signal.SIGKILL)


def deeds(actions: Sequence[Action]) -> list[Action]:
    """The actions without the lines for the log."""
    return [action for action in actions if not isinstance(action, Say)]


def said(actions: Sequence[Action]) -> list[str]:
    """The lines for the log."""
    return [action.text for action in actions if isinstance(action, Say)]


def play(planner: Planner, *rows: Row) -> None:
    """Each event brings exactly the actions of its row."""
    for now, event, *expected in rows:
        assert deeds(planner.handle(event, now)) == expected, (now, event)


def wants(workers: int = 2, *, limit: int = 0, cores: int = 1, boot: float | None = None, probe: bool = False) -> Wants:
    """What settings want; `limit` 0 is no more than `workers`."""
    return Wants(workers, limit or workers, cores, boot, probe, MERCY)


def arrive(number: int, workers: int) -> list[Event]:
    """What is heard while generation `number` comes up."""
    base = 100 * number
    events: list[Event] = [TemplateStarted(number, base), TemplateLoaded(number)]
    events += [WorkerForked(number, slot, base + slot) for slot in range(1, workers + 1)]
    return events + [WorkerReady(number, slot, base + slot) for slot in range(1, workers + 1)]


def serving(workers: int = 2, *, limit: int = 0, boot: float | None = None, probe: bool = False) -> Planner:
    """A planner with generation 1 in front since second 0; worker N is in slot N."""
    planner = Planner()
    planner.handle(Start(wants(workers, limit=limit, boot=boot, probe=probe)), 0.0)
    for event in arrive(1, workers):
        last = planner.handle(event, 0.0)
    assert last == [Serving(1)]
    return planner


def prove(planner: Planner, number: int, now: float, workers: int = 2) -> list[Action]:
    """Bring generation `number` up after its settings were read; what its last ready worker brings."""
    assert deeds(planner.handle(SettingsRead(wants(workers)), now)) == [StartTemplate(number, 2 * workers)]
    for event in arrive(number, workers):
        last = planner.handle(event, now)
    return deeds(last)


def fail_to_load(planner: Planner, number: int, now: float) -> list[Action]:
    """Let generation `number` fail after its settings were read; what the end of its template brings."""
    planner.handle(SettingsRead(wants()), now)
    planner.handle(TemplateStarted(number, 100 * number), now)
    planner.handle(TemplateFailed(number, "Traceback ...\nNameError: name 'x' is not defined"), now)
    return deeds(planner.handle(ChildEnded(100 * number, NO_APP), now))


def reload_to(planner: Planner, number: int, now: float, workers: int = 2, boot: float | None = None) -> None:
    """Ask for a reload; the template of generation `number` has loaded, and was told to fork."""
    planner.handle(Asked(Command.RELOAD), now)
    planner.handle(SettingsRead(wants(workers, boot=boot)), now)
    planner.handle(TemplateStarted(number, 100 * number), now)
    planner.handle(TemplateLoaded(number), now)


def comes(planner: Planner, slot: int, pid: int, now: float, generation: int = 1) -> list[Action]:
    """A worker that was asked for is forked and ready; what its last word brings."""
    planner.handle(WorkerForked(generation, slot, pid), now)
    return deeds(planner.handle(WorkerReady(generation, slot, pid), now))
