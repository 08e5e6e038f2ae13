"""The workers of a generation as a table: they die, they have done enough, they do not get ready."""

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
    play,
    prove,
    reload_to,
    said,
    serving,
)
from uncork.control.commands import Command
from uncork.master.crew import ASK_AGAIN
from uncork.master.events import (
    Asked,
    ChildEnded,
    CommandEnded,
    DismissTemplate,
    Event,
    Forget,
    ForkWorker,
    Kill,
    Leave,
    ReadSettings,
    ReloadEnded,
    Serving,
    StopNewcomers,
    Tick,
    WorkerFailed,
    WorkerForked,
    WorkerGone,
    WorkerNotAsked,
    WorkerNotForked,
    WorkerReady,
    WorkerSpent,
)
from uncork.master.plan import Planner
from uncork.master.states import WorkerPhase


def phases(planner: Planner) -> dict[int, tuple[int, WorkerPhase]]:
    """(id, phase) of each slot in front."""
    assert planner.front is not None
    return {slot: (worker.wid, worker.phase) for slot, worker in planner.front.workers.items()}


def spent(slot: int, reason: str = "it has served 10 requests (max-requests)") -> WorkerSpent:
    """The first worker of a slot has done enough."""
    return WorkerSpent(1, slot, 100 + slot, reason)


# ---- workers that die ------------------------------------------------------------------------------------------------


def test_a_dead_worker_is_replaced_at_once() -> None:
    """A worker that had served for a while is forked again in the same breath; the others are left alone."""
    play(
        serving(),
        (100, ChildEnded(101, CRASHED), WorkerGone(1, 1, 1), ForkWorker(1, 1, 1)),
        (100, WorkerForked(1, 1, 111)),
        (100, WorkerReady(1, 1, 111)),
        (101, Tick()),
    )


def test_a_worker_that_keeps_dying_waits_longer_each_time() -> None:
    """Replacements of a worker that dies young wait 0, 1, 2, 4, ... 30 seconds; one healthy life ends that."""
    planner = serving(workers=1)
    now, pid = 100.0, 101
    for wait in (0.0, 0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0):
        actions = deeds(planner.handle(ChildEnded(pid, CRASHED), now))
        if wait:
            assert actions == [WorkerGone(1, 1, 1)]
            assert planner.next_time() == now + wait
            assert planner.handle(Tick(), now + wait - 0.001) == []
            now += wait
            assert planner.handle(Tick(), now) == [ForkWorker(1, 1, 1)]
        else:
            assert actions == [WorkerGone(1, 1, 1), ForkWorker(1, 1, 1)]
        pid += 1
        comes(planner, 1, pid, now)
    play(planner, (now + 5.0, ChildEnded(pid, CRASHED), WorkerGone(1, 1, 1), ForkWorker(1, 1, 1)))


def test_the_back_off_of_one_worker_is_not_that_of_another() -> None:
    """While one waits for its time the others come back at once."""
    planner = serving()
    for now, pid in ((100.0, 101), (100.25, 111)):
        planner.handle(ChildEnded(pid, CRASHED), now)
        comes(planner, 1, pid + 10, now)
    planner.handle(ChildEnded(121, CRASHED), 100.5)
    assert planner.next_time() == 101.5
    play(planner, (100.5, ChildEnded(102, CRASHED), WorkerGone(1, 2, 2), ForkWorker(1, 2, 2)))


def test_a_worker_is_as_old_as_its_process() -> None:
    """The time that a fork takes does not make a worker older: one that dies right after a slow one dies young."""
    planner = serving(workers=1)
    planner.handle(ChildEnded(101, CRASHED), 0.9)
    comes(planner, 1, 111, 31.0)
    play(planner, (31.5, ChildEnded(111, CRASHED), WorkerGone(1, 1, 1)), (32.5, Tick(), ForkWorker(1, 1, 1)))


