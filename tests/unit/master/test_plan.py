"""The planner as a table: what happened, and what has to be done about it.

A row is (second, event, action, ...); lines for the log are left out of it and have a table of their own.
"""

import signal
from collections.abc import Sequence

import pytest

from uncork.control.commands import Command
from uncork.master.events import (
    Action,
    Asked,
    ChildEnded,
    DismissTemplate,
    Event,
    Forget,
    ForkWorker,
    Kill,
    Leave,
    Perform,
    ReadSettings,
    ReloadEnded,
    Say,
    Serving,
    SetPaused,
    SettingsRead,
    SettingsRefused,
    Start,
    StartTemplate,
    TemplateFailed,
    TemplateLoaded,
    TemplateStarted,
    Tick,
    WorkerForked,
    WorkerGone,
    WorkerNotForked,
    WorkerReady,
)
from uncork.master.plan import Planner
from uncork.master.states import WorkerPhase
from uncork.supervise.exits import Exit

Row = tuple[float, Event, *tuple[Action, ...]]

HUP, INT, KILL = signal.SIGHUP, signal.SIGINT, signal.SIGKILL
MERCY = 60.0

LEFT = Exit(0, 0)
NO_APP = Exit(22, 0)
RELOADED = Exit(17, 0)
CRASHED = Exit(0, signal.SIGSEGV)


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


def arrive(number: int, workers: int) -> list[Event]:
    """What is heard while generation `number` comes up: its template has pid N00, its workers have N01, N02, ..."""
    base = 100 * number
    events: list[Event] = [TemplateStarted(number, base), TemplateLoaded(number)]
    events += [WorkerForked(number, wid, base + wid) for wid in range(1, workers + 1)]
    return events + [WorkerReady(number, wid, base + wid) for wid in range(1, workers + 1)]


def serving(workers: int = 2, cores: int = 1) -> Planner:
    """A planner with generation 1 in front since second 0."""
    planner = Planner(MERCY)
    planner.handle(Start(workers, cores), 0.0)
    for event in arrive(1, workers):
        last = planner.handle(event, 0.0)
    assert last == [Serving(1)]
    return planner


def prove(planner: Planner, number: int, now: float, workers: int = 2) -> list[Action]:
    """Bring generation `number` up after its settings were read; what its last ready worker brings."""
    assert deeds(planner.handle(SettingsRead(workers, 1), now)) == [StartTemplate(number, workers)]
    for event in arrive(number, workers):
        last = planner.handle(event, now)
    return deeds(last)


def fail_to_load(planner: Planner, number: int, now: float) -> list[Action]:
    """Let generation `number` fail after its settings were read; what the end of its template brings."""
    planner.handle(SettingsRead(2, 1), now)
    planner.handle(TemplateStarted(number, 100 * number), now)
    planner.handle(TemplateFailed(number, "Traceback ...\nNameError: name 'x' is not defined"), now)
    return deeds(planner.handle(ChildEnded(100 * number, NO_APP), now))


# ---- the first start -------------------------------------------------------------------------------------------------


def test_first_start() -> None:
    """One template loads the app, then it forks every worker, and the server serves when the last one is ready."""
    play(
        Planner(MERCY),
        (0, Start(2, 1), StartTemplate(1, 2)),
        (0, TemplateStarted(1, 100)),
        (1, TemplateLoaded(1), ForkWorker(1, 1), ForkWorker(1, 2)),
        (1, WorkerForked(1, 1, 101)),
        (1, WorkerForked(1, 2, 102)),
        (1, WorkerReady(1, 2, 102)),
        (1, WorkerReady(1, 1, 101), Serving(1)),
        (2, Tick()),
    )


def test_first_start_without_an_app() -> None:
    """An app that cannot be loaded ends the server with the status of its template: 22."""
    play(
        Planner(MERCY),
        (0, Start(2, 1), StartTemplate(1, 2)),
        (0, TemplateStarted(1, 100)),
        (1, TemplateFailed(1, "no module named server")),
        (1, ChildEnded(100, NO_APP), Forget(1), Leave(22)),
    )


@pytest.mark.parametrize(("end", "status"), [(CRASHED, 1), (Exit(0, 9), 1), (LEFT, 1), (Exit(3, 0), 3)])
def test_first_start_with_a_template_that_dies(end: Exit, status: int) -> None:
    """A template that ends without a word ends the server with its own status, never with success, and is named."""
    planner = Planner(MERCY)
    play(planner, (0, Start(1, 1), StartTemplate(1, 1)), (0, TemplateStarted(1, 100)))
    actions = planner.handle(ChildEnded(100, end), 1.0)
    assert deeds(actions) == [Forget(1), Leave(status)]
    assert said(actions) == [f"the process that imports the app (pid: 100) {end}"]


def test_first_start_without_a_process() -> None:
    """A template that the system gave no process for ends the server; the pid that stands for it is never signalled."""
    play(
        Planner(MERCY),
        (0, Start(2, 1), StartTemplate(1, 2)),
        (0, TemplateStarted(1, -1)),
        (0, TemplateFailed(1, "the system gives no further process")),
        (0, ChildEnded(-1, Exit(1, 0)), Forget(1), Leave(1)),
    )


