"""Stops and changes of workers: what the kernel had queued for a worker is answered before the worker goes."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from e2e.conftest import Deploy
from harness import uwsgi
from harness.server import free_port
from harness.site import Site

# More than the workers could take between the command and their end, less than the queue holds.
QUEUED = 60


def by_fifo(site: Site) -> None:
    """`echo q >fifo`."""
    site.command("q")


def by_signal(site: Site) -> None:
    """TERM."""
    site.server.process.signal(signal.SIGTERM)


WAYS = [pytest.param(by_fifo, id="q"), pytest.param(by_signal, id="TERM")]


def _queue_up(site: Site, port: int) -> list[socket.socket]:
    """Both workers are busy, and requests wait at the socket file and at the port."""
    held = [site.hold(number) for number in range(2)]
    return [
        *held,
        *(site.ask(f"{site.run}/app.sock") for _ in range(QUEUED)),
        *(site.ask(f"127.0.0.1:{port}") for _ in range(QUEUED)),
    ]


def _all_answered(connections: list[socket.socket]) -> None:
    answers = [uwsgi.receive(sock) for sock in connections]
    for sock in connections:
        sock.close()
    assert [answer.code for answer in answers].count(200) == len(connections)
    assert not any(answer.reset for answer in answers)


@pytest.mark.parametrize("way", WAYS)
def test_a_graceful_stop_answers_the_queue(deploy: Deploy, way: Callable[[Site], None]) -> None:
    """Whoever was connected when the stop was asked for gets an answer and no reset; the status is 0."""
    port = free_port()
    site = deploy(f"socket = 127.0.0.1:{port}")
    connections = _queue_up(site, port)
    way(site)
    site.server.process.wait_for_log("graceful shutdown triggered...")
    for number in range(2):
        (site.run / f"go{number}").touch()
    _all_answered(connections)

    assert site.server.process.wait() == 0


def test_ctl_stop_answers_the_queue(deploy: Deploy) -> None:
    """`uncork ctl stop` does the same, and returns when the server is gone."""
    port = free_port()
    site = deploy(f"socket = 127.0.0.1:{port}")
    connections = _queue_up(site, port)
    ended: list[int] = []
    stop = threading.Thread(target=lambda: ended.append(site.ctl("stop").returncode))
    stop.start()
    try:
        site.server.process.wait_for_log("graceful shutdown triggered...")
        assert ended == []
    finally:
        for number in range(2):
            (site.run / f"go{number}").touch()
        stop.join()
    _all_answered(connections)

    assert ended == [0]
    assert site.server.process.popen.poll() == 0


def test_a_full_queue_at_the_stop(deploy: Deploy) -> None:
    """A queue filled to its very limit is answered, too."""
    site = deploy("listen = 20")
    held = [site.hold(number) for number in range(2)]
    # The kernel holds one more than it was told (unix(7) does not say; unix_recvq_full does).
    queued = [site.ask(f"{site.run}/app.sock") for _ in range(21)]
    site.command("q")
    site.server.process.wait_for_log("graceful shutdown triggered...")
    for number in range(2):
        (site.run / f"go{number}").touch()
    _all_answered([*held, *queued])

    assert site.server.process.wait() == 0


def test_a_stop_under_load_answers_or_refuses(deploy: Deploy) -> None:
    """While requests keep coming, nginx sees answers, and refused connections from some moment on: never a reset."""
    site = deploy()
    with site.load(1000, fresh=True) as load:
        site.command("q")
        assert site.server.process.wait() == 0
        seen = load.stop()
    errors = site.front.errors()
    print(seen)

    assert seen.broken == 0
    assert set(seen.status) <= {"200", "502"}
    assert "reset by peer" not in errors
    assert "prematurely closed" not in errors


def test_a_lonely_request_is_not_forgotten(deploy: Deploy) -> None:
    """A request that comes while the workers change is answered, also if no other one comes behind it.

    The kernel wakes one worker for a connection, and nobody else hears of it.  Here that worker is slow to run, so that
    its signal to end finds it awake and empty-handed.
    """
    site = deploy()
    over = threading.Event()
    codes: list[int] = []

    def ask() -> None:
        while not over.is_set():
            codes.append(site.get().code)

    client = threading.Thread(target=ask)
    client.start()
    try:
        for _ in range(4):
            before = site.pids()
            with starved(before):
                site.command("r")
                site.until_replaced(before)
            answered = len(codes)
            site.until(lambda answered=answered: len(codes) > answered + 1, "the answer to a request", 3)  # type: ignore[misc]
    finally:
        over.set()
        # Whoever waits still is found by this one.
        site.get()
        client.join()

    assert set(codes) == {200}


@contextmanager
def starved(pids: set[int]) -> Iterator[None]:
    """`pids` share a processor with a loop that leaves them next to nothing of it."""
    cpu = min(os.sched_getaffinity(0))
    hog = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        os.sched_setaffinity(hog.pid, {cpu})
        for pid in pids:
            os.sched_setaffinity(pid, {cpu})
            os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))
        yield
    finally:
        hog.kill()
        hog.wait()
