"""Hooks and commands of the configuration, with real servers: in their moment, and never against a running site."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from e2e.conftest import Deploy, Serve, write_app
from harness import uwsgi
from harness.processes import Process, command_of, session_pids
from harness.rights import FOR_OTHERS
from harness.site import app

APP = """
import os
os.write(os.open("{order}", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), b"app\\n")

def application(environ, start_response):
    start_response("200 OK", [])
    return [f"{{os.getcwd()}} {{os.environ.get('FROM_HOOK', '')}}".encode()]
"""
MOMENTS = (
    *("asap", "pre-jail", "in-jail", "as-root", "as-user", "pre-app", "post-app"),
    *("post-fork", "accepting", "accepting1", "accepting-once", "accepting1-once"),
)


def refused(run: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """A start that fails, to its end."""
    write_app(run, {"app.py": APP.format(order=run / "order")})
    command = [sys.executable, "-m", "uncork", "-s", f"{run}/s", "--wsgi-file", "app.py", "--master", *args]
    return subprocess.run(command, cwd=run, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("master", [True, False])
def test_each_in_its_moment(serve: Serve, run: Path, master: bool) -> None:
    """In uWSGI's order, hooks before commands; the end has its own, and what only a master knows needs one."""
    order = run / "order"
    hooks = [f"hook-{moment} = appendn:{order} {moment}" for moment in MOMENTS]
    commands = [f"exec-{moment} = echo {moment}-command >> {order}" for moment in MOMENTS[:7]]
    end = [f"exec-as-user-atexit = echo end-command >> {order}", f"hook-as-user-atexit = appendn:{order} end"]
    start = [f"hook-master-start = appendn:{order} master-start", "hook-asap = putenv:FROM_HOOK=yes"]
    lines = ["[uwsgi]", f"socket = {run}/s", "wsgi-file = app.py", *hooks, *commands, *end, *start]
    write_app(run, {"app.py": APP.format(order=order), "app.ini": "\n".join(lines)})
    server = serve("--ini", "app.ini", *(("--master",) if master else ()), cwd=run)
    assert uwsgi.get(f"{run}/s").body == f"{run} yes".encode()
    server.process.signal(2)
    server.process.wait()
    as_root = ["as-root", "as-root-command", "as-user", "as-user-command"] if os.geteuid() == 0 else []
    once = [["accepting-once"], ["accepting1-once"]] if master else [[], []]
    assert order.read_text().split() == [
        *("asap", "asap-command", "pre-jail", "pre-jail-command", "in-jail", "in-jail-command", *as_root),
        *(["master-start"] if master else []),
        *("pre-app", "pre-app-command", "app", "post-app", "post-app-command"),
        *("post-fork", "accepting", *once[0], "accepting1", *once[1], "end", "end-command"),
    ]


@FOR_OTHERS
def test_as_root_and_as_user(serve: Serve, run: Path) -> None:
    """Between the two root's rights are given up; a directory that only root can make may be the one to serve from."""
    write_app(run, {"app.py": APP.format(order="/dev/null")})
    server = serve(
        *("-s", "s", "--chdir", f"{run}/made", "--wsgi-file", f"{run}/app.py", "--uid", "65534", "--gid", "65534"),
        *("--exec-as-root", f"id -u > {run}/root; mkdir -m 777 {run}/made"),
        *("--hook-as-user", f"create:{run}/made/user"),
        cwd=run,
    )
    assert uwsgi.get(f"{run}/made/s").code == 200
    assert (run / "root").read_text() == "0\n"
    assert os.stat(run / "made/user").st_uid == 65534
    server.close()


