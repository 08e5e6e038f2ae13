"""The planner as a table: generations, reloads, commands, stops."""

import signal

import pytest

from harness.planning import (
    CRASHED,
    HUP,
    INT,
    KILL,
    KILLED,
    LEFT,
    NO_APP,
    RELOADED,
    TOLD,
    USR2,
    arrive,
    comes,
    deeds,
    fail_to_load,
    play,
    prove,
    reload_to,
    said,
    serving,
    wants,
)
from uncork.control.commands import Command
from uncork.master.events import (
    Action,
    Asked,
    ChildEnded,
    CommandEnded,
    DismissTemplate,
    Event,
    Forget,
    ForkWorker,
    Kill,
    Leave,
    Perform,
    ReadSettings,
    ReloadEnded,
    Serving,
    SetPaused,
    SettingsRead,
    SettingsRefused,
    Start,
    StartTemplate,
    StopNewcomers,
    TemplateFailed,
    TemplateLoaded,
    TemplateStarted,
    Tick,
    Wanted,
    WorkerFailed,
    WorkerForked,
    WorkerGone,
    WorkerNotForked,
    WorkerReady,
    WorkerStopped,
)
from uncork.master.plan import LAST_WORDS, OLD_WORKERS, RELOAD_INTERVAL, Planner
from uncork.master.states import GenerationPhase, WorkerPhase
from uncork.supervise.exits import Exit

# ---- the first start -------------------------------------------------------------------------------------------------


def test_first_start() -> None:
    """One template loads the app, then it forks every worker, and the server serves when the last one is ready."""
    play(
        Planner(),
        (0, Start(wants()), StartTemplate(1, 4)),
        (0, TemplateStarted(1, 100)),
        (1, TemplateLoaded(1), ForkWorker(1, 1, 1), ForkWorker(1, 2, 2)),
        (1, WorkerForked(1, 1, 101)),
        (1, WorkerForked(1, 2, 102)),
        (1, WorkerReady(1, 2, 102)),
        (1, WorkerReady(1, 1, 101), Serving(1)),
        (2, Tick()),
    )


@pytest.mark.parametrize(("workers", "limit", "slots"), [(1, 1, 2), (2, 2, 4), (1, 8, 16)])
def test_slots(workers: int, limit: int, slots: int) -> None:
    """There is a second slot for each worker that there may ever be, however many there are at first."""
    planner = Planner()
    play(planner, (0, Start(wants(workers, limit=limit)), StartTemplate(1, slots)))
    assert [worker.wid for worker in planner.generations[1].workers.values()] == list(range(1, workers + 1))


def test_first_start_without_an_app() -> None:
    """An app that cannot be loaded ends the server with the status of its template: 22."""
    play(
        Planner(),
        (0, Start(wants()), StartTemplate(1, 4)),
        (0, TemplateStarted(1, 100)),
        (1, TemplateFailed(1, "no module named server")),
        (1, ChildEnded(100, NO_APP), Forget(1), Leave(22)),
    )


@pytest.mark.parametrize(("end", "status"), [(CRASHED, 1), (KILLED, 1), (LEFT, 1), (Exit(3, 0), 3)])
def test_first_start_with_a_template_that_dies(end: Exit, status: int) -> None:
    """A template that ends without a word ends the server with its own status, never with success, and is named."""
    planner = Planner()
    play(planner, (0, Start(wants(1)), StartTemplate(1, 2)), (0, TemplateStarted(1, 100)))
    actions = planner.handle(ChildEnded(100, end), 1.0)
    assert deeds(actions) == [Forget(1), Leave(status)]
    assert said(actions) == [f"the process that imports the app (pid: 100) {end}"]


def test_first_start_without_a_process() -> None:
    """A template that the system gave no process for ends the server; the pid that stands for it is never signalled.

    Nobody but the master can say why.
    """
    planner = Planner()
    play(
        planner,
        (0, Start(wants()), StartTemplate(1, 4)),
        (0, TemplateStarted(1, -1)),
        (0, TemplateFailed(1, "the system gives no further process")),
    )
    actions = planner.handle(ChildEnded(-1, Exit(1, 0)), 0)
    assert deeds(actions) == [Forget(1), Leave(1)]
    assert said(actions) == ["the system gives no further process"]


@pytest.mark.parametrize(("end", "status"), [(CRASHED, 1), (NO_APP, 22), (Exit(3, 0), 3), (LEFT, 1)])
def test_first_start_with_a_worker_that_dies(end: Exit, status: int) -> None:
    """A worker that dies before all are ready ends the server with its status; only the living are told to end."""
    play(
        Planner(),
        (0, Start(wants()), StartTemplate(1, 4)),
        (0, TemplateStarted(1, 100)),
        (1, TemplateLoaded(1), ForkWorker(1, 1, 1), ForkWorker(1, 2, 2)),
        (1, WorkerForked(1, 1, 101)),
        (1, WorkerForked(1, 2, 102)),
        (1, WorkerReady(1, 1, 101)),
        (2, ChildEnded(102, end), WorkerGone(1, 2, 2), DismissTemplate(1), Kill(101, INT)),
        (2, ChildEnded(101, TOLD), WorkerGone(1, 1, 1)),
        (2, ChildEnded(100, LEFT), Forget(1), Leave(status)),
    )


def test_a_worker_may_be_ready_before_it_is_announced() -> None:
    """Two processes announce a worker, itself and the one that forked it; either may be first."""
    planner = Planner()
    for event in (Start(wants(1)), TemplateStarted(1, 100), TemplateLoaded(1)):
        planner.handle(event, 0.0)
    actions = planner.handle(WorkerReady(1, 1, 101), 0.0) + planner.handle(WorkerForked(1, 1, 101), 0.0)
    assert deeds(actions) == [Serving(1)]


