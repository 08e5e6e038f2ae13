"""Replacing workers by command as a table: c one after another, w side by side, W at once."""

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
    comes,
    deeds,
    fail_to_load,
    play,
    prove,
    said,
    serving,
    wants,
)
from uncork.control.commands import BY_COMMAND, Command
from uncork.control.waiters import Waiters
from uncork.master.events import (
    Action,
    Asked,
    ChildEnded,
    CommandEnded,
    DismissTemplate,
    Forget,
    ForkWorker,
    Kill,
    Leave,
    ReadSettings,
    ReloadEnded,
    Serving,
    Start,
    StopNewcomers,
    Tick,
    Wanted,
    WorkerFailed,
    WorkerForked,
    WorkerGone,
    WorkerNotForked,
    WorkerReady,
    WorkerSpent,
)
from uncork.master.plan import Planner
from uncork.master.states import WorkerPhase

CHAIN, ALL, NOW = Command.CHAIN_RELOAD, Command.RELOAD_WORKERS, Command.KILL_WORKERS


def phases(planner: Planner) -> dict[int, tuple[int, WorkerPhase]]:
    """(id, phase) of each slot in front."""
    assert planner.front is not None
    return {slot: (worker.wid, worker.phase) for slot, worker in planner.front.workers.items()}


# ---- w: side by side -------------------------------------------------------------------------------------------------


def test_workers_are_replaced_side_by_side() -> None:
    """w forks a replacement for each; each old worker finishes (HUP) when its own replacement is ready, not earlier."""
    play(
        serving(),
        (10, Asked(ALL), ForkWorker(1, 3, 1), ForkWorker(1, 4, 2)),
        (11, WorkerForked(1, 3, 103)),
        (11, WorkerForked(1, 4, 104)),
        (12, WorkerReady(1, 4, 104), Kill(102, HUP)),
        (12, ChildEnded(102, RELOADED), WorkerGone(1, 2, 2)),
        (13, WorkerReady(1, 3, 103), Kill(101, HUP), CommandEnded(ALL, "")),
        (72.9, Tick()),
        (73, Tick(), Kill(101, KILL)),
        (73, ChildEnded(101, KILLED), WorkerGone(1, 1, 1)),
        (74, Tick()),
    )


def test_a_replaced_worker_has_not_failed() -> None:
    """However often it had died young before, its replacement is forked at once."""
    planner = serving(workers=1)
    for now, pid in ((0.1, 101), (0.2, 111), (1.2, 121)):
        planner.handle(ChildEnded(pid, CRASHED), now)
        planner.handle(Tick(), now + 1.0)
        comes(planner, 1, pid + 10, now + 1.0)
    play(planner, (2.3, Asked(ALL), ForkWorker(1, 2, 1)))


def test_workers_that_are_not_ready_are_waited_for() -> None:
    """A worker that is just being forked is as new as can be; the command is done when it is ready."""
    play(
        serving(),
        (5, ChildEnded(102, CRASHED), WorkerGone(1, 2, 2), ForkWorker(1, 2, 2)),
        (10, Asked(ALL), ForkWorker(1, 3, 1)),
        (10, WorkerForked(1, 3, 103)),
        (11, WorkerReady(1, 3, 103), Kill(101, HUP)),
        (12, WorkerForked(1, 2, 112)),
        (13, WorkerReady(1, 2, 112), CommandEnded(ALL, "")),
    )


def test_a_replacement_that_fails_gives_the_rest_up() -> None:
    """Tried twice in vain: whoever serves goes on serving, what was still on its way is ended, the error says why."""
    planner = serving()
    why = "worker 1 could not be replaced: no module named x"
    play(
        planner,
        (10, Asked(ALL), ForkWorker(1, 3, 1), ForkWorker(1, 4, 2)),
        (10, WorkerForked(1, 3, 103)),
        (10, WorkerForked(1, 4, 104)),
        (11, WorkerFailed(1, 3, 103, "no module named x")),
        (11, ChildEnded(103, NO_APP), WorkerGone(1, 3, 1), ForkWorker(1, 3, 1)),
        (11, WorkerForked(1, 3, 113)),
        (12, WorkerFailed(1, 3, 113, "no module named x")),
        (12, ChildEnded(113, NO_APP), WorkerGone(1, 3, 1), Kill(104, INT), CommandEnded(ALL, why)),
        (13, ChildEnded(104, TOLD), WorkerGone(1, 4, 2)),
        (14, Tick()),
    )
    assert phases(planner) == {1: (1, WorkerPhase.READY), 2: (2, WorkerPhase.READY)}
    assert planner.next_time() is None