@pytest.mark.parametrize(
    ("option", "status"),
    [("exec-asap", 1), ("exec-pre-jail", 1), ("exec-in-jail", 1), ("exec-pre-app", 22), ("exec-post-app", 22)],
)
def test_a_command_that_fails_ends_the_start(run: Path, option: str, status: int) -> None:
    """With a sentence that names it; nothing is left, and what is to be done at the end is done."""
    done = refused(run, f"--{option}", "exit 3", "--exec-as-user-atexit", f"touch {run}/ended", "--vacuum")
    assert done.returncode == status
    assert f"{option} = exit 3: the command ended with status 3\n" in done.stderr
    assert "Traceback" not in done.stderr
    assert (run / "ended").exists()
    assert not (run / "s").exists()


@pytest.mark.parametrize("option", ["hook-post-fork", "hook-accepting", "hook-accepting1-once", "hook-master-start"])
def test_a_hook_that_fails_ends_the_start(run: Path, option: str) -> None:
    """Those of workers and of the master, too."""
    done = refused(run, f"--{option}", "chdir:/nowhere", "--vacuum")
    assert done.returncode in {1, 22}
    assert f"{option} = chdir:/nowhere: no such file or directory" in done.stderr
    assert not (run / "s").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
@pytest.mark.parametrize("hook", ["exec:touch {run}/up; sleep 1000; :", "wait_for_file:{run}/nothing"])
def test_a_signal_ends_a_start_that_hangs(run: Path, number: signal.Signals, hook: str) -> None:
    """With a sentence and no more: neither a file nor a process is left, and what is to be done at the end is done."""
    write_app(run, {"app.py": APP.format(order=run / "order")})
    program = Process(
        [
            *(sys.executable, "-m", "uncork", "-s", f"{run}/s", "--wsgi-file", "app.py", "--master"),
            *("--pidfile", f"{run}/pid", "--hook-master-start", f"create:{run}/up"),
            *("--hook-master-start", hook.format(run=run), "--exec-as-user-atexit", f"touch {run}/ended"),
        ],
        run,
        run / "log",
        {},
    )
    program.wait_for_log(f'running "{hook.format(run=run)}"')
    program.signal(number)
    assert program.wait() == 128 + number
    program.close()
    assert program.text().endswith(f"\n{number.name} received\n")
    assert "Traceback" not in program.text()
    assert not {"s", "pid"} & set(os.listdir(run))
    assert (run / "ended").exists()


@FOR_OTHERS
def test_the_end_of_a_start_that_fails_as_root(run: Path) -> None:
    """Is the user's all the same."""
    run.chmod(0o777)
    done = refused(run, "--uid", "65534", "--hook-asap", "chdir:/nowhere", "--hook-as-user-atexit", f"create:{run}/end")
    assert done.returncode == 1
    assert os.stat(run / "end").st_uid == 65534


def test_a_second_signal_ends_the_last_hook(deploy: Deploy) -> None:
    """Which may hang, but not the server with it."""
    site = deploy("exec-as-user-atexit = echo hangs; sleep 1000; :")
    site.server.process.signal(signal.SIGINT)
    site.server.process.wait_for_log("\nhangs\n")
    site.server.process.signal(signal.SIGTERM)
    assert site.server.process.wait() == 0
    assert "SIGTERM received; what was to be done at the end is not\n" in site.server.text()


def test_a_command_ends_with_the_reload_that_it_belongs_to(deploy: Deploy) -> None:
    """What the template runs is gone when the template is killed, and so is all that it has started."""
    site = deploy()
    before = site.pids()
    site.configure("exec-pre-app = echo hangs; sleep 1000 & sleep 1000; :", "boot-timeout = 1")
    site.command("r")
    assert "took longer than 1 seconds" in site.until_refused()
    assert site.pids() == before
    site.until(lambda: not any("sleep" in (command_of(pid) or "") for pid in session_pids(site.server.pid)), "the end")
    assert "\nhangs\n" in site.server.text()