def test_strangers_are_nobody() -> None:
    """The end of a process that the server does not know, and words about a generation that is gone, change nothing."""
    play(
        serving(),
        (1, ChildEnded(4711, CRASHED)),
        (1, TemplateLoaded(7)),
        (1, TemplateFailed(7, "no")),
        (1, WorkerReady(7, 1, 701)),
        (1, WorkerReady(1, 1, 999)),
        (1, WorkerReady(1, 4, 999)),
        (1, WorkerNotForked(7, 1, "no")),
        (1, WorkerFailed(7, 1, 701, "no")),
    )


# ---- boot-timeout ----------------------------------------------------------------------------------------------------


def test_without_a_boot_timeout_a_start_takes_as_long_as_it_takes() -> None:
    """Nothing is planned for a template that imports for an hour."""
    planner = Planner()
    planner.handle(Start(wants()), 0.0)
    planner.handle(TemplateStarted(1, 100), 0.0)
    assert planner.next_time() is None
    play(planner, (3600, Tick()), (3600, TemplateLoaded(1), ForkWorker(1, 1, 1), ForkWorker(1, 2, 2)))
    play(planner, (3600, WorkerForked(1, 1, 101)), (3600, WorkerForked(1, 2, 102)))
    assert planner.next_time() is None


def test_an_import_that_hangs_at_the_first_start() -> None:
    """It is asked for its stack, gets a moment to write it, and is killed; the server leaves with 1."""
    planner = Planner()
    play(planner, (0, Start(wants(boot=5.0)), StartTemplate(1, 4)), (0, TemplateStarted(1, 100)))
    assert planner.next_time() == 5.0
    play(planner, (4.9, Tick()), (5, Tick(), Kill(100, USR2)))
    assert planner.next_time() == 5.0 + LAST_WORDS
    play(
        planner,
        (5.2, Tick()),
        (5.0 + LAST_WORDS, Tick(), Kill(100, KILL)),
        (6, ChildEnded(100, KILLED), Forget(1), Leave(1)),
    )


def test_an_import_that_hangs_at_a_reload() -> None:
    """The same at a reload, which fails; the generation in front serves on, and the next reload is a new one."""
    planner = serving()
    why = "the import of the app took longer than 5 seconds (boot-timeout)"
    play(
        planner,
        (10, Asked(Command.RELOAD), ReadSettings()),
        (10, SettingsRead(wants(boot=5.0)), StartTemplate(2, 4)),
        (10, TemplateStarted(2, 200)),
        (15, Tick(), Kill(200, USR2)),
        (15.0 + LAST_WORDS, Tick(), ReloadEnded(why), Kill(200, KILL)),
        (16, ChildEnded(200, KILLED), Forget(2)),
        (17, ChildEnded(101, CRASHED), WorkerGone(1, 1, 1), ForkWorker(1, 1, 1)),
    )
    play(planner, (20, Asked(Command.RELOAD), ReadSettings()))
    assert prove(planner, 3, 20.0)[0] == Serving(3)


def test_an_import_that_is_done_while_it_is_asked() -> None:
    """Who is ready in the last moment serves: asking for the stack harms nobody."""
    planner = serving()
    play(
        planner,
        (10, Asked(Command.RELOAD), ReadSettings()),
        (10, SettingsRead(wants(1, boot=5.0)), StartTemplate(2, 2)),
        (10, TemplateStarted(2, 200)),
        (15, Tick(), Kill(200, USR2)),
        (15.1, TemplateLoaded(2), ForkWorker(2, 1, 1)),
        (15.1, WorkerForked(2, 1, 201)),
        (15.2, WorkerReady(2, 1, 201), Serving(2), DismissTemplate(1), Kill(101, HUP), Kill(102, HUP)),
        (15.0 + LAST_WORDS, Tick()),
    )


@pytest.mark.parametrize("first", [True, False])
def test_workers_that_do_not_get_ready_in_time(first: bool) -> None:
    """One time holds for import and workers together; the workers are ended, and the reload or the start has failed."""
    planner = Planner() if first else serving()
    number = 1 if first else 2
    event: Event = Start(wants(boot=5.0)) if first else SettingsRead(wants(boot=5.0))
    base = 100 * number
    why = "the workers took longer than 5 seconds (boot-timeout)"
    ended: list[Action] = [] if first else [ReloadEnded(why)]
    left: list[Action] = [Leave(1)] if first else []
    play(
        planner,
        (10, event, StartTemplate(number, 4)),
        (10, TemplateStarted(number, base)),
        (14, TemplateLoaded(number), ForkWorker(number, 1, 1), ForkWorker(number, 2, 2)),
        (14, WorkerForked(number, 1, base + 1)),
        (14, WorkerForked(number, 2, base + 2)),
        (14, WorkerReady(number, 2, base + 2)),
        (14.9, Tick()),
    )
    assert deeds(planner.handle(Tick(), 15.0)) == [
        *ended,
        *(DismissTemplate(number), Kill(base + 1, INT), Kill(base + 2, INT)),
    ]
    play(
        planner,
        (16, ChildEnded(base, LEFT)),
        (16, ChildEnded(base + 2, TOLD), WorkerGone(number, 2, 2)),
        (74.9, Tick()),
        (75, Tick(), Kill(base + 1, KILL)),
    )
    last = deeds(planner.handle(ChildEnded(base + 1, KILLED), 75.0))
    assert last == [WorkerGone(number, 1, 1), Forget(number), *left]


def test_a_generation_in_front_has_no_boot_timeout() -> None:
    """Once it serves it has got ready: nothing is due any more."""
    planner = serving(boot=5.0)
    assert planner.next_time() is None
    play(planner, (5, Tick()), (6, Tick()))


