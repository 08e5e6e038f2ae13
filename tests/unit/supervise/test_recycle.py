"""When a worker has done enough."""

import pytest

from uncork.config.load import load
from uncork.config.options.recycle import Recycle
from uncork.supervise.recycle import (
    Limits,
    Memory,
    limits_of,
    memory_limit,
    requests_limit,
    why_kill,
    why_recycle,
)

MB = 1024 * 1024


def limits(*argv: str, processes: int = 4) -> Limits:
    """The limits of a command line."""
    return limits_of(load(argv, {}).settings.recycle, processes)


def why(
    limit: Limits, wid: int = 1, requests: int = 1, age: float = 60.0, rss: int = 0, vsz: int = 0, fresh: int = -1
) -> str:
    """Why a worker with these numbers goes; memory in MB, `fresh` -1 is unknown."""
    start = None if fresh < 0 else Memory(fresh * MB, fresh * MB)
    return why_recycle(limit, wid, requests, age, rss * MB, vsz * MB, start)


def test_without_limits_everybody_stays() -> None:
    """Nothing is recycled or killed unless an option asks for it."""
    none = limits_of(Recycle(), 4)
    assert why(none, requests=10**12, age=1e9, rss=10**6, vsz=10**6) == ""
    assert why_kill(none, 10**15, 10**15) == ""
    assert requests_limit(none, 4) == 0
    assert memory_limit(none) == (0, 0)
    assert not none.watches_memory


@pytest.mark.parametrize("name", ["-R", "--max-requests"])
def test_max_requests(name: str) -> None:
    """A worker goes with the request that reaches its limit, and says so."""
    limit = limits(name, "1000")
    assert why(limit, requests=999) == ""
    assert why(limit, requests=1000) == "it has served 1000 requests (max-requests)"


@pytest.mark.parametrize(
    ("argv", "processes", "thresholds"),
    [
        # As uWSGI counts: limit + (wid - 1) * delta.
        (("-R", "1000", "--max-requests-delta", "7"), 3, [1000, 1007, 1014]),
        (("-R", "1000", "--max-requests-delta", "0"), 3, [1000, 1000, 1000]),
        # Without a delta: over a tenth.
        (("-R", "1000"), 1, [1000]),
        (("-R", "1000"), 2, [1000, 1100]),
        (("-R", "1000"), 5, [1000, 1025, 1050, 1075, 1100]),
        # Where a tenth is less than the workers are many, by one each.
        (("-R", "10"), 4, [10, 11, 12, 13]),
        (("-R", "1"), 3, [1, 2, 3]),
        # A delta alone is no limit.
        (("--max-requests-delta", "7"), 3, [0, 0, 0]),
    ],
)
def test_request_limits_differ(argv: tuple[str, ...], processes: int, thresholds: list[int]) -> None:
    """Each worker has a limit of its own, so that they do not go together."""
    limit = limits(*argv, processes=processes)
    assert [requests_limit(limit, wid) for wid in range(1, processes + 1)] == thresholds