def test_first_start_with_a_worker_that_dies() -> None:
    """A worker that dies before all are ready ends the server with 1; only the living are told to end."""
    play(
        Planner(MERCY),
        (0, Start(2, 1), StartTemplate(1, 2)),
        (0, TemplateStarted(1, 100)),
        (1, TemplateLoaded(1), ForkWorker(1, 1), ForkWorker(1, 2)),
        (1, WorkerForked(1, 1, 101)),
        (1, WorkerForked(1, 2, 102)),
        (1, WorkerReady(1, 1, 101)),
        (2, ChildEnded(102, CRASHED), WorkerGone(1, 2), DismissTemplate(1), Kill(101, INT)),
        (2, ChildEnded(101, Exit(30, 0)), WorkerGone(1, 1)),
        (2, ChildEnded(100, LEFT), Forget(1), Leave(1)),
    )


def test_a_worker_may_be_ready_before_it_is_announced() -> None:
    """Two processes announce a worker, itself and the one that forked it; either may be first."""
    planner = Planner(MERCY)
    for event in (Start(1, 1), TemplateStarted(1, 100), TemplateLoaded(1)):
        planner.handle(event, 0.0)
    actions = planner.handle(WorkerReady(1, 1, 101), 0.0) + planner.handle(WorkerForked(1, 1, 101), 0.0)
    assert deeds(actions) == [Serving(1)]


# ---- workers that die ------------------------------------------------------------------------------------------------


def test_a_dead_worker_is_replaced_at_once() -> None:
    """A worker that had served for a while is forked again in the same breath; the others are left alone."""
    play(
        serving(),
        (100, ChildEnded(101, CRASHED), WorkerGone(1, 1), ForkWorker(1, 1)),
        (100, WorkerForked(1, 1, 111)),
        (100, WorkerReady(1, 1, 111)),
        (101, Tick()),
    )


def test_a_worker_that_keeps_dying_waits_longer_each_time() -> None:
    """Replacements of a worker that dies young wait 0, 0.5, 1, 2, ... 30 seconds; one healthy life ends that."""
    planner = serving(workers=1)
    now, pid = 100.0, 101
    for wait in (0.0, 0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0):
        actions = deeds(planner.handle(ChildEnded(pid, CRASHED), now))
        if wait:
            assert actions == [WorkerGone(1, 1)]
            assert planner.next_time() == now + wait
            assert planner.handle(Tick(), now + wait - 0.001) == []
            now += wait
            assert planner.handle(Tick(), now) == [ForkWorker(1, 1)]
        else:
            assert actions == [WorkerGone(1, 1), ForkWorker(1, 1)]
        pid += 1
        planner.handle(WorkerForked(1, 1, pid), now)
        planner.handle(WorkerReady(1, 1, pid), now)
    play(planner, (now + 5.0, ChildEnded(pid, CRASHED), WorkerGone(1, 1), ForkWorker(1, 1)))


def test_a_worker_is_as_old_as_its_process() -> None:
    """The time that a fork takes does not make a worker older: one that dies right after a slow one dies young."""
    planner = serving(workers=1)
    planner.handle(ChildEnded(101, CRASHED), 0.9)
    planner.handle(WorkerForked(1, 1, 111), 31.0)
    play(planner, (31.5, ChildEnded(111, CRASHED), WorkerGone(1, 1)), (32, Tick(), ForkWorker(1, 1)))


def test_a_worker_that_ends_before_its_announcement() -> None:
    """The end of a worker that was not announced yet is kept and counts when the announcement comes."""
    play(
        serving(),
        (100, ChildEnded(101, CRASHED), WorkerGone(1, 1), ForkWorker(1, 1)),
        (100, ChildEnded(111, CRASHED)),
        (100, WorkerForked(1, 1, 111), WorkerGone(1, 1), ForkWorker(1, 1)),
        (100, WorkerForked(1, 1, 112)),
        (100, WorkerReady(1, 1, 112)),
    )


def test_a_worker_that_ends_before_its_announcement_while_stopping() -> None:
    """The same holds for a worker that the stop has caught on its way."""
    play(
        serving(workers=1),
        (100, ChildEnded(101, CRASHED), WorkerGone(1, 1), ForkWorker(1, 1)),
        (100, Asked(Command.STOP), DismissTemplate(1)),
        (100, ChildEnded(111, CRASHED)),
        (100, WorkerForked(1, 1, 111), Kill(111, INT), WorkerGone(1, 1)),
        (100, ChildEnded(100, LEFT), Forget(1), Leave(0)),
    )


def test_a_fork_that_fails_is_tried_again() -> None:
    """Without a process for a worker the fork is tried again, at once and then with growing waits."""
    play(
        serving(),
        (100, ChildEnded(101, CRASHED), WorkerGone(1, 1), ForkWorker(1, 1)),
        (100, WorkerNotForked(1, 1, "resource temporarily unavailable"), ForkWorker(1, 1)),
        (100, WorkerNotForked(1, 1, "resource temporarily unavailable")),
        (100.4, Tick()),
        (100.5, Tick(), ForkWorker(1, 1)),
        (100.5, WorkerNotForked(1, 1, "resource temporarily unavailable")),
        (101.4, Tick()),
        (101.5, Tick(), ForkWorker(1, 1)),
        (101.5, WorkerForked(1, 1, 111)),
    )