def test_lines_of_a_boot_timeout() -> None:
    """The log says what is asked and why the reload failed; a first start says the reason, too."""
    planner = Planner()
    planner.handle(Start(wants(boot=5.0)), 0.0)
    planner.handle(TemplateStarted(1, 100), 0.0)
    assert said(planner.handle(Tick(), 5.0)) == [
        "the app is still being imported (pid: 100); this is where it is:",
    ]
    assert said(planner.handle(Tick(), 6.0)) == ["the import of the app took longer than 5 seconds (boot-timeout)"]


# ---- probe -----------------------------------------------------------------------------------------------------------


def test_only_new_generations_are_probed() -> None:
    """The workers that prove a generation have to answer; those that replace one later are forks of what is proven."""
    planner = Planner()
    play(
        planner,
        (0, Start(wants(1, probe=True)), StartTemplate(1, 2)),
        (0, TemplateStarted(1, 100)),
        (1, TemplateLoaded(1), ForkWorker(1, 1, 1, probe=True)),
        (1, WorkerForked(1, 1, 101)),
        (1, WorkerReady(1, 1, 101), Serving(1)),
        (9, ChildEnded(101, CRASHED), WorkerGone(1, 1, 1), ForkWorker(1, 1, 1, probe=False)),
        (9, WorkerForked(1, 1, 111)),
        (9, WorkerReady(1, 1, 111)),
        (10, Asked(Command.RELOAD_WORKERS), ForkWorker(1, 2, 1, probe=False)),
    )


def test_a_first_start_asks_again_with_the_probe() -> None:
    """A worker of a new generation that could not be asked for at once is probed like the others."""
    planner = Planner()
    planner.handle(Start(wants(1, probe=True)), 0.0)
    planner.handle(TemplateStarted(1, 100), 0.0)
    play(
        planner,
        (1, TemplateLoaded(1), ForkWorker(1, 1, 1, probe=True)),
        (1, WorkerNotForked(1, 1, "no"), ForkWorker(1, 1, 1, probe=True)),
    )


def test_a_probe_that_is_not_answered_well() -> None:
    """The worker says why and ends; the reload fails with its words, and the old generation serves on."""
    planner = serving()
    planner.handle(Asked(Command.RELOAD), 1.0)
    planner.handle(SettingsRead(wants(1, probe=True)), 1.0)
    planner.handle(TemplateStarted(2, 200), 1.0)
    why = "probe = /: the answer is 500 (expected less than 500)"
    play(
        planner,
        (1, TemplateLoaded(2), ForkWorker(2, 1, 1, probe=True)),
        (1, WorkerForked(2, 1, 201)),
        (2, WorkerFailed(2, 1, 201, why)),
        (
            *(2, ChildEnded(201, NO_APP), WorkerGone(2, 1, 1)),
            *(ReloadEnded(f"worker 1: {why}"), DismissTemplate(2)),
        ),
        (2, ChildEnded(200, LEFT), Forget(2)),
    )


# ---- reload ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("command", "number"), [(Command.RELOAD, HUP), (Command.BRUTAL_RELOAD, INT)])
def test_reload_proves_then_swaps(command: Command, number: signal.Signals) -> None:
    """The old workers are told to end (r by HUP, R by INT) only once every worker of the new generation is ready."""
    play(
        serving(),
        (1, Asked(command), ReadSettings()),
        (1, SettingsRead(wants(3)), StartTemplate(2, 6)),
        (1, TemplateStarted(2, 200)),
        (5, TemplateLoaded(2), ForkWorker(2, 1, 1), ForkWorker(2, 2, 2), ForkWorker(2, 3, 3)),
        (5, WorkerForked(2, 1, 201)),
        (5, WorkerForked(2, 2, 202)),
        (5, WorkerForked(2, 3, 203)),
        (5, WorkerReady(2, 3, 203)),
        (5, WorkerReady(2, 1, 201)),
        (6, Tick()),
        (
            *(6, WorkerReady(2, 2, 202)),
            *(Serving(2), DismissTemplate(1), Kill(101, number), Kill(102, number)),
        ),
        (6.1, WorkerStopped(1, 2, 102)),
        (6.2, WorkerStopped(1, 1, 101), ReloadEnded("")),
        (7, ChildEnded(101, RELOADED), WorkerGone(1, 1, 1)),
        (7, ChildEnded(100, LEFT)),
        (8, ChildEnded(102, RELOADED), WorkerGone(1, 2, 2), Forget(1)),
        (9, ChildEnded(202, CRASHED), WorkerGone(2, 2, 2), ForkWorker(2, 2, 2)),
    )


def test_a_reload_has_ended_when_nobody_meets_the_old_code_any_more() -> None:
    """Workers that are gone count like those that say so; words of strangers do not."""
    planner = serving()
    planner.handle(Asked(Command.RELOAD), 1.0)
    assert prove(planner, 2, 1.0) == [Serving(2), DismissTemplate(1), Kill(101, HUP), Kill(102, HUP)]
    play(
        planner,
        (1.1, WorkerStopped(1, 1, 999)),
        (1.1, WorkerStopped(2, 2, 102)),
        (1.1, WorkerStopped(7, 1, 701)),
        (1.2, WorkerStopped(1, 2, 102)),
        (1.3, Tick()),
        (1.4, ChildEnded(101, RELOADED), WorkerGone(1, 1, 1), ReloadEnded("")),
        (3, Tick()),
    )


def test_a_reload_does_not_wait_long_for_old_workers() -> None:
    """One that is in the middle of a long call into C cannot say anything."""
    planner = serving()
    planner.handle(Asked(Command.RELOAD), 1.0)
    prove(planner, 2, 1.0)
    planner.handle(WorkerStopped(1, 1, 101), 1.1)
    assert planner.next_time() == 1.0 + OLD_WORKERS
    play(
        planner,
        (0.9 + OLD_WORKERS, Tick()),
        (1.0 + OLD_WORKERS, Tick(), ReloadEnded("")),
        (9, WorkerStopped(1, 2, 102)),
    )


