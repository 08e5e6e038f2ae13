"""The server in the background, its names and its rights."""

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.conftest import Serve, write_app
from harness import uwsgi
from harness.manager import Manager
from harness.processes import PATIENCE, children_of, session_pids, wait_gone
from harness.rights import FOR_OTHERS, NOBODY
from harness.server import APPS

# ---- in the background


class Background:
    """The command that puts a server into the background, and whatever it leaves there."""

    def __init__(self, run: Path) -> None:
        self.run = run
        self.log = run / "log"

    def __call__(self, *args: str, cwd: Path = APPS, umask: int = 0o022) -> tuple[int, str]:
        """Run uncork with `args`; the exit status and the output of the command."""
        done = subprocess.run(
            [sys.executable, "-m", "uncork", "--socket", f"{self.run}/s", "--pidfile", f"{self.run}/pid", *args],
            cwd=cwd,
            env={name: value for name, value in os.environ.items() if name != "NOTIFY_SOCKET"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            umask=umask,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    @property
    def pid(self) -> int:
        """Of the server."""
        return int((self.run / "pid").read_text())

    def left(self) -> list[int]:
        """Processes whose log is ours."""
        found = []
        for name in os.listdir("/proc"):
            try:
                if name.isdigit() and os.readlink(f"/proc/{name}/fd/2") == str(self.log):
                    found.append(int(name))
            except OSError:
                continue
        return found

    def close(self) -> None:
        """End what is left, and fail the test if that was not the test's own doing."""
        left = self.left()
        for pid in left:
            os.kill(pid, signal.SIGKILL)
            wait_gone(pid)
        assert not left, self.log.read_text()


@pytest.fixture
def background(run: Path) -> Iterator[Background]:
    """The command; nothing may be left behind it."""
    found = Background(run)
    yield found
    found.close()


@pytest.mark.parametrize("option", ["--daemonize", "--daemonize2", "-d"])
@pytest.mark.parametrize("master", ["--master", "--disable-logging"])
def test_the_command_returns_when_the_server_answers(
    background: Background, run: Path, option: str, master: str
) -> None:
    """In a session of its own, whose leader is gone; a stop by signal ends everything."""
    assert background(option, str(background.log), "--module", "plain", master) == (0, "")
    assert uwsgi.get(f"{run}/s", "/pid").code == 200
    pid = background.pid
    session = os.getsid(pid)
    assert session not in {pid, os.getsid(0)}
    assert not os.path.exists(f"/proc/{session}")
    assert os.readlink(f"/proc/{pid}/fd/0") == os.devnull
    assert os.readlink(f"/proc/{pid}/cwd") == str(APPS)
    os.kill(pid, signal.SIGTERM)
    wait_gone(pid)
    end = time.monotonic() + PATIENCE
    while session_pids(session) and time.monotonic() < end:
        time.sleep(0.01)
    assert session_pids(session) == []


def test_nobody_else_may_write_to_what_a_server_in_the_background_makes(background: Background, run: Path) -> None:
    """uWSGI sets a umask of 0 here, and whoever rewrites its pidfile chooses whom root's --stop ends."""
    assert background("--daemonize", str(background.log), "--module", "plain", "--master", umask=0)[0] == 0
    for name in ("pid", "s", "log"):
        assert stat.S_IMODE((run / name).stat().st_mode) & 0o022 == 0
    os.kill(background.pid, signal.SIGTERM)
    wait_gone(background.pid)


@pytest.mark.parametrize("master", ["--master", "--disable-logging"])
def test_a_start_that_fails_is_told_in_front(background: Background, run: Path, master: str) -> None:
    """With the status of the server, and what it logged; nothing is left."""
    write_app(run / "app", {"broken.py": "import nosuchmodule\n"})
    status, text = background("-d", str(background.log), "--module", "broken", "--pythonpath", f"{run}/app", master)
    assert status == 22
    assert "nosuchmodule" in text
    assert text.splitlines()[-1] == f"the server has ended with status 22; its log is {background.log}"
    assert background.left() == []


def test_a_socket_that_cannot_be_had_is_told_in_front(background: Background, run: Path) -> None:
    """The first server goes on."""
    assert background("-d", str(background.log), "--module", "plain", "--master")[0] == 0
    pid = background.pid
    status, text = background("-d", str(background.log), "--module", "plain", "--master")
    assert status == 1
    assert f"socket {run}/s: it is in use by pid {pid}" in text
    assert uwsgi.get(f"{run}/s", "/pid").code == 200
    os.kill(pid, signal.SIGTERM)
    wait_gone(pid)


def test_a_configuration_that_is_wrong_never_leaves_the_front(background: Background) -> None:
    """Nor does a log that cannot be opened."""
    for args in (("-d", str(background.log), "--processes", "many"), ("-d", "/no/such/log", "--module", "plain")):
        status, text = background(*args)
        assert status == 1
        assert args[1] in text or "processes" in text
    assert not background.log.exists()


def test_the_log_of_a_server_in_the_background_is_reopened(background: Background, run: Path) -> None:
    """By every process, as that of logto: logrotate moves it and asks."""
    fifo = run / "fifo"
    assert background("-d", str(background.log), "--module", "plain", "--master-fifo", str(fifo))[0] == 0
    background.log.rename(run / "log.1")
    fifo.write_text("l")
    end = time.monotonic() + PATIENCE
    while not (background.log.exists() and "log reopened" in background.log.read_text()):
        assert time.monotonic() < end
        time.sleep(0.01)
    os.kill(background.pid, signal.SIGTERM)
    wait_gone(background.pid)
    assert "goodbye to uWSGI." in background.log.read_text()


# ---- names


def names(pid: int) -> list[str]:
    """The short names of a master and of its children."""
    return sorted(Path(f"/proc/{one}/comm").read_text().strip() for one in (pid, *children_of(pid)))


def test_processes_are_called_what_they_are(serve: Serve, run: Path) -> None:
    """uWSGI's names; the template, which it does not have, is named too."""
    server = serve("--socket", f"{run}/s", "--master", "--processes", "2", "--module", "plain", "--auto-procname")
    assert names(server.pid) == ["uWSGI master", "uWSGI template", "uWSGI worker 1", "uWSGI worker 2"]


def test_processes_are_called_what_they_are_told(serve: Serve, run: Path) -> None:
    """A name of one's own, for all and for the master, with something before and behind it."""
    server = serve(
        *("--socket", f"{run}/s", "--master", "--module", "plain", "--procname", "shop", "--procname-master", "boss"),
        *("--procname-prefix-spaced", "my", "--procname-append", "!"),
    )
    assert names(server.pid) == ["my boss!", "my shop!", "my shop!"]


def test_without_an_option_nobody_is_renamed(serve: Serve, run: Path) -> None:
    """They show the command that was typed."""
    server = serve("--socket", f"{run}/s", "--master", "--module", "plain")
    assert len(set(names(server.pid))) == 1


# ---- rights


WHO = """
import os
at_import = os.geteuid()

def application(environ, start_response):
    start_response("200 OK", [])
    return [f"{at_import} {os.geteuid()} {os.getegid()} {sorted(os.getgroups())}".encode()]
"""


@pytest.fixture
def manager(run: Path) -> Iterator[Manager]:
    """A service manager; nothing that it started outlives the test."""
    found = Manager(run)
    yield found
    found.close()


def who(manager: Manager, run: Path, *args: str) -> tuple[int, str]:
    """(uid of the server, what the app says of itself)."""
    write_app(run / "app", {"who.py": WHO})
    os.chown(run, NOBODY, NOBODY)
    process = manager.start(
        *("--socket", f"{run}/s", "--module", "who", "--pythonpath", f"{run}/app", "--disable-logging"),
        *("--uid", str(NOBODY), "--gid", str(NOBODY), "--no-initgroups", *args),
    )
    uid = int(Path(f"/proc/{process.pid}/status").read_text().partition("\nUid:\t")[2].split()[0])
    return uid, uwsgi.get(f"{run}/s").body.decode()


@FOR_OTHERS
@pytest.mark.parametrize("option", ["--disable-logging", "--drop-after-init", "--chown-socket=65534"])
def test_the_master_gives_roots_rights_up(manager: Manager, run: Path, option: str) -> None:
    """Before the sockets or after them; the app never sees root."""
    assert who(manager, run, "--master", option) == (NOBODY, f"{NOBODY} {NOBODY} {NOBODY} []")


@FOR_OTHERS
def test_a_master_that_stays_root_imports_no_app_as_root(manager: Manager, run: Path) -> None:
    """master-as-root: the template gives them up."""
    assert who(manager, run, "--master", "--master-as-root", "--add-gid", "777") == (
        0,
        f"{NOBODY} {NOBODY} {NOBODY} [777]",
    )


@FOR_OTHERS
@pytest.mark.parametrize("lazy", [[], ["--lazy-apps"]])
def test_an_app_that_needs_root_to_be_imported_gets_it(manager: Manager, run: Path, lazy: list[str]) -> None:
    """drop-after-apps: imported as root, served as nobody."""
    assert who(manager, run, "--master", "--drop-after-apps", *lazy) == (0, f"0 {NOBODY} {NOBODY} []")


@FOR_OTHERS
@pytest.mark.parametrize(("option", "at_import"), [("--master-as-root", NOBODY), ("--drop-after-apps", 0)])
def test_the_single_process_gives_roots_rights_up_too(manager: Manager, run: Path, option: str, at_import: int) -> None:
    """There is no master that could stay root."""
    assert who(manager, run, option) == (NOBODY, f"{at_import} {NOBODY} {NOBODY} []")