def test_a_reload_says_what_it_does_not_do(deploy: Deploy) -> None:
    """What the first process has done is done; what it is to do at the end may be something else by then."""
    site = deploy("hook-as-user-atexit = create:{run}/old")
    before = site.pids()
    moments = ("asap", "pre-jail", "in-jail", "as-root", "as-user")
    lines = [
        f"{kind}-{moment} = {value}" for moment in moments for kind, value in (("hook", "print:x"), ("exec", "true"))
    ]
    site.configure(*lines, "hook-as-user-atexit = create:{run}/new")
    site.command("r")
    site.until_replaced(before)
    for moment in moments:
        for kind in ("hook", "exec"):
            assert (
                f"{kind}-{moment} has changed; that takes effect when the server is started anew\n"
                in site.server.text()
            )
    site.command("q")
    site.server.process.wait()
    assert (site.run / "new").exists()
    assert not (site.run / "old").exists()


@pytest.mark.parametrize(
    "option", ["max-fd = 5", "max-fd = 6", "max-fd = 7", "max-fd = 8", "max-fd = 10", "limit-as = 1"]
)
def test_a_system_that_gives_too_little(run: Path, option: str) -> None:
    """Ends the start with a reason, and with what is to be done at the end."""
    name, _, value = option.partition(" = ")
    done = refused(run, f"--{name}", value, "--hook-as-user-atexit", f"create:{run}/ended")
    assert done.returncode == 1
    assert "too many open files" in done.stderr or "cannot allocate memory" in done.stderr
    assert "Traceback" not in done.stderr
    assert (run / "ended").exists()


def test_a_hook_may_end_the_start(run: Path) -> None:
    """With its own status."""
    done = refused(run, "--hook-asap", "exit:7")
    assert done.returncode == 7
    assert "hook-asap = exit:7: the server ends, as it asks for\n" in done.stderr


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("exec-pre-app = exit 3", "exec-pre-app = exit 3: the command ended with status 3"),
        ("hook-post-app = mkdir:{run}/a/b", "hook-post-app = mkdir:{run}/a/b: no such file or directory"),
        ("hook-post-fork = exec:false", "hook-post-fork = exec:false: the command ended with status 1"),
        ("hook-accepting = exec:false", "hook-accepting = exec:false: the command ended with status 1"),
        ("hook-accepting1 = unlink:{run}/none", "hook-accepting1 = unlink:{run}/none: no such file or directory"),
        ("hook-pre-app = nonsense:x", "hook-pre-app = nonsense:x (expected ACTION:ARGUMENT, ACTION one of "),
        ("hook-master-start = nonsense:x", "hook-master-start = nonsense:x (expected ACTION:ARGUMENT, ACTION one of "),
        ("hook-pre-app = exit:0", "hook-pre-app = exit:0: the server ends, as it asks for"),
    ],
)
def test_a_broken_hook_takes_no_running_site_down(deploy: Deploy, line: str, reason: str) -> None:
    """A reload with it fails and says why; what served goes on, and the next good reload is one."""
    site = deploy()
    before = site.pids()
    site.configure(line)
    site.deploy(app("two"))
    site.command("r")
    assert reason.format(run=site.run) in site.until_refused()
    assert site.version() == "one"
    assert site.pids() == before
    site.configure()
    site.command("r")
    site.until_version("two")
    site.until_replaced(before)


def test_a_reload_repeats_only_what_belongs_to_the_app(deploy: Deploy) -> None:
    """What the first process did is not done again; a new worker for an old one does nothing that is for once."""
    moments = ("asap", "pre-jail", "as-root", "pre-app", "post-app", "accepting1", "accepting1-once")
    hooks = [f"hook-{moment} = appendn:{{run}}/order {moment}" for moment in moments]
    site = deploy(*hooks, "hook-as-user-atexit = create:{run}/ended")
    order = site.run / "order"
    order.unlink()
    before = site.pids()
    site.deploy(app("two"))
    site.command("r")
    before = site.until_replaced(before)
    assert order.read_text().split() == ["pre-app", "post-app", "accepting1", "accepting1-once"]
    order.unlink()
    site.command("w")
    site.until_replaced(before)
    assert order.read_text().split() == ["accepting1"]
    assert not (site.run / "ended").exists()
    site.command("q")
    site.server.process.wait()
    assert (site.run / "ended").exists()