def test_a_stop_ends_the_wait_for_old_workers() -> None:
    """Whoever waits for the reload is told: what it asked for serves."""
    planner = serving(workers=1)
    planner.handle(Asked(Command.RELOAD), 1.0)
    prove(planner, 2, 1.0, workers=1)
    actions = deeds(planner.handle(Asked(Command.STOP), 1.1))
    assert actions[:2] == [StopNewcomers(), ReloadEnded("")]
    play(planner, (9, Tick()))


def test_the_next_reload_waits_for_the_end_of_the_one_before() -> None:
    """Nobody who waits for one is answered by the other."""
    planner = serving(workers=1)
    planner.handle(Asked(Command.RELOAD), 1.0)
    prove(planner, 2, 5.0, workers=1)
    play(
        planner,
        (5.1, Asked(Command.RELOAD)),
        (5.2, WorkerStopped(1, 1, 101), ReloadEnded(""), ReadSettings()),
    )


def test_reloads_begin_a_second_apart() -> None:
    """However quickly each of them is over: a storm of them becomes a few."""
    planner = serving(workers=1)
    play(
        planner,
        (1, Asked(Command.RELOAD), ReadSettings()),
        (1, SettingsRefused("no"), ReloadEnded("no")),
        (1.1, Asked(Command.RELOAD)),
        (1.2, Asked(Command.BRUTAL_RELOAD)),
        (1.3, Asked(Command.RELOAD)),
    )
    assert planner.next_time() == 1.0 + RELOAD_INTERVAL
    play(
        planner,
        (0.9 + RELOAD_INTERVAL, Tick()),
        (1.0 + RELOAD_INTERVAL, Tick(), ReadSettings()),
    )
    # The most urgent of them is the one.
    assert Kill(101, INT) in prove(planner, 2, 3.0, workers=1)


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
        (1, SettingsRead(wants()), StartTemplate(2, 4)),
        (1, TemplateStarted(2, 200)),
        (2, TemplateFailed(2, "Traceback ...\n  File server.py\nSyntaxError: invalid syntax\n")),
        (2, ChildEnded(200, NO_APP), ReloadEnded("SyntaxError: invalid syntax"), Forget(2)),
        (3, ChildEnded(101, CRASHED), WorkerGone(1, 1, 1), ForkWorker(1, 1, 1)),
    )
    assert planner.stopping is None


def test_reload_whose_template_dies_keeps_the_old_one() -> None:
    """The same when the new template dies without a word, even with some of its workers ready: they are ended."""
    play(
        serving(),
        (1, Asked(Command.RELOAD), ReadSettings()),
        (1, SettingsRead(wants(3)), StartTemplate(2, 6)),
        (1, TemplateStarted(2, 200)),
        (1, TemplateLoaded(2), ForkWorker(2, 1, 1), ForkWorker(2, 2, 2), ForkWorker(2, 3, 3)),
        (1, WorkerForked(2, 1, 201)),
        (1, WorkerReady(2, 1, 201)),
        (1, WorkerForked(2, 2, 202)),
        (
            *(2, ChildEnded(200, CRASHED)),
            ReloadEnded("the process that imports the app (pid: 200) killed by signal 11 (SIGSEGV)"),
            *(Kill(201, INT), Kill(202, INT)),
        ),
        (3, ChildEnded(201, TOLD), WorkerGone(2, 1, 1)),
        (62, Tick(), Kill(202, KILL)),
        (62, ChildEnded(202, KILLED), WorkerGone(2, 2, 2), Forget(2)),
        (63, ChildEnded(102, CRASHED), WorkerGone(1, 2, 2), ForkWorker(1, 2, 2)),
    )


def test_reload_whose_worker_dies_keeps_the_old_one() -> None:
    """The same when a new worker dies before all are ready."""
    play(
        serving(workers=1),
        (1, Asked(Command.RELOAD), ReadSettings()),
        (1, SettingsRead(wants(1)), StartTemplate(2, 2)),
        (1, TemplateStarted(2, 200)),
        (1, TemplateLoaded(2), ForkWorker(2, 1, 1)),
        (1, WorkerForked(2, 1, 201)),
        (
            *(2, ChildEnded(201, Exit(1, 0)), WorkerGone(2, 1, 1)),
            *(ReloadEnded("worker 1 exited with status 1 before it was ready"), DismissTemplate(2)),
        ),
        (2, ChildEnded(200, LEFT), Forget(2)),
    )


def test_reload_whose_ready_worker_dies_keeps_the_old_one() -> None:
    """Also when it was ready already: what dies that young is not proven."""
    planner = serving(workers=1)
    reload_to(planner, 2, 1.0)
    comes(planner, 1, 201, 1.0, generation=2)
    actions = deeds(planner.handle(ChildEnded(201, CRASHED), 1.1))
    assert actions[0] == WorkerGone(2, 1, 1)
    assert isinstance(actions[1], ReloadEnded)
    assert actions[1].error
    assert planner.front is planner.generations[1]


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
        (1, SettingsRead(wants(1)), StartTemplate(2, 2)),
        (1, TemplateStarted(2, 200)),
        (2, Asked(Command.RELOAD)),
        (2, TemplateLoaded(2), ForkWorker(2, 1, 1)),
        (2, Asked(Command.RELOAD)),
        (3, WorkerForked(2, 1, 201)),
        (3, Asked(Command.RELOAD)),
        (
            *(4, WorkerReady(2, 1, 201), Serving(2)),
            *(DismissTemplate(1), Kill(101, HUP), Kill(102, HUP)),
        ),
        (4.1, WorkerStopped(1, 1, 101)),
        (4.1, WorkerStopped(1, 2, 102), ReloadEnded(""), ReadSettings()),
    )
    assert prove(planner, 3, 5.0, workers=1)[0] == Serving(3)
    play(planner, (5.1, WorkerStopped(2, 1, 201), ReloadEnded("")), (9, Tick()))


