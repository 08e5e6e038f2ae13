"""`--stop PIDFILE` and its like: who is signalled, and above all who is not."""

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.control import PAUSED_STATUS, FakeServer
from uncork.cli import main as command
from uncork.cli.signals import PAUSED, SIGNALS, send
from uncork.config.argv import TELLING, parse_arguments, telling
from uncork.config.settings import Entry
from uncork.control.ctlclient import ask, server_with
from uncork.errors import UncorkError
from uncork.system import process

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
NOBODY = 65534

Fake = Callable[..., FakeServer]


@pytest.fixture
def fake() -> Iterator[Fake]:
    """Starts processes with a control socket."""
    made: list[FakeServer] = []

    def start(**how: Any) -> FakeServer:
        made.append(FakeServer(**how))
        return made[-1]

    yield start
    for server in made:
        server.close()


@pytest.fixture
def stranger() -> Iterator[int]:
    """A process that is no server, and ends by any signal."""

    def main() -> int:
        for number in set(SIGNALS.values()):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        while True:
            signal.pause()

    pid = process.fork(main)
    yield pid
    try:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    except (ProcessLookupError, ChildProcessError):
        pass


@pytest.fixture
def public() -> Iterator[Path]:
    """A directory that every user can look into."""
    path = Path(tempfile.mkdtemp(prefix="uncork-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def untouched(pid: int) -> bool:
    """Whether nothing has happened to a child: it neither ended nor stopped."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WSTOPPED | os.WNOHANG | os.WNOWAIT) is None


def written(path: Path, pid: int, age: float = 0.0) -> Path:
    """A pidfile that was written `age` seconds ago."""
    path.write_text(f"{pid}\n")
    os.utime(path, (time.time() - age,) * 2)
    return path


def told(option: str, path: Path) -> None:
    """The command line `uncork --OPTION PATH`."""
    send(Entry(option, str(path), f"--{option}", source="argument"))


# ---- the command line ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "entry"),
    [
        (["--stop", "p"], Entry("stop", "p", "--stop", source="argument")),
        (["--stop=p"], Entry("stop", "p", "--stop", source="argument")),
        (["--ini", "x.ini", "--reload", "p", "--stop", "q"], Entry("reload", "p", "--reload", source="argument")),
        (["--suspend", "p"], Entry("suspend", "p", "--suspend", source="argument")),
        (["--stop", "p", "--help"], None),
        (["--stop"], None),
        (["--stop", "p", "--frobnicate"], None),
        (["--socket", ":1", "app.ini"], None),
        (["--", "--stop", "p"], None),
        ([], None),
    ],
)
def test_which_command_line_tells_a_server(words: list[str], entry: Entry | None) -> None:
    """The first such option counts, and one with a mistake beside it does nothing."""
    assert telling(parse_arguments(words)) == entry


def test_every_such_option_has_its_signal() -> None:
    """Those of uWSGI."""
    assert set(SIGNALS) == TELLING
    assert {name for name, number in SIGNALS.items() if number == signal.SIGTSTP} == set(PAUSED)


def test_the_whole_command(fake: Fake, stranger: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """It says nothing when it is done; a refusal is one sentence and exit status 1."""
    server = fake()
    assert command.main(["--stop", str(written(tmp_path / "pid", server.pid))]) == 0
    assert capfd.readouterr().err == ""
    assert os.WTERMSIG(server.end()) == signal.SIGINT

    assert command.main(["--stop", str(written(tmp_path / "pid", stranger))]) == 1
    assert capfd.readouterr().err.startswith(f"--stop {tmp_path}/pid: pid {stranger} (")


# ---- whom it reaches -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("option", "number"), [("stop", signal.SIGINT), ("reload", signal.SIGHUP)])
def test_the_server_is_signalled(fake: Fake, tmp_path: Path, option: str, number: signal.Signals) -> None:
    """With uWSGI's signals."""
    server = fake()
    told(option, written(tmp_path / "pid", server.pid))

    assert os.WTERMSIG(server.end()) == number


@pytest.mark.parametrize(
    ("option", "paused", "signalled"),
    [("pause", False, True), ("pause", True, False), ("suspend", True, False), ("suspend", False, True),
     ("resume", True, True), ("resume", False, False)],
)  # fmt: skip
def test_pausing_says_what_shall_be(fake: Fake, tmp_path: Path, option: str, paused: bool, signalled: bool) -> None:
    """TSTP pauses and goes on by turns, so it is sent only to a server that is not yet as it shall be."""
    server = fake(status={"paused": paused})
    told(option, written(tmp_path / "pid", server.pid))
    if signalled:
        assert os.waitstatus_to_exitcode(server.end()) == PAUSED_STATUS
    else:
        # It answers only after it has taken whatever was sent.
        found = server_with(server.pid)
        assert found is not None
        assert ask(found, "status")["ok"]


def test_a_server_without_a_master(tmp_path: Path) -> None:
    """It has no control socket, and is known by having its pidfile open."""
    path = tmp_path / "pid"
    reading, writing = os.pipe()

    def main() -> int:
        from uncork.system.pidfile import PidFile

        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        file = PidFile(str(path))
        file.write(os.getpid())
        os.write(writing, b"!")
        while True:
            signal.pause()

    pid = process.fork(main)
    os.read(reading, 1)
    told("stop", path)
    assert os.WTERMSIG(os.waitpid(pid, 0)[1]) == signal.SIGINT
    os.close(reading)
    os.close(writing)


# ---- whom it does not reach ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", SIGNALS)
def test_a_stranger_is_left_alone(stranger: int, tmp_path: Path, option: str) -> None:
    """A pidfile that somebody left behind, and a process that has got its number since."""
    with pytest.raises(
        UncorkError, match=rf"^--{option} {tmp_path}/pid: pid {stranger} \(.+\) was left alone: it is not"
    ):
        told(option, written(tmp_path / "pid", stranger))
    assert untouched(stranger)


def test_another_server_is_left_alone(fake: Fake, tmp_path: Path) -> None:
    """Also if the number has come to a server: this file is not from it."""
    server = fake()
    with pytest.raises(UncorkError, match="it began after this file was written"):
        told("stop", written(tmp_path / "pid", server.pid, age=3600))
    assert untouched(server.pid)


@AS_ROOT
def test_root_signals_nobody_for_another_user(fake: Fake, tmp_path: Path) -> None:
    """Whoever can write a pidfile could name any process in it."""
    server = fake()
    path = written(tmp_path / "pid", server.pid)
    os.chown(path, NOBODY, NOBODY)

    with pytest.raises(UncorkError, match=f"the file belongs to uid {NOBODY}"):
        told("stop", path)
    assert untouched(server.pid)


@AS_ROOT
def test_nobody_signals_root(fake: Fake, public: Path) -> None:
    """The kernel refuses, and the sentence says so."""
    server = fake()
    path = written(public / "pid", server.pid)

    def main() -> int:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        try:
            told("stop", path)
        except UncorkError as error:
            return 0 if f"pid {server.pid} belongs to another user" in str(error) else 2
        return 1

    assert os.waitstatus_to_exitcode(os.waitpid(process.fork(main), 0)[1]) == 0
    assert untouched(server.pid)


def test_a_server_that_has_ended(fake: Fake, tmp_path: Path) -> None:
    """The usual stale pidfile."""
    server = fake()
    server.close()

    with pytest.raises(UncorkError, match=f"^--stop {tmp_path}/pid: there is no process {server.pid}; the server"):
        told("stop", written(tmp_path / "pid", server.pid))


@pytest.mark.parametrize("text", ["", "0\n", "-1\n", "1 2\n", "hello\n"])
def test_what_is_no_pidfile(tmp_path: Path, text: str) -> None:
    """A group of processes, or all of them, is never what a pidfile means."""
    (tmp_path / "pid").write_text(text)

    with pytest.raises(UncorkError, match=f"^--stop {tmp_path}/pid: no pidfile"):
        told("stop", tmp_path / "pid")


def test_a_missing_pidfile(tmp_path: Path) -> None:
    """The option and the path are in the sentence."""
    with pytest.raises(UncorkError, match=f"^--reload {tmp_path}/pid: no such file or directory"):
        told("reload", tmp_path / "pid")
