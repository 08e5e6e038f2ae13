"""The statistics of a running server, and the program that people read them with."""

import fcntl
import json
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import threading
import time
from pathlib import Path
from urllib.request import urlopen

from e2e.conftest import Serve
from harness import uwsgi
from harness.server import free_port, read_stats

BASE = ("--module", "plain", "--processes", "2", "--threads", "2")


def test_the_real_uwsgitop_shows_the_workers(serve: Serve, run: Path) -> None:
    """uwsgitop from PyPI connects, draws its screen with our version and both workers, and leaves at `q`."""
    serve("--socket", f"{run}/app.sock", "--stats", f"{run}/stats.sock", *BASE)
    for _ in range(7):
        uwsgi.get(f"{run}/app.sock", "/pid")
    pids = [worker["pid"] for worker in read_stats(f"{run}/stats.sock")["workers"]]
    program = os.path.join(os.path.dirname(sys.executable), "uwsgitop")
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 140, 0, 0))
    top = subprocess.Popen(
        [program, f"{run}/stats.sock"],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**os.environ, "TERM": "xterm"},
        start_new_session=True,
    )
    os.close(slave)
    screen = _read_until(master, [str(pid).encode() for pid in pids] + [b"req: 7"])
    os.write(master, b"q")
    status = top.wait(10)
    os.close(master)

    assert status == 0
    assert b"Traceback" not in screen


def _read_until(fd: int, words: list[bytes]) -> bytes:
    """What the terminal `fd` shows, once all `words` are in it.  Raises AssertionError if they do not come."""
    screen = b""
    end = time.monotonic() + 20
    while not all(word in screen for word in words):
        assert time.monotonic() < end, screen
        if select.select([fd], [], [], 0.5)[0]:
            screen += os.read(fd, 65536)
    return screen


def test_over_tcp_and_http(serve: Serve, run: Path) -> None:
    """`stats` may be a TCP address, and `stats-http` lets a browser read it."""
    port = free_port()
    serve("--socket", f"{run}/app.sock", "--stats", f"127.0.0.1:{port}", "--stats-http", *BASE)

    with urlopen(f"http://127.0.0.1:{port}/") as answer:
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert [worker["id"] for worker in json.load(answer)["workers"]] == [1, 2]


def test_a_running_request_is_shown_without_its_secrets(serve: Serve, run: Path) -> None:
    """While a request runs, its core shows its variables; the cookie is masked, and the answer comes at once."""
    serve("--socket", f"{run}/app.sock", "--stats", f"{run}/stats.sock", "--module", "plain")
    client = threading.Thread(
        target=lambda: uwsgi.get(f"{run}/app.sock", f"/hold?{run}/go", HTTP_COOKIE="session=secret", HTTP_X="seen")
    )
    client.start()
    end = time.monotonic() + 20
    while not (run / "go.in").exists():
        assert time.monotonic() < end
        time.sleep(0.01)
    (worker,) = read_stats(f"{run}/stats.sock")["workers"]
    (run / "go").touch()
    client.join()

    assert worker["status"] == "busy"
    (core,) = worker["cores"]
    assert core["in_request"] == 1
    assert "HTTP_X=seen" in core["vars"]
    assert "HTTP_COOKIE=***" in core["vars"]
    assert core["vars"][-1] == ""
    assert abs(core["req_info"]["request_start"] - time.time()) < 60


def test_the_numbers_add_up(serve: Serve, run: Path) -> None:
    """Requests, exceptions, bytes and apps count what happened."""
    serve("--socket", f"{run}/app.sock", "--stats", f"{run}/stats.sock", "--module", "plain", "--memory-report")
    sizes = [len(uwsgi.get(f"{run}/app.sock", path).raw) for path in ("/pid", "/pid", "/boom")]
    # The answer leaves before its request is counted: the next one, served by the same thread, comes after that.
    sizes.append(len(uwsgi.get(f"{run}/app.sock", "/pid").raw))
    _settled(run, 4)
    (worker,) = read_stats(f"{run}/stats.sock")["workers"]

    assert worker["requests"] == worker["delta_requests"] == 4
    assert worker["exceptions"] == 1
    assert worker["tx"] == sum(sizes)
    assert worker["rss"] > 1 << 20
    assert worker["vsz"] > worker["rss"]
    (app,) = worker["apps"]
    assert (app["requests"], app["exceptions"], app["mountpoint"]) == (4, 1, "")
    assert worker["running_time"] > 0
    assert worker["status"] == "idle"


def _settled(run: Path, requests: int) -> None:
    end = time.monotonic() + 10
    while sum(worker["requests"] for worker in read_stats(f"{run}/stats.sock")["workers"]) < requests:
        assert time.monotonic() < end
        time.sleep(0.01)