def test_a_hundred_reloads_in_a_second() -> None:
    """Never more than one generation is proven, and the last one asked for is not lost."""
    planner = serving()
    reads = 0
    for number in range(100):
        reads += deeds(planner.handle(Asked(Command.RELOAD), number / 100)).count(ReadSettings())
        if number == 0:
            planner.handle(SettingsRead(wants()), 0.0)
    assert reads == 1
    assert list(planner.generations) == [1, 2]
    for event in arrive(2, 2):
        planner.handle(event, 1.0)
    assert deeds(planner.handle(Tick(), 1.0 + OLD_WORKERS)) == [ReloadEnded(""), ReadSettings()]


def test_reload_asked_for_meanwhile_survives_a_failure() -> None:
    """A reload asked for while another one is failing is tried: the code may be mended by now."""
    planner = serving()
    planner.handle(Asked(Command.RELOAD), 1.0)
    planner.handle(SettingsRead(wants()), 1.0)
    planner.handle(TemplateStarted(2, 200), 1.0)
    play(
        planner,
        (2, Asked(Command.RELOAD)),
        (3, TemplateFailed(2, "no")),
        (3, ChildEnded(200, NO_APP), ReloadEnded("no"), Forget(2), ReadSettings()),
    )


def test_reload_asked_for_at_the_first_start() -> None:
    """A reload asked for before the first generation serves follows it."""
    planner = Planner()
    planner.handle(Start(wants(1)), 0.0)
    assert planner.handle(Asked(Command.RELOAD), 0.0) == []
    for event in arrive(1, 1):
        last = planner.handle(event, 0.0)
    assert deeds(last) == [Serving(1), ReadSettings()]


# ---- how many workers ------------------------------------------------------------------------------------------------


def test_more_workers_are_wanted() -> None:
    """The lowest ids that are missing are forked at once, and the ones that serve are left alone."""
    play(
        serving(workers=1, limit=4),
        (1, Wanted(3), ForkWorker(1, 2, 2), ForkWorker(1, 3, 3)),
        (1, Wanted(3)),
        (2, WorkerForked(1, 2, 102)),
        (2, WorkerReady(1, 2, 102)),
        (3, Tick()),
    )


def test_fewer_workers_are_wanted() -> None:
    """The highest ids finish (HUP) and are not replaced; who does not end in time is killed."""
    planner = serving(workers=4)
    play(
        planner,
        (1, Wanted(2), Kill(104, HUP), Kill(103, HUP)),
        (2, ChildEnded(103, RELOADED), WorkerGone(1, 3, 3)),
        (60.9, Tick()),
        (61, Tick(), Kill(104, KILL)),
        (61, ChildEnded(104, KILLED), WorkerGone(1, 4, 4)),
        (62, Tick()),
    )
    assert planner.next_time() is None
    assert planner.front is not None
    assert planner.front.complete


def test_no_worker_is_wanted_and_then_some() -> None:
    """A server that idles has no worker, and gets them back from the same template."""
    planner = serving()
    play(
        planner,
        (1, Wanted(0), Kill(102, HUP), Kill(101, HUP)),
        (2, ChildEnded(101, RELOADED), WorkerGone(1, 1, 1)),
        (2, ChildEnded(102, RELOADED), WorkerGone(1, 2, 2)),
        (9, Tick()),
        (9, Wanted(2), ForkWorker(1, 1, 1), ForkWorker(1, 2, 2)),
        (9, WorkerForked(1, 1, 111)),
        (9, WorkerReady(1, 1, 111)),
    )
    assert planner.stopping is None


def test_workers_are_wanted_again_before_the_old_ones_are_gone() -> None:
    """Who was told to leave does so; its id comes back in a slot of its own."""
    play(
        serving(),
        (1, Wanted(1), Kill(102, HUP)),
        (1, Wanted(2), ForkWorker(1, 3, 2)),
        (1, WorkerForked(1, 3, 103)),
        (2, WorkerReady(1, 3, 103)),
        (3, ChildEnded(102, RELOADED), WorkerGone(1, 2, 2)),
    )


def test_workers_on_their_way_are_not_wanted_any_more() -> None:
    """One that waits for its time is dropped, one that is being forked ends as soon as it is announced."""
    planner = serving(workers=1, limit=3)
    play(
        planner,
        (1, Wanted(3), ForkWorker(1, 2, 2), ForkWorker(1, 3, 3)),
        (1, WorkerNotForked(1, 3, "no"), ForkWorker(1, 3, 3)),
        (1, WorkerNotForked(1, 3, "no")),
        (1, Wanted(1)),
        (2, WorkerForked(1, 2, 102), Kill(102, INT)),
        (2, ChildEnded(102, TOLD), WorkerGone(1, 2, 2)),
        (9, Tick()),
    )
    assert list(planner.generations[1].workers) == [1]


def test_dead_workers_are_replaced_up_to_what_is_wanted() -> None:
    """The number that was wanted last counts, not that of the settings; a reload begins with its own again."""
    planner = serving(workers=3)
    play(
        planner,
        (1, Wanted(1), Kill(103, HUP), Kill(102, HUP)),
        (2, ChildEnded(103, CRASHED), WorkerGone(1, 3, 3)),
        (2, ChildEnded(102, CRASHED), WorkerGone(1, 2, 2)),
        (3, ChildEnded(101, CRASHED), WorkerGone(1, 1, 1), ForkWorker(1, 1, 1)),
    )
    comes(planner, 1, 111, 3.0)
    planner.handle(Asked(Command.RELOAD), 4.0)
    assert prove(planner, 2, 4.0, workers=3) == [Serving(2), DismissTemplate(1), Kill(111, HUP)]
    assert planner.generations[2].wanted == 3