def test_a_worker_that_nobody_announced_is_ended() -> None:
    """Template and forker are both gone: the worker that comes to light is not in any slot, and its place is taken."""
    planner = serving(workers=1)
    planner.handle(ChildEnded(101, CRASHED), 100.0)
    planner.handle(ChildEnded(100, Exit(0, 9)), 100.0)
    play(planner, (100, WorkerReady(1, 1, 111), Kill(111, KILL)))


def test_strangers_are_nobody() -> None:
    """The end of a process that the server does not know, and words about a generation that is gone, change nothing."""
    play(
        serving(),
        (1, ChildEnded(4711, CRASHED)),
        (1, TemplateLoaded(7)),
        (1, WorkerReady(7, 1, 701)),
        (1, WorkerReady(1, 1, 999)),
        (1, WorkerNotForked(7, 1, "no")),
    )


def test_a_worker_of_a_generation_that_is_gone_is_ended() -> None:
    """A process that nobody waits for any more is ended."""
    play(serving(), (1, WorkerForked(7, 1, 701), Kill(701, KILL)))


def test_an_end_counts_once() -> None:
    """The kernel gives a pid again: the end of an orphan long ago says nothing of a worker that has its pid today."""
    play(
        serving(workers=1),
        (100, ChildEnded(101, CRASHED), WorkerGone(1, 1), ForkWorker(1, 1)),
        (100, ChildEnded(555, LEFT)),
        (100, WorkerForked(1, 1, 111)),
        (100, WorkerReady(1, 1, 111)),
        (900, ChildEnded(111, CRASHED), WorkerGone(1, 1), ForkWorker(1, 1)),
        (900, WorkerForked(1, 1, 555)),
    )


# ---- reload ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("command", "number"), [(Command.RELOAD, HUP), (Command.BRUTAL_RELOAD, INT)])
def test_reload_proves_then_swaps(command: Command, number: signal.Signals) -> None:
    """The old workers are told to end (r by HUP, R by INT) only once every worker of the new generation is ready."""
    play(
        serving(),
        (1, Asked(command), ReadSettings()),
        (1, SettingsRead(3, 1), StartTemplate(2, 3)),
        (1, TemplateStarted(2, 200)),
        (5, TemplateLoaded(2), ForkWorker(2, 1), ForkWorker(2, 2), ForkWorker(2, 3)),
        (5, WorkerForked(2, 1, 201)),
        (5, WorkerForked(2, 2, 202)),
        (5, WorkerForked(2, 3, 203)),
        (5, WorkerReady(2, 3, 203)),
        (5, WorkerReady(2, 1, 201)),
        (6, Tick()),
        (
            *(6, WorkerReady(2, 2, 202)),
            *(Serving(2), ReloadEnded(""), DismissTemplate(1), Kill(101, number), Kill(102, number)),
        ),
        (7, ChildEnded(101, RELOADED), WorkerGone(1, 1)),
        (7, ChildEnded(100, LEFT)),
        (8, ChildEnded(102, RELOADED), WorkerGone(1, 2), Forget(1)),
        (9, ChildEnded(202, CRASHED), WorkerGone(2, 2), ForkWorker(2, 2)),
    )


def test_only_one_reload_is_brutal() -> None:
    """A reload after a brutal one is graceful again, also one that begins by itself because a template died."""
    planner = serving()
    planner.handle(Asked(Command.BRUTAL_RELOAD), 1.0)
    assert Kill(101, INT) in prove(planner, 2, 1.0)
    planner.handle(ChildEnded(200, CRASHED), 2.0)
    assert Kill(201, HUP) in prove(planner, 3, 2.0)
    planner.handle(Asked(Command.RELOAD), 3.0)
    assert Kill(301, HUP) in prove(planner, 4, 3.0)


def test_a_brutal_reload_that_fails_is_forgotten() -> None:
    """A brutal reload that fails does not make the next one brutal."""
    planner = serving()
    planner.handle(Asked(Command.BRUTAL_RELOAD), 1.0)
    fail_to_load(planner, 2, 1.0)
    planner.handle(Asked(Command.BRUTAL_RELOAD), 2.0)
    planner.handle(SettingsRefused("no"), 2.0)
    planner.handle(Asked(Command.RELOAD), 3.0)
    assert Kill(101, HUP) in prove(planner, 3, 3.0)


def test_reload_with_a_broken_app_keeps_the_old_one() -> None:
    """When the new app cannot be loaded, the workers of before stay; the last line of the reason is told."""
    planner = serving()
    play(
        planner,
        (1, Asked(Command.RELOAD), ReadSettings()),
        (1, SettingsRead(2, 1), StartTemplate(2, 2)),
        (1, TemplateStarted(2, 200)),
        (2, TemplateFailed(2, "Traceback ...\n  File server.py\nSyntaxError: invalid syntax\n")),
        (2, ChildEnded(200, NO_APP), ReloadEnded("SyntaxError: invalid syntax"), Forget(2)),
        (3, ChildEnded(101, CRASHED), WorkerGone(1, 1), ForkWorker(1, 1)),
    )
    assert planner.stopping is None


