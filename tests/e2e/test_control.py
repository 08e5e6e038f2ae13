"""The control plane on real servers: `uncork ctl`, `--stop PIDFILE`, the whole FIFO table, signals by another name."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from e2e.conftest import Serve, write_app
from harness import uwsgi
from harness.processes import PATIENCE, wait_gone
from harness.rights import FOR_OTHERS, NOBODY
from harness.server import Server, read_stats
from uncork.cli import ctl as _loaded  # noqa: F401 - by root, for a user who may not read it
from uncork.cli import verbs
from uncork.system import process

# An app whose import waits for a file, so that a reload takes as long as a test wants it to.
SLOW = """\
import os, time
open({run!r} + "/importing", "a").write("x")
while os.path.exists({run!r} + "/wait"):
    time.sleep(0.01)
def application(environ, start_response):
    start_response("200 OK", [])
    return [b"{version}"]
"""

Result = subprocess.CompletedProcess[str]


def uncork(*words: object) -> Result:
    """A command of ours, to its end."""
    command = [sys.executable, "-m", "uncork", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE, cwd="/")


def ctl_as(user: int, output: Path, *words: object) -> tuple[int, str]:
    """Exit status and output of `uncork ctl` as another user, who need not be able to start a Python."""

    def main() -> int:
        with output.open("w") as file, redirect_stdout(file), redirect_stderr(file):
            os.setgroups([])
            os.setgid(user)
            os.setuid(user)
            return verbs.run(["ctl", *map(str, words)])

    status = os.waitstatus_to_exitcode(os.waitpid(process.fork(main), 0)[1])
    return status, output.read_text()


def ctl(verb: str, server: object, *more: object) -> Result:
    """`uncork ctl VERB SERVER`: the server is always named, for others may be running on this machine."""
    return uncork("ctl", verb, server, *more)


@pytest.fixture
def site(serve: Serve, run: Path) -> Callable[..., Server]:
    """Starts a server from app.ini in `run`, with a FIFO and statistics, that imports live.py there."""

    def start(*lines: str, processes: int = 2, others: bool = False) -> Server:
        deploy(run, "one")
        ini = ["[uwsgi]", f"socket = {run}/app.sock", "chmod-socket = 666", f"pythonpath = {run}", "module = live",
               "master = true", f"processes = {processes}", f"master-fifo = {run}/fifo", f"stats = {run}/stats.sock",
               *lines]  # fmt: skip
        (run / "app.ini").write_text("\n".join(ini) + "\n")
        before = os.umask(0o022)
        if others:
            # Its user makes files in the directory, and says to the socket in it that it is ready.
            run.chmod(0o777)
            os.umask(0)
        try:
            # Two deploys within a second with files of one size: Python's cache of compiled files keeps the first.
            return serve("--ini", "app.ini", cwd=run, env={"PYTHONDONTWRITEBYTECODE": "1"})
        finally:
            os.umask(before)

    return start


def deploy(run: Path, version: str) -> None:
    """Write the app; it is imported once no file `wait` is there."""
    write_app(run, {"live.py": SLOW.format(run=str(run), version=version)})


def version(run: Path) -> str:
    """Which app answers."""
    return uwsgi.get(f"{run}/app.sock", "/").body.decode()


def pids(run: Path) -> set[int]:
    """The workers that serve."""
    return {worker["pid"] for worker in read_stats(f"{run}/stats.sock")["workers"] if worker["pid"]}


def write_fifo(path: Path, data: bytes) -> None:
    """Write into a FIFO that has a reader, waiting for room."""
    fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    try:
        os.set_blocking(fd, True)
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
    finally:
        os.close(fd)


def until(condition: Callable[[], object]) -> None:
    """Wait until something is so."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


Site = Callable[..., Server]

# ---- uncork ctl ------------------------------------------------------------------------------------------------------