def test_a_worker_that_was_never_ready_has_failed_however_long_it_took() -> None:
    """An app that needs a minute to fail in each worker (lazy-apps) is not tried again without a pause for ever."""
    planner = serving(workers=1)
    planner.handle(ChildEnded(101, CRASHED), 100.0)
    now, pid = 100.0, 111
    for wait in (0.0, 1.0, 2.0, 4.0):
        planner.handle(WorkerForked(1, 1, pid), now)
        now += 60.0
        actions = deeds(planner.handle(ChildEnded(pid, NO_APP), now))
        assert actions == [WorkerGone(1, 1, 1)] + ([] if wait else [ForkWorker(1, 1, 1)])
        if wait:
            play(planner, (now + wait - 0.001, Tick()), (now + wait, Tick(), ForkWorker(1, 1, 1)))
        now, pid = now + wait, pid + 1


def test_lines_of_a_crash_loop() -> None:
    """The log says how long the next try waits; a worker that comes at once needs no such line."""
    planner = serving(workers=1)
    assert said(planner.handle(ChildEnded(101, CRASHED), 0.5)) == [
        "DAMN ! worker 1 (pid: 101) died, killed by signal 11 :( trying respawn ..."
    ]
    comes(planner, 1, 111, 0.5)
    assert said(planner.handle(ChildEnded(111, CRASHED), 0.6))[1:] == ["worker 1 keeps dying: next try in 1 seconds"]


# ---- who announces a worker ------------------------------------------------------------------------------------------


def test_a_worker_that_ends_before_its_announcement() -> None:
    """The end of a worker that was not announced yet is kept and counts when the announcement comes."""
    play(
        serving(),
        (100, ChildEnded(101, CRASHED), WorkerGone(1, 1, 1), ForkWorker(1, 1, 1)),
        (100, ChildEnded(111, CRASHED)),
        (100, WorkerForked(1, 1, 111), WorkerGone(1, 1, 1), ForkWorker(1, 1, 1)),
        (100, WorkerForked(1, 1, 112)),
        (100, WorkerReady(1, 1, 112)),
    )


def test_a_worker_that_ends_before_its_announcement_while_stopping() -> None:
    """The same holds for a worker that the stop has caught on its way."""
    play(
        serving(workers=1),
        (100, ChildEnded(101, CRASHED), WorkerGone(1, 1, 1), ForkWorker(1, 1, 1)),
        (100, Asked(Command.STOP), StopNewcomers(), DismissTemplate(1)),
        (100, ChildEnded(111, CRASHED)),
        (100, WorkerForked(1, 1, 111), Kill(111, INT), WorkerGone(1, 1, 1)),
        (100, ChildEnded(100, LEFT), Forget(1), Leave(0)),
    )


def test_a_worker_that_nobody_announced_is_ended() -> None:
    """Template and forker are both gone: the worker that comes to light is not in any slot, and its place is taken."""
    planner = serving(workers=1)
    planner.handle(ChildEnded(101, CRASHED), 100.0)
    planner.handle(ChildEnded(100, KILLED), 100.0)
    play(planner, (100, WorkerReady(1, 1, 111), Kill(111, KILL)))


def test_a_worker_of_a_generation_that_is_gone_is_ended() -> None:
    """A process that nobody waits for any more is ended, and so is one for a slot that nobody has."""
    play(serving(), (1, WorkerForked(7, 1, 701), Kill(701, KILL)), (1, WorkerForked(1, 4, 704), Kill(704, KILL)))


def test_an_end_counts_once() -> None:
    """The kernel gives a pid again: the end of an orphan long ago says nothing of a worker that has its pid today."""
    play(
        serving(workers=1),
        (100, ChildEnded(101, CRASHED), WorkerGone(1, 1, 1), ForkWorker(1, 1, 1)),
        (100, ChildEnded(555, LEFT)),
        (100, WorkerForked(1, 1, 111)),
        (100, WorkerReady(1, 1, 111)),
        (900, ChildEnded(111, CRASHED), WorkerGone(1, 1, 1), ForkWorker(1, 1, 1)),
        (900, WorkerForked(1, 1, 555)),
    )


