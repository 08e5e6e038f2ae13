"""What happens to a request that takes too long, as a table.

A row is (second, the requests that run, the steps that are due).
"""

from hypothesis import given
from hypothesis import strategies as st

from uncork.master.deadlines import GRACE, Deadlines, Running, Step

INTERRUPT, REPLACE, KILL, OVER = Step.INTERRUPT, Step.REPLACE, Step.KILL, Step.OVER

SLOW = Running(1, 1, 1, 101, 0, started=100.0, deadline=102.0)
BESIDE = SLOW._replace(core=1, started=101.0, deadline=103.0)
OTHER = Running(1, 2, 2, 102, 0, started=100.5, deadline=102.5)

Steps = list[tuple[Step, Running]]
Row = tuple[float, list[Running], Steps]

# A little later than a moment that floating point cannot hit.
SOON = 0.001


def play(deadlines: Deadlines, *rows: Row) -> None:
    """Each look at the scoreboard brings exactly the steps of its row."""
    for now, running, steps in rows:
        assert list(deadlines.check(now, running)) == steps, now


def test_who_is_in_time_is_left_alone() -> None:
    """Nothing is due before the deadline, and nothing once the request is over in time."""
    play(Deadlines(), (100, [SLOW], []), (101.999, [SLOW], []), (103, [], []))


def test_interrupt_then_kill() -> None:
    """At its deadline a request is interrupted, once; if it runs on, its worker is killed 0.3 seconds later."""
    play(
        Deadlines(),
        (102, [SLOW], [(INTERRUPT, SLOW)]),
        (102, [SLOW], []),
        (102.0 + GRACE - SOON, [SLOW], []),
        (102.0 + GRACE + SOON, [SLOW], [(KILL, SLOW)]),
    )


def test_the_bar_is_half_a_second() -> None:
    """The kill is due within [T, T + 0.5 s], with room for a busy machine."""
    assert 0 < GRACE < 0.4


def test_an_interrupted_request_that_ends() -> None:
    """The worker lives, and that is told once; its next request begins from nothing."""
    after = SLOW._replace(started=103.0, deadline=105.0)
    play(
        Deadlines(),
        (102, [SLOW], [(INTERRUPT, SLOW)]),
        (102.1, [], [(OVER, SLOW)]),
        (102.4, [], []),
        (103, [after], []),
        (105, [after], [(INTERRUPT, after)]),
    )


def test_the_next_request_of_a_thread_is_another_one() -> None:
    """A request that ends in its grace time is not followed by a kill of the one after it."""
    after = SLOW._replace(started=102.1, deadline=104.1)
    play(
        Deadlines(),
        (102, [SLOW], [(INTERRUPT, SLOW)]),
        (102.0 + GRACE + SOON, [after], [(OVER, SLOW)]),
        (104.1, [after], [(INTERRUPT, after)]),
    )


def test_who_cannot_die_is_killed_again() -> None:
    """A process in an uninterruptible wait is told again each second, for as long as it is there."""
    deadlines = Deadlines()
    play(deadlines, (102, [SLOW], [(INTERRUPT, SLOW)]), (102.5, [SLOW], [(KILL, SLOW)]), (103, [SLOW], []))
    play(deadlines, (103.5, [SLOW], [(KILL, SLOW)]), (104, [SLOW], []), (104.5, [SLOW], [(KILL, SLOW)]))


def test_a_killed_worker_is_not_said_to_live() -> None:
    """A request that is gone because its worker was killed is not over."""
    play(
        Deadlines(),
        (102, [SLOW], [(INTERRUPT, SLOW)]),
        (102.5, [SLOW], [(KILL, SLOW)]),
        (102.6, [], []),
    )


def test_each_request_has_its_own_deadline() -> None:
    """Workers and threads side by side: one that is stuck does not hide or hasten another."""
    play(
        Deadlines(),
        (102, [SLOW, BESIDE, OTHER], [(INTERRUPT, SLOW)]),
        (102.3 + SOON, [SLOW, BESIDE, OTHER], [(KILL, SLOW)]),
        (102.5, [OTHER, BESIDE], [(INTERRUPT, OTHER)]),
        (103, [OTHER, BESIDE], [(KILL, OTHER), (INTERRUPT, BESIDE)]),
    )


def test_a_late_look() -> None:
    """However late the master comes, a request gets its chance to be interrupted before its worker is killed."""
    play(
        Deadlines(),
        (200, [SLOW], [(INTERRUPT, SLOW)]),
        (200.1, [SLOW], []),
        (200.0 + GRACE + SOON, [SLOW], [(KILL, SLOW)]),
    )