def test_reload_whose_template_dies_keeps_the_old_one() -> None:
    """The same when the new template dies without a word, even with some of its workers ready: they are ended."""
    play(
        serving(),
        (1, Asked(Command.RELOAD), ReadSettings()),
        (1, SettingsRead(3, 1), StartTemplate(2, 3)),
        (1, TemplateStarted(2, 200)),
        (1, TemplateLoaded(2), ForkWorker(2, 1), ForkWorker(2, 2), ForkWorker(2, 3)),
        (1, WorkerForked(2, 1, 201)),
        (1, WorkerReady(2, 1, 201)),
        (1, WorkerForked(2, 2, 202)),
        (
            *(2, ChildEnded(200, CRASHED)),
            ReloadEnded("the process that imports the app (pid: 200) killed by signal 11 (SIGSEGV)"),
            *(DismissTemplate(2), Kill(201, INT), Kill(202, INT)),
        ),
        (3, ChildEnded(201, Exit(30, 0)), WorkerGone(2, 1)),
        (62, Tick(), Kill(202, KILL)),
        (62, ChildEnded(202, Exit(0, 9)), WorkerGone(2, 2), Forget(2)),
        (63, ChildEnded(102, CRASHED), WorkerGone(1, 2), ForkWorker(1, 2)),
    )


def test_reload_whose_worker_dies_keeps_the_old_one() -> None:
    """The same when a new worker dies before all are ready."""
    play(
        serving(workers=1),
        (1, Asked(Command.RELOAD), ReadSettings()),
        (1, SettingsRead(1, 1), StartTemplate(2, 1)),
        (1, TemplateStarted(2, 200)),
        (1, TemplateLoaded(2), ForkWorker(2, 1)),
        (1, WorkerForked(2, 1, 201)),
        (
            *(2, ChildEnded(201, Exit(1, 0)), WorkerGone(2, 1)),
            *(ReloadEnded("worker 1 exited with status 1 before it was ready"), DismissTemplate(2)),
        ),
        (2, ChildEnded(200, LEFT), Forget(2)),
    )


def test_reload_with_settings_that_are_refused_keeps_the_old_ones() -> None:
    """Settings that cannot be used end the reload before anything is started."""
    play(
        serving(),
        (1, Asked(Command.RELOAD), ReadSettings()),
        (1, SettingsRefused("app.ini:3: processes = four"), ReloadEnded("app.ini:3: processes = four")),
        (2, Asked(Command.RELOAD), ReadSettings()),
    )


def test_reloads_asked_for_meanwhile_become_one() -> None:
    """Three reloads asked for while one is proving are exactly one more, begun when the first is over."""
    planner = serving()
    play(
        planner,
        (1, Asked(Command.RELOAD), ReadSettings()),
        (1, SettingsRead(1, 1), StartTemplate(2, 1)),
        (1, TemplateStarted(2, 200)),
        (2, Asked(Command.RELOAD)),
        (2, TemplateLoaded(2), ForkWorker(2, 1)),
        (2, Asked(Command.RELOAD)),
        (3, WorkerForked(2, 1, 201)),
        (3, Asked(Command.RELOAD)),
        (
            *(4, WorkerReady(2, 1, 201), Serving(2), ReloadEnded("")),
            *(DismissTemplate(1), Kill(101, HUP), Kill(102, HUP), ReadSettings()),
        ),
    )
    assert prove(planner, 3, 5.0)[:2] == [Serving(3), ReloadEnded("")]
    play(planner, (6, Tick()))


def test_reload_asked_for_meanwhile_survives_a_failure() -> None:
    """A reload asked for while another one is failing is tried: the code may be mended by now."""
    planner = serving()
    planner.handle(Asked(Command.RELOAD), 1.0)
    planner.handle(SettingsRead(2, 1), 1.0)
    planner.handle(TemplateStarted(2, 200), 1.0)
    play(
        planner,
        (2, Asked(Command.RELOAD)),
        (3, TemplateFailed(2, "no")),
        (3, ChildEnded(200, NO_APP), ReloadEnded("no"), Forget(2), ReadSettings()),
    )


def test_reload_asked_for_at_the_first_start() -> None:
    """A reload asked for before the first generation serves follows it."""
    planner = Planner(MERCY)
    planner.handle(Start(1, 1), 0.0)
    assert planner.handle(Asked(Command.RELOAD), 0.0) == []
    for event in arrive(1, 1):
        last = planner.handle(event, 0.0)
    assert last == [Serving(1), ReadSettings()]


# ---- workers that are replaced ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("command", "number"), [(Command.RELOAD_WORKERS, HUP), (Command.KILL_WORKERS, INT)])
def test_replace_all_workers(command: Command, number: signal.Signals) -> None:
    """w tells every ready worker to finish, W to end; each comes back from the same template as soon as it is gone."""
    play(
        serving(),
        (10, Asked(command), Kill(101, number), Kill(102, number)),
        (11, ChildEnded(102, RELOADED), WorkerGone(1, 2), ForkWorker(1, 2)),
        (11, WorkerForked(1, 2, 112)),
        (11, WorkerReady(1, 2, 112)),
        (70, Tick(), Kill(101, KILL)),
        (70, ChildEnded(101, Exit(0, 9)), WorkerGone(1, 1), ForkWorker(1, 1)),
    )


