"""Programs beside the server: bounded in time and number, and told no more than they need."""

import errno
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from uncork.master import errands as module
from uncork.master.errands import Errands, small_environ
from uncork.supervise.exits import Exit
from uncork.system import logwriter
from uncork.system.command import environ_of_app, kill_group, shell

pytestmark = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")


class Server:
    """Runs errands, and reaps."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.private: list[bool] = []
        self.errands = Errands(self._output)
        self.ends: list[Exit] = []
        self.overdue = 0

    def _output(self, private: bool) -> None:
        fd = os.open(self.out, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(fd, 1)
        os.dup2(fd, 2)
        if private:
            os.write(1, b"private\n")

    def start(self, command: str, limit: float | None = None, private: bool = False) -> int | None:
        """Run a shell command."""
        return self.errands.start(
            shell(command), self.ends.append, limit=limit, overdue=self._overdue, text=b"text\n", private=private
        )

    def _overdue(self) -> None:
        self.overdue += 1

    def until(self, condition: Callable[[], object]) -> None:
        """Turn the loop until `condition`."""
        end = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < end
            self.errands.tick(time.monotonic())
            self.reap()
            time.sleep(0.005)

    def reap(self) -> None:
        """See who has ended."""
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid:
            assert self.errands.ended(pid, Exit.from_status(status))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """One without errands; those that a test leaves are ended."""
    server = Server(tmp_path / "out")
    yield server
    left = list(server.errands._running)
    server.errands.close()
    for pid in left:
        kill_group(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def test_an_errand_and_its_end(server: Server) -> None:
    """It reads its text and writes to where it is told; whoever asked is told how it ended."""
    assert server.start("cat; exit 3")
    server.until(lambda: server.ends)
    assert server.ends == [Exit(3, 0)]
    assert server.out.read_text() == "text\n"
    assert not server.errands.ended(os.getpid(), Exit(0, 0))


def test_one_that_hangs_is_killed_with_all_it_started(server: Server) -> None:
    """Once, after its time; whoever asked is told before."""
    read, write = os.pipe()
    os.set_inheritable(write, True)
    server.start(f"sleep 1000 >&{write} & sleep 1000", limit=0.05)
    os.close(write)
    assert server.errands.next_time() is not None
    server.until(lambda: server.ends)
    assert server.ends == [Exit(0, signal.SIGKILL)]
    assert server.overdue == 1
    assert os.read(read, 1) == b""
    os.close(read)
    assert server.errands.next_time() is None


def test_without_a_limit_it_takes_its_time(server: Server) -> None:
    """The clock has nothing to do."""
    server.start("sleep 1000")
    assert server.errands.next_time() is None
    server.errands.tick(time.monotonic() + 10**6)
    assert server.errands._running


def test_a_stop_asks_those_that_tell_of_alarms_to_end(server: Server) -> None:
    """And begins nothing new."""
    server.start("sleep 1000", private=True)
    server.errands.stop()
    server.until(lambda: server.ends)
    assert server.ends == [Exit(0, signal.SIGTERM)]
    assert server.start("true") is None


def test_who_does_not_listen_to_a_stop_is_killed(server: Server) -> None:
    """The server leaves, and takes it along."""
    pid = server.start("trap '' TERM; echo ready; while :; do sleep 0.01; done", private=True)
    assert pid is not None
    server.until(lambda: server.out.exists() and "ready" in server.out.read_text())
    server.errands.stop()
    server.errands.tick(time.monotonic())
    assert not server.ends
    server.errands.close()
    _, status = os.waitpid(pid, 0)
    assert Exit.from_status(status) == Exit(0, signal.SIGKILL)


def test_a_job_outlives_the_server(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It hears nothing of a stop, nor of the end; the log says which one, and no password."""
    lines: list[bytes] = []
    monkeypatch.setattr(logwriter.voice, "carrier", lines.append)
    command = f"while [ ! -e {tmp_path}/go ]; do sleep 0.01; done; exit 7; http://me:%s@host/"
    pid = server.start(command % "hunter2")
    assert pid is not None
    server.errands.stop()
    server.errands.close()
    assert lines == [f"pid {pid} may outlive the server: {command % '***'}\n".encode()]
    (tmp_path / "go").touch()
    _, status = os.waitpid(pid, 0)
    assert Exit.from_status(status) == Exit(7, 0)


def test_the_same_command_runs_so_often_at_a_time(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that hangs must not fill the machine; others run."""
    monkeypatch.setattr(module, "MOST_ALIKE", 2)
    server.start("sleep 1000")
    server.start("sleep 1000")
    with pytest.raises(OSError, match="already runs") as raised:
        server.start("sleep 1000")
    assert raised.value.errno == errno.EAGAIN
    assert server.start("sleep 1001")


def test_no_process_is_an_error_and_nothing_more(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system is full."""

    def refuse(*_: object) -> int:
        raise OSError(errno.EAGAIN, "full")

    monkeypatch.setattr(module, "start", refuse)
    with pytest.raises(OSError, match="full"):
        server.start("true")
    assert not server.errands._running


def test_the_private_know_nothing_of_the_app(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither its variables nor what the service manager said; others know the variables."""
    monkeypatch.setenv("DB_PASSWORD", "hunter2")
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/notify")
    server.start("env", private=True)
    server.until(lambda: server.ends)
    text = server.out.read_text()
    assert text.startswith("private\n")
    assert "PATH=" in text
    assert "hunter2" not in text
    server.start("env")
    server.until(lambda: len(server.ends) == 2)
    assert "DB_PASSWORD=hunter2" in server.out.read_text()
    assert "NOTIFY_SOCKET" not in server.out.read_text()


def test_environments() -> None:
    """What each of the two kinds gets of the same: the small one the way out, too."""
    way = {"https_proxy": "http://proxy:3128", "HTTP_PROXY": "x", "no_proxy": "local", "SSL_CERT_FILE": "/ca.pem"}
    harmless = {"PATH": "p", "LC_ALL": "C", "TZ": "UTC", **way}
    given = {**harmless, "SECRET": "s", "PYTHONPATH": "x", "LISTEN_FDS": "1"}
    assert small_environ(given) == harmless
    assert environ_of_app(given) == {name: value for name, value in given.items() if name != "LISTEN_FDS"}