# ---- forks that fail -------------------------------------------------------------------------------------------------


def test_a_fork_that_fails_is_tried_again() -> None:
    """Without a process for a worker the fork is tried again, at once and then with growing waits."""
    play(
        serving(),
        (100, ChildEnded(101, CRASHED), WorkerGone(1, 1, 1), ForkWorker(1, 1, 1)),
        (100, WorkerNotForked(1, 1, "resource temporarily unavailable"), ForkWorker(1, 1, 1)),
        (100, WorkerNotForked(1, 1, "resource temporarily unavailable")),
        (100.9, Tick()),
        (101, Tick(), ForkWorker(1, 1, 1)),
        (101, WorkerNotForked(1, 1, "resource temporarily unavailable")),
        (102.9, Tick()),
        (103, Tick(), ForkWorker(1, 1, 1)),
        (103, WorkerForked(1, 1, 111)),
    )


def test_a_template_that_cannot_be_asked_is_asked_again_soon() -> None:
    """A full queue is nobody's failure: the same worker is asked for a moment later, as often as it takes."""
    planner = serving(workers=1)
    play(planner, (100, ChildEnded(101, CRASHED), WorkerGone(1, 1, 1), ForkWorker(1, 1, 1)))
    now = 100.0
    for _ in range(20):
        play(planner, (now, WorkerNotAsked(1, 1)))
        assert planner.next_time() == now + ASK_AGAIN
        now += ASK_AGAIN
        play(planner, (now, Tick(), ForkWorker(1, 1, 1)))
    comes(planner, 1, 111, now)
    play(planner, (now + 0.1, ChildEnded(111, CRASHED), WorkerGone(1, 1, 1), ForkWorker(1, 1, 1)))


@pytest.mark.parametrize("event", [WorkerNotAsked(1, 1), WorkerNotAsked(1, 4), WorkerNotAsked(7, 1)])
def test_only_a_worker_that_was_asked_for_is_asked_for_again(event: Event) -> None:
    """One that serves, a slot without one, and a generation that is gone are left alone."""
    planner = serving()
    play(planner, (1, event), (2, Tick()))
    assert planner.next_time() is None


def test_a_worker_given_up_before_it_could_be_asked_for_is_gone() -> None:
    """A full queue is told after the worker was given up: nobody will ever announce it, its slot is free."""
    planner = serving()
    play(
        planner,
        (10, Asked(Command.RELOAD_WORKERS), ForkWorker(1, 3, 1), ForkWorker(1, 4, 2)),
        (10, WorkerNotForked(1, 3, "no memory"), ForkWorker(1, 3, 1)),
        (10, WorkerNotAsked(1, 4)),
    )
    actions = deeds(planner.handle(WorkerNotForked(1, 3, "no memory"), 10.0 + ASK_AGAIN))
    assert actions == [
        *(ForkWorker(1, 4, 2), CommandEnded(Command.RELOAD_WORKERS, "worker 1 could not be replaced: no memory")),
    ]
    planner.handle(WorkerNotAsked(1, 4), 10.0 + ASK_AGAIN)
    assert phases(planner) == {1: (1, WorkerPhase.READY), 2: (2, WorkerPhase.READY)}


# ---- workers that have done enough -----------------------------------------------------------------------------------


def test_a_spent_worker_serves_until_its_replacement_is_ready() -> None:
    """The replacement has a slot of its own and the same id; only when it is ready the old one finishes (HUP)."""
    planner = serving()
    play(planner, (10, spent(1), ForkWorker(1, 3, 1)))
    assert phases(planner) == {
        1: (1, WorkerPhase.RETIRING),
        2: (2, WorkerPhase.READY),
        3: (1, WorkerPhase.STARTING),
    }
    play(
        planner,
        (10, WorkerForked(1, 3, 103)),
        (11, WorkerReady(1, 3, 103), Kill(101, HUP)),
        (12, ChildEnded(101, RELOADED), WorkerGone(1, 1, 1)),
        (13, Tick()),
    )
    assert planner.next_time() is None