def test_a_replacement_that_is_ready_stays_when_another_fails() -> None:
    """What was replaced before is replaced; only the rest is given up."""
    planner = serving()
    play(
        planner,
        (10, Asked(ALL), ForkWorker(1, 3, 1), ForkWorker(1, 4, 2)),
        (10, WorkerForked(1, 3, 103)),
        (10, WorkerForked(1, 4, 104)),
        (11, WorkerReady(1, 3, 103), Kill(101, HUP)),
        (11, ChildEnded(104, NO_APP), WorkerGone(1, 4, 2), ForkWorker(1, 4, 2)),
        (11, ChildEnded(101, RELOADED), WorkerGone(1, 1, 1)),
        (11, WorkerForked(1, 4, 114)),
        (
            *(12, ChildEnded(114, NO_APP), WorkerGone(1, 4, 2)),
            CommandEnded(ALL, "worker 2 could not be replaced: exited with status 22"),
        ),
    )
    assert phases(planner) == {3: (1, WorkerPhase.READY), 2: (2, WorkerPhase.READY)}


def test_a_replacement_that_gets_no_process_gives_the_rest_up() -> None:
    """A system without processes is a failure like any other."""
    planner = serving(workers=1)
    play(
        planner,
        (10, Asked(ALL), ForkWorker(1, 2, 1)),
        (10, WorkerNotForked(1, 2, "no memory"), ForkWorker(1, 2, 1)),
        (11, WorkerNotForked(1, 2, "no memory"), CommandEnded(ALL, "worker 1 could not be replaced: no memory")),
    )
    assert phases(planner) == {1: (1, WorkerPhase.READY)}


def test_a_replacement_that_hangs_gives_the_rest_up() -> None:
    """boot-timeout holds for it as for every worker."""
    planner = serving(workers=1, boot=5.0)
    play(
        planner,
        (10, Asked(ALL), ForkWorker(1, 2, 1)),
        (10, WorkerForked(1, 2, 102)),
        (15, Tick(), Kill(102, KILL)),
        (15, ChildEnded(102, KILLED), WorkerGone(1, 2, 1), ForkWorker(1, 2, 1)),
        (15, WorkerForked(1, 2, 112)),
        (20, Tick(), Kill(112, KILL)),
        (
            *(20, ChildEnded(112, KILLED), WorkerGone(1, 2, 1)),
            CommandEnded(ALL, "worker 1 could not be replaced: not ready within 5 seconds (boot-timeout)"),
        ),
    )


def test_the_reason_is_that_of_the_last_try() -> None:
    """A replacement that failed first for one reason and then for another is reported with the latter."""
    planner = serving(workers=1)
    planner.handle(Asked(ALL), 10.0)
    planner.handle(WorkerForked(1, 2, 102), 10.0)
    planner.handle(WorkerFailed(1, 2, 102, "no module named x"), 10.0)
    planner.handle(ChildEnded(102, NO_APP), 10.0)
    planner.handle(WorkerForked(1, 2, 112), 11.0)
    actions = planner.handle(ChildEnded(112, CRASHED), 11.0)
    error = "worker 1 could not be replaced: killed by signal 11 (SIGSEGV)"
    assert CommandEnded(ALL, error) in actions


