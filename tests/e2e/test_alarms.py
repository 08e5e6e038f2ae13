"""Alarms and rules for lines in a running server."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from e2e.conftest import Serve, write_app
from harness import uwsgi
from harness.server import Server

# `/say?TEXT`: write TEXT to the log; `/crash`: die of a segmentation fault.
APP = """
import os, signal, sys

def application(environ, start_response):
    if environ["PATH_INFO"] == "/crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    print(environ["QUERY_STRING"], file=sys.stderr, flush=True)
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
"""


def wait_until(condition: Callable[[], object]) -> None:
    """Wait for what nobody is notified of."""
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture
def start(serve: Serve, run: Path) -> Callable[..., Server]:
    """A function that starts the app with lines of a configuration."""
    write_app(run, {"talker.py": APP})

    def started(*lines: str) -> Server:
        base = (f"socket = {run}/app.sock", f"master-fifo = {run}/fifo", "module = talker", "disable-logging = true")
        (run / "app.ini").write_text("\n".join(("[uwsgi]", *base, *lines)) + "\n")
        return serve("--ini", f"{run}/app.ini", cwd=run, env={"SECRET": "hunter2"})

    return started


def say(run: Path, text: str) -> None:
    """Have the app write a line."""
    assert uwsgi.get(f"{run}/app.sock", f"/say?{text}").body == b"ok"


def text_of(path: Path) -> str:
    """What a file holds, "" while there is none."""
    return path.read_text() if path.exists() else ""


def test_a_line_of_the_log_tells_somebody(start: Callable[..., Server], run: Path) -> None:
    """Once for the same line; what the command writes is in the log, and raises no alarm; it knows no secret."""
    server = start(
        f"alarm = tell cmd:cat >> {run}/told; env >> {run}/env; echo it burns again",
        "alarm = line log:said",
        "alarm-log = tell,line burns",
    )
    for _ in range(3):
        say(run, "it_burns")
    wait_until(lambda: "it burns again" in server.text())
    server.process.wait_for_log("ALARM: said it_burns")
    say(run, "fine")
    server.process.wait_for_log("fine\n")
    assert text_of(run / "told") == "it_burns\n"
    assert "hunter2" not in text_of(run / "env")
    assert "PATH=" in text_of(run / "env")


def test_an_alarm_that_hangs_holds_up_nothing(start: Callable[..., Server], run: Path) -> None:
    """Requests, a reload, and the end; however many lines raise it."""
    server = start("alarm = tell cmd:trap '' TERM; while :; do sleep 0.1; done", "alarm-log = tell burns")
    for number in range(200):
        say(run, f"it_burns_{number}")
    (run / "fifo").write_text("r")
    server.wait("READY=1")
    say(run, "fine")
    server.process.signal(15)
    assert server.process.wait() == 0


def test_a_crash_tells_somebody(start: Callable[..., Server], run: Path) -> None:
    """alarm-segfault; the worker is replaced as ever."""
    start(f"alarm = tell cmd:cat >> {run}/told", "alarm-segfault = tell")
    uwsgi.get(f"{run}/app.sock", "/crash")
    wait_until(lambda: text_of(run / "told"))
    assert "worker 1 (pid: " in text_of(run / "told")
    assert text_of(run / "told").endswith("died, killed by signal 11 (SIGSEGV)\n")
    say(run, "fine")


def test_a_reload_brings_other_rules(start: Callable[..., Server], run: Path) -> None:
    """The lines that are left out are those of the new configuration."""
    server = start("log-drain = secret")
    say(run, "one_secret")
    (run / "app.ini").write_text((run / "app.ini").read_text().replace("log-drain = secret", "log-drain = public"))
    (run / "fifo").write_text("r")
    server.wait("READY=1")
    say(run, "one_public")
    say(run, "two_secret")
    server.process.wait_for_log("two_secret")
    assert "one_secret" not in server.text()
    assert "one_public" not in server.text()


def test_lines_go_where_routes_lead_in_the_form_of_encoders(start: Callable[..., Server], run: Path) -> None:
    """The recipe for logs that machines read."""
    server = start(
        f"logger = jobs file:{run}/jobs.log",
        "logger = stdio",
        "log-route = jobs job",
        'log-encoder = json {"unix":${unix},"message":"${msg}"}',
        "log-encoder = nl",
    )
    say(run, "job_done")
    say(run, "other")
    server.process.wait_for_log('"message":"other"}\n')
    (line,) = text_of(run / "jobs.log").splitlines()
    assert line.startswith('{"unix":')
    assert line.endswith(',"message":"job_done"}')
    assert "job_done" not in server.text()


def test_an_expression_without_end_does_not_hang_the_master(start: Callable[..., Server], run: Path) -> None:
    """It is told and left out; the server obeys."""
    server = start("log-drain = (a+)+$")
    say(run, "a" * 60 + "b")
    server.process.wait_for_log("takes too long over lines of the log")
    server.process.wait_for_log("a" * 60 + "b\n")
    (run / "fifo").write_text("r")
    server.wait("READY=1")


def test_a_stranger_cannot_empty_the_log(start: Callable[..., Server], run: Path) -> None:
    """The only filter is an expression that one line makes endless: what comes behind it is written."""
    server = start("log-filter = (a+)+!|BOOM|worker")
    say(run, "a" * 60)
    server.process.wait_for_log("takes too long over lines of the log")
    say(run, "something_else")
    server.process.wait_for_log("something_else\n")


def test_many_slow_lines_do_not_hold_up_the_master(start: Callable[..., Server], run: Path) -> None:
    """Each costs milliseconds, and half a minute in all: it reloads meanwhile."""
    server = start("log-drain = (a+)+$")
    slow = "a" * 20 + "b"
    for _ in range(300):
        say(run, slow)
    (run / "fifo").write_text("r")
    server.wait("READY=1")
    server.process.wait_for_log("takes too long over lines of the log")


def test_a_reload_opens_the_log_again(start: Callable[..., Server], run: Path) -> None:
    """log-reopen, for those who rotate by renaming and a reload."""
    server = start(f"logto = {run}/app.log", "log-reopen = true")
    os.rename(run / "app.log", run / "app.log.1")
    (run / "fifo").write_text("r")
    server.wait("READY=1")
    wait_until((run / "app.log").exists)

    def is_there() -> bool:
        # A worker that has not heard of it yet writes into the file that was renamed.
        say(run, "new")
        return "new\n" in text_of(run / "app.log")

    wait_until(is_there)


def test_a_descriptor_of_the_start_raises_an_alarm(run: Path) -> None:
    """alarm-fd: as systemd or a shell passes one."""
    write_app(run, {"talker.py": APP})
    read, write = os.pipe()
    os.set_inheritable(read, True)
    words = ("--socket", f"{run}/app.sock", "--module", "talker", "--master")
    rules = ("--alarm", f"tell cmd:cat >> {run}/told", "--alarm-fd", f"tell {read}:8 all is lost")
    with (run / "log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "uncork", *words, *rules], cwd=run, pass_fds=(read,), stdout=log, stderr=log
        )
    os.close(read)
    try:
        wait_until(lambda: f"added fd {read}" in text_of(run / "log"))
        os.write(write, b"x")
        wait_until(lambda: text_of(run / "told") == "all is lost\n")
    finally:
        server.terminate()
        assert server.wait(30) == 0
        os.close(write)
