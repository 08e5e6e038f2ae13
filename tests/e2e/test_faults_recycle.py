"""Workers that are replaced in the middle of a constant load: because they are old, have served enough, or grew."""

import http.client
import time

import pytest

from e2e.conftest import Deploy
from harness.site import Watch

MEGABYTE = 1 << 20
STALL = 3.0


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(["max-requests = 50", "min-worker-lifetime = 0"], id="max-requests"),
        pytest.param(
            ["max-requests = 50", "max-requests-delta = 10", "min-worker-lifetime = 0", "threads = 4"],
            id="max-requests-delta",
        ),
        pytest.param(
            ["max-worker-lifetime = 1", "min-worker-lifetime = 0"],
            id="max-worker-lifetime",
        ),
    ],
)
def test_recycling_under_load(deploy: Deploy, lines: list[str]) -> None:
    """Each worker is replaced several times, its successor ready first: nobody fails, nobody waits."""
    site = deploy(*lines)
    with site.load(300) as load, Watch(site) as watch:
        site.until(lambda: len(watch.pids) >= 6, "four more workers")
        seen = load.stop()
    print(seen, f"{len(watch.pids)} workers, {watch.fewest} at the fewest")

    assert seen.failed == 0, seen
    assert seen.slowest < STALL, seen
    assert watch.fewest >= 1
    assert "DAMN" not in site.server.text()
    assert "keeps dying" not in site.server.text()
    site.until(lambda: len(site.pids()) == 2, "two workers")


def test_min_worker_lifetime(deploy: Deploy) -> None:
    """A worker that has served enough within moments stays until it is old enough."""
    site = deploy("max-requests = 5", "min-worker-lifetime = 60")
    before = site.pids()
    for _ in range(40):
        assert site.get().code == 200

    assert site.pids() == before


def test_a_leak_is_bounded(deploy: Deploy) -> None:
    """A worker that has grown beyond reload-on-rss is replaced after its request; nobody fails for it."""
    limit = 80
    site = deploy(f"reload-on-rss = {limit}", "min-worker-lifetime = 0")
    with site.load(80, "/leak?1") as load, Watch(site) as watch:
        site.until(lambda: len(watch.pids) >= 6, "four more workers")
        seen = load.stop()
    print(seen, f"{watch.largest >> 20} MB at the most")

    assert seen.failed == 0, seen
    assert seen.slowest < STALL, seen
    assert watch.fewest >= 1
    assert limit * MEGABYTE * 0.5 < watch.largest < limit * MEGABYTE * 1.25


def test_a_request_that_takes_all_memory(deploy: Deploy) -> None:
    """evil-reload-on-rss ends a worker in the middle of the request that outgrows it; the other one has not noticed."""
    site = deploy("evil-reload-on-rss = 150")
    before = site.pids()
    connection = http.client.HTTPConnection("127.0.0.1", site.front.port, timeout=20)
    with site.load(100) as load:
        began = time.monotonic()
        connection.request("GET", "/hog?200")
        code = connection.getresponse().status
        took = time.monotonic() - began
        connection.close()
        site.until(lambda: len(site.pids()) == 2, "two workers")
        seen = load.stop()
    print(f"{code} after {took:.2f} s; {seen}")

    assert code == 502
    assert took < 10
    assert seen.failed == 0, seen
    assert len(site.pids() & before) == 1
