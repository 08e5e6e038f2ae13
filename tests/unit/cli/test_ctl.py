"""`uncork ctl` as it is typed, against processes with a control socket."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.control import FakeServer
from uncork.cli import ctl, verbs
from uncork.cli.ctl import TIMEOUT, VERBS
from uncork.control import ctlclient
from uncork.control.commands import Command

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
NOBODY = 65534

Fake = Callable[..., FakeServer]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[Fake]:
    """Starts processes with a control socket; no others are on this machine."""
    made: list[FakeServer] = []

    def start(**how: Any) -> FakeServer:
        made.append(FakeServer(**how))
        return made[-1]

    def only_those() -> list[ctlclient.Server]:
        return [server for server in ctlclient.servers() if server.pid in {process.pid for process in made}]

    monkeypatch.setattr(ctl, "servers", only_those)
    yield start
    for server in made:
        server.close()


class Typed:
    """What a command printed, and its exit status."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *words: object) -> None:
        self.status = verbs.run(["ctl", *map(str, words)])
        self.out, self.err = capsys.readouterr()

    @property
    def json(self) -> Any:
        """The one line that it printed."""
        assert self.out.count("\n") == 1
        return json.loads(self.out)


Type = Callable[..., Typed]


@pytest.fixture(name="type_")
def type_fixture(capsys: pytest.CaptureFixture[str]) -> Type:
    """Types a command behind `uncork ctl`."""
    return lambda *words: Typed(capsys, *words)


# ---- what comes of it ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verb", "line"),
    [
        ("reload", "reloaded: 2 workers in 0.0 s\n"),
        ("brutal-reload", "reloaded: 2 workers in 0.0 s\n"),
        ("chain-reload", "replaced one after another: 2 workers in 0.0 s\n"),
        ("workers", "replaced: 2 workers in 0.0 s\n"),
        ("pidfile", "pidfiles written\n"),
        ("log-reopen", "log reopened\n"),
        ("cheaper-more", "asked for one worker more\n"),
        ("pause", "paused: connections wait in the queue (uncork ctl resume)\n"),
        ("resume", "resumed, as before\n"),
    ],
)
def test_one_line_says_that_it_is_done(fake: Fake, type_: Type, verb: str, line: str) -> None:
    """On standard output, with exit status 0, and nothing beside it."""
    fake()
    typed = type_(verb)

    assert (typed.status, typed.out.replace("0.1 s", "0.0 s"), typed.err) == (0, line, "")


def test_one_worker_is_no_workers(fake: Fake, type_: Type) -> None:
    """The line is a sentence of somebody who can count."""
    fake(status={"workers": [{"id": 1}]})

    assert type_("reload").out.startswith("reloaded: 1 worker in ")


def test_a_failed_reload_says_why(fake: Fake, type_: Type) -> None:
    """Exit status 1, the reason on one line of standard error, and that nobody is without a server."""
    fake(errors={Command.RELOAD: "app.py:3:\n  SyntaxError: no\x1b[31m way"})
    typed = type_("reload")

    assert (typed.status, typed.out) == (1, "")
    assert typed.err == (
        "uncork ctl: reload failed: app.py:3:; SyntaxError: no?[31m way; the workers of before go on serving\n"
    )


def test_what_else_fails_says_why(fake: Fake, type_: Type) -> None:
    """In the server's own words."""
    fake(errors={Command.KILL_WORKERS: "there are none"})
    typed = type_("kill-workers")

    assert (typed.status, typed.err) == (1, "uncork ctl: kill-workers failed: there are none\n")


@pytest.mark.parametrize("verb", ["stop", "kill"])
def test_a_stop_waits_for_the_end(fake: Fake, type_: Type, verb: str) -> None:
    """When the command returns there is no server any more."""
    server = fake()
    typed = type_(verb)

    assert not server.alive()
    assert (typed.status, typed.err) == (0, "")
    assert typed.out.startswith("stopped in ")


def test_a_server_that_does_not_stop_in_time(fake: Fake, type_: Type) -> None:
    """The command ends when its time is over, and says that the server goes on with it."""
    server = fake()
    os.kill(server.pid, signal.SIGSTOP)
    typed = type_("stop", server.pid, "--timeout", "0.5")
    os.kill(server.pid, signal.SIGCONT)

    assert typed.status == 1
    assert "in time; it goes on with it" in typed.err