@pytest.mark.parametrize("processes", [2, 3, 8, 100])
@pytest.mark.parametrize("first", [1, 10, 99, 1000, 123_457])
def test_no_two_workers_reach_a_limit_together(first: int, processes: int) -> None:
    """Without a delta all thresholds differ, and none exceeds the limit by more than a tenth or the workers."""
    limit = limits_of(Recycle(max_requests=first, max_worker_lifetime=first), processes)
    for stagger in (limit.requests, limit.lifetime):
        thresholds = [stagger.of(wid) for wid in range(1, processes + 1)]
        assert thresholds == sorted(set(thresholds))
        assert thresholds[0] == first
        assert thresholds[-1] <= first + max(first // 10, processes)


def test_max_worker_lifetime() -> None:
    """A worker goes at its age, each next one later, even one that never served a request."""
    limit = limits("--max-worker-lifetime", "600", processes=3)
    assert why(limit, age=599.9) == ""
    assert why(limit, requests=0, age=600.4) == "it has lived 600 seconds (max-worker-lifetime)"
    assert [why(limit, wid, age=629.0) != "" for wid in (1, 2, 3)] == [True, False, False]
    assert [why(limit, wid, age=660.0) != "" for wid in (1, 2, 3)] == [True, True, True]
    delta = limits("--max-worker-lifetime", "600", "--max-worker-lifetime-delta", "5", processes=3)
    assert [delta.lifetime.of(wid) for wid in (1, 2, 3)] == [600, 605, 610]


@pytest.mark.parametrize(("option", "key"), [("reload-on-rss", "rss"), ("reload-on-as", "vsz")])
def test_memory(option: str, key: str) -> None:
    """A worker goes when it reaches so many MB, of the memory that the option names."""
    limit = limits(f"--{option}", "200")
    assert why(limit, rss=199, vsz=199) == ""
    assert why(limit, **{key: 200}) == f"it has grown to 200 MB ({option})"
    assert memory_limit(limit) == ((200 * MB, 0) if key == "rss" else (0, 200 * MB))
    assert why_kill(limit, 10**15, 10**15) == ""


def test_memory_before_any_request() -> None:
    """A worker that has served nothing stays however large it is: a fresh one would be as large."""
    assert why(limits("--reload-on-rss", "20"), requests=0, rss=40) == ""


@pytest.mark.parametrize(
    ("age", "rss", "fresh", "goes"),
    [
        (0.2, 200, 30, True),  # it has leaked
        (0.2, 199, 30, False),
        (0.2, 200, -1, False),  # nobody knows whether a fresh one would be smaller
        (0.2, 200, 200, False),  # it would not
        (0.999, 200, 200, False),
        (1.0, 200, 200, True),
        (1.0, 200, -1, True),
    ],
)
def test_fast_leak(age: float, rss: int, fresh: int, goes: bool) -> None:
    """A leak is stopped at its limit at any age; a limit that a fresh worker exceeds recycles once a second at most."""
    assert bool(why(limits("--reload-on-rss", "200"), age=age, rss=rss, fresh=fresh)) is goes


def test_limit_below_a_fresh_worker() -> None:
    """Who sets a limit that no worker can keep is told what a fresh one has."""
    text = why(limits("--reload-on-rss", "20"), rss=45, fresh=41)
    assert text == "it has grown to 45 MB (reload-on-rss; a fresh worker has 41 MB already, raise the limit)"


def test_min_worker_lifetime() -> None:
    """Requests alone replace no worker that is younger; the default is one second."""
    assert why(limits("-R", "1"), requests=50, age=0.99) == ""
    assert why(limits("-R", "1"), requests=50, age=1.0) != ""
    patient = limits("-R", "1", "--min-worker-lifetime", "10")
    assert why(patient, requests=50, age=9.9) == ""
    assert why(patient, requests=50, age=10.0) != ""
    assert why(limits("-R", "1", "--min-worker-lifetime", "0"), age=0.0) != ""


@pytest.mark.parametrize(
    ("option", "rss", "vsz"), [("evil-reload-on-rss", 300, 10_000), ("evil-reload-on-as", 10_000, 300)]
)
def test_evil(option: str, rss: int, vsz: int) -> None:
    """The evil limits kill at once, whatever the age or the requests, and only they do."""
    limit = limits(f"--{option}", "300")
    assert limit.watches_memory
    assert why_kill(limit, rss * MB, vsz * MB) == f"it has grown to 300 MB ({option})"
    assert why_kill(limit, 299 * MB, 299 * MB) == ""
    assert why(limit, rss=10_000, vsz=10_000) == ""


def test_first_reason_is_said() -> None:
    """Where several limits are reached one reason is given."""
    limit = limits("-R", "5", "--reload-on-rss", "10", "--max-worker-lifetime", "60")
    assert why(limit, requests=5, age=60, rss=10) == "it has lived 60 seconds (max-worker-lifetime)"
    assert why(limit, requests=5, age=30, rss=10) == "it has served 5 requests (max-requests)"