def test_a_worker_that_was_told_to_end_has_not_failed() -> None:
    """A replaced worker comes back at once, however often it had died young before."""
    planner = serving(workers=1)
    for now, pid in ((1.0, 101), (2.0, 102), (4.0, 103)):
        planner.handle(ChildEnded(pid, CRASHED), now)
        planner.handle(Tick(), now + 1.0)
        planner.handle(WorkerForked(1, 1, pid + 1), now + 1.0)
    planner.handle(WorkerReady(1, 1, 104), 5.0)
    play(
        planner,
        (5, Asked(Command.RELOAD_WORKERS), Kill(104, HUP)),
        (5, ChildEnded(104, RELOADED), WorkerGone(1, 1), ForkWorker(1, 1)),
    )


def test_chain_reload_is_one_worker_at_a_time() -> None:
    """c replaces the next worker only when the one before is ready again."""
    play(
        serving(workers=3),
        (1, Asked(Command.CHAIN_RELOAD), Kill(101, HUP)),
        (2, Tick()),
        (2, Asked(Command.CHAIN_RELOAD)),
        (3, ChildEnded(101, RELOADED), WorkerGone(1, 1), ForkWorker(1, 1)),
        (3, WorkerForked(1, 1, 111)),
        (4, WorkerReady(1, 1, 111), Kill(102, HUP)),
        (5, ChildEnded(102, RELOADED), WorkerGone(1, 2), ForkWorker(1, 2)),
        (5, WorkerForked(1, 2, 112)),
        (6, WorkerReady(1, 2, 112), Kill(103, HUP)),
        (7, ChildEnded(103, RELOADED), WorkerGone(1, 3), ForkWorker(1, 3)),
        (7, WorkerForked(1, 3, 113)),
        (8, WorkerReady(1, 3, 113)),
        (9, Tick()),
    )


def test_a_reload_ends_a_chain_reload() -> None:
    """Once a new generation is in front, a chain reload of the old one has nothing left to do."""
    planner = serving()
    planner.handle(Asked(Command.CHAIN_RELOAD), 1.0)
    planner.handle(Asked(Command.RELOAD), 2.0)
    assert prove(planner, 2, 2.0) == [
        *(Serving(2), ReloadEnded(""), DismissTemplate(1), Kill(101, HUP), Kill(102, HUP)),
    ]
    play(planner, (3, Tick()), (4, Asked(Command.CHAIN_RELOAD), Kill(201, HUP)))


def test_pause() -> None:
    """p pauses, the next p resumes."""
    play(serving(), (1, Asked(Command.PAUSE), SetPaused(True)), (2, Asked(Command.PAUSE), SetPaused(False)))


@pytest.mark.parametrize("command", [Command.STATS, Command.REOPEN_LOG, Command.ROTATE_LOG, Command.PIDFILE])
def test_commands_that_concern_no_process(command: Command) -> None:
    """What concerns log, statistics and pidfile is passed on, also while the server comes up or stops."""
    planner = Planner(MERCY)
    planner.handle(Start(1, 1), 0.0)
    play(planner, (0, Asked(command), Perform(command)))
    planner.handle(Asked(Command.STOP), 0.0)
    planner = serving()
    planner.handle(Asked(Command.STOP), 1.0)
    play(planner, (1, Asked(command), Perform(command)))


# ---- the template in front -------------------------------------------------------------------------------------------


def test_a_dead_template_is_replaced_by_a_generation() -> None:
    """Without a template no worker can be forked: the app is loaded anew, and the workers go on until it is."""
    planner = serving()
    play(planner, (100, ChildEnded(100, CRASHED), ReadSettings()))
    assert prove(planner, 2, 100.0) == [
        *(Serving(2), ReloadEnded(""), DismissTemplate(1), Kill(101, HUP), Kill(102, HUP)),
    ]
    play(
        planner,
        (101, ChildEnded(101, RELOADED), WorkerGone(1, 1)),
        (101, ChildEnded(102, RELOADED), WorkerGone(1, 2), Forget(1)),
    )


def test_a_dead_template_whose_successor_fails_is_tried_again() -> None:
    """As long as the app cannot be loaded, it is tried again after 0.5, 1, 2, ... seconds; success ends that."""
    planner = serving()
    now, number = 100.0, 2
    play(planner, (now, ChildEnded(100, CRASHED), ReadSettings()))
    for wait in (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0):
        assert fail_to_load(planner, number, now) == [
            *(ReloadEnded("NameError: name 'x' is not defined"), Forget(number)),
        ]
        assert planner.next_time() == now + wait
        play(planner, (now + wait - 0.001, Tick()), (now + wait, Tick(), ReadSettings()))
        now, number = now + wait, number + 1
    assert prove(planner, number, now)[0] == Serving(number)
    play(planner, (now, ChildEnded(100 * number, CRASHED), ReadSettings()))
    fail_to_load(planner, number + 1, now)
    assert planner.next_time() == now + 0.5


