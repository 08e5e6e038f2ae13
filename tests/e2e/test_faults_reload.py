"""Reloads under constant load, through an nginx that sends no request elsewhere: good ones, broken ones, storms."""

import os
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from e2e.conftest import Deploy
from harness import uwsgi
from harness.pace import Pace, Paced
from harness.server import free_port
from harness.site import Site, Watch, app

RATE = 300
# Seconds: thirty times what the slowest answer takes here; a busy machine must not fail the test.
STALL = 3.0


def unharmed(load: Pace, stall: float = STALL) -> Paced:
    """End the load: every request was answered 200, and nobody waited as if there had been a stall."""
    seen = load.stop()
    print(seen)
    assert seen.failed == 0, seen
    assert seen.answered > 0
    assert seen.slowest < stall, seen
    return seen


# ---- ways to ask for a reload ----------------------------------------------------------------------------------------


def by_fifo(site: Site) -> None:
    """`echo r >fifo`."""
    site.command("r")


def by_signal(site: Site) -> None:
    """HUP."""
    site.server.process.signal(signal.SIGHUP)


def by_touch(site: Site) -> None:
    """A file is touched."""
    os.utime(site.run / "touched")


def by_ctl(site: Site) -> None:
    """`uncork ctl reload`, which returns when the reload is through."""
    done = site.ctl("reload")
    assert done.returncode == 0, done
    assert site.stats()["last_reload"]["ok"] == 1


# Between one reload and the next a second passes; the full size of the promise, 20, takes as many seconds.
RELOADS = int(os.environ.get("UNCORK_RELOADS", "4"))
WAYS = [
    pytest.param(by_fifo, RELOADS, id="r"),
    pytest.param(by_signal, 2, id="HUP"),
    pytest.param(by_touch, 2, id="touch-reload"),
    pytest.param(by_ctl, 2, id="ctl"),
]


@pytest.mark.parametrize(("way", "reloads"), WAYS)
def test_good_reloads_under_load(deploy: Deploy, run: Path, way: Callable[[Site], None], reloads: int) -> None:
    """Each reload brings the new version, nobody fails, and nobody waits for it."""
    (run / "touched").touch()
    site = deploy(*["touch-reload = {run}/touched"] * (way is by_touch))
    with site.load(RATE) as load:
        for number in range(reloads):
            before = site.pids()
            site.deploy(app(f"version{number}"))
            way(site)
            site.until_replaced(before)
            if way is by_ctl:
                # Whoever waited for the outcome meets the new code only.
                assert site.version() == f"version{number}"
            site.until_version(f"version{number}")
        unharmed(load)
    assert site.stats()["last_reload"]["ok"] == 1
    assert site.server.text().count("WSGI app 0") == 1 + reloads


def test_reloads_under_a_load_of_fresh_connections(deploy: Deploy) -> None:
    """The same without keep-alive: each request is a connection of its own."""
    site = deploy()
    with site.load(RATE, fresh=True) as load:
        for _ in range(2):
            before = site.pids()
            site.command("r")
            site.until_replaced(before)
        unharmed(load)


# ---- broken deploys --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Broken:
    """A deploy that cannot work: `code` of the app or further `lines` of app.ini (None: the file is gone).

    `reason` is what is said about it, `always` are lines that app.ini has before and after.
    """

    reason: str
    code: str | None = None
    lines: tuple[str, ...] | None = ()
    always: tuple[str, ...] = ()


BROKEN = {
    "a value that is none": Broken("app.ini:12: processes = four", lines=("processes = four",)),
    "no ini file": Broken("app.ini", lines=None),
    "an import that fails": Broken("'no_such_module_anywhere'", code="import no_such_module_anywhere\n"),
    "a syntax error": Broken("SyntaxError", code="def application(:\n"),
    "no callable": Broken("it has no 'application'", code="import faults\n"),
    "an exit at import": Broken("sys.exit(3)", code="import sys\nsys.exit(3)\n"),
    "a crash at import": Broken("SIGSEGV", code="import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n"),
    "an import that hangs": Broken("boot-timeout", code="import time\ntime.sleep(600)\n", always=("boot-timeout = 1",)),
    "an app that answers 500": Broken(
        "probe = /health",
        code=app("sick", "faults.HEALTH = '500 Internal Server Error'"),
        always=("probe = /health",),
    ),
}


def refuse_by_fifo(site: Site) -> str:
    """`echo r >fifo`; the reason that the statistics give."""
    site.command("r")
    return site.until_refused()