def test_an_outcome_that_does_not_come(fake: Fake, type_: Type) -> None:
    """Neither does the command wait for ever."""
    fake(silent=frozenset({Command.RELOAD}))
    typed = type_("reload", "--timeout", "0.5")

    assert typed.status == 1
    assert "has not come to an end with reload in time; it goes on with it" in typed.err


def test_a_server_that_is_killed_meanwhile(fake: Fake, type_: Type) -> None:
    """It ends the waiting."""
    server = fake(silent=frozenset({Command.RELOAD}))
    timer = threading.Timer(0.2, lambda: os.kill(server.pid, signal.SIGKILL))
    timer.start()
    typed = type_("reload")
    timer.join()

    assert typed.status == 1
    assert "ended before it answered" in typed.err


@pytest.mark.parametrize("verb", ["reload", "stop", "status", "stats", "pause", "list"])
def test_json(fake: Fake, type_: Type, verb: str) -> None:
    """One line, for programs: whether it is done, of what, and the error."""
    server = fake()
    typed = type_(verb, "--json")

    assert typed.status == 0
    assert (typed.json["ok"], typed.json["verb"], typed.json["error"]) == (True, verb, "")
    if verb == "list":
        assert [found["pid"] for found in typed.json["servers"]] == [server.pid]
    elif verb == "stats":
        assert typed.json["stats"] == {"pid": server.pid}
    else:
        assert typed.json["pid"] == server.pid


def test_json_of_a_failure(fake: Fake, type_: Type) -> None:
    """It is JSON also if the server says no, and if there is none."""
    typed = type_("reload", "--json")
    assert (typed.status, typed.json["ok"], typed.json["error"]) == (1, False, "no server of yours is running here")
    fake(errors={Command.RELOAD: "bad"})
    typed = type_("reload", "--json")
    assert (typed.status, typed.json["ok"], typed.json["error"]) == (1, False, "bad")


def test_status_for_people(fake: Fake, type_: Type) -> None:
    """Every name and every worker on a line of its own."""
    server = fake(
        status={
            "version": "1.2",
            "config": ["/srv/app.ini"],
            "sockets": ["/srv/app.sock", "127.0.0.1:3031"],
            "workers": [{"id": 1, "pid": 77, "status": "idle"}],
            "last_reload": {"ok": 0, "at": 1_760_176_800, "seconds": 1, "error": "bad\ncode"},
        }
    )
    lines = type_("status").out.splitlines()

    assert lines[0] == f"server      pid {server.pid}, serving, 1 worker, version 1.2"
    assert "config      /srv/app.ini" in lines
    assert [line for line in lines if line.startswith("sockets")] == [
        "sockets     /srv/app.sock",
        "sockets     127.0.0.1:3031",
    ]
    assert "worker 1    pid 77, idle" in lines
    assert lines[-1].endswith("failed: bad code")


# ---- which server ----------------------------------------------------------------------------------------------------


def test_without_a_server(fake: Fake, type_: Type) -> None:
    """There is nobody to tell, and `list` names nobody."""
    assert (type_("reload").status, type_("list").out) == (1, "no server is running here\n")


def test_one_of_several_must_be_named(fake: Fake, type_: Type) -> None:
    """Nothing is done, and the commands that would do it are there to be copied."""
    one = fake(status={"cwd": "/srv/one", "config": ["/srv/one/app.ini"]})
    two = fake(status={"cwd": "/srv/two"})
    typed = type_("stop")

    assert typed.status == 1
    assert "2 servers are running: say which one" in typed.err
    assert f"  uncork ctl stop {one.pid}  /srv/one  /srv/one/app.ini  2 workers\n" in typed.err
    assert f"  uncork ctl stop {two.pid}  /srv/two  2 workers\n" in typed.err
    assert one.alive()
    assert two.alive()


def test_list(fake: Fake, type_: Type) -> None:
    """One line a server, by pid."""
    servers = sorted((fake() for _ in range(2)), key=lambda server: server.pid)

    assert type_("list").out == "".join(f"{server.pid}  /srv  2 workers\n" for server in servers)