def test_nobody_is_wanted_while_the_server_comes_up_or_stops() -> None:
    """There is nothing to count then."""
    planner = Planner()
    planner.handle(Start(wants()), 0.0)
    play(planner, (0, Wanted(1)))
    planner = serving()
    planner.handle(Asked(Command.STOP), 1.0)
    play(planner, (1, Wanted(4)), (1, Wanted(0)))


# ---- other commands --------------------------------------------------------------------------------------------------


def test_pause() -> None:
    """p pauses, the next p resumes."""
    play(serving(), (1, Asked(Command.PAUSE), SetPaused(True)), (2, Asked(Command.PAUSE), SetPaused(False)))


@pytest.mark.parametrize(
    "command",
    [
        *(Command.STATS, Command.REOPEN_LOG, Command.ROTATE_LOG, Command.PIDFILE, Command.SOS, Command.RESCAN),
        *(Command.REFORK, Command.SUBSCRIPTIONS),
    ],
)
def test_commands_that_concern_no_process(command: Command) -> None:
    """What concerns log, statistics and pidfile is passed on, also while the server comes up or stops."""
    planner = Planner()
    planner.handle(Start(wants(1)), 0.0)
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
    assert prove(planner, 2, 100.0) == [Serving(2), Kill(101, HUP), Kill(102, HUP)]
    play(
        planner,
        (100.1, ChildEnded(101, RELOADED), WorkerGone(1, 1, 1)),
        (100.1, ChildEnded(102, RELOADED), WorkerGone(1, 2, 2), Forget(1), ReloadEnded("")),
    )


def test_a_dead_template_whose_successor_fails_is_tried_again() -> None:
    """As long as the app cannot be loaded, it is tried again after 1, 2, 4, ... seconds; success ends that."""
    planner = serving()
    now, number = 100.0, 2
    play(planner, (now, ChildEnded(100, CRASHED), ReadSettings()))
    for wait in (1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0):
        assert fail_to_load(planner, number, now) == [
            *(ReloadEnded("NameError: name 'x' is not defined"), Forget(number)),
        ]
        assert planner.next_time() == now + wait
        play(planner, (now + wait - 0.001, Tick()), (now + wait, Tick(), ReadSettings()))
        now, number = now + wait, number + 1
    assert prove(planner, number, now)[0] == Serving(number)
    now += OLD_WORKERS
    play(planner, (now, Tick(), ReloadEnded("")), (now, ChildEnded(100 * number, CRASHED), ReadSettings()))
    fail_to_load(planner, number + 1, now)
    assert planner.next_time() == now + 1.0


def test_a_dead_template_whose_successor_hangs_is_tried_again() -> None:
    """Code that hangs is as good as code that fails."""
    planner = serving()
    planner.handle(ChildEnded(100, CRASHED), 100.0)
    planner.handle(SettingsRead(wants(boot=5.0)), 100.0)
    planner.handle(TemplateStarted(2, 200), 100.0)
    planner.handle(Tick(), 105.0)
    planner.handle(Tick(), 106.0)
    planner.handle(ChildEnded(200, KILLED), 106.0)
    assert planner.next_time() == 107.0
    play(planner, (107, Tick(), ReadSettings()))


def test_a_template_that_dies_while_its_successor_is_proven() -> None:
    """A template that dies during a reload needs no second one; if that reload fails, another one follows."""
    planner = serving()
    planner.handle(Asked(Command.RELOAD), 1.0)
    planner.handle(SettingsRead(wants()), 1.0)
    planner.handle(TemplateStarted(2, 200), 1.0)
    play(
        planner,
        (2, ChildEnded(100, CRASHED)),
        (3, ChildEnded(101, CRASHED), WorkerGone(1, 1, 1)),
        (3, TemplateFailed(2, "no")),
        (3, ChildEnded(200, NO_APP), ReloadEnded("no"), Forget(2)),
        (4, Tick(), ReadSettings()),
    )
    assert prove(planner, 3, 4.0) == [Serving(3), Kill(102, HUP)]


def test_workers_asked_of_a_dead_template_are_asked_of_nobody() -> None:
    """A worker that the dead template was to fork waits for the next generation and goes with its own."""
    planner = serving()
    play(
        planner,
        (100, ChildEnded(101, CRASHED), WorkerGone(1, 1, 1), ForkWorker(1, 1, 1)),
        (100, ChildEnded(100, CRASHED), ReadSettings()),
    )
    assert planner.generations[1].workers[1].phase is WorkerPhase.DUE
    assert planner.next_time() is None
    assert prove(planner, 2, 101.0) == [Serving(2), Kill(102, HUP)]
    play(planner, (101.1, ChildEnded(102, RELOADED), WorkerGone(1, 2, 2), Forget(1), ReloadEnded("")))


def test_a_dead_template_is_replaced_once_the_settings_are_good() -> None:
    """Settings that are refused while there is no template are read again later."""
    planner = serving()
    play(
        planner,
        (100, ChildEnded(100, CRASHED), ReadSettings()),
        (100, SettingsRefused("app.ini:3: no"), ReloadEnded("app.ini:3: no")),
    )
    assert planner.next_time() == 101.0


def test_a_reload_takes_the_place_of_a_retry() -> None:
    """A reload that is asked for when a retry is due begins one generation, not two."""
    planner = serving()
    planner.handle(ChildEnded(100, CRASHED), 100.0)
    fail_to_load(planner, 2, 100.0)
    play(planner, (102, Asked(Command.RELOAD), ReadSettings()))