def test_a_template_that_dies_while_its_successor_is_proven() -> None:
    """A template that dies during a reload needs no second one; if that reload fails, another one follows."""
    planner = serving()
    planner.handle(Asked(Command.RELOAD), 1.0)
    planner.handle(SettingsRead(2, 1), 1.0)
    planner.handle(TemplateStarted(2, 200), 1.0)
    play(
        planner,
        (2, ChildEnded(100, CRASHED)),
        (3, ChildEnded(101, CRASHED), WorkerGone(1, 1)),
        (3, TemplateFailed(2, "no")),
        (3, ChildEnded(200, NO_APP), ReloadEnded("no"), Forget(2)),
        (3.5, Tick(), ReadSettings()),
    )
    assert prove(planner, 3, 4.0) == [Serving(3), ReloadEnded(""), DismissTemplate(1), Kill(102, HUP)]


def test_workers_asked_of_a_dead_template_are_asked_of_nobody() -> None:
    """A worker that the dead template was to fork waits for the next generation and goes with its own."""
    planner = serving()
    play(
        planner,
        (100, ChildEnded(101, CRASHED), WorkerGone(1, 1), ForkWorker(1, 1)),
        (100, ChildEnded(100, CRASHED), ReadSettings()),
    )
    assert planner.generations[1].workers[1].phase is WorkerPhase.DUE
    assert prove(planner, 2, 101.0) == [Serving(2), ReloadEnded(""), DismissTemplate(1), Kill(102, HUP)]
    play(planner, (102, ChildEnded(102, RELOADED), WorkerGone(1, 2), Forget(1)))


def test_a_dead_template_is_replaced_once_the_settings_are_good() -> None:
    """Settings that are refused while there is no template are read again later."""
    planner = serving()
    play(
        planner,
        (100, ChildEnded(100, CRASHED), ReadSettings()),
        (100, SettingsRefused("app.ini:3: no"), ReloadEnded("app.ini:3: no")),
    )
    assert planner.next_time() == 100.5


def test_a_reload_takes_the_place_of_a_retry() -> None:
    """A reload that is asked for when a retry is due begins one generation, not two."""
    planner = serving()
    planner.handle(ChildEnded(100, CRASHED), 100.0)
    fail_to_load(planner, 2, 100.0)
    play(planner, (101, Asked(Command.RELOAD), ReadSettings()))


@pytest.mark.parametrize(
    "words",
    [[WorkerNotForked(1, 1, "no")], [WorkerForked(1, 1, 111), WorkerReady(1, 1, 111), ChildEnded(111, CRASHED)]],
)
def test_an_answer_after_the_end_of_the_template(words: list[Event]) -> None:
    """Workers are forked by a process of their own, which may outlive a killed template and still answer."""
    planner = serving()
    planner.handle(ChildEnded(101, CRASHED), 100.0)
    planner.handle(ChildEnded(100, Exit(0, 9)), 100.0)
    for word in words:
        planner.handle(word, 100.0)
    assert planner.generations[1].workers[1].phase is WorkerPhase.DUE


# ---- stop ------------------------------------------------------------------------------------------------------------


def test_graceful_stop() -> None:
    """q lets every worker finish (HUP); who does not within the mercy time is killed; then the server leaves with 0."""
    planner = serving()
    play(
        planner,
        (100, Asked(Command.STOP), DismissTemplate(1), Kill(101, HUP), Kill(102, HUP)),
        (100, ChildEnded(100, LEFT)),
        (101, ChildEnded(101, RELOADED), WorkerGone(1, 1)),
        (159.9, Tick()),
    )
    assert planner.next_time() == 160.0
    play(
        planner,
        (160, Tick(), Kill(102, KILL)),
        (161, Tick()),
        (161, ChildEnded(102, Exit(0, 9)), WorkerGone(1, 2), Forget(1), Leave(0)),
    )
    assert planner.next_time() is None


def test_brutal_stop() -> None:
    """Q ends every worker at once (INT)."""
    play(
        serving(),
        (1, Asked(Command.KILL), DismissTemplate(1), Kill(101, INT), Kill(102, INT)),
        (1, ChildEnded(101, Exit(30, 0)), WorkerGone(1, 1)),
        (1, ChildEnded(102, Exit(30, 0)), WorkerGone(1, 2)),
        (1, ChildEnded(100, LEFT), Forget(1), Leave(0)),
    )


def test_a_brutal_stop_after_a_graceful_one() -> None:
    """Q after q ends the workers that still finish; the mercy time counts from the first word."""
    planner = serving()
    play(
        planner,
        (1, Asked(Command.STOP), DismissTemplate(1), Kill(101, HUP), Kill(102, HUP)),
        (5, ChildEnded(100, LEFT)),
        (5, ChildEnded(101, RELOADED), WorkerGone(1, 1)),
        (9, Asked(Command.KILL), Kill(102, INT)),
        (10, Asked(Command.STOP), Kill(102, HUP)),
        (61, Tick(), Kill(102, KILL)),
    )
    assert planner.stopping is Command.KILL


def test_a_stop_kills_a_template_that_imports() -> None:
    """User code that is importing may never listen: its process is killed, and the server leaves with 0."""
    planner = Planner(MERCY)
    planner.handle(Start(2, 1), 0.0)
    planner.handle(TemplateStarted(1, 100), 0.0)
    play(
        planner,
        (1, Asked(Command.STOP), Kill(100, KILL)),
        (1, TemplateLoaded(1)),
        (1, ChildEnded(100, Exit(0, 9)), Forget(1), Leave(0)),
    )