def test_every_name_of_a_server(site: Site, run: Path) -> None:
    """Pid, pidfile, ini file, FIFO and sockets name the server from whatever directory."""
    server = site(f"pidfile = {run}/pid")
    for name in (server.pid, run / "pid", run / "app.ini", run / "fifo", run / "app.sock", run / "stats.sock"):
        done = ctl("status", name, "--json")
        assert done.returncode == 0, done
        status = json.loads(done.stdout)
        assert (status["pid"], status["cwd"]) == (server.pid, str(run))
    assert {worker["pid"] for worker in status["workers"]} == pids(run)
    assert (status["paused"], status["last_reload"]) == (False, None)
    listed = uncork("ctl", "list")
    assert f"{server.pid}  {run}  {run}/app.ini  2 workers\n" in listed.stdout


def test_a_reload_returns_when_it_is_through(site: Site, run: Path) -> None:
    """Then the new code answers, by new workers, and the line says so."""
    site()
    before = pids(run)
    deploy(run, "two")
    done = ctl("reload", run / "fifo")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("reloaded: 2 workers in ")
    assert version(run) == "two"
    assert not before & pids(run)


@pytest.mark.parametrize("broken", ["code", "ini"])
def test_a_broken_reload_is_an_error(site: Site, run: Path, broken: str) -> None:
    """Exit status 1 and the reason; the workers of before answer, and the next good reload heals."""
    server = site()
    before, good = pids(run), (run / "app.ini").read_text()
    deploy(run, "two")
    if broken == "code":
        (run / "live.py").write_text("import nothing_of_this_name\n")
    else:
        (run / "app.ini").write_text(good + "processes = four\n")
    done = ctl("reload", server.pid)

    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("uncork ctl: reload failed: ")
    assert ("nothing_of_this_name" if broken == "code" else "processes = four") in done.stderr
    assert done.stderr.endswith("; the workers of before go on serving\n")
    assert (version(run), pids(run)) == ("one", before)
    status = json.loads(ctl("status", server.pid, "--json").stdout)
    assert status["last_reload"]["ok"] == 0

    deploy(run, "three")
    (run / "app.ini").write_text(good)
    assert ctl("reload", server.pid).returncode == 0
    assert version(run) == "three"