def test_an_old_worker_that_dies_meanwhile() -> None:
    """Its replacement is all there is, and goes on being tried: nothing is left that could serve on instead."""
    planner = serving(workers=1)
    play(
        planner,
        (10, Asked(ALL), ForkWorker(1, 2, 1)),
        (10, ChildEnded(101, CRASHED), WorkerGone(1, 1, 1)),
        (10, WorkerForked(1, 2, 102)),
        (11, ChildEnded(102, NO_APP), WorkerGone(1, 2, 1), ForkWorker(1, 2, 1)),
        (11, WorkerForked(1, 2, 112)),
        (12, ChildEnded(112, NO_APP), WorkerGone(1, 2, 1)),
        (13, Tick(), ForkWorker(1, 2, 1)),
        (13, WorkerForked(1, 2, 122)),
        (14, WorkerReady(1, 2, 122), CommandEnded(ALL, "")),
    )


def test_what_is_given_up_does_not_end_who_has_nobody_else() -> None:
    """A replacement whose old worker has died in the meantime is kept when another one gives the rest up."""
    planner = serving()
    play(
        planner,
        (10, Asked(ALL), ForkWorker(1, 3, 1), ForkWorker(1, 4, 2)),
        (10, WorkerForked(1, 3, 103)),
        (10, WorkerForked(1, 4, 104)),
        (11, ChildEnded(102, CRASHED), WorkerGone(1, 2, 2)),
        (11, ChildEnded(103, NO_APP), WorkerGone(1, 3, 1), ForkWorker(1, 3, 1)),
        (11, WorkerForked(1, 3, 113)),
        (
            *(12, ChildEnded(113, NO_APP), WorkerGone(1, 3, 1)),
            CommandEnded(ALL, "worker 1 could not be replaced: exited with status 22"),
        ),
    )


# ---- c: one after another --------------------------------------------------------------------------------------------


def test_chain_reload_is_one_worker_at_a_time() -> None:
    """c replaces the next worker only when the one before has its successor; nobody is missing at any time."""
    play(
        serving(workers=3),
        (1, Asked(CHAIN), ForkWorker(1, 4, 1)),
        (2, Tick()),
        (3, WorkerForked(1, 4, 104)),
        (4, WorkerReady(1, 4, 104), Kill(101, HUP), ForkWorker(1, 5, 2)),
        (5, ChildEnded(101, RELOADED), WorkerGone(1, 1, 1)),
        (5, WorkerForked(1, 5, 105)),
        (6, WorkerReady(1, 5, 105), Kill(102, HUP), ForkWorker(1, 1, 3)),
        (7, WorkerForked(1, 1, 111)),
        (8, WorkerReady(1, 1, 111), Kill(103, HUP), CommandEnded(CHAIN, "")),
        (9, Tick()),
    )


def test_a_second_chain_reload_joins_the_first() -> None:
    """Asked for while one runs it begins nothing; both are over together."""
    play(
        serving(workers=1),
        (1, Asked(CHAIN), ForkWorker(1, 2, 1)),
        (2, Asked(CHAIN)),
        (3, WorkerForked(1, 2, 102)),
        (4, WorkerReady(1, 2, 102), Kill(101, HUP), CommandEnded(CHAIN, "")),
    )


def test_a_chain_waits_for_slots() -> None:
    """Workers that do not leave hold their places; the next replacement comes when one is free, not in another's."""
    planner = serving(workers=1)
    planner.handle(Asked(CHAIN), 1.0)
    comes(planner, 2, 102, 1.0)
    play(
        planner,
        (2, Asked(CHAIN)),
        (3, Tick()),
        (4, ChildEnded(101, RELOADED), WorkerGone(1, 1, 1), ForkWorker(1, 1, 1)),
        (4, WorkerForked(1, 1, 111)),
        (5, WorkerReady(1, 1, 111), Kill(102, HUP), CommandEnded(CHAIN, "")),
    )