def test_a_stop_during_a_reload_ends_both_generations() -> None:
    """The generation in front finishes; the new one, which serves nobody, is ended at once."""
    planner = serving()
    planner.handle(Asked(Command.RELOAD), 1.0)
    planner.handle(SettingsRead(2, 1), 1.0)
    for event in (TemplateStarted(2, 200), TemplateLoaded(2), WorkerForked(2, 1, 201)):
        planner.handle(event, 1.0)
    play(
        planner,
        (
            *(2, Asked(Command.STOP), DismissTemplate(1), Kill(101, HUP), Kill(102, HUP)),
            *(DismissTemplate(2), Kill(201, INT)),
        ),
        (2, WorkerForked(2, 2, 202), Kill(202, INT)),
        (3, WorkerReady(2, 1, 201)),
        (3, ChildEnded(201, Exit(30, 0)), WorkerGone(2, 1)),
        (3, ChildEnded(202, Exit(30, 0)), WorkerGone(2, 2)),
        (3, ChildEnded(200, LEFT), Forget(2)),
        (3, ChildEnded(100, LEFT)),
        (3, ChildEnded(101, RELOADED), WorkerGone(1, 1)),
        (3, ChildEnded(102, RELOADED), WorkerGone(1, 2), Forget(1), Leave(0)),
    )


def test_a_stop_drops_workers_that_wait_for_their_time() -> None:
    """A worker whose back-off is running has no process to wait for."""
    planner = serving(workers=1)
    play(
        planner,
        (0.5, ChildEnded(101, CRASHED), WorkerGone(1, 1), ForkWorker(1, 1)),
        (0.5, WorkerForked(1, 1, 111)),
        (0.9, ChildEnded(111, CRASHED), WorkerGone(1, 1)),
        (1, Asked(Command.STOP), DismissTemplate(1)),
        (3, Tick()),
        (3, ChildEnded(100, LEFT), Forget(1), Leave(0)),
    )


def test_a_stop_waits_for_a_worker_on_its_way() -> None:
    """A worker that the template was asked for before the stop is ended as soon as it is announced."""
    play(
        serving(workers=1),
        (100, ChildEnded(101, CRASHED), WorkerGone(1, 1), ForkWorker(1, 1)),
        (100, Asked(Command.STOP), DismissTemplate(1)),
        (101, WorkerForked(1, 1, 111), Kill(111, INT)),
        (101, ChildEnded(100, LEFT)),
        (101, ChildEnded(111, Exit(30, 0)), WorkerGone(1, 1), Forget(1), Leave(0)),
    )


def test_a_stop_does_not_wait_for_a_fork_that_fails() -> None:
    """A worker that the system gave no process for while stopping is not asked for again."""
    play(
        serving(workers=1),
        (100, ChildEnded(101, CRASHED), WorkerGone(1, 1), ForkWorker(1, 1)),
        (100, Asked(Command.STOP), DismissTemplate(1)),
        (101, WorkerNotForked(1, 1, "no")),
        (102, Tick()),
        (102, ChildEnded(100, LEFT), Forget(1), Leave(0)),
    )


@pytest.mark.parametrize(
    "command",
    [Command.RELOAD, Command.BRUTAL_RELOAD, Command.CHAIN_RELOAD, Command.RELOAD_WORKERS, Command.KILL_WORKERS],
)
def test_a_stop_ends_all_other_work(command: Command) -> None:
    """While the server stops, nothing is reloaded and nothing replaced; what was asked before is forgotten."""
    planner = serving()
    planner.handle(Asked(command), 1.0)
    planner.handle(Asked(Command.STOP), 1.0)
    play(
        planner,
        (2, Asked(command)),
        (3, ChildEnded(101, RELOADED), WorkerGone(1, 1)),
        (3, ChildEnded(102, CRASHED), WorkerGone(1, 2)),
        (4, Tick()),
        (4, ChildEnded(100, LEFT), Forget(1), Leave(0)),
    )


def test_a_stop_with_nothing_left() -> None:
    """The end is told with the same status to whatever the loop still feeds in its last round."""
    planner = serving(workers=1)
    for event in (Asked(Command.KILL), ChildEnded(101, Exit(30, 0))):
        assert Leave(0) not in planner.handle(event, 1.0)
    play(
        planner,
        (1, ChildEnded(100, LEFT), Forget(1), Leave(0)),
        (1, Tick(), Leave(0)),
        (2, ChildEnded(9, LEFT), Leave(0)),
    )


def test_a_failed_reload_does_not_spoil_the_exit_status() -> None:
    """A server whose reload failed and that is stopped later has done its work: 0."""
    planner = serving(workers=1)
    planner.handle(Asked(Command.RELOAD), 1.0)
    fail_to_load(planner, 2, 1.0)
    planner.handle(Asked(Command.KILL), 2.0)
    planner.handle(ChildEnded(101, Exit(30, 0)), 2.0)
    play(planner, (2, ChildEnded(100, LEFT), Forget(1), Leave(0)))


