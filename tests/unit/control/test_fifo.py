"""The master FIFO, on the file system."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from uncork.control.commands import Command
from uncork.control.fifo import READ_SIZE, Fifo
from uncork.errors import UncorkError


@pytest.fixture
def fifo(tmp_path: Path) -> Iterator[Fifo]:
    """A FIFO that a master listens to."""
    made = Fifo((str(tmp_path / "uwsgi.fifo"),))
    yield made
    made.close()


def write(fifo: Fifo, data: bytes) -> int:
    """Write as a shell does, but never wait; how many bytes went in."""
    fd = os.open(fifo.path, os.O_WRONLY | os.O_NONBLOCK)
    try:
        return os.write(fd, data)
    except BlockingIOError:
        return 0
    finally:
        os.close(fd)


def read_all(fifo: Fifo) -> list[Command]:
    """The commands of several reads, as a selector would make them: until nothing is left."""
    return [command for _ in range(64) for command in fifo.read()]


@pytest.mark.parametrize(
    ("data", "commands"),
    [
        (b"r\n", [Command.RELOAD]),
        (b"q", [Command.STOP]),
        (b"rq", [Command.RELOAD, Command.STOP]),
        (b"l\nr\n", [Command.REOPEN_LOG, Command.RELOAD]),
        (b"ww", [Command.RELOAD_WORKERS, Command.RELOAD_WORKERS]),
        (b" \t\r\n0123456789+-BECfS!", []),
        (bytes(set(range(256)) - set(b"qQrRcwWplLsP")), []),
        ("\N{LATIN SMALL LETTER R WITH CARON}p".encode(), [Command.PAUSE]),
    ],
)
def test_commands(fifo: Fifo, data: bytes, commands: list[Command]) -> None:
    """Each known character is a command, in order; the newline of `echo` and everything unknown is ignored."""
    assert write(fifo, data) == len(data)
    assert fifo.read() == commands
    assert fifo.read() == []


def test_nothing_to_read(fifo: Fifo) -> None:
    """A read without a writer does not wait, neither before the first nor after the last one has closed."""
    assert fifo.read() == []
    write(fifo, b"s")
    assert fifo.read() == [Command.STATS]
    assert fifo.read() == []


def test_commands_of_several_writers(fifo: Fifo) -> None:
    """Who writes after another one has closed is heard without anything being opened again."""
    for data in (b"r\n", b"p\n", b"q\n"):
        write(fifo, data)
    assert fifo.read() == [Command.RELOAD, Command.PAUSE, Command.STOP]


def test_a_flood_of_junk(fifo: Fifo) -> None:
    """A megabyte of junk is eaten in bounded bites, and the command behind it is obeyed."""
    left = 1024 * 1024
    while left:
        left -= write(fifo, b"\0" * min(left, READ_SIZE))
        assert fifo.read() == []
    write(fifo, b"r\n")
    assert read_all(fifo) == [Command.RELOAD]


def test_one_read_is_bounded(fifo: Fifo) -> None:
    """However much is waiting, one read takes a part of it, so that every other event has its turn."""
    assert write(fifo, b"p" * 10000) == 10000
    assert len(fifo.read()) == READ_SIZE
    assert len(read_all(fifo)) == 10000 - READ_SIZE


def test_only_the_owner_may_write(fifo: Fifo) -> None:
    """Whoever may write may stop the server: nobody but its user may."""
    status = os.lstat(fifo.path)
    assert stat.S_ISFIFO(status.st_mode)
    assert stat.S_IMODE(status.st_mode) == 0o600


def test_removed_and_renewed(fifo: Fifo) -> None:
    """A FIFO that somebody removed is noticed and made anew; commands come through the new one."""
    assert fifo.intact()
    os.unlink(fifo.path)
    assert not fifo.intact()
    fifo.renew()
    assert fifo.intact()
    write(fifo, b"r\n")
    assert fifo.read() == [Command.RELOAD]


def test_renewing_leaks_nothing(fifo: Fifo) -> None:
    """However often a FIFO is made anew, the old descriptor is given back."""
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        os.unlink(fifo.path)
        fifo.renew()
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_stranger_in_its_place(fifo: Fifo, tmp_path: Path) -> None:
    """What is no FIFO of ours stays where it is, and the old descriptor stays usable."""
    os.unlink(fifo.path)
    Path(fifo.path).write_text("something of somebody's")
    assert not fifo.intact()
    with pytest.raises(UncorkError, match="no FIFO of ours"):
        fifo.renew()
    assert fifo.read() == []
    assert Path(fifo.path).read_text() == "something of somebody's"


def test_removed_at_the_end(tmp_path: Path) -> None:
    """A FIFO goes with its server, so that a later `echo` does not wait for a reader."""
    fifo = Fifo((str(tmp_path / "uwsgi.fifo"),))
    fifo.remove()
    assert not os.path.lexists(fifo.path)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fifo.fd)


def test_at_the_end_only_ours_is_removed(tmp_path: Path) -> None:
    """A FIFO that another server has made in the same place by now is left to it."""
    fifo = Fifo((str(tmp_path / "uwsgi.fifo"),))
    os.unlink(fifo.path)
    other = Fifo((fifo.path,))
    fifo.remove()
    assert other.intact()
    other.remove()


def test_the_first_path_is_listened_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of several FIFOs the first one is made, and found again wherever the server goes."""
    monkeypatch.chdir(tmp_path)
    fifo = Fifo(("one.fifo", "two.fifo"))
    monkeypatch.chdir("/")
    assert fifo.path == str(tmp_path / "one.fifo")
    assert fifo.intact()
    assert os.listdir(tmp_path) == ["one.fifo"]
    fifo.remove()
    assert os.listdir(tmp_path) == []


def test_a_directory_that_does_not_exist(tmp_path: Path) -> None:
    """An error names the option and the path."""
    path = str(tmp_path / "missing" / "uwsgi.fifo")
    with pytest.raises(UncorkError, match=r"^master-fifo = .*/missing/uwsgi\.fifo: no such file or directory$"):
        Fifo((path,))