def test_a_chain_stops_at_the_first_worker_that_cannot_be_replaced() -> None:
    """The workers behind it are not touched: with broken code (lazy-apps) a chain costs nobody anything."""
    planner = serving(workers=3)
    play(
        planner,
        (1, Asked(CHAIN), ForkWorker(1, 4, 1)),
        (1, WorkerForked(1, 4, 104)),
        (2, WorkerReady(1, 4, 104), Kill(101, HUP), ForkWorker(1, 5, 2)),
        (2, ChildEnded(101, RELOADED), WorkerGone(1, 1, 1)),
        (2, WorkerForked(1, 5, 105)),
        (3, ChildEnded(105, NO_APP), WorkerGone(1, 5, 2), ForkWorker(1, 5, 2)),
        (3, WorkerForked(1, 5, 115)),
        (
            *(4, ChildEnded(115, NO_APP), WorkerGone(1, 5, 2)),
            CommandEnded(CHAIN, "worker 2 could not be replaced: exited with status 22"),
        ),
        (5, Tick()),
    )
    assert phases(planner) == {
        2: (2, WorkerPhase.READY),
        3: (3, WorkerPhase.READY),
        4: (1, WorkerPhase.READY),
    }


def test_a_chain_takes_spent_workers_along() -> None:
    """What a chain is about to replace is not replaced beside it; who is spent in its course is next."""
    play(
        serving(),
        (1, Asked(CHAIN), ForkWorker(1, 3, 1)),
        (1, WorkerSpent(1, 2, 102, "done")),
        (1, WorkerForked(1, 3, 103)),
        (2, WorkerSpent(1, 3, 103, "done already")),
        (2, WorkerReady(1, 3, 103), Kill(101, HUP), ForkWorker(1, 4, 2)),
        (2, ChildEnded(101, RELOADED), WorkerGone(1, 1, 1)),
        (2, WorkerForked(1, 4, 104)),
        (3, WorkerReady(1, 4, 104), Kill(102, HUP), CommandEnded(CHAIN, "")),
        (4, Tick(), ForkWorker(1, 1, 1)),
    )


def test_fewer_workers_are_wanted_during_a_chain() -> None:
    """Who is dismissed needs no replacement, and the chain does not wait for it."""
    play(
        serving(),
        (1, Asked(CHAIN), ForkWorker(1, 3, 1)),
        (1, Wanted(1), Kill(102, HUP)),
        (1, WorkerForked(1, 3, 103)),
        (2, WorkerReady(1, 3, 103), Kill(101, HUP)),
        (2, Tick(), CommandEnded(CHAIN, "")),
    )


# ---- W: at once ------------------------------------------------------------------------------------------------------


def test_workers_are_ended_at_once() -> None:
    """W ends every worker (INT) without waiting for anybody, and forks their successors beside them."""
    play(
        serving(),
        (10, Asked(NOW), Kill(101, INT), Kill(102, INT), ForkWorker(1, 3, 1), ForkWorker(1, 4, 2)),
        (10, WorkerForked(1, 3, 103)),
        (10, WorkerForked(1, 4, 104)),
        (11, ChildEnded(102, TOLD), WorkerGone(1, 2, 2)),
        (11, WorkerReady(1, 4, 104)),
        (12, WorkerReady(1, 3, 103), CommandEnded(NOW, "")),
        (69.9, Tick()),
        (70, Tick(), Kill(101, KILL)),
        (70, ChildEnded(101, KILLED), WorkerGone(1, 1, 1)),
    )


def test_successors_that_fail_are_tried_again() -> None:
    """With W nobody is left to serve on: there is nothing to give up for, and the command lasts until all are ready."""
    play(
        serving(workers=1),
        (10, Asked(NOW), Kill(101, INT), ForkWorker(1, 2, 1)),
        (10, WorkerForked(1, 2, 102)),
        (11, ChildEnded(102, NO_APP), WorkerGone(1, 2, 1), ForkWorker(1, 2, 1)),
        (11, WorkerForked(1, 2, 112)),
        (12, ChildEnded(112, NO_APP), WorkerGone(1, 2, 1)),
        (13, Tick(), ForkWorker(1, 2, 1)),
        (13, WorkerForked(1, 2, 122)),
        (14, WorkerReady(1, 2, 122), CommandEnded(NOW, "")),
    )


def test_a_worker_that_is_deaf_to_a_second_w_is_killed() -> None:
    """Also when every slot is taken by workers that do not leave: each that was told to end has a mercy that ends."""
    planner = serving(workers=1)
    planner.handle(Asked(NOW), 10.0)
    comes(planner, 2, 102, 10.0)
    actions = deeds(planner.handle(Asked(NOW), 11.0))
    assert Kill(102, INT) in actions
    assert CommandEnded(NOW, "") not in actions
    assert Kill(101, KILL) in planner.handle(Tick(), 70.0)
    planner.handle(ChildEnded(101, KILLED), 70.0)
    assert Kill(102, KILL) in planner.handle(Tick(), 71.0)


