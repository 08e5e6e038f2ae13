"""How lines are written: none raises, none waits for long, every loss is counted, and lines stay lines."""

import errno
import fcntl
import os
import resource
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from uncork.system import logwriter
from uncork.system.logwriter import LogWriter, Voice, dated, say
from uncork.system.process import fork

pytestmark = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")


@pytest.fixture(autouse=True)
def lost(monkeypatch: pytest.MonkeyPatch) -> logwriter.Losses:
    """Losses of this test alone."""
    losses = logwriter.Losses()
    monkeypatch.setattr(logwriter, "losses", losses)
    monkeypatch.setattr(logwriter, "voice", Voice())
    return losses


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """(read end, write end), both blocking."""
    ends = os.pipe()
    yield ends
    for fd in ends:
        try:
            os.close(fd)
        except OSError:
            pass


def fill(fd: int) -> int:
    """Fill the pipe behind `fd`; how many bytes it took.  The open file of `fd` blocks afterwards as before."""
    full = os.open(f"/proc/self/fd/{fd}", os.O_WRONLY | os.O_NONBLOCK)
    written = 0
    try:
        while True:
            written += os.write(full, b"." * 4096)
    except BlockingIOError:
        return written
    finally:
        os.close(full)


def in_child(act: Callable[[], None]) -> None:
    """Run `act` in a process of its own; it fails the test if it raises."""

    def main() -> int:
        act()
        return 42

    _, status = os.waitpid(fork(main), 0)
    assert os.waitstatus_to_exitcode(status) == 42


def test_a_full_disk_loses_lines_and_counts_them(lost: logwriter.Losses) -> None:
    """/dev/full: no error, and the number of lines."""
    fd = os.open("/dev/full", os.O_WRONLY)
    writer = LogWriter(fd)
    writer.write(b"one\n")
    writer.write(b"two\nthree\n")
    writer.write(b"half")
    os.close(fd)

    assert lost.lines == 4


def test_logging_goes_on_when_there_is_room_again(tmp_path: Path, lost: logwriter.Losses) -> None:
    """And the line that was cut off by the end of the disk does not run into the next."""
    path = tmp_path / "log"

    def act() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        writer = LogWriter(fd)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, resource.RLIM_INFINITY))
        for line in (b"first\n", b"second\n", b"third\n"):
            writer.write(line)
        assert lost.lines == 2
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        for line in (b"fourth\n", b"fifth\n"):
            writer.write(line)
        assert lost.lines == 2

    in_child(act)
    assert path.read_bytes() == b"first\nseco\nfourth\nfifth\n"


def test_a_reader_that_is_stuck_stops_nobody(pipe: tuple[int, int], lost: logwriter.Losses) -> None:
    """The pipe itself blocks, as others have it: that stays so, and the lines are lost after a moment."""
    writer = LogWriter(pipe[1])
    writer.settle()
    fill(pipe[1])
    for _ in range(100):
        writer.write(b"line\n")

    assert lost.lines == 100
    assert not fcntl.fcntl(pipe[1], fcntl.F_GETFL) & os.O_NONBLOCK


