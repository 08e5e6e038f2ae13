"""A server in the background, and what the command that started it says."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.processes import PATIENCE, wait_gone
from uncork.errors import UncorkError
from uncork.system.daemon import TAIL_SIZE, Front, run
from uncork.system.logfile import LogFile
from uncork.system.process import fork

pytestmark = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")

# The command, in a process of its own: `main` is the server.
SCRIPT = """
import json, os, signal, sys
from uncork.errors import AppLoadError
from uncork.system.daemon import run
from uncork.system.logfile import LogFile
from uncork.system.process import fork

def facts():
    return {
        "pid": os.getpid(),
        "session": os.getsid(0),
        "group": os.getpgid(0),
        "cwd": os.getcwd(),
        "umask": os.umask(0o077),
        "stdin": os.path.samestat(os.fstat(0), os.stat(os.devnull)),
        "stdout": os.readlink("/proc/self/fd/1"),
        "stderr": os.readlink("/proc/self/fd/2"),
        "watchdog": os.environ.get("WATCHDOG_PID"),
    }

def main(front):
BODY

os.umask(int(sys.argv[2], 8))
os.environ["WATCHDOG_PID"] = str(os.getpid())
sys.exit(run(LogFile(sys.argv[1], "daemonize"), main))
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Where the server logs; what was there before stays."""
    path = tmp_path / "log"
    path.write_text("of before\n")
    return path


def command(log: Path, *body: str, umask: str = "022") -> tuple[int, str]:
    """Run the command, whose server does `body`; its exit status and what it prints."""
    source = SCRIPT.replace("BODY", "\n".join(f"    {line}" for line in body))
    environ = {name: value for name, value in os.environ.items() if name != "NOTIFY_SOCKET"}
    done = subprocess.run(
        [sys.executable, "-c", source, str(log), umask],
        cwd=log.parent if log.parent != Path("/dev") else "/",
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


READY_WITH_FACTS = ("open('facts', 'w').write(json.dumps(facts()))", "front.ready()", "return 0")


def test_the_server_stands_alone(tmp_path: Path, log: Path) -> None:
    """A session of somebody who is gone, no input, its output in the log; directory and umask stay."""
    assert command(log, *READY_WITH_FACTS, umask="027") == (0, "")
    found = json.loads((tmp_path / "facts").read_text())
    assert found["session"] not in {os.getsid(0), found["pid"]}
    assert found["group"] == found["session"]
    assert (found["cwd"], found["umask"], found["stdin"]) == (str(tmp_path), 0o027, True)
    assert (found["stdout"], found["stderr"]) == (str(log), str(log))
    assert found["watchdog"] == str(found["pid"])
    wait_gone(found["pid"])


def test_nobody_else_may_write_to_what_the_server_makes(tmp_path: Path, log: Path) -> None:
    """A umask of 0, which uWSGI even sets, gives every pidfile and socket to everybody on the machine."""
    assert command(log, *READY_WITH_FACTS, umask="0") == (0, "")
    assert json.loads((tmp_path / "facts").read_text())["umask"] == 0o022


def test_a_start_that_fails_is_told_with_its_reason(log: Path) -> None:
    """The command prints what the server has logged, and ends with the server's status."""
    status, text = command(log, "print('*** starting ***')", "raise AppLoadError('no module named hello')")
    logged = "*** starting ***\nno module named hello\n"
    assert (status, text) == (22, f"{logged}the server has ended with status 22; its log is {log}\n")
    assert log.read_text() == f"of before\n{logged}"


@pytest.mark.parametrize("status", [0, 1, 30])
def test_a_server_that_ends_before_it_is_ready_is_told(log: Path, status: int) -> None:
    """With its own status."""
    assert command(log, f"return {status}") == (
        status,
        f"the server has ended with status {status}; its log is {log}\n",
    )


def test_a_server_that_is_killed_is_told(tmp_path: Path, log: Path) -> None:
    """Its children may live on: they do not keep the command waiting."""
    status, text = command(
        log,
        "read, write = os.pipe()",
        "pid = fork(lambda: signal.pause() or 0)",
        "open('pid', 'w').write(str(pid))",
        "os.kill(os.getpid(), signal.SIGKILL)",
    )
    assert (status, text) == (1, f"the server was killed before it was ready; its log is {log}\n")
    pid = int((tmp_path / "pid").read_text())
    os.kill(pid, 9)
    wait_gone(pid)


def test_a_fault_is_told(log: Path) -> None:
    """The traceback is in the log, and in front."""
    status, text = command(log, "1 // 0")
    assert status == 1
    assert "ZeroDivisionError" in log.read_text()
    logged = log.read_text().removeprefix("of before\n")
    assert text == f"{logged}the server has ended with status 1; its log is {log}\n"


def test_a_long_log_is_cut_at_a_line(log: Path) -> None:
    """The end of it matters."""
    _, text = command(log, r"print('\n'.join(f'line {number}' for number in range(10000)))", "return 1")
    lines = text.splitlines()
    assert lines[0].startswith("line ")
    assert lines[-2] == "line 9999"
    assert TAIL_SIZE / 2 < len(text) < TAIL_SIZE * 2


def test_a_log_that_is_no_file_is_not_read() -> None:
    """Such as /dev/null."""
    assert command(Path(os.devnull), "return 1") == (1, "the server has ended with status 1; its log is /dev/null\n")


def test_a_log_that_cannot_be_opened_is_told_in_front(tmp_path: Path) -> None:
    """Before anything is started."""
    with pytest.raises(UncorkError, match=f"^daemonize = {tmp_path}/no/log: no such file or directory"):
        run(LogFile(str(tmp_path / "no" / "log"), "daemonize"), lambda front: 0)


def background(log: Path, main: Callable[[Front], int]) -> int:
    """`run` in this process: only the children that it forks change session, streams and umask."""
    return run(LogFile(str(log), "daemonize"), main)


def test_the_command_waits_until_the_server_is_ready(tmp_path: Path, log: Path) -> None:
    """Not one moment less, and not until it ends."""
    go_read, go_write = os.pipe()
    end_read, end_write = os.pipe()

    def main(front: Front) -> int:
        os.close(go_write)
        os.close(end_write)
        (tmp_path / "pid").write_text(str(os.getpid()))
        os.read(go_read, 1)
        (tmp_path / "ready").touch()
        front.ready()
        os.read(end_read, 1)
        return 0

    timer = threading.Timer(0.1, os.write, (go_write, b"x"))
    timer.start()
    assert background(log, main) == 0
    timer.join()
    assert (tmp_path / "ready").exists()
    pid = int((tmp_path / "pid").read_text())
    os.kill(pid, 0)
    os.close(end_write)
    wait_gone(pid)
    for fd in (go_read, go_write, end_read):
        os.close(fd)


def test_the_first_word_counts(log: Path) -> None:
    """What is said later goes nowhere, also from children."""

    def child(front: Front) -> int:
        front.ready()
        return 0

    def main(front: Front) -> int:
        front.ready()
        front.end(7)
        os.waitpid(fork(lambda: child(front)), 0)
        return 0

    assert background(log, main) == 0
    assert background(log, lambda front: os.waitpid(fork(lambda: child(front)), 0)[1] or 3) == 3