def refuse_by_ctl(site: Site) -> str:
    """`uncork ctl reload`, which fails; the reason that it prints."""
    done = site.ctl("reload")
    assert done.returncode != 0, done
    return done.stdout + done.stderr


@pytest.mark.parametrize("way", [pytest.param(refuse_by_fifo, id="r"), pytest.param(refuse_by_ctl, id="ctl")])
@pytest.mark.parametrize("kind", list(BROKEN))
def test_a_broken_deploy_under_load(deploy: Deploy, kind: str, way: Callable[[Site], str]) -> None:
    """The same workers go on, nobody fails, the reason is told everywhere, and the next good reload heals."""
    broken = BROKEN[kind]
    site = deploy(*broken.always)
    before = site.pids()
    with site.load(RATE) as load:
        if broken.lines is None:
            (site.run / "app.ini").unlink()
        else:
            site.configure(*broken.always, *broken.lines)
        if broken.code is not None:
            site.deploy(broken.code)
        began = int(time.time())
        reason = way(site)
        ended = time.time()

        assert broken.reason in reason
        last = site.stats()["last_reload"]
        assert last["ok"] == 0
        assert broken.reason in last["error"]
        assert broken.reason in site.server.text()
        assert began <= last["at"] <= ended
        assert isinstance(last["seconds"], int)
        assert site.pids() == before
        assert site.version() == "one"

        site.configure(*broken.always)
        site.deploy(app("two"))
        site.command("r")
        site.until_replaced(before)
        unharmed(load)
    site.until_version("two")
    assert site.stats()["last_reload"]["ok"] == 1
    assert site.stats()["last_reload"]["error"] == ""


# ---- settings that change --------------------------------------------------------------------------------------------


def test_a_reload_changes_workers_and_threads(deploy: Deploy) -> None:
    """From 2 workers of one thread to 3 of two, and back to 1, by reloads that nobody notices."""
    site = deploy()
    with site.load(RATE) as load:
        for workers, threads in ((3, 2), (1, 1)):
            before = site.pids()
            site.configure(f"processes = {workers}", f"threads = {threads}")
            site.command("r")
            site.until_replaced(before, workers)
            assert [len(worker["cores"]) for worker in site.stats()["workers"]] == [threads] * workers
        unharmed(load)


def test_a_reload_adds_and_removes_sockets(deploy: Deploy) -> None:
    """A socket that the new configuration names is served after the reload; one that it drops is gone."""
    site = deploy()
    port = free_port()
    with site.load(RATE) as load:
        before = site.pids()
        site.configure("socket = {run}/more.sock", f"socket = 127.0.0.1:{port}")
        site.command("r")
        before = site.until_replaced(before)
        assert uwsgi.get(f"{site.run}/more.sock").code == 200
        assert uwsgi.get(f"127.0.0.1:{port}").code == 200
        assert len(site.stats()["sockets"]) == 3

        site.configure()
        site.command("r")
        site.until_replaced(before)
        site.until(lambda: _refused(f"{site.run}/more.sock"), "the end of a socket file")
        # We are the service manager, and what it was told may hold descriptors (FDSTORE=1).
        site.server.notifications.forget()
        site.until(lambda: _refused(f"127.0.0.1:{port}"), "the end of a port")
        assert len(site.stats()["sockets"]) == 1
        unharmed(load)


def test_a_socket_that_cannot_be_opened_refuses_the_reload(deploy: Deploy) -> None:
    """A new socket that is somebody else's fails the reload as broken code does; the old ones stay open."""
    site = deploy()
    before = site.pids()
    with site.load(RATE) as load:
        site.configure(f"socket = 127.0.0.1:{site.front.port}")
        site.command("r")
        assert f"127.0.0.1:{site.front.port}" in site.until_refused()
        assert site.pids() == before
        assert len(site.stats()["sockets"]) == 1
        unharmed(load)


def test_what_waits_at_a_removed_socket_is_answered(deploy: Deploy) -> None:
    """Connections that wait at a socket when a reload removes it get their answers from the workers that drain."""
    site = deploy("socket = {run}/more.sock")
    held = [site.hold(number) for number in range(2)]
    waiting = [site.ask(f"{site.run}/more.sock") for _ in range(20)]
    before = site.pids()
    site.configure()
    site.command("r")
    site.until(lambda: _refused(f"{site.run}/more.sock"), "the end of a socket file")
    for number in range(2):
        (site.run / f"go{number}").touch()
    answers = [uwsgi.receive(sock) for sock in [*held, *waiting]]
    for sock in [*held, *waiting]:
        sock.close()

    assert [answer.code for answer in answers] == [200] * 22
    assert not any(answer.reset for answer in answers)
    assert site.pids().isdisjoint(before)


