"""When a worker finds that it has done enough."""

import pytest

from uncork.config.options.processes import Processes
from uncork.config.options.recycle import Recycle
from uncork.config.settings import Settings
from uncork.worker.fitness import Fitness

MB = 1024 * 1024


def fitness(recycle: Recycle, wid: int = 1, processes: int = 1) -> tuple[Fitness, list[str]]:
    """The fitness of worker `wid`, and what it says."""
    said: list[str] = []
    return Fitness(Settings(recycle=recycle, processes=Processes(processes=processes)), wid, said.append), said


def test_without_limits_nobody_is_asked() -> None:
    """A worker that may live for ever counts nothing and weighs nothing."""
    made, said = fitness(Recycle())
    made.served(10**9, 10**12, 10**12)
    assert (made.requests, made.weighs, said) == (0, False, [])


@pytest.mark.parametrize(
    ("recycle", "requests", "weighs"),
    [
        (Recycle(max_requests=100), 100, False),
        (Recycle(reload_on_rss=100), 0, True),
        (Recycle(reload_on_as=100), 0, True),
        (Recycle(max_requests=100, reload_on_as=100), 100, True),
        # These are the master's business.
        (Recycle(max_worker_lifetime=100), 0, False),
        (Recycle(evil_reload_on_rss=100), 0, False),
        (Recycle(evil_reload_on_as=100), 0, False),
    ],
)
def test_what_is_looked_at(recycle: Recycle, requests: int, weighs: bool) -> None:
    """A request costs no more than its limits need."""
    made, _ = fitness(recycle)
    assert (made.requests, made.weighs) == (requests, weighs)


def test_the_limit_is_the_workers_own() -> None:
    """They are spread, so that workers do not reach them together."""
    recycle = Recycle(max_requests=100, max_requests_delta=7)
    assert [fitness(recycle, wid, processes=3)[0].requests for wid in (1, 2, 3)] == [100, 107, 114]


def test_it_is_said_once() -> None:
    """At the limit, and never again, however long the worker serves on."""
    made, said = fitness(Recycle(max_requests=3, max_requests_delta=0, min_worker_lifetime=0))
    for number in range(1, 10):
        made.served(number, 0, 0)
        assert len(said) == (number >= 3)
    assert said == ["it has served 3 requests (max-requests)"]


def test_a_young_worker_stays() -> None:
    """min-worker-lifetime counts from the worker's own begin; what it lets pass is said when it is over."""
    made, said = fitness(Recycle(max_requests=1, min_worker_lifetime=3600))
    made.served(50, 0, 0)
    assert said == []
    made._since -= 3600
    made.served(51, 0, 0)
    assert said == ["it has served 51 requests (max-requests)"]


@pytest.mark.parametrize(("name", "sizes"), [("rss", (10**6 * MB, 0)), ("as", (0, 10**6 * MB))])
def test_memory(name: str, sizes: tuple[int, int]) -> None:
    """What the worker has grown to beyond its limit, at any age; the limit is far beyond what a test occupies."""
    made, said = fitness(Recycle(**{f"reload_on_{name}": 10**6}))
    made.served(1, sizes[0] - MB, sizes[1] - MB)
    assert said == []
    made.served(2, *sizes)
    assert said == [f"it has grown to 1000000 MB (reload-on-{name})"]


def test_a_limit_that_no_worker_can_keep() -> None:
    """What a fresh worker occupies is known by then, and said to who set the limit."""
    made, said = fitness(Recycle(reload_on_rss=1, min_worker_lifetime=0))
    made.served(1, 500 * MB, 500 * MB)
    assert said[0].startswith("it has grown to 500 MB (reload-on-rss; a fresh worker has ")