@pytest.mark.parametrize(
    "words",
    [[WorkerNotForked(1, 1, "no")], [WorkerForked(1, 1, 111), WorkerReady(1, 1, 111), ChildEnded(111, CRASHED)]],
)
def test_an_answer_after_the_end_of_the_template(words: list[Event]) -> None:
    """Workers are forked by a process of their own, which may outlive a killed template and still answer."""
    planner = serving()
    planner.handle(ChildEnded(101, CRASHED), 100.0)
    planner.handle(ChildEnded(100, KILLED), 100.0)
    for word in words:
        planner.handle(word, 100.0)
    assert planner.generations[1].workers[1].phase is WorkerPhase.DUE


# ---- stop ------------------------------------------------------------------------------------------------------------


def test_graceful_stop() -> None:
    """q lets nobody new in, then every worker finish (HUP), or be killed in the end; the server leaves with 0."""
    planner = serving()
    play(
        planner,
        (100, Asked(Command.STOP), StopNewcomers(), DismissTemplate(1), Kill(101, HUP), Kill(102, HUP)),
        (100, ChildEnded(100, LEFT)),
        (101, ChildEnded(101, RELOADED), WorkerGone(1, 1, 1)),
        (159.9, Tick()),
    )
    assert planner.next_time() == 160.0
    play(
        planner,
        (160, Tick(), Kill(102, KILL)),
        (161, Tick()),
        (161, ChildEnded(102, KILLED), WorkerGone(1, 2, 2), Forget(1), Leave(0)),
    )
    assert planner.next_time() is None


def test_brutal_stop() -> None:
    """Q ends every worker at once (INT); who waits in the queues is not waited for."""
    play(
        serving(),
        (1, Asked(Command.KILL), DismissTemplate(1), Kill(101, INT), Kill(102, INT)),
        (1, ChildEnded(101, TOLD), WorkerGone(1, 1, 1)),
        (1, ChildEnded(102, TOLD), WorkerGone(1, 2, 2)),
        (1, ChildEnded(100, LEFT), Forget(1), Leave(0)),
    )


def test_a_brutal_stop_after_a_graceful_one() -> None:
    """Q after q ends the workers that still finish; the mercy time counts from the first word."""
    planner = serving()
    play(
        planner,
        (1, Asked(Command.STOP), StopNewcomers(), DismissTemplate(1), Kill(101, HUP), Kill(102, HUP)),
        (5, ChildEnded(100, LEFT)),
        (5, ChildEnded(101, RELOADED), WorkerGone(1, 1, 1)),
        (9, Asked(Command.KILL), Kill(102, INT)),
        (10, Asked(Command.STOP), Kill(102, HUP)),
        (61, Tick(), Kill(102, KILL)),
    )
    assert planner.stopping is Command.KILL


def test_a_stop_kills_a_template_that_imports() -> None:
    """User code that is importing may never listen: its process is killed, and the server leaves with 0."""
    planner = Planner()
    planner.handle(Start(wants()), 0.0)
    planner.handle(TemplateStarted(1, 100), 0.0)
    play(
        planner,
        (1, Asked(Command.STOP), StopNewcomers(), Kill(100, KILL)),
        (1, TemplateLoaded(1)),
        (1, ChildEnded(100, KILLED), Forget(1), Leave(0)),
    )


def test_a_stop_during_a_reload_ends_both_generations() -> None:
    """The generation in front finishes; the new one, which serves nobody, is ended at once."""
    planner = serving()
    reload_to(planner, 2, 1.0)
    planner.handle(WorkerForked(2, 1, 201), 1.0)
    play(
        planner,
        (
            *(2, Asked(Command.STOP), StopNewcomers()),
            *(DismissTemplate(1), Kill(101, HUP), Kill(102, HUP)),
            *(DismissTemplate(2), Kill(201, INT)),
        ),
        (2, WorkerForked(2, 2, 202), Kill(202, INT)),
        (3, WorkerReady(2, 1, 201)),
        (3, ChildEnded(201, TOLD), WorkerGone(2, 1, 1)),
        (3, ChildEnded(202, TOLD), WorkerGone(2, 2, 2)),
        (3, ChildEnded(200, LEFT), Forget(2)),
        (3, ChildEnded(100, LEFT)),
        (3, ChildEnded(101, RELOADED), WorkerGone(1, 1, 1)),
        (3, ChildEnded(102, RELOADED), WorkerGone(1, 2, 2), Forget(1), Leave(0)),
    )


def test_a_stop_drops_workers_that_wait_for_their_time() -> None:
    """A worker whose back-off is running has no process to wait for."""
    planner = serving(workers=1)
    play(
        planner,
        (0.5, ChildEnded(101, CRASHED), WorkerGone(1, 1, 1), ForkWorker(1, 1, 1)),
        (0.5, WorkerForked(1, 1, 111)),
        (0.9, ChildEnded(111, CRASHED), WorkerGone(1, 1, 1)),
        (1, Asked(Command.STOP), StopNewcomers(), DismissTemplate(1)),
        (3, Tick()),
        (3, ChildEnded(100, LEFT), Forget(1), Leave(0)),
    )


def test_a_stop_waits_for_a_worker_on_its_way() -> None:
    """A worker that the template was asked for before the stop is ended as soon as it is announced."""
    play(
        serving(workers=1),
        (100, ChildEnded(101, CRASHED), WorkerGone(1, 1, 1), ForkWorker(1, 1, 1)),
        (100, Asked(Command.STOP), StopNewcomers(), DismissTemplate(1)),
        (101, WorkerForked(1, 1, 111), Kill(111, INT)),
        (101, ChildEnded(100, LEFT)),
        (101, ChildEnded(111, TOLD), WorkerGone(1, 1, 1), Forget(1), Leave(0)),
    )