def test_a_new_process_is_not_an_old_one() -> None:
    """The worker that takes a slot over has done nothing yet."""
    new = SLOW._replace(pid=111)
    deadlines = Deadlines()
    play(deadlines, (102, [SLOW], [(INTERRUPT, SLOW)]))
    assert (INTERRUPT, new) in list(deadlines.check(102.4, [new]))


def test_the_siblings_get_their_time() -> None:
    """With harakiri-graceful-timeout a replacement comes first, and the worker lives on for its other threads."""
    play(
        Deadlines(siblings=5.0),
        (102, [SLOW, BESIDE], [(INTERRUPT, SLOW)]),
        (102.0 + GRACE + SOON, [SLOW, BESIDE], [(REPLACE, SLOW)]),
        (103, [SLOW], []),
        (106.9, [SLOW], []),
        (107.0 + SOON, [SLOW], [(KILL, SLOW)]),
    )


def test_a_request_that_ends_in_the_siblings_time() -> None:
    """Its worker is not killed any more; it is replaced all the same."""
    play(
        Deadlines(siblings=5.0),
        (102, [SLOW], [(INTERRUPT, SLOW)]),
        (102.5, [SLOW], [(REPLACE, SLOW)]),
        (104, [], [(OVER, SLOW)]),
        (110, [], []),
    )


def test_a_sibling_that_is_stuck_as_well() -> None:
    """It is interrupted at its own deadline; the first one's kill ends both."""
    play(
        Deadlines(siblings=2.0),
        (102, [SLOW, BESIDE], [(INTERRUPT, SLOW)]),
        (102.5, [SLOW, BESIDE], [(REPLACE, SLOW)]),
        (103, [SLOW, BESIDE], [(INTERRUPT, BESIDE)]),
        (103.5, [SLOW, BESIDE], [(REPLACE, BESIDE)]),
        (104.3, [SLOW, BESIDE], [(KILL, SLOW)]),
    )


def test_a_graceful_time_shorter_than_the_grace_is_none() -> None:
    """There is nothing to wait for beyond it."""
    play(
        Deadlines(siblings=GRACE),
        (102, [SLOW], [(INTERRUPT, SLOW)]),
        (102.0 + GRACE + SOON, [SLOW], [(KILL, SLOW)]),
    )


def test_next_time() -> None:
    """The earliest of the deadlines and of the steps that follow; None while nothing runs."""
    deadlines = Deadlines()
    assert deadlines.next_time([]) is None
    assert deadlines.next_time([SLOW, OTHER]) == 102.0
    list(deadlines.check(102.0, [SLOW, OTHER]))
    assert deadlines.next_time([SLOW, OTHER]) == 102.0 + GRACE
    list(deadlines.check(102.4, [SLOW, OTHER]))
    assert deadlines.next_time([SLOW, OTHER]) == 102.5
    list(deadlines.check(102.5, [OTHER]))
    assert deadlines.next_time([OTHER]) == 102.5 + GRACE
    list(deadlines.check(102.6, []))
    assert deadlines.next_time([]) is None


REQUESTS = st.lists(
    st.builds(
        lambda pid, core, started, limit: Running(1, pid, pid, pid, core, started, started + limit),
        st.integers(1, 3),
        st.integers(0, 1),
        st.integers(0, 20).map(float),
        st.integers(1, 5).map(float),
    ),
    unique_by=lambda request: (request.pid, request.core),
)


@given(REQUESTS, st.sampled_from([0.0, 1.0, 3.0]), st.lists(st.integers(0, 5), max_size=8))
def test_time_brings_each_step_in_its_turn(requests: list[Running], siblings: float, ends: list[int]) -> None:
    """A loop that sleeps until next_time never spins, and kills nobody that was not interrupted 0.3 s before."""
    deadlines = Deadlines(siblings)
    interrupted: dict[Running, float] = {}
    now, alive = 0.0, list(requests)
    for end in [*ends, *[-1] * 60]:
        if 0 <= end < len(alive):
            del alive[end]
        for step, request in deadlines.check(now, alive):
            if step is INTERRUPT:
                assert now >= request.deadline
                assert request not in interrupted
                interrupted[request] = now
            elif step is KILL:
                assert now >= interrupted[request] + max(siblings, GRACE) - 1e-9
                alive = [other for other in alive if other.pid != request.pid]
            elif step is REPLACE:
                assert siblings > GRACE
        coming = deadlines.next_time(alive)
        if coming is None:
            break
        assert coming > now, "the loop would spin"
        now = coming
    assert not alive
