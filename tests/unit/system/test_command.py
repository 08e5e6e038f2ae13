"""Commands of the configuration: a clean process in a group of its own, and never a wait for it."""

import os
import select
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from uncork.system import command, process
from uncork.system.command import NOT_RUN, kill_group, shell, start

pytestmark = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")


def run(command: str, out: Path, text: bytes | None = None, environ: dict[str, str] | None = None) -> tuple[int, str]:
    """The status of a shell command, and what it wrote."""
    fd = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)

    def prepare() -> None:
        os.dup2(fd, 1)
        os.dup2(fd, 2)

    pid = start(shell(command), {"PATH": os.environ["PATH"]} if environ is None else environ, text, prepare)
    os.close(fd)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), out.read_text()


def put(fd: int, number: int) -> Callable[[], None]:
    """Have a child find `fd` as `number`."""

    def prepare() -> None:
        os.dup2(fd, number)

    return prepare


def test_it_runs_in_a_group_of_its_own(tmp_path: Path) -> None:
    """What it starts can be ended with it, and a Ctrl-C at the terminal is not for it."""
    status, text = run("echo $$; cut -d' ' -f5 /proc/$$/stat; exit 7", tmp_path / "out")
    pid, group = text.split()
    assert status == 7
    assert pid == group != str(os.getpgrp())


def test_it_reads_the_text_however_long(tmp_path: Path) -> None:
    """Longer than a pipe holds: nobody has to feed it."""
    assert run("wc -c", tmp_path / "out", b"x" * 1_000_000) == (0, "1000000\n")


def test_it_reads_nothing_without_a_text(tmp_path: Path) -> None:
    """A command that asks gets an end, and not the terminal of the server."""
    assert run("cat; readlink /proc/self/fd/0", tmp_path / "out") == (0, "/dev/null\n")


def test_it_has_the_signals_of_any_program(tmp_path: Path) -> None:
    """None blocked, none ignored: Python's own choice is not for others."""
    _, text = run("grep -E 'Sig(Blk|Ign)' /proc/self/status", tmp_path / "out")
    assert [int(line.split()[1], 16) for line in text.splitlines()] == [0, 0]


def test_it_has_no_descriptor_of_ours(tmp_path: Path) -> None:
    """Nor a socket that somebody waits at."""
    read, write = os.pipe()
    _, text = run("ls /proc/$$/fd", tmp_path / "out")
    os.close(read)
    os.close(write)
    assert set(text.split()) <= {"0", "1", "2", "10"}


def test_it_has_the_environment_that_it_is_given(tmp_path: Path) -> None:
    """And nothing of ours."""
    assert "HOME" in os.environ
    assert run("echo $A-$HOME", tmp_path / "out", environ={"A": "b"}) == (0, "b-\n")


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    """The status of a shell, and a line that says why."""
    out = os.open(tmp_path / "out", os.O_WRONLY | os.O_CREAT, 0o600)
    pid = start(("/nowhere/at/all",), {}, prepare=put(out, 2))
    os.close(out)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == NOT_RUN
    assert (tmp_path / "out").read_text() == "/nowhere/at/all: no such file or directory\n"


def test_a_group_ends_as_one() -> None:
    """With what the command has started, which holds the pipe open until then."""
    read, write = os.pipe()
    pid = start(shell("sleep 1000 & echo $!; wait"), os.environ, prepare=put(write, 1))
    os.close(write)
    assert os.read(read, 100).strip().isdigit()
    kill_group(pid, signal.SIGKILL)
    assert os.read(read, 1) == b""
    os.waitpid(pid, 0)
    os.close(read)
    kill_group(pid, signal.SIGKILL)


@pytest.mark.parametrize("pid", [1, 0, -1])
def test_no_other_group_is_ever_hit(pid: int) -> None:
    """kill(2) takes these for more than one process."""
    with pytest.raises(ValueError, match="pid"):
        kill_group(pid, signal.SIGTERM)


# ---- with a wait for the end


@pytest.mark.parametrize(("text", "status"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", -9), ("kill $$", -15)])
def test_how_it_ended(text: str, status: int) -> None:
    """By itself, or by a signal."""
    assert command.run(shell(text), os.environ) == status


def test_how_it_ended_is_known_where_nobody_asks_for_children() -> None:
    """An app may ignore SIGCHLD: the kernel forgets its children."""

    def main() -> int:
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        return 42 if command.run(shell("exit 7"), os.environ) == 7 else 1

    assert os.waitstatus_to_exitcode(os.waitpid(process.fork(main), 0)[1]) == 42


def test_what_it_leaves_behind_lives_on(tmp_path: Path) -> None:
    """A command may start a program of its own in the background."""
    os.mkfifo(tmp_path / "go")
    text = f"(read line < {tmp_path}/go; echo $line > {tmp_path}/back; mv {tmp_path}/back {tmp_path}/there) & :"
    assert command.run(shell(text), os.environ) == 0
    with (tmp_path / "go").open("w") as go:
        go.write("alive\n")
    while not (tmp_path / "there").exists():
        time.sleep(0.01)
    assert (tmp_path / "there").read_text() == "alive\n"


@pytest.fixture
def hung(tmp_path: Path) -> Iterator[tuple[int, str]]:
    """A command that never ends, nor does what it has started; and a pipe that ends with the last of them."""
    os.mkfifo(tmp_path / "up")
    read = os.open(tmp_path / "up", os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(read, True)
    yield read, f"exec >{tmp_path}/up; (sleep 1000; :) & echo up; sleep 1000; :"
    os.close(read)


def children() -> set[str]:
    """The processes that this one has, dead ones that nobody has reaped too."""
    return set(Path("/proc/thread-self/children").read_text().split())


def test_a_limit(hung: tuple[int, str]) -> None:
    """It is killed, and all that it started; nobody is left to be reaped."""
    read, text = hung
    before = children()
    with pytest.raises(TimeoutError, match=r"not over after 0\.5 seconds"):
        command.run(shell(text), os.environ, 0.5)
    while os.read(read, 100):
        pass
    assert children() == before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_it_does_not_outlive_the_wait_for_it(hung: tuple[int, str], number: int) -> None:
    """Whether a handler ends the wait, or the process that waits is gone without a word."""
    read, text = hung

    def main() -> int:
        signal.alarm(60)
        try:
            with process.interrupted([signal.SIGTERM], lambda number: InterruptedError(f"signal {number}")):
                command.run(shell(text), os.environ)
        except InterruptedError:
            return 42
        return 1

    pid = process.fork(main)
    select.select([read], [], [])
    assert os.read(read, 100) == b"up\n"
    os.kill(pid, number)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == (42 if number == signal.SIGTERM else -9)
    assert os.read(read, 100) == b""


def test_no_further_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither for the guard nor for the command: an OSError, and no descriptor is left."""
    before = len(os.listdir("/proc/self/fd"))

    def refuse(*_: object, **__: object) -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    for function in ("start", "fork"):
        with monkeypatch.context() as patch:
            patch.setattr(command, function, refuse)
            with pytest.raises(OSError, match="temporarily"):
                command.run(shell("true"), os.environ)
    assert len(os.listdir("/proc/self/fd")) == before