def test_a_spent_worker_that_does_not_finish_is_killed() -> None:
    """Its mercy counts from the moment that its replacement was ready."""
    planner = serving(workers=1)
    planner.handle(spent(1), 10.0)
    comes(planner, 2, 102, 15.0)
    play(planner, (74.9, Tick()), (75, Tick(), Kill(101, KILL)), (76, Tick()))
    assert planner.next_time() is None


def test_spent_workers_are_replaced_one_at_a_time() -> None:
    """However many are spent in the same second: the next one is touched when the one before has its successor."""
    planner = serving(workers=3)
    play(
        planner,
        (10, spent(2), ForkWorker(1, 4, 2)),
        (10, spent(1)),
        (10, spent(3)),
        (11, Tick()),
        (11, WorkerForked(1, 4, 104)),
        (12, WorkerReady(1, 4, 104), Kill(102, HUP), ForkWorker(1, 5, 1)),
        (12, WorkerForked(1, 5, 105)),
        (13, WorkerReady(1, 5, 105), Kill(101, HUP), ForkWorker(1, 6, 3)),
        (13, ChildEnded(101, RELOADED), WorkerGone(1, 1, 1)),
        (13, WorkerForked(1, 6, 106)),
        (14, WorkerReady(1, 6, 106), Kill(103, HUP)),
        (15, Tick()),
    )


def test_a_spent_worker_is_spent_once() -> None:
    """To say it again, or of a worker that is gone, begins nothing."""
    play(
        serving(),
        (10, spent(1), ForkWorker(1, 3, 1)),
        (10, spent(1, "it has lived 60 seconds (max-worker-lifetime)")),
        (10, WorkerSpent(1, 2, 999, "another process")),
        (10, WorkerSpent(1, 4, 104, "nobody")),
        (10, WorkerSpent(7, 1, 701, "long ago")),
        (10, WorkerForked(1, 3, 103)),
        (11, WorkerReady(1, 3, 103), Kill(101, HUP)),
        (11, spent(1)),
        (12, Tick()),
    )


def test_a_spent_worker_that_dies_is_not_replaced_twice() -> None:
    """Its replacement is on the way already."""
    planner = serving(workers=1)
    play(
        planner,
        (10, spent(1), ForkWorker(1, 2, 1)),
        (11, ChildEnded(101, CRASHED), WorkerGone(1, 1, 1)),
        (11, WorkerForked(1, 2, 102)),
        (12, WorkerReady(1, 2, 102)),
    )
    assert phases(planner) == {2: (1, WorkerPhase.READY)}


def test_a_replacement_that_dies_is_tried_again_while_the_spent_one_serves() -> None:
    """With the usual waits; the worker that has done enough goes on as long as it takes."""
    planner = serving(workers=1)
    play(
        planner,
        (10, spent(1), ForkWorker(1, 2, 1)),
        (10, WorkerForked(1, 2, 102)),
        (11, ChildEnded(102, NO_APP), WorkerGone(1, 2, 1), ForkWorker(1, 2, 1)),
        (11, WorkerForked(1, 2, 112)),
        (12, ChildEnded(112, NO_APP), WorkerGone(1, 2, 1)),
        (12.9, Tick()),
        (13, Tick(), ForkWorker(1, 2, 1)),
        (13, WorkerForked(1, 2, 122)),
        (14, ChildEnded(122, NO_APP), WorkerGone(1, 2, 1)),
    )
    assert phases(planner)[1] == (1, WorkerPhase.RETIRING)
    play(
        planner,
        (16, Tick(), ForkWorker(1, 2, 1)),
        (16, WorkerForked(1, 2, 132)),
        (17, WorkerReady(1, 2, 132), Kill(101, HUP)),
    )