# ---- one command after another ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [CHAIN, ALL, NOW])
def test_nobody_to_replace(command: Command) -> None:
    """Before the first worker is ready, and while the server stops, whoever asks is told so at once."""
    planner = Planner()
    planner.handle(Start(wants()), 0.0)
    play(planner, (0, Asked(command), CommandEnded(command, "no worker is there to be replaced")))
    planner = serving()
    planner.handle(Asked(Command.STOP), 1.0)
    play(planner, (1, Asked(command), CommandEnded(command, "no worker is there to be replaced")))


@pytest.mark.parametrize("command", [CHAIN, ALL, NOW])
def test_no_worker_is_wanted(command: Command) -> None:
    """A server without workers has replaced them all."""
    planner = serving()
    planner.handle(Wanted(0), 1.0)
    play(planner, (2, Asked(command), CommandEnded(command, "")))


@pytest.mark.parametrize("second", [ALL, NOW])
def test_another_command_takes_the_place_of_a_chain(second: Command) -> None:
    """Whoever asked for the first is told; who is being replaced already is not replaced once more."""
    planner = serving(workers=1)
    play(
        planner,
        (1, Asked(CHAIN), ForkWorker(1, 2, 1)),
        (2, Asked(second), CommandEnded(CHAIN, "another command took its place")),
        (2, WorkerForked(1, 2, 102)),
        (3, WorkerReady(1, 2, 102), Kill(101, HUP), CommandEnded(second, "")),
    )


@pytest.mark.parametrize(("first", "second"), [(ALL, ALL), (ALL, NOW), (NOW, NOW), (NOW, ALL)])
def test_who_asks_is_not_answered_by_the_end_of_what_came_before(first: Command, second: Command) -> None:
    """`ctl workers` in the middle of another one waits for the workers; it is not told at once that it failed."""
    planner, waiters = serving(), Waiters[str]()
    answered: list[str] = []
    for who, command in (("first", first), ("second", second)):
        # As the control socket does: before the master hears of it, for the outcome may come at once.
        waiters.add(who, BY_COMMAND[command].outcome)
        for action in planner.handle(Asked(command), 1.0):
            if isinstance(action, CommandEnded):
                answered += waiters.ended(BY_COMMAND[action.command].outcome, not action.error)
    assert "second" not in answered


def test_a_chain_is_not_stuck_by_a_worker_that_never_gets_ready() -> None:
    """Code that is broken for lazy-apps: whoever waits for the chain learns of it, and the others are left alone."""
    planner = serving()
    planner.handle(ChildEnded(101, CRASHED), 100.0)
    planner.handle(Asked(CHAIN), 100.0)
    actions: list[Action] = []
    now = 100.0
    for _ in range(5):
        planner.handle(WorkerForked(1, 1, 111), now)
        actions += planner.handle(ChildEnded(111, NO_APP), now)
        now += 60.0
        actions += planner.handle(Tick(), now)
    assert [action.error for action in actions if isinstance(action, CommandEnded)] != []
    # The template, which never answers here, is another matter.
    assert not any(isinstance(action, Kill) and action.pid != 100 for action in actions)


def test_a_chain_may_follow_a_w() -> None:
    """The replacements that are on their way are waited for, and nobody is in two minds: each id serves throughout."""
    planner = serving()
    play(
        planner,
        (1, Asked(ALL), ForkWorker(1, 3, 1), ForkWorker(1, 4, 2)),
        (2, Asked(CHAIN), CommandEnded(ALL, "another command took its place")),
        (2, WorkerForked(1, 3, 103)),
        (2, WorkerForked(1, 4, 104)),
        (3, WorkerReady(1, 3, 103), Kill(101, HUP)),
        (3, WorkerReady(1, 4, 104), Kill(102, HUP), CommandEnded(CHAIN, "")),
        (4, ChildEnded(101, RELOADED), WorkerGone(1, 1, 1)),
        (4, ChildEnded(102, RELOADED), WorkerGone(1, 2, 2)),
    )
    assert phases(planner) == {3: (1, WorkerPhase.READY), 4: (2, WorkerPhase.READY)}