def test_a_reload_asked_for_meanwhile_is_the_next_one(site: Site, run: Path) -> None:
    """Whoever asks while another reload imports older code is answered for the newest."""
    server = site()
    (run / "importing").unlink()
    (run / "wait").touch()
    deploy(run, "two")
    command = [sys.executable, "-m", "uncork", "ctl", "reload", str(server.pid)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as first:
        until((run / "importing").exists)
        write_app(run, {"live.py": "import nothing_of_this_name\n"})
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as second:
            # Both are heard: the server has two connections at its control socket.
            until(lambda: Path("/proc/net/unix").read_text().count(f"@uncork/ctl/{server.pid}/") == 3)
            assert (first.poll(), second.poll()) == (None, None)
            # The reload under way goes on with the code that it has begun to read.
            (run / "wait").unlink()
            out, err = first.communicate(timeout=PATIENCE)
            assert (first.returncode, err) == (0, ""), err
            assert out.startswith("reloaded: 2 workers in ")
            _, err = second.communicate(timeout=PATIENCE)
    assert second.returncode == 1
    assert "nothing_of_this_name" in err
    assert version(run) == "two"


@pytest.mark.parametrize("verb", ["workers", "reload-workers", "kill-workers", "chain-reload", "brutal-reload"])
def test_replacing_returns_when_every_worker_is_new(site: Site, run: Path, verb: str) -> None:
    """None of the old ones is left that answers, and as many new ones are there."""
    server = site()
    before = pids(run)
    done = ctl(verb, server.pid)

    assert (done.returncode, done.stderr) == (0, "")
    assert "2 workers in " in done.stdout
    after = pids(run)
    assert len(after) == 2
    assert not before & after


@pytest.mark.parametrize("verb", ["stop", "kill"])
def test_a_stop_returns_when_the_server_is_gone(site: Site, run: Path, verb: str) -> None:
    """Nothing is left to wait for."""
    server = site()
    workers = pids(run)
    done = ctl(verb, run / "app.ini")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("stopped in ")
    assert server.process.wait() == 0
    for pid in workers:
        wait_gone(pid, 0.0)
    assert f"@uncork/ctl/{server.pid}/" not in Path("/proc/net/unix").read_text()


def test_pause_and_resume(site: Site, run: Path) -> None:
    """Twice paused is paused; meanwhile connections wait, and are answered after it."""
    server = site()
    assert ctl("pause", server.pid).stdout.startswith("paused: ")
    assert ctl("pause", server.pid).stdout.endswith("as before\n")
    assert json.loads(ctl("status", server.pid, "--json").stdout)["paused"]
    assert ctl("resume", server.pid).stdout == "resumed\n"
    assert version(run) == "one"
    assert not json.loads(ctl("status", server.pid, "--json").stdout)["paused"]


def test_the_log_is_reopened(site: Site, run: Path) -> None:
    """When the command returns, the master writes to the new file."""
    server = site(f"logto = {run}/log")
    (run / "log").rename(run / "log.old")
    done = ctl("log-reopen", server.pid)

    assert (done.returncode, done.stdout) == (0, "log reopened\n")
    assert "log reopened" in (run / "log").read_text()


def test_statistics(site: Site, run: Path) -> None:
    """The tree of the stats socket, also without one."""
    server = site()
    tree = json.loads(ctl("stats", server.pid).stdout)

    assert tree["pid"] == server.pid
    assert tree.keys() == read_stats(f"{run}/stats.sock").keys()


def test_neither_a_directory_nor_a_file_is_needed(serve: Serve, run: Path) -> None:
    """A server without FIFO, pidfile and statistics, and without a directory for such things, takes commands."""
    missing = dict.fromkeys(("XDG_RUNTIME_DIR", "HOME", "TMPDIR", "RUNTIME_DIRECTORY"), "/nonexistent")
    server = serve("--socket", f"{run}/app.sock", "--module", "plain", "--master", env=missing)
    before = sorted(os.listdir(run))

    assert ctl("workers", server.pid).returncode == 0
    assert sorted(os.listdir(run)) == before
    assert "nonexistent" not in server.text()
    assert "control" not in server.text()


def test_no_such_server(site: Site, run: Path) -> None:
    """One sentence, and the exit status says it too."""
    server = site()
    for target, words in ((os.getpid(), "has no control socket"), (run / "other.ini", "belongs to no running server")):
        done = ctl("reload", target)
        assert done.returncode == 1
        assert words in done.stderr
    assert ctl("stop", server.pid).returncode == 0


@FOR_OTHERS
def test_only_root_and_its_user_are_heard(site: Site, run: Path) -> None:
    """A server that has given up root hears root and that user, and no third."""
    server = site(f"uid = {NOBODY}", f"gid = {NOBODY}", others=True)
    status, output = ctl_as(NOBODY, run / "output", "workers", server.pid)
    assert (status, output[:20]) == (0, "replaced: 2 workers ")
    assert ctl("workers", server.pid).returncode == 0
    before = pids(run)
    status, output = ctl_as(1234, run / "output", "stop", server.pid)

    assert status == 1
    assert "a server of another user" in output
    assert pids(run) == before


# ---- the FIFO --------------------------------------------------------------------------------------------------------


def test_a_megabyte_of_junk(site: Site, run: Path) -> None:
    """It is eaten while requests are answered, and the command behind it is obeyed; nothing of it is logged."""
    server = site()
    before = pids(run)
    lines = server.text().count("\n")
    write_fifo(run / "fifo", b"\0xyz \n\xff#" * (1024 * 1024 // 8))
    assert version(run) == "one"
    write_fifo(run / "fifo", b"w\n")
    until(lambda: len(pids(run)) == 2 and not pids(run) & before)

    assert server.text().count("\n") < lines + 20


def test_the_fifo_comes_back(site: Site, run: Path) -> None:
    """Removed by somebody, it is there again within a second, and obeyed."""
    server = site()
    (run / "fifo").unlink()
    until((run / "fifo").exists)
    write_fifo(run / "fifo", b"q")

    assert server.process.wait() == 0
    assert not (run / "fifo").exists()


def test_another_fifo(site: Site, run: Path) -> None:
    """A digit goes to the path of that number, the log says so, and commands come from there."""
    server = site(f"master-fifo = {run}/second")
    assert not (run / "second").exists()
    write_fifo(run / "fifo", b"1\n")
    until((run / "second").exists)
    server.process.wait_for_log(f"active master fifo is now {run}/second")
    assert not (run / "fifo").exists()
    assert ctl("status", run / "second").returncode == 0
    write_fifo(run / "second", b"q\n")

    assert server.process.wait() == 0


@pytest.mark.parametrize(
    ("char", "line"),
    [
        ("B", "[broodlord] instance not governed by an Emperor !!!"),
        ("E", "E has no effect"),
        ("f", "f has no effect"),
        ("S", "S has no effect"),
        ("s", "*** 2 workers"),
        ("p", "paused: connections wait"),
    ],
)
def test_characters_that_only_speak(site: Site, run: Path, char: str, line: str) -> None:
    """Each character of uWSGI's table has an answer in the log."""
    server = site()
    write_fifo(run / "fifo", char.encode())

    server.process.wait_for_log(line)


# ---- signals by another name -----------------------------------------------------------------------------------------


def test_the_recipe_for_a_graceful_term(site: Site, run: Path) -> None:
    """`hook-master-start = unix_signal:15 gracefully_kill_them_all`, as so many files have it."""
    server = site("hook-master-start = unix_signal:15 gracefully_kill_them_all", "die-on-term = true")
    server.process.signal(signal.SIGTERM)

    assert server.process.wait() == 0
    assert "graceful shutdown triggered..." in server.text()


def test_a_signal_with_another_meaning(site: Site, run: Path) -> None:
    """One that had none, and one that had another; a reload may change it again."""
    server = site("hook-master-start = unix_signal:12 uwsgi_reload_workers", "hook-master-start = rpc:x")
    assert "hook-master-start = rpc:x does nothing here" in server.text()
    before = pids(run)
    server.process.signal(signal.SIGUSR2)
    until(lambda: len(pids(run)) == 2 and not pids(run) & before)
    with (run / "app.ini").open("a") as ini:
        ini.write("hook-master-start = unix_signal:12 gracefully_kill_them_all\n")
    assert ctl("reload", server.pid).returncode == 0
    server.process.signal(signal.SIGUSR2)

    assert server.process.wait() == 0


def test_a_signal_without_a_meaning(site: Site, run: Path) -> None:
    """The start is refused, with the line and what there is."""
    server = site()
    ctl("stop", server.pid)
    with (run / "app.ini").open("a") as ini:
        ini.write("hook-master-start = unix_signal:15 stop_them\n")
    done = uncork("--ini", run / "app.ini")

    assert done.returncode == 1
    assert f"{run}/app.ini:10: hook-master-start = unix_signal:15 stop_them (expected" in done.stderr


# ---- pidfiles --------------------------------------------------------------------------------------------------------


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    """A process that is no server."""
    with subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"]) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("option", ["--stop", "--reload", "--pause", "--suspend", "--resume"])
def test_a_stale_pidfile_reaches_nobody(run: Path, stranger: subprocess.Popen[bytes], option: str) -> None:
    """Its number belongs to some other process by now: exit status 1, a sentence, and the process is as it was."""
    (run / "pid").write_text(f"{stranger.pid}\n")
    done = uncork(option, run / "pid")

    assert done.returncode == 1
    assert done.stderr.startswith(f"{option} {run}/pid: pid {stranger.pid} (")
    assert os.waitid(os.P_PID, stranger.pid, os.WEXITED | os.WSTOPPED | os.WNOHANG | os.WNOWAIT) is None


@pytest.mark.parametrize("master", [["--master"], []])
def test_stopping_by_pidfile(serve: Serve, run: Path, master: Sequence[str]) -> None:
    """With a master and without one; the file is the server's also if it was started long ago."""
    server = serve("--socket", f"{run}/app.sock", "--module", "plain", "--pidfile", f"{run}/pid", *master)
    done = uncork("--stop", run / "pid")

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert server.process.wait() == (0 if master else 30)


def test_reloading_and_pausing_by_pidfile(site: Site, run: Path) -> None:
    """As with uWSGI; what is paused already stays so."""
    server = site(f"pidfile = {run}/pid")
    before = pids(run)
    assert uncork("--reload", run / "pid").returncode == 0
    until(lambda: len(pids(run)) == 2 and not pids(run) & before)

    def paused() -> bool:
        return bool(json.loads(ctl("status", server.pid, "--json").stdout)["paused"])

    assert uncork("--resume", run / "pid").returncode == 0
    assert not paused()
    for _ in range(2):
        assert uncork("--pause", run / "pid").returncode == 0
        until(paused)
    assert uncork("--resume", run / "pid").returncode == 0
    until(lambda: not paused())
    assert "paused" in server.text()


def names_of(run: Path) -> dict[str, tuple[int, int]]:
    """Device and inode of everything that a server has made in `run`."""
    names = ("app.sock", "stats.sock", "fifo", "pid")
    return {name: (os.lstat(run / name).st_dev, os.lstat(run / name).st_ino) for name in names}


def test_a_second_server_on_the_same_configuration(site: Site, run: Path) -> None:
    """It refuses to start, and the first one keeps its sockets, FIFO and pidfile, and goes on."""
    server = site(f"pidfile = {run}/pid", "vacuum = true")
    before = names_of(run)
    done = uncork("--ini", run / "app.ini")

    assert done.returncode == 1
    assert names_of(run) == before
    assert (run / "pid").read_text() == f"{server.pid}\n"
    assert version(run) == "one"
    assert ctl("workers", run / "fifo").returncode == 0


PIDFILES = ("pidfile", "pidfile2", "safe-pidfile", "safe-pidfile2")


def test_all_pidfiles(site: Site, run: Path) -> None:
    """Each is written, written again at `P`, known to the server, and gone with `vacuum`."""
    server = site(*(f"{name} = {run}/{name}" for name in PIDFILES), "vacuum = true")
    until((run / "safe-pidfile2").read_text)
    for name in PIDFILES:
        assert (run / name).read_text() == f"{server.pid}\n"
        (run / name).unlink()
    write_fifo(run / "fifo", b"P\n")
    until(lambda: all((run / name).exists() and (run / name).read_text() for name in PIDFILES))
    for name in PIDFILES:
        assert ctl("status", run / name).returncode == 0
    assert ctl("stop", run / "safe-pidfile2").returncode == 0

    assert server.process.wait() == 0
    assert not [name for name in PIDFILES if (run / name).exists()]


def test_a_server_that_fails_leaves_the_safe_pidfile(run: Path) -> None:
    """It still names the one of before; the plain one is written as soon as the sockets are open."""
    write_app(run, {"live.py": "import nothing_of_this_name\n"})
    for name in PIDFILES:
        (run / name).write_text("99999999\n")
    options: list[Any] = [word for name in PIDFILES for word in (f"--{name}", run / name)]
    done = uncork("--socket", run / "app.sock", "--pythonpath", run, "--module", "live", "--master", *options)

    assert done.returncode == 22, done
    assert (run / "safe-pidfile").read_text() == "99999999\n"
    assert (run / "safe-pidfile2").read_text() == "99999999\n"
    assert (run / "pidfile").read_text() != "99999999\n"


@FOR_OTHERS
def test_whose_pidfiles_they_are(site: Site, run: Path) -> None:
    """The first is opened as root and stays root's, the second is that of the user."""
    site(*(f"{name} = {run}/{name}" for name in PIDFILES), f"uid = {NOBODY}", f"gid = {NOBODY}", others=True)
    until((run / "safe-pidfile2").read_text)

    owners = [os.lstat(run / name).st_uid for name in PIDFILES]
    assert owners == [0, NOBODY, 0, NOBODY]