def test_nobody_retires_while_no_replacement_can_be_forked() -> None:
    """Without a template a spent worker serves on; it goes with its generation."""
    planner = serving()
    play(planner, (10, ChildEnded(100, CRASHED), ReadSettings()), (10, spent(1)), (11, Tick()))
    assert prove(planner, 2, 12.0) == [Serving(2), Kill(101, HUP), Kill(102, HUP)]


def test_a_spent_worker_waits_for_a_slot() -> None:
    """Where all places are taken by workers that do not leave, it serves until one of them is gone."""
    planner = serving(workers=1)
    planner.handle(spent(1), 10.0)
    comes(planner, 2, 102, 10.0)
    play(
        planner,
        (11, WorkerSpent(1, 2, 102, "it has served 10 requests (max-requests)")),
        (12, Tick()),
        (13, ChildEnded(101, RELOADED), WorkerGone(1, 1, 1), ForkWorker(1, 1, 1)),
        (13, WorkerForked(1, 1, 111)),
        (14, WorkerReady(1, 1, 111), Kill(102, HUP)),
    )


def test_a_spent_worker_that_died_is_fresh_again() -> None:
    """What was true of the dead process is not held against the next one in its slot."""
    planner = serving(workers=1)
    planner.handle(ChildEnded(100, CRASHED), 10.0)
    planner.handle(spent(1), 10.0)
    planner.handle(ChildEnded(101, CRASHED), 11.0)
    assert planner.front is not None
    assert planner.front.workers[1].spent == ""


def test_spent_workers_of_a_generation_that_goes_are_left_alone() -> None:
    """Its workers finish anyway."""
    planner = serving(workers=1)
    prove(planner, 2, 5.0)
    play(planner, (5.1, spent(1)), (5.2, Tick()))


def test_lines_of_a_recycled_worker() -> None:
    """The log says why it goes, that another one came, and that it is gone; the number of its lives is counted."""
    planner = serving(workers=1)
    assert said(planner.handle(spent(1), 10.0)) == [
        "...The work of process 101 is done (it has served 10 requests (max-requests)). Seeya!"
    ]
    assert said(planner.handle(WorkerForked(1, 2, 102), 10.0)) == ["Respawned uWSGI worker 1 (new pid: 102)"]
    planner.handle(WorkerReady(1, 2, 102), 11.0)
    assert said(planner.handle(ChildEnded(101, RELOADED), 11.0)) == ["worker 1 killed successfully (pid: 101)"]
    assert planner.front is not None
    assert planner.front.workers[2].respawns == 1


def test_lines_of_a_worker_that_does_not_leave() -> None:
    """uWSGI's words for a worker whose mercy is over."""
    planner = serving(workers=1)
    planner.handle(spent(1), 10.0)
    comes(planner, 2, 102, 10.0)
    assert said(planner.handle(Tick(), 70.0)) == ["worker 1 (pid: 101) is taking too much time to die...NO MERCY !!!"]


# ---- boot-timeout ----------------------------------------------------------------------------------------------------


def test_a_replacement_that_hangs_is_killed_and_tried_again() -> None:
    """A worker of a generation that serves has boot-timeout for itself: then it is killed like any that died young."""
    planner = serving(workers=1, boot=5.0)
    play(
        planner,
        (100, ChildEnded(101, CRASHED), WorkerGone(1, 1, 1), ForkWorker(1, 1, 1)),
        (100, WorkerForked(1, 1, 111)),
        (104.9, Tick()),
    )
    assert planner.next_time() == 105.0
    play(
        planner,
        (105, Tick(), Kill(111, KILL)),
        (106, Tick()),
        (106, ChildEnded(111, KILLED), WorkerGone(1, 1, 1), ForkWorker(1, 1, 1)),
        (106, WorkerForked(1, 1, 121)),
        (111, Tick(), Kill(121, KILL)),
        (112, ChildEnded(121, KILLED), WorkerGone(1, 1, 1)),
        (113, Tick(), ForkWorker(1, 1, 1)),
        (113, WorkerForked(1, 1, 131)),
        (117, WorkerReady(1, 1, 131)),
        (200, Tick()),
    )
    assert planner.next_time() is None