@pytest.mark.parametrize("command", [CHAIN, ALL])
def test_a_reload_ends_a_replacement(command: Command) -> None:
    """Once a new generation is in front, nothing of the old one is left to be replaced; both kinds of worker go."""
    planner = serving()
    planner.handle(Asked(command), 1.0)
    planner.handle(WorkerForked(1, 3, 103), 1.0)
    planner.handle(Asked(Command.RELOAD), 2.0)
    actions = prove(planner, 2, 2.0)
    assert actions == [
        CommandEnded(command, "a reload replaced all workers"),
        *(Serving(2), DismissTemplate(1), Kill(101, HUP), Kill(102, HUP), Kill(103, HUP)),
    ]
    play(planner, (3, Tick(), ReloadEnded("")))
    forked = [ForkWorker(2, 3, 1), ForkWorker(2, 4, 2)]
    assert deeds(planner.handle(Asked(command), 4.0)) == (forked if command is ALL else forked[:1])


def test_a_reload_that_fails_leaves_a_replacement_alone() -> None:
    """What was asked of the workers in front goes on while a new generation is being proven, and after it was not."""
    planner = serving(workers=1)
    play(planner, (1, Asked(CHAIN), ForkWorker(1, 2, 1)), (1, Asked(Command.RELOAD), ReadSettings()))
    assert isinstance(fail_to_load(planner, 2, 1.0)[0], ReloadEnded)
    play(
        planner,
        (2, WorkerForked(1, 2, 102)),
        (3, WorkerReady(1, 2, 102), Kill(101, HUP), CommandEnded(CHAIN, "")),
    )


@pytest.mark.parametrize("command", [CHAIN, ALL, NOW])
def test_a_stop_ends_a_replacement(command: Command) -> None:
    """Whoever waits for it is told; nobody is replaced any more."""
    planner = serving(workers=1)
    planner.handle(Asked(command), 1.0)
    actions = deeds(planner.handle(Asked(Command.STOP), 2.0))
    assert actions[:3] == [StopNewcomers(), CommandEnded(command, "the server stops"), DismissTemplate(1)]
    play(
        planner,
        (3, WorkerForked(1, 2, 102), Kill(102, INT)),
        (3, ChildEnded(102, TOLD), WorkerGone(1, 2, 1)),
        (3, ChildEnded(101, RELOADED), WorkerGone(1, 1, 1)),
        (3, ChildEnded(100, LEFT), Forget(1), Leave(0)),
    )


# ---- lines for the log -----------------------------------------------------------------------------------------------


def test_lines_of_a_chain_reload() -> None:
    """A chain reload says that it begins, that it runs already, and when it is complete."""
    planner = serving(workers=1)
    assert said(planner.handle(Asked(CHAIN), 1.0)) == ["chain reload starting..."]
    assert said(planner.handle(Asked(CHAIN), 1.0)) == ["chain reload already running..."]
    planner.handle(WorkerForked(1, 2, 102), 1.0)
    assert said(planner.handle(WorkerReady(1, 2, 102), 1.0)) == ["chain reloading complete"]


def test_lines_of_a_chain_that_is_given_up() -> None:
    """The reason and what it means; it is not called complete."""
    planner = serving(workers=1)
    planner.handle(Asked(CHAIN), 1.0)
    planner.handle(WorkerNotForked(1, 2, "no memory"), 1.0)
    lines = said(planner.handle(WorkerNotForked(1, 2, "no memory"), 1.0))
    assert lines[-1] == "worker 1 could not be replaced: no memory; the worker of before goes on serving"


def test_lines_of_a_kill() -> None:
    """W names who is killed."""
    planner = serving()
    assert said(planner.handle(Asked(NOW), 1.0)) == ["killing worker 1 (pid: 101)", "killing worker 2 (pid: 102)"]
