"""Cron in a running server: commands run at their time, and neither requests nor reloads nor the end wait for them."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from e2e.conftest import Serve
from harness import uwsgi
from harness.processes import children_of, command_of, wait_gone
from harness.server import APPS, Server, read_stats

EVERY = "-1 -1 -1 -1 -1"


def wait_until(condition: Callable[[], object]) -> None:
    """Wait for what nobody is notified of."""
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def start(serve: Serve, run: Path, *lines: str) -> Server:
    """A server whose configuration has these lines."""
    base = (f"socket = {run}/app.sock", f"stats = {run}/stats.sock", f"master-fifo = {run}/fifo", "module = plain")
    (run / "app.ini").write_text("\n".join(("[uwsgi]", *base, *lines)) + "\n")
    return serve("--ini", f"{run}/app.ini", env={"SECRET": "hunter2"})


def crons(run: Path) -> Any:
    """The statistics of cron."""
    return read_stats(f"{run}/stats.sock")["crons"]


def answers(run: Path) -> None:
    """The app still does."""
    assert uwsgi.get(f"{run}/app.sock", "/").code == 200


def test_a_command_runs_and_is_seen(serve: Serve, run: Path) -> None:
    """By /bin/sh, in the app's directory and environment, into the log; the statistics are those of uWSGI."""
    server = start(serve, run, f"cron = {EVERY} echo $SECRET-$NOTIFY_SOCKET-; pwd; exec sleep 1000")
    server.process.wait_for_log("hunter2--\n")
    server.process.wait_for_log(f"\n{APPS}\n")
    (row,) = crons(run)
    began = row.pop("started_at")
    pid = row.pop("pid")
    assert row == {
        "minute": -1,
        "hour": -1,
        "day": -1,
        "month": -1,
        "week": -1,
        "unique": 0,
        "command": "echo $SECRET-$NOTIFY_SOCKET-; pwd; exec sleep 1000",
    }
    assert abs(began - time.time()) < 60
    assert pid in children_of(server.pid)
    assert f'[uwsgi-cron] running "{row["command"]}" (pid {pid})' in server.text()
    os.kill(pid, signal.SIGTERM)
    server.process.wait_for_log(f"running with pid {pid} exited after")
    # Or another one, if its next minute has come.
    wait_until(lambda: crons(run)[0]["pid"] != pid)


def test_a_reload_neither_waits_nor_runs_it_again(serve: Serve, run: Path) -> None:
    """In the same minute the job has run; it goes on, and so does the server."""
    server = start(serve, run, f"unique-cron = {EVERY} echo begun >> {run}/runs; exec sleep 1000")
    wait_until((run / "runs").exists)
    pid = crons(run)[0]["pid"]
    # Out of the way of the next minute, in which it is due again, were it not unique.
    (run / "fifo").write_text("r")
    server.wait("READY=1")
    answers(run)
    assert crons(run)[0]["pid"] == pid
    assert (run / "runs").read_text() == "begun\n"
    os.kill(pid, signal.SIGKILL)


def test_one_that_runs_holds_up_nothing_and_runs_on(serve: Serve, run: Path) -> None:
    """A stop neither waits for it nor ends it, as in uWSGI; the log names it."""
    waiting = f"while [ ! -e {run}/go ]; do sleep 0.02; done"
    command = f"echo begun; {waiting}; echo ended > {run}/out"
    server = start(serve, run, f"cron = {EVERY} {command}", f"touch-exec = {run}/trigger {waiting}; rm {run}/trigger")
    server.process.wait_for_log("begun\n")
    pid = crons(run)[0]["pid"]
    (run / "trigger").touch()
    server.process.wait_for_log("[uwsgi-touch-exec] running")
    answers(run)
    server.process.signal(signal.SIGTERM)
    assert server.process.wait() == 0
    assert f"pid {pid} may outlive the server: {command}" in server.text()
    assert f"may outlive the server: {waiting}; rm" in server.text()
    (run / "go").touch()
    wait_until(lambda: (run / "out").exists() and not (run / "trigger").exists())
    wait_gone(pid)


def test_one_that_takes_too_long_is_killed(serve: Serve, run: Path) -> None:
    """With all it has started, in uWSGI's words."""
    server = start(serve, run, f"cron2 = harakiri=1 sleep 1000 & echo $! > {run}/pid; wait")
    server.process.wait_for_log("*** HARAKIRI ON CRON")
    wait_gone(int((run / "pid").read_text()))
    server.process.wait_for_log("(killed by signal 9 (SIGKILL))")
    answers(run)


def test_a_server_that_cannot_start_runs_nothing(serve: Serve, run: Path) -> None:
    """The app is not there: cron waits until somebody serves."""
    (run / "broken.py").write_text("raise RuntimeError('no')\n")
    try:
        start(serve, run, f"cron = {EVERY} touch {run}/ran", f"pythonpath = {run}", "module = broken")
    except AssertionError:
        pass
    else:
        raise AssertionError("it started")
    assert not (run / "ran").exists()


def test_a_touch_runs_a_command(serve: Serve, run: Path) -> None:
    """touch-exec: a file comes, and the command has run."""
    server = start(serve, run, f"touch-exec = {run}/trigger echo touched > {run}/out")
    (run / "trigger").touch()
    wait_until(lambda: (run / "out").exists() and (run / "out").read_text())
    assert "[uwsgi-touch-exec] running echo touched" in server.text()
    answers(run)


def test_a_daemon_that_a_job_starts_is_left_alone(serve: Serve, run: Path) -> None:
    """In a session of its own it is its own master, and outlives the server."""
    server = start(serve, run, f"unique-cron = {EVERY} setsid sleep 1000 & echo $! > {run}/pid; wait")
    wait_until(lambda: (run / "pid").exists() and (run / "pid").read_text())
    pid = int((run / "pid").read_text())
    wait_until(lambda: (command_of(pid) or "").startswith("sleep"))
    server.process.signal(signal.SIGTERM)
    assert server.process.wait() == 0
    assert (command_of(pid) or "").startswith("sleep")
    os.kill(pid, signal.SIGKILL)