def test_a_stop_does_not_wait_for_a_fork_that_fails() -> None:
    """A worker that the system gave no process for while stopping is not asked for again."""
    play(
        serving(workers=1),
        (100, ChildEnded(101, CRASHED), WorkerGone(1, 1, 1), ForkWorker(1, 1, 1)),
        (100, Asked(Command.STOP), StopNewcomers(), DismissTemplate(1)),
        (101, WorkerNotForked(1, 1, "no")),
        (102, Tick()),
        (102, ChildEnded(100, LEFT), Forget(1), Leave(0)),
    )


def test_a_stop_ends_who_retires_and_who_replaces_it() -> None:
    """In the middle of a replacement both finish; nobody is forked any more."""
    planner = serving(workers=1)
    planner.handle(Asked(Command.RELOAD_WORKERS), 1.0)
    planner.handle(WorkerForked(1, 2, 102), 1.0)
    play(
        planner,
        (
            *(2, Asked(Command.STOP), StopNewcomers()),
            *(CommandEnded(Command.RELOAD_WORKERS, "the server stops"), DismissTemplate(1)),
            *(Kill(101, HUP), Kill(102, HUP)),
        ),
        (3, WorkerReady(1, 2, 102)),
        (3, ChildEnded(101, RELOADED), WorkerGone(1, 1, 1)),
        (3, ChildEnded(102, RELOADED), WorkerGone(1, 2, 1)),
        (3, ChildEnded(100, LEFT), Forget(1), Leave(0)),
    )


@pytest.mark.parametrize("command", [Command.RELOAD, Command.BRUTAL_RELOAD])
def test_a_stop_ends_reloads(command: Command) -> None:
    """While the server stops, nothing is reloaded; what was asked before is forgotten."""
    planner = serving()
    planner.handle(Asked(command), 1.0)
    planner.handle(Asked(Command.STOP), 1.0)
    play(
        planner,
        (2, Asked(command)),
        (3, ChildEnded(101, RELOADED), WorkerGone(1, 1, 1)),
        (3, ChildEnded(102, CRASHED), WorkerGone(1, 2, 2)),
        (4, Tick()),
        (4, ChildEnded(100, LEFT), Forget(1), Leave(0)),
    )


def test_a_stop_with_nothing_left() -> None:
    """The end is told with the same status to whatever the loop still feeds in its last round."""
    planner = serving(workers=1)
    for event in (Asked(Command.KILL), ChildEnded(101, TOLD)):
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
    planner.handle(ChildEnded(101, TOLD), 2.0)
    play(planner, (2, ChildEnded(100, LEFT), Forget(1), Leave(0)))


def test_a_reload_whose_worker_dies_does_not_spoil_the_exit_status() -> None:
    """The same when a new worker died before it was ready."""
    planner = serving(workers=1)
    reload_to(planner, 2, 1.0, workers=1)
    for event in (WorkerForked(2, 1, 201), ChildEnded(201, CRASHED), ChildEnded(200, LEFT)):
        planner.handle(event, 1.0)
    planner.handle(Asked(Command.KILL), 2.0)
    planner.handle(ChildEnded(101, TOLD), 2.0)
    play(planner, (2, ChildEnded(100, LEFT), Forget(1), Leave(0)))


def test_a_stop_forgets_a_retry() -> None:
    """A retry that was still to come does not keep the master awake while its workers finish."""
    planner = serving()
    planner.handle(ChildEnded(100, CRASHED), 100.0)
    fail_to_load(planner, 2, 100.0)
    planner.handle(Asked(Command.STOP), 100.1)
    play(planner, (101, Tick()))
    assert planner.next_time() == 160.1


def test_a_stop_forgets_a_boot_timeout() -> None:
    """A generation that was being proven is on its way out, and nobody asks any more how long it takes."""
    planner = serving(workers=1)
    reload_to(planner, 2, 1.0, boot=5.0)
    planner.handle(Asked(Command.STOP), 2.0)
    assert planner.generations[2].phase is GenerationPhase.DRAINING
    play(planner, (6, Tick()), (7, Tick()))


def test_a_template_that_does_not_answer_is_killed() -> None:
    """A template that is stuck when the server stops is killed with the mercy time over."""
    planner = serving(workers=1)
    planner.handle(ChildEnded(101, CRASHED), 100.0)
    planner.handle(Asked(Command.STOP), 100.0)
    play(planner, (160, Tick(), Kill(100, KILL)), (160, ChildEnded(100, KILLED), Forget(1), Leave(0)))


def test_the_mercy_is_that_of_the_settings_read_last() -> None:
    """Another worker-reload-mercy counts from the reload on that brings it."""
    planner = serving(workers=1)
    settings = wants(1)
    planner.handle(SettingsRead(type(settings)(1, 1, mercy=7.0)), 1.0)
    for event in arrive(2, 1):
        planner.handle(event, 1.0)
    play(planner, (7.9, Tick(), ReloadEnded("")), (8, Tick(), Kill(100, KILL), Kill(101, KILL)))


# ---- lines for the log -----------------------------------------------------------------------------------------------


def test_lines_of_a_start() -> None:
    """The lines that other programs match at the start keep uWSGI's form."""
    planner = Planner()
    planner.handle(Start(wants(1, cores=3)), 0.0)
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
        (9.0, ChildEnded(100, CRASHED), "the template (pid: 100) killed by signal 11 (SIGSEGV); loading the app anew"),
    ],
)
def test_lines_of_uwsgi(now: float, event: Event, line: str) -> None:
    """Lines that uWSGI's users look for read as uWSGI writes them."""
    assert line in said(serving(workers=1).handle(event, now))


def test_lines_of_a_failed_reload() -> None:
    """A failed reload says why, and that the old workers serve."""
    planner = serving()
    planner.handle(Asked(Command.RELOAD), 1.0)
    lines = said(planner.handle(SettingsRefused("app.ini:3: no such option"), 1.0))
    assert lines == ["reload failed: app.ini:3: no such option; the workers of before go on serving"]
