"""When the service manager hears that all is well, and when it must not."""

import pytest

from uncork.master.watchdog import Busy, Watchdog, extension, progress


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"WATCHDOG_USEC": ""},
        {"WATCHDOG_USEC": "0"},
        {"WATCHDOG_USEC": "-5"},
        {"WATCHDOG_USEC": "soon"},
        {"WATCHDOG_USEC": "²"},
        {"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "12"},
        {"WATCHDOG_PID": "11"},
    ],
)
def test_nobody_asks_for_a_watchdog(environ: dict[str, str]) -> None:
    """Not set, no number, or meant for another process."""
    assert Watchdog.from_environ(environ, 11) is None


@pytest.mark.parametrize("environ", [{"WATCHDOG_PID": "11"}, {}])
def test_it_says_so_twice_within_the_interval(environ: dict[str, str]) -> None:
    """At once, and then every half of it, from whichever turn of the loop comes next."""
    watchdog = Watchdog.from_environ({"WATCHDOG_USEC": "30000000", **environ}, 11)
    assert watchdog is not None
    assert watchdog.due(1000.0, True)
    assert watchdog.next_time() == 1015.0
    assert not watchdog.due(1014.9, True)
    assert watchdog.due(1015.0, True)
    assert watchdog.due(1040.0, True), "a loop that was held up says it late, and does not make up for it"
    assert watchdog.next_time() == 1055.0


def test_without_progress_it_says_nothing_and_looks_again_soon() -> None:
    """One worker that comes back is good news, and heard before the interval is over."""
    watchdog = Watchdog(30.0)
    assert not watchdog.due(1000.0, False)
    assert watchdog.next_time() == 1001.0
    assert not watchdog.due(1001.0, False)
    assert watchdog.due(1002.0, True)
    assert watchdog.next_time() == 1017.0


def test_a_short_interval_stays_short() -> None:
    """Also when nothing gets anywhere."""
    watchdog = Watchdog(0.5)
    assert not watchdog.due(1000.0, False)
    assert watchdog.next_time() == 1000.25


@pytest.mark.parametrize(
    ("workers", "harakiri", "expected"),
    [
        ([], 10, True),
        ([(100, False)], 0, True),
        ([(20, False)], 10, True),
        ([(20.1, False)], 10, False),
        ([(20.1, True)], 10, True),
        ([(100, False), (100, False)], 10, False),
        ([(100, False), (0, False)], 10, True),
        ([(100, False), (100, True)], 10, True),
        ([(100, False), (5, False)], 10, True),
    ],
)
def test_all_workers_hang_when_each_is_far_beyond_its_deadline(
    workers: list[tuple[float, bool]], harakiri: float, expected: bool
) -> None:
    """More than twice harakiri, with no thread free; without a deadline a long request is only long."""
    assert progress([Busy(*worker) for worker in workers], harakiri) is expected


def test_a_start_is_given_its_time_once() -> None:
    """In microseconds."""
    assert extension(90) == "EXTEND_TIMEOUT_USEC=90000000"
    assert extension(0.5) == "EXTEND_TIMEOUT_USEC=500000"