def test_every_name_of_a_server_will_do(fake: Fake, type_: Type, tmp_path: Path) -> None:
    """Its pid, ini file, FIFO, sockets and pidfile, whatever others are running."""
    paths = {name: str(tmp_path / name) for name in ("app.ini", "fifo", "app.sock", "stats.sock", "pid")}
    fake(status={"config": [str(tmp_path / "other.ini")]})
    server = fake(
        status={
            "config": [paths["app.ini"]],
            "fifos": [paths["fifo"]],
            "sockets": [paths["app.sock"], "127.0.0.1:3031"],
            "stats": paths["stats.sock"],
            "pidfiles": [paths["pid"]],
        }
    )
    Path(paths["app.ini"]).write_text("[uwsgi]\n")
    os.mkfifo(paths["fifo"])
    for name in ("app.sock", "stats.sock"):
        Path(paths[name]).touch()
    Path(paths["pid"]).write_text(f"{server.pid}\n")

    for target in (server.pid, "127.0.0.1:3031", *paths.values()):
        assert type_("status", target, "--json").json["pid"] == server.pid, target


def test_a_name_of_no_server(fake: Fake, type_: Type) -> None:
    """What is running is said, for the name may be a slip."""
    server = fake()
    typed = type_("reload", "ap.ini")

    assert typed.status == 1
    assert typed.err.startswith(
        "uncork ctl: ap.ini belongs to no running server that answers you; these are running:\n"
    )
    assert str(server.pid) in typed.err


def test_a_name_of_two_servers(fake: Fake, type_: Type, tmp_path: Path) -> None:
    """Nobody guesses which one is meant."""
    (tmp_path / "app.ini").touch()
    pids = sorted(fake(status={"config": [str(tmp_path / "app.ini")]}).pid for _ in range(2))

    assert (
        f"belongs to several servers: give one of their pids, {pids[0]} and {pids[1]}"
        in type_("reload", tmp_path / "app.ini").err
    )


def test_a_pid_of_no_server(fake: Fake, type_: Type) -> None:
    """One that is gone, and one of something else."""
    gone = fake()
    gone.close()

    assert f"there is no process {gone.pid}" in type_("reload", gone.pid).err
    assert f"pid {os.getpid()} has no control socket" in type_("reload", os.getpid()).err


def test_a_pidfile_of_before(fake: Fake, type_: Type, tmp_path: Path) -> None:
    """The number belongs to another server by now: it is left alone."""
    server = fake()
    path = tmp_path / "pid"
    path.write_text(f"{server.pid}\n")
    os.utime(path, (time.time() - 3600,) * 2)
    typed = type_("stop", path)

    assert typed.status == 1
    assert f"pid {server.pid} was left alone" in typed.err
    assert server.alive()


@AS_ROOT
def test_root_commands_every_server(fake: Fake, type_: Type) -> None:
    """That of another user, too."""
    server = fake(uid=NOBODY)

    assert type_("reload", "--json").json["pid"] == server.pid


@AS_ROOT
def test_servers_of_others_are_not_mine(fake: Fake, type_: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else without a server of their own has none to tell, and `list` says whose the others are."""
    server = fake(uid=NOBODY)
    monkeypatch.setattr(os, "geteuid", lambda: 1234)

    assert "no server of yours is running here" in type_("reload").err
    assert (
        type_("list").out
        == f"{server.pid}  uid {NOBODY}  pid {server.pid} is a server of another user (uid {NOBODY})\n"
    )


# ---- mistakes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [(), ("frobnicate",), ("reload", "1", "2"), ("reload", "--timeout", "0"),
                                   ("reload", "--timeout", "x"), ("list", "--frob")])  # fmt: skip
def test_mistakes_are_explained(fake: Fake, type_: Type, words: tuple[str, ...]) -> None:
    """With a usage line, and nothing is told to anybody."""
    server = fake()
    typed = type_(*words)

    assert typed.status == 1
    assert "Usage: uncork ctl" in typed.err
    assert server.alive()


def test_help_names_every_verb(type_: Type) -> None:
    """And how long it waits."""
    text = type_("--help").out

    assert all(verb in text for verb in VERBS)
    assert f"{TIMEOUT:g}" in text


def test_no_terminal_no_progress(fake: Fake, type_: Type) -> None:
    """What goes to a file or a pipe has no control characters in it."""
    fake(silent=frozenset({Command.RELOAD}))
    typed = type_("reload", "--timeout", "0.5")

    assert "\r" not in typed.err
    assert "\x1b" not in typed.err


def test_progress_on_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """One line that says what is waited for and how long by now, and that goes away again."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    show = ctl._progress("reload: waiting for pid 7")
    show(1.9)
    show(-1)

    assert capsys.readouterr().err == "\r\x1b[Kreload: waiting for pid 7, 2 s\r\x1b[K"