def test_a_hanging_replacement_costs_no_worker() -> None:
    """Who it was to replace serves on while it is killed and tried again."""
    planner = serving(workers=1, boot=5.0)
    play(
        planner,
        (10, spent(1), ForkWorker(1, 2, 1)),
        (10, WorkerForked(1, 2, 102)),
        (15, Tick(), Kill(102, KILL)),
        (15, ChildEnded(102, KILLED), WorkerGone(1, 2, 1), ForkWorker(1, 2, 1)),
    )
    assert phases(planner)[1] == (1, WorkerPhase.RETIRING)


def test_who_has_no_process_is_not_killed() -> None:
    """While the template has not forked it there is nobody to signal, and the loop does not spin for it."""
    planner = serving(workers=1, boot=5.0)
    planner.handle(ChildEnded(101, CRASHED), 100.0)
    assert planner.next_time() is None
    play(planner, (106, Tick()))


def test_the_time_that_a_fork_takes_is_not_the_workers() -> None:
    """Where the template was slow (a suspended machine), the worker still has its time to get ready."""
    planner = serving(workers=1, boot=5.0)
    planner.handle(ChildEnded(101, CRASHED), 100.0)
    play(planner, (106, WorkerForked(1, 1, 111)))


def test_lines_of_a_worker_that_hangs() -> None:
    """The log says who was killed and after which time."""
    planner = serving(workers=1, boot=5.0)
    planner.handle(ChildEnded(101, CRASHED), 100.0)
    planner.handle(WorkerForked(1, 1, 111), 100.0)
    assert said(planner.handle(Tick(), 105.0)) == [
        "worker 1 (pid: 111) is not ready within 5 seconds (boot-timeout)",
    ]


# ---- why a worker did not get ready ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ((), "worker 2 exited with status 22 before it was ready"),
        ((WorkerFailed(2, 2, 202, "no module named x"),), "worker 2: no module named x"),
        ((WorkerFailed(2, 2, 999, "another process"),), "worker 2 exited with status 22 before it was ready"),
        ((WorkerFailed(2, 1, 201, "another worker"),), "worker 2 exited with status 22 before it was ready"),
    ],
)
def test_a_reload_fails_with_the_words_of_its_worker(words: tuple[WorkerFailed, ...], why: str) -> None:
    """What the worker said of itself says more than its exit status."""
    planner = serving()
    reload_to(planner, 2, 1.0)
    events: list[Event] = [WorkerForked(2, 1, 201), WorkerForked(2, 2, 202), *words]
    for event in events:
        planner.handle(event, 1.0)
    assert deeds(planner.handle(ChildEnded(202, NO_APP), 2.0)) == [
        *(WorkerGone(2, 2, 2), ReloadEnded(why), DismissTemplate(2), Kill(201, INT)),
    ]


def test_the_words_of_a_worker_may_overtake_its_announcement() -> None:
    """A worker that fails at once may be heard before whoever forked it."""
    planner = serving(workers=1)
    reload_to(planner, 2, 1.0, workers=1)
    for event in (WorkerFailed(2, 1, 201, "no module named x"), WorkerForked(2, 1, 201)):
        planner.handle(event, 1.0)
    assert ReloadEnded("worker 1: no module named x") in planner.handle(ChildEnded(201, NO_APP), 2.0)


def test_only_the_first_failure_is_told() -> None:
    """The others follow from it: they are told to end."""
    planner = serving()
    reload_to(planner, 2, 1.0)
    comes(planner, 1, 201, 1.0, generation=2)
    planner.handle(WorkerForked(2, 2, 202), 1.0)
    planner.handle(ChildEnded(202, NO_APP), 2.0)
    play(
        planner,
        (2, ChildEnded(201, TOLD), WorkerGone(2, 1, 1)),
        (2, ChildEnded(200, LEFT), Forget(2)),
        (3, Tick()),
    )
