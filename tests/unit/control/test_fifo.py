"""The master FIFO, on the file system, with a real selector that the test turns as the master's loop does."""

import os
import selectors
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from uncork.control.commands import Command
from uncork.control.fifo import CHECK, MOST, READ_SIZE, MasterFifo, understand
from uncork.errors import UncorkError
from uncork.system.namedpipe import make_fifo


class Listener:
    """A master that listens at `paths`; `asked` and `said` are what came of it."""

    def __init__(self, *paths: Path) -> None:
        self.selector = selectors.DefaultSelector()
        self.asked: list[Command] = []
        self.said: list[str] = []
        self.fifo = MasterFifo(self.selector, tuple(map(str, paths)), self.asked.append, self.said.append)

    def turn(self) -> list[Command]:
        """One round of the loop: the commands that it brought."""
        del self.asked[:]
        for key, _ in self.selector.select(0):
            key.data()
        return list(self.asked)

    def later(self, times: int = 1) -> None:
        """The time of so many looks at the FIFO passes."""
        for _ in range(times):
            self.fifo.tick(self.fifo.next_time() + 0.001)

    def close(self) -> None:
        """The end of the master."""
        self.fifo.remove()
        self.selector.close()


Listen = Callable[..., Listener]


@pytest.fixture
def listen() -> Iterator[Listen]:
    """Makes listeners."""
    made: list[Listener] = []

    def start(*paths: Path) -> Listener:
        made.append(Listener(*paths))
        return made[-1]

    yield start
    for listener in made:
        listener.close()


@pytest.fixture
def master(listen: Listen, tmp_path: Path) -> Listener:
    """A master with one FIFO."""
    return listen(tmp_path / "fifo")


def write(path: str | Path, data: bytes) -> int:
    """Write as a shell does, but never wait; how many bytes went in."""
    fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    try:
        return os.write(fd, data)
    except BlockingIOError:
        return 0
    finally:
        os.close(fd)


# ---- characters ------------------------------------------------------------------------------------------------------

R, W, P, L, S = Command.RELOAD, Command.RELOAD_WORKERS, Command.PAUSE, Command.REOPEN_LOG, Command.STATS
MORE, LESS = Command.CHEAPER_MORE, Command.CHEAPER_LESS


@pytest.mark.parametrize(
    ("data", "commands", "slot"),
    [
        (b"r\n", [R], None),
        (b"q", [Command.STOP], None),
        (b"rq", [R, Command.STOP], None),
        (b"l\nr\n", [L, R], None),
        (b"rrrrr", [R], None),
        (b"lrlrlr", [L, R], None),
        (b"s" * 4096, [S], None),
        (b"rR", [R, Command.BRUTAL_RELOAD], None),
        (b"p", [P], None),
        (b"pp", [], None),
        (b"pppr", [P, R], None),
        (b"++-", [MORE, MORE, LESS], None),
        (b"+" * 4096, [MORE] * MOST, None),
        (b"1r\n", [R], 1),
        (b"0", [], 0),
        (b"1239", [], 9),
        (b"BEfS", [Command.SOS, Command.RESCAN, Command.REFORK, Command.SUBSCRIPTIONS], None),
        (b" \t\r\n!", [], None),
        (bytes(set(range(256)) - set(b"qQrRcwWplLsP+-BECfS0123456789")), [], None),
        ("\N{LATIN SMALL LETTER R WITH CARON}w\N{SUPERSCRIPT TWO}".encode(), [W], None),
        (b"", [], None),
    ],
)
def test_what_characters_mean(data: bytes, commands: list[Command], slot: int | None) -> None:
    """Known characters are commands, everything else is nothing, and what comes again in one breath adds nothing."""
    assert understand(data) == (commands, slot)


def test_commands_arrive(master: Listener) -> None:
    """From one writer after the other, without anything being opened again; without one nothing waits."""
    assert master.turn() == []
    for data in (b"r\n", b"l\n", b"q\n"):
        write(master.fifo.path, data)
    assert master.turn() == [R, L, Command.STOP]
    assert master.turn() == []
    write(master.fifo.path, b"s")
    assert master.turn() == [S]