def test_only_the_first_line_waits_for_a_stuck_reader(
    pipe: tuple[int, int], lost: logwriter.Losses, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that took nothing a moment ago costs the next request no time."""
    waits: list[float] = []

    def never(_fd: int, seconds: float) -> bool:
        waits.append(seconds)
        return False

    monkeypatch.setattr(logwriter, "_writable", never)
    writer = LogWriter(pipe[1])
    writer.settle()
    fill(pipe[1])
    for _ in range(5):
        writer.write(b"line\n")

    assert len(waits) == 1
    assert lost.lines == 5


def test_after_a_stuck_reader_came_back_lines_are_whole(pipe: tuple[int, int], lost: logwriter.Losses) -> None:
    """What was lost is lost, and what follows begins on a line of its own."""
    read, write = pipe
    writer = LogWriter(write)
    writer.settle()
    size = fill(write)
    os.read(read, 4096)
    writer.write(b"a" * 9000 + b"\n")
    taken = b""
    while len(taken) < size:
        taken += os.read(read, size)
    writer.write(b"next\n")

    assert lost.lines == 1
    assert taken.endswith(b".aaaa" + b"a" * 4092)
    assert os.read(read, 100) == b"\nnext\n"


def test_a_reader_that_is_merely_slow_loses_nothing(pipe: tuple[int, int], lost: logwriter.Losses) -> None:
    """A large line waits while it is taken."""
    read, write = pipe
    writer = LogWriter(write)
    writer.settle()
    line = b"x" * 500_000 + b"\n"
    thread = threading.Thread(target=writer.write, args=(line,))
    thread.start()
    taken = b""
    while len(taken) < len(line):
        taken += os.read(read, 20_000)
        time.sleep(0.001)
    thread.join()

    assert taken == line
    assert lost.lines == 0


def test_a_pipe_that_may_not_be_opened_again_does_not_block_either(
    pipe: tuple[int, int], lost: logwriter.Losses, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pipe of a container belongs to another user: /proc gives no second open file of it."""

    def refuse(*_args: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    writer = LogWriter(pipe[1])
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)
        writer.settle()
    writer.write(b"line\n")
    fill(pipe[1])
    for _ in range(10):
        writer.write(b"lost\n")

    assert lost.lines == 10
    assert os.read(pipe[0], 5) == b"line\n"


def test_a_socket_does_not_block(lost: logwriter.Losses) -> None:
    """The journal is a socket, and its other end may be stopped, too."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        writer = LogWriter(ours.fileno())
        writer.settle()
        writer.write(b"line\n")
        assert theirs.recv(100) == b"line\n"
        for _ in range(10_000):
            writer.write(b"x" * 999 + b"\n")
        assert lost.lines > 0
        assert ours.getblocking()
        assert writer._sock is not None
        writer._sock.close()


@pytest.mark.parametrize("settled", [False, True])
def test_a_reader_that_is_gone_is_no_error(pipe: tuple[int, int], lost: logwriter.Losses, settled: bool) -> None:
    """The master was killed, say."""
    os.close(pipe[0])
    writer = LogWriter(pipe[1])
    if settled:
        writer.settle()
    writer.write(b"line\n")

    assert lost.lines == 1


def test_a_closed_descriptor_is_no_error(lost: logwriter.Losses) -> None:
    """Whoever closed it."""
    fd = os.open(os.devnull, os.O_WRONLY)
    os.close(fd)
    writer = LogWriter(fd)
    writer.settle()
    writer.write(b"line\n")

    assert lost.lines == 1


def test_half_a_line_is_written_as_it_is(tmp_path: Path) -> None:
    """What was written whole is followed by what comes next, and by nothing else."""
    fd = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    writer = LogWriter(fd)
    for piece in (b"one", b" line\n"):
        writer.write(piece)
    os.close(fd)

    assert (tmp_path / "log").read_bytes() == b"one line\n"


def test_losses_are_shown_as_they_happen(lost: logwriter.Losses) -> None:
    """A worker goes on from what its slot of the scoreboard has, and every change is written there."""
    shown: list[int] = []
    lost.begin(5, shown.append)
    lost.add(1)
    lost.add(2)

    assert shown == [6, 8]
    assert lost.lines == 8


def test_the_servers_own_lines_go_to_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    """In one piece; bytes of a file name that are no text do not lose the line."""
    say("file \udcff\nsecond")

    assert capfd.readouterr() == ("", "file \\udcff\nsecond\n")


def test_the_servers_own_lines_take_the_way_that_the_master_has_for_them(capfd: pytest.CaptureFixture[str]) -> None:
    """Through its relay."""
    carried: list[bytes] = []
    logwriter.voice.carrier = carried.append
    say("line")

    assert carried == [b"line\n"]
    assert capfd.readouterr() == ("", "")


def test_the_servers_own_lines_have_the_time_where_it_is_asked_for(capfd: pytest.CaptureFixture[str]) -> None:
    """Option `log-date`, in uWSGI's form: the time, a dash, the line."""
    logwriter.voice.date = "%Y"
    say("line")

    year = time.strftime("%Y")
    assert capfd.readouterr().err == f"{year} - line\n"
    assert dated("text") == f"{year} - text"