def test_a_reload_whose_worker_dies_does_not_spoil_the_exit_status() -> None:
    """The same when a new worker died before it was ready."""
    planner = serving(workers=1)
    planner.handle(Asked(Command.RELOAD), 1.0)
    planner.handle(SettingsRead(1, 1), 1.0)
    for event in (TemplateStarted(2, 200), TemplateLoaded(2), WorkerForked(2, 1, 201), ChildEnded(201, CRASHED)):
        planner.handle(event, 1.0)
    planner.handle(ChildEnded(200, LEFT), 1.0)
    planner.handle(Asked(Command.KILL), 2.0)
    planner.handle(ChildEnded(101, Exit(30, 0)), 2.0)
    play(planner, (2, ChildEnded(100, LEFT), Forget(1), Leave(0)))


def test_a_stop_forgets_a_retry() -> None:
    """A retry that was still to come does not keep the master awake while its workers finish."""
    planner = serving()
    planner.handle(ChildEnded(100, CRASHED), 100.0)
    fail_to_load(planner, 2, 100.0)
    planner.handle(Asked(Command.STOP), 100.1)
    planner.handle(Tick(), 101.0)
    assert planner.next_time() == 160.1


def test_a_template_that_does_not_answer_is_killed() -> None:
    """A template that is stuck when the server stops is killed with the mercy time over."""
    planner = serving(workers=1)
    planner.handle(ChildEnded(101, CRASHED), 100.0)
    planner.handle(Asked(Command.STOP), 100.0)
    play(planner, (160, Tick(), Kill(100, KILL)), (160, ChildEnded(100, Exit(0, 9)), Forget(1), Leave(0)))


# ---- lines for the log -----------------------------------------------------------------------------------------------


def test_lines_of_a_start() -> None:
    """The lines that other programs match at the start keep uWSGI's form."""
    planner = Planner(MERCY)
    planner.handle(Start(1, 3), 0.0)
    planner.handle(TemplateStarted(1, 100), 0.0)
    planner.handle(TemplateLoaded(1), 0.0)
    assert said(planner.handle(WorkerForked(1, 1, 101), 0.0)) == ["spawned uWSGI worker 1 (pid: 101, cores: 3)"]


@pytest.mark.parametrize(
    ("now", "event", "line"),
    [
        (9.0, ChildEnded(101, CRASHED), "DAMN ! worker 1 (pid: 101) died, killed by signal 11 :( trying respawn ..."),
        (9.0, ChildEnded(101, Exit(1, 0)), "worker 1 (pid: 101) exited with status 1; trying respawn ..."),
        (9.0, Asked(Command.STOP), "graceful shutdown triggered..."),
        (9.0, Asked(Command.KILL), "SIGINT/SIGTERM received...killing workers..."),
        (9.0, Asked(Command.RELOAD), "...gracefully killing workers..."),
        (9.0, Asked(Command.BRUTAL_RELOAD), "...brutally killing workers..."),
        (9.0, Asked(Command.CHAIN_RELOAD), "chain reload starting..."),
        (9.0, Asked(Command.KILL_WORKERS), "killing worker 1 (pid: 101)"),
    ],
)
def test_lines_of_uwsgi(now: float, event: Event, line: str) -> None:
    """Lines that uWSGI's users look for read as uWSGI writes them."""
    assert line in said(serving(workers=1).handle(event, now))


def test_lines_of_a_life() -> None:
    """A replaced, a respawned and a killed worker each have uWSGI's line; a second chain reload is refused with one."""
    planner = serving(workers=1)
    planner.handle(Asked(Command.CHAIN_RELOAD), 1.0)
    assert said(planner.handle(ChildEnded(101, RELOADED), 1.0)) == ["worker 1 killed successfully (pid: 101)"]
    assert said(planner.handle(WorkerForked(1, 1, 111), 1.0)) == ["Respawned uWSGI worker 1 (new pid: 111)"]
    planner.handle(WorkerReady(1, 1, 111), 1.0)
    planner.handle(Asked(Command.RELOAD_WORKERS), 2.0)
    assert said(planner.handle(Tick(), 62.0)) == ["worker 1 (pid: 111) is taking too much time to die...NO MERCY !!!"]


def test_lines_of_a_chain_reload() -> None:
    """A chain reload says that it runs already, and when it is complete."""
    planner = serving(workers=2)
    planner.handle(Asked(Command.CHAIN_RELOAD), 1.0)
    assert said(planner.handle(Asked(Command.CHAIN_RELOAD), 1.0)) == ["chain reload already running..."]
    planner.handle(ChildEnded(101, RELOADED), 1.0)
    planner.handle(WorkerForked(1, 1, 111), 1.0)
    assert said(planner.handle(WorkerReady(1, 1, 111), 1.0)) == ["chain reloading complete"]


def test_lines_of_a_failed_reload() -> None:
    """A failed reload says why, and that the old workers serve."""
    planner = serving()
    planner.handle(Asked(Command.RELOAD), 1.0)
    lines = said(planner.handle(SettingsRefused("app.ini:3: no such option"), 1.0))
    assert lines == ["reload failed: app.ini:3: no such option; the workers of before go on serving"]