def test_a_flood_of_junk(master: Listener) -> None:
    """A megabyte of junk is eaten in bounded bites, and the command behind it is obeyed."""
    left, turns = 1024 * 1024, 0
    while left:
        left -= write(master.fifo.path, b"\0x\n " * (min(left, READ_SIZE) // 4))
        assert master.turn() == []
        turns += 1
    write(master.fifo.path, b"r\n")
    while not (found := master.turn()):
        turns += 1

    assert found == [R]
    assert turns <= 2 * 1024 * 1024 // READ_SIZE


def test_one_turn_is_bounded(master: Listener) -> None:
    """However much is waiting, one turn takes a part of it, so that every other event has its turn."""
    assert write(master.fifo.path, b"s" * 3 * READ_SIZE) == 3 * READ_SIZE

    assert [master.turn() for _ in range(4)] == [[S], [S], [S], []]


def test_only_the_owner_may_write(master: Listener) -> None:
    """Whoever may write may stop the server: nobody but its user may."""
    status = os.lstat(master.fifo.path)

    assert stat.S_ISFIFO(status.st_mode)
    assert stat.S_IMODE(status.st_mode) == 0o600


# ---- removed and replaced --------------------------------------------------------------------------------------------


def test_a_removed_fifo_comes_back(master: Listener) -> None:
    """Within a second, and nothing is left over however often it happens."""
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        os.unlink(master.fifo.path)
        master.later()
        write(master.fifo.path, b"r\n")
        assert master.turn() == [R]

    assert len(os.listdir("/proc/self/fd")) == before
    assert master.said == []


def test_it_is_looked_at_once_a_second(master: Listener) -> None:
    """Not in every turn of the loop, and the loop is told when."""
    os.unlink(master.fifo.path)
    now = time.monotonic()
    master.fifo.tick(now)

    assert not os.path.lexists(master.fifo.path)
    assert now < master.fifo.next_time() <= now + CHECK


def test_a_stranger_in_its_place_is_named_once(master: Listener) -> None:
    """It stays where it is, the log says so once, and once it is gone the FIFO comes back."""
    path = Path(master.fifo.path)
    path.unlink()
    path.write_text("something of somebody's")
    master.later(5)

    assert path.read_text() == "something of somebody's"
    assert len(master.said) == 1
    assert "no FIFO of ours" in master.said[0]
    assert master.turn() == []
    path.unlink()
    master.later()
    write(path, b"r")
    assert master.turn() == [R]


def test_removed_at_the_end(tmp_path: Path) -> None:
    """A FIFO goes with its server, so that a later `echo` does not wait for a reader; that of another one stays."""
    one, two = Listener(tmp_path / "one"), Listener(tmp_path / "two")
    os.unlink(two.fifo.path)
    other = make_fifo(two.fifo.path)
    one.close()
    two.close()

    assert os.listdir(tmp_path) == ["two"]
    os.close(other)


def test_a_child_closes_and_removes_nothing(tmp_path: Path) -> None:
    """The FIFO goes on being its parent's."""
    listener = Listener(tmp_path / "fifo")
    before = len(os.listdir("/proc/self/fd"))
    listener.fifo.close()

    assert len(os.listdir("/proc/self/fd")) == before - 1
    assert os.path.lexists(tmp_path / "fifo")
    listener.selector.close()


def test_an_error_names_the_option_and_the_path(listen: Listen, tmp_path: Path) -> None:
    """Where, what, and why."""
    with pytest.raises(UncorkError, match=r"^master-fifo = .*/missing/fifo: no such file or directory$"):
        listen(tmp_path / "missing" / "fifo")


# ---- several paths ---------------------------------------------------------------------------------------------------


def test_the_first_path_is_listened_to(listen: Listen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of several FIFOs the first one is made, and found again wherever the server goes."""
    monkeypatch.chdir(tmp_path)
    master = listen(Path("one"), Path("two"))
    monkeypatch.chdir("/")

    assert master.fifo.path == str(tmp_path / "one")
    assert master.fifo.paths == (str(tmp_path / "one"), str(tmp_path / "two"))
    assert os.listdir(tmp_path) == ["one"]


@pytest.mark.parametrize(("digit", "name"), [("1", "two"), ("2", "three"), ("0", "one"), ("3", "one"), ("9", "one")])
def test_a_digit_goes_to_another_path(listen: Listen, tmp_path: Path, digit: str, name: str) -> None:
    """The log says where, commands come from there, and a name that nobody reads any more is gone."""
    master = listen(tmp_path / "one", tmp_path / "two", tmp_path / "three")
    write(tmp_path / "one", f"{digit}\n".encode())
    assert master.turn() == []

    assert master.said == [f"active master fifo is now {tmp_path}/{name}"]
    assert os.listdir(tmp_path) == [name]
    write(tmp_path / name, b"r\n")
    assert master.turn() == [R]
    os.unlink(tmp_path / name)
    master.later()
    assert os.listdir(tmp_path) == [name]


def test_there_and_back(listen: Listen, tmp_path: Path) -> None:
    """However often, nothing is left over."""
    master = listen(tmp_path / "one", tmp_path / "two")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(10):
        for name, digit in (("one", b"1"), ("two", b"0")):
            write(tmp_path / name, digit)
            master.turn()

    assert os.listdir(tmp_path) == ["one"]
    assert len(os.listdir("/proc/self/fd")) == before


def test_two_servers_change_places(listen: Listen, tmp_path: Path) -> None:
    """The old one leaves the common name, the new one takes it; while it is taken, the new one stays where it is."""
    old = listen(tmp_path / "running", tmp_path / "sleeping")
    new = listen(tmp_path / "new", tmp_path / "running")
    write(tmp_path / "new", b"1")
    new.turn()
    assert "another server reads it" in new.said[0]
    assert new.fifo.path == str(tmp_path / "new")

    write(tmp_path / "running", b"1p")
    assert old.turn() == [P]
    write(tmp_path / "new", b"1")
    new.turn()
    write(tmp_path / "running", b"r")

    assert new.turn() == [R]
    assert old.turn() == []
    assert sorted(os.listdir(tmp_path)) == ["running", "sleeping"]