def _refused(address: str) -> bool:
    """Whether nobody listens; a port that is about to close may say nothing for a second."""
    host, colon, port = address.rpartition(":")
    with socket.socket(socket.AF_INET if colon else socket.AF_UNIX) as sock:
        sock.settimeout(2.5)
        try:
            sock.connect((host, int(port)) if colon else address)
        except (ConnectionRefusedError, FileNotFoundError):
            return True
        except TimeoutError:
            pass
    return False


# ---- the workers alone -----------------------------------------------------------------------------------------------

LAZY = [pytest.param([], id="template"), pytest.param(["lazy-apps = true"], id="lazy-apps")]


@pytest.mark.parametrize("lines", LAZY)
@pytest.mark.parametrize("letter", ["c", "w"])
def test_replacing_the_workers_under_load(deploy: Deploy, letter: str, lines: list[str]) -> None:
    """`c` and `w` bring fresh workers and nobody fails; lazy-apps workers have the new code then, others the old."""
    site = deploy(*lines)
    with site.load(RATE) as load, Watch(site) as watch:
        before = site.pids()
        site.deploy(app("two"))
        site.command(letter)
        site.until_replaced(before)
        unharmed(load)
    site.until_version("two" if lines else "one")
    assert watch.fewest >= 1 or letter == "w"
    assert "DAMN" not in site.server.text()


@pytest.mark.parametrize("lines", LAZY)
def test_a_chain_reload_takes_one_worker_at_a_time(deploy: Deploy, lines: list[str]) -> None:
    """With four workers three accept all the while."""
    site = deploy("processes = 4", *lines)
    with site.load(RATE) as load, Watch(site) as watch:
        before = site.pids()
        site.command("c")
        site.until_replaced(before, 4)
        unharmed(load)
    assert watch.fewest >= 3
    assert "chain reloading complete" in site.server.text()


@pytest.mark.parametrize("lines", LAZY)
def test_killing_the_workers_under_load(deploy: Deploy, lines: list[str]) -> None:
    """`W` cuts off what runs and nothing else: each worker loses one request at the most."""
    # Whoever comes while the new workers import waits in the queue.
    site = deploy("listen = 1000", *lines)
    with site.load(RATE) as load:
        before = site.pids()
        site.command("W")
        site.until_replaced(before)
        seen = load.stop()
    print(seen)
    assert seen.failed <= 2
    assert seen.broken == 0
    assert "DAMN" not in site.server.text()


@pytest.mark.parametrize("letter", ["r", "c", "w"])
def test_broken_code_with_lazy_apps(deploy: Deploy, letter: str) -> None:
    """Workers that import for themselves are proven before an old one goes: broken code serves nobody."""
    site = deploy("lazy-apps = true")
    before = site.pids()
    with site.load(RATE) as load, Watch(site) as watch:
        site.deploy("raise RuntimeError('deploy')\n")
        site.command(letter)
        site.server.process.wait_for_log("RuntimeError: deploy")
        if letter == "r":
            site.until_refused()
            assert site.pids() == before
        site.deploy(app("two"))
        site.command("r")
        site.until_replaced(before)
        unharmed(load)
    assert watch.fewest >= 1
    site.until_version("two")


# ---- storms ----------------------------------------------------------------------------------------------------------


def test_a_storm_of_reloads(deploy: Deploy) -> None:
    """A hundred HUPs within a second start three generations at the most; the code of the last one serves."""
    site = deploy()
    with site.load(RATE) as load:
        for number in range(100):
            if number == 60:
                site.deploy(app("two"))
            site.server.process.signal(signal.SIGHUP)
            time.sleep(0.01)
        site.until(lambda: site.version() == "two", "the code of the last reload")
        site.until(lambda: len(site.templates()) == 1, "the end of the generations before")
        unharmed(load)
    assert site.server.text().count("WSGI app 0") - 1 <= 3
    assert len(site.pids()) == 2


def test_junk_in_the_fifo(deploy: Deploy) -> None:
    """A megabyte of characters that mean nothing holds nobody up, and the command behind it is obeyed."""
    site = deploy()
    junk = b"\0\n #~xyz\xff" * (1 << 17)
    with site.load(RATE) as load:
        before = site.pids()
        with site.fifo.open("wb", buffering=0) as fifo:
            for start in range(0, len(junk), 65536):
                fifo.write(junk[start : start + 65536])
        site.command("r")
        site.until_replaced(before)
        unharmed(load)
    assert len(site.server.text()) < 100_000
