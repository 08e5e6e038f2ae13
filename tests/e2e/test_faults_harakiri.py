"""Requests that hang, each in its own way: the client gets an answer in time, and nobody else is touched."""

import http.client
import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from e2e.conftest import Deploy
from harness.site import Site

LIMIT = 1
# The worker is to be gone half a second after the limit; the rest is for a loaded machine.
LATE = 2.0
RATE = 100

# What hangs, and the function that the log is to name.
KINDS = {
    "sleep": "hang_asleep",
    "loop": "hang_in_python",
    "lock": "hang_in_a_lock",
    "c": "hang_in_c",
    "pipe": "hang_in_a_pipe",
    "stop": "hang_stopped",
    "stubborn": "hang_stubbornly",
}


def ask(site: Site, path: str) -> tuple[int, float]:
    """(status, seconds until it came) of a request through nginx."""
    connection = http.client.HTTPConnection("127.0.0.1", site.front.port, timeout=20)
    began = time.monotonic()
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        return answer.status, time.monotonic() - began
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("kind", "threads"),
    [*((kind, 1) for kind in KINDS), *((kind, 4) for kind in ("sleep", "loop", "lock", "c"))],
)
def test_a_request_that_hangs(deploy: Deploy, kind: str, threads: int) -> None:
    """It is answered when its time is over, its stack is in the log, and the other worker has not noticed."""
    site = deploy(f"harakiri = {LIMIT}", f"threads = {threads}")
    before = site.pids()
    with site.load(RATE) as load:
        code, took = ask(site, f"/hang?{kind}")
        site.until(lambda: len(site.pids()) == 2, "a second worker")
        seen = load.stop()
    print(f"{kind}, {threads} threads: {code} after {took:.3f} s; {seen}")
    log = site.server.text()

    assert 500 <= code <= 504
    assert LIMIT <= took < LIMIT + LATE
    assert len(site.pids() & before) >= 1
    # A worker that is killed takes along what its other threads are in the middle of.
    assert seen.failed <= threads - 1, seen
    assert seen.slowest < LIMIT + LATE, seen
    assert site.total("harakiri_count") == 1
    assert re.search(rf"HARAKIRI \[core \d\] 127\.0\.0\.1 - GET /hang\?{kind} since \d+ \(\d\.\d s\)", log), log
    assert KINDS[kind] in log
    assert site.get().code == 200


def test_a_request_below_the_limit(deploy: Deploy) -> None:
    """One that takes almost as long as it may is answered as if there were no limit."""
    site = deploy(f"harakiri = {LIMIT}")
    before = site.pids()

    assert [ask(site, "/nap?0.6")[0] for _ in range(2)] == [200, 200]
    assert site.pids() == before
    assert site.total("harakiri_count") == 0
    assert "HARAKIRI" not in site.server.text()


@pytest.mark.parametrize("kind", ["sleep", "c"])
def test_all_workers_hang(deploy: Deploy, kind: str) -> None:
    """Whoever waits behind requests that hang in every worker is served soon after their time is over."""
    site = deploy(f"harakiri = {LIMIT}")
    stuck = [site.ask(f"{site.run}/app.sock", f"/hang?{kind}") for _ in range(2)]
    site.until(lambda: all(worker["status"] == "busy" for worker in site.stats()["workers"]), "two busy workers")
    code, took = ask(site, "/")
    for sock in stuck:
        sock.close()

    assert code == 200
    assert took < LIMIT + LATE
    assert site.total("harakiri_count") == 2


def test_sibling_threads_may_finish(deploy: Deploy) -> None:
    """With harakiri-graceful-timeout the other threads of a worker that has to be killed finish what they do."""
    site = deploy("processes = 1", "threads = 4", f"harakiri = {LIMIT}", "harakiri-graceful-timeout = 2")
    (before,) = site.pids()
    with ThreadPoolExecutor(2) as clients:
        hung = clients.submit(ask, site, "/hang?stubborn")
        site.until(lambda: site.stats()["workers"][0]["status"] == "busy", "a busy worker")
        time.sleep(0.7)
        # Under way when the other's time is over, and still under way when the worker would be killed without a grace.
        sibling = clients.submit(ask, site, "/nap?0.75")
        site.until(lambda: len(site.pids() - {before}) == 1, "another worker")
        codes = hung.result()[0], sibling.result()[0]

    assert 500 <= codes[0] <= 504
    assert codes[1] == 200
    site.until(lambda: before not in site.pids(), "the end of the worker")
    assert site.get().code == 200


def test_an_app_sets_its_own_deadline(deploy: Deploy) -> None:
    """`uwsgi.set_user_harakiri(1)` counts from there on, whatever the limit of the server is."""
    site = deploy("harakiri = 30")
    before = site.pids()
    code, took = ask(site, f"/user-harakiri?{LIMIT}")

    assert 500 <= code <= 504
    assert LIMIT <= took < LIMIT + LATE
    assert len(site.pids() & before) >= 1
    assert "hang_asleep" in site.server.text()
