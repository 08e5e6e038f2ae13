"""Files whose touch is a command."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from uncork.config.load import load
from uncork.config.option import options_of
from uncork.config.options.touch import Touch
from uncork.control.commands import Command
from uncork.master.touch import INTERVAL, MAX_ENTRIES, Run, TouchWatch, Watch, line, table

# Long ago, so that every change below is newer, however coarse the clock of the file system.
LONG_AGO = (1_000_000_000 * 10**9, 1_000_000_000 * 10**9)
Change = Callable[[Path], object]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file that was touched last long ago."""
    path = tmp_path / "file"
    path.touch()
    os.utime(path, ns=LONG_AGO)
    return path


class Clock:
    """A watch over files, and the time by which it looks."""

    def __init__(self, *watches: Watch) -> None:
        self.now = 100.0
        self.watch = TouchWatch(watches, self.now)

    def look(self) -> list[tuple[Command | Run, str]]:
        """What the next look finds."""
        self.now += INTERVAL
        return self.watch.tick(self.now)


def on(path: Path, command: Command = Command.RELOAD, whole: bool = False) -> Watch:
    """A watch over `path`."""
    return Watch(path.name, str(path), command, whole)


def write_then_rename(path: Path) -> None:
    """What editors and deploy tools do."""
    new = path.with_name("new")
    new.write_text("x")
    new.rename(path)


def make_older(path: Path) -> None:
    """Give a file an older time than it has."""
    os.utime(path, ns=(0, LONG_AGO[1] - 1))


def newer_by_a_nanosecond(path: Path) -> None:
    """Two touches within the second: only nanoseconds tell."""
    os.utime(path, ns=(0, LONG_AGO[1] + 1))


# ---- the rules of touch-* --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "touched"),
    [
        (os.utime, True),
        (newer_by_a_nanosecond, True),
        (write_then_rename, True),
        (Path.unlink, True),
        (make_older, False),
        (lambda path: path.chmod(0o600), False),
        (lambda path: path.read_bytes(), False),
    ],
)
def test_what_a_touch_is(file: Path, change: Change, touched: bool) -> None:
    """A newer time and a removal are a touch, once; an older time and a look are none, as with uWSGI."""
    clock = Clock(on(file))
    assert clock.look() == []
    change(file)
    assert clock.look() == ([(Command.RELOAD, "file")] if touched else [])
    assert clock.look() == []


def test_a_file_that_comes(tmp_path: Path) -> None:
    """A file that was not there is touched by being made, whatever its time, and may go and come again."""
    path = tmp_path / "later"
    clock = Clock(on(path))
    for change in (Path.touch, Path.unlink, Path.touch):
        assert clock.look() == []
        change(path)
        os.utime(path, ns=LONG_AGO) if path.exists() else None
        assert len(clock.look()) == 1


def test_a_directory_that_comes(tmp_path: Path) -> None:
    """A path in a directory that is missing, or that is a file, is a file that is missing."""
    (tmp_path / "file").touch()
    clock = Clock(on(tmp_path / "no" / "such"), on(tmp_path / "file" / "x"))
    assert clock.look() == []
    (tmp_path / "no").mkdir()
    assert clock.look() == []
    (tmp_path / "no" / "such").touch()
    assert clock.look() == [(Command.RELOAD, "such")]


def test_link(file: Path) -> None:
    """A link stands for what it leads to: a touch of that counts, and so does a link to something newer."""
    link = file.with_name("link")
    link.symlink_to(file)
    clock = Clock(on(link))
    os.utime(file)
    assert clock.look() == [(Command.RELOAD, "link")]
    newer = file.with_name("release-2")
    newer.touch()
    os.utime(newer, ns=(0, file.stat().st_mtime_ns + 1))
    link.unlink()
    link.symlink_to(newer)
    assert clock.look() == [(Command.RELOAD, "link")]


def test_unreadable_is_no_touch(tmp_path: Path) -> None:
    """A path that nobody can look at, for now or for ever, is neither an error nor a touch."""
    loop = tmp_path / "loop"
    clock = Clock(on(loop / "x"), on(tmp_path / ("n" * 300)))
    assert clock.look() == []
    loop.symlink_to(loop)
    assert clock.look() == []
    loop.unlink()
    assert clock.look() == []
    loop.mkdir()
    (loop / "x").touch()
    assert clock.look() == [(Command.RELOAD, "x")]


def test_many_touches_between_two_looks_are_one(file: Path) -> None:
    """A file touched again and again within a second triggers once."""
    clock = Clock(on(file))
    for _ in range(5):
        os.utime(file)
    write_then_rename(file)
    assert clock.look() == [(Command.RELOAD, "file")]
    assert clock.look() == []


# ---- several files ---------------------------------------------------------------------------------------------------


def test_files_of_one_option_are_one_command(file: Path) -> None:
    """Two files of one command touched together are that command once; the second is not kept for later."""
    other = file.with_name("other")
    other.touch()
    os.utime(other, ns=LONG_AGO)
    clock = Clock(on(other), on(file))
    os.utime(file)
    os.utime(other)
    assert clock.look() == [(Command.RELOAD, "other")]
    assert clock.look() == []
    os.utime(file, ns=(0, file.stat().st_mtime_ns + 1))
    assert clock.look() == [(Command.RELOAD, "file")]


@pytest.mark.parametrize(
    ("touched", "commands"),
    [
        ([Command.RELOAD, Command.RELOAD_WORKERS, Command.CHAIN_RELOAD], [Command.RELOAD]),
        ([Command.BRUTAL_RELOAD, Command.RELOAD], [Command.BRUTAL_RELOAD]),
        ([Command.RELOAD_WORKERS, Command.CHAIN_RELOAD], [Command.RELOAD_WORKERS]),
        ([Command.ROTATE_LOG, Command.REOPEN_LOG], [Command.ROTATE_LOG]),
        ([Command.RELOAD, Command.ROTATE_LOG], [Command.RELOAD, Command.ROTATE_LOG]),
        ([Command.CHAIN_RELOAD, Command.REOPEN_LOG], [Command.CHAIN_RELOAD, Command.REOPEN_LOG]),
    ],
)
def test_one_file_for_several_commands(file: Path, touched: list[Command], commands: list[Command]) -> None:
    """What a command does anyway is not asked for beside it; other commands all come."""
    clock = Clock(*(on(file, command) for command in touched))
    os.utime(file)
    assert clock.look() == [(command, "file") for command in commands]
    assert clock.look() == []


# ---- time and reloads ------------------------------------------------------------------------------------------------


def test_once_a_second(file: Path) -> None:
    """Nothing is looked at before its time, and what happened meanwhile is found then."""
    watch = TouchWatch([on(file)], 100.0)
    assert watch.next_time() == 100.0 + INTERVAL
    os.utime(file)
    assert watch.tick(100.9) == []
    assert watch.tick(101.5) == [(Command.RELOAD, "file")]
    assert watch.next_time() == 101.5 + INTERVAL


def test_nothing_to_watch() -> None:
    """Without files nobody is woken."""
    assert TouchWatch([], 100.0).next_time() is None


def test_touch_during_a_reload_is_kept(file: Path) -> None:
    """A reload that brings the table anew forgets no touch that it has not seen, and invents none for a new file."""
    other = file.with_name("other")
    other.touch()
    clock = Clock(on(file))
    os.utime(file)
    clock.watch.watch([on(other), on(file)])
    assert clock.look() == [(Command.RELOAD, "file")]
    assert clock.look() == []
    clock.watch.watch([on(other)])
    os.utime(file)
    assert clock.look() == []


# ---- fs-reload -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "touched"),
    [
        (lambda d: (d / "file").write_text("longer"), True),
        (lambda d: make_older(d / "file"), True),
        (lambda d: (d / "file").chmod(0o600), True),
        (lambda d: (d / "file").unlink(), True),
        (lambda d: (d / "file").rename(d / "elsewhere"), True),
        (lambda d: (d / "another").touch(), True),
        (lambda d: (d / "below" / "x").touch(), False),
        (lambda d: (d / "file").read_text(), False),
    ],
)
def test_directory_of_fs_reload(file: Path, change: Change, touched: bool) -> None:
    """Every change of a directory or a file in it counts; what is below does not, as with uWSGI."""
    file.chmod(0o644)
    (file.parent / "below").mkdir()
    clock = Clock(on(file.parent, whole=True))
    assert clock.look() == []
    change(file.parent)
    assert len(clock.look()) == touched
    assert clock.look() == []


def test_file_of_fs_reload(file: Path) -> None:
    """A single file works as well, also one that goes and comes."""
    clock = Clock(on(file, whole=True))
    for change in (make_older, lambda path: path.chmod(0o600), write_then_rename, Path.unlink, Path.touch):
        change(file)
        assert clock.look() == [(Command.RELOAD, "file")]
        assert clock.look() == []


def test_huge_directory(tmp_path: Path) -> None:
    """In a directory with too many entries still new and removed ones are seen."""
    for number in range(MAX_ENTRIES + 1):
        (tmp_path / str(number)).touch()
    clock = Clock(on(tmp_path, whole=True))
    os.utime(tmp_path / "7")
    assert clock.look() == []
    (tmp_path / "7").unlink()
    assert len(clock.look()) == 1


# ---- options and log -------------------------------------------------------------------------------------------------


def test_table(tmp_path: Path) -> None:
    """Each option may name several files, and is one command; relative paths count from the directory."""
    argv = ["--touch-reload", "a", "--touch-reload", "/b", "--touch-workers-reload", "c", "--touch-chain-reload", "d"]
    argv += ["--touch-logrotate", "e", "--touch-logreopen", "f", "--fs-reload", "g", "--fs-brutal-reload", "h"]
    settings = load(argv, {}).settings
    assert settings.master
    assert table(settings.touch, str(tmp_path)) == [
        Watch("h", f"{tmp_path}/h", Command.BRUTAL_RELOAD, whole=True),
        Watch("g", f"{tmp_path}/g", Command.RELOAD, whole=True),
        Watch("a", f"{tmp_path}/a", Command.RELOAD),
        Watch("/b", "/b", Command.RELOAD),
        Watch("c", f"{tmp_path}/c", Command.RELOAD_WORKERS),
        Watch("d", f"{tmp_path}/d", Command.CHAIN_RELOAD),
        Watch("e", f"{tmp_path}/e", Command.ROTATE_LOG),
        Watch("f", f"{tmp_path}/f", Command.REOPEN_LOG),
    ]
    assert table(Touch(), "/") == []


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (Command.RELOAD, "grace them all"),
        (Command.RELOAD_WORKERS, "workers reload"),
        (Command.CHAIN_RELOAD, "chain reload"),
    ],
)
def test_line(command: Command, words: str) -> None:
    """The log says it as uWSGI does: there are people who search for that."""
    assert line(command, "a.ini") == f"*** a.ini has been touched... {words} !!! ***"


def test_every_command_of_the_table_has_a_line() -> None:
    """No touch is without its line."""
    commands = {option.field_name for option in options_of(Touch)} - {"touch_exec"}
    every = Touch(**{name: ("x",) for name in commands if name.startswith(("touch_", "fs_"))})  # type: ignore[arg-type]
    assert all("x has been touched" in line(watch.command, watch.path) for watch in table(every, "/"))


def test_a_touch_may_run_a_command(file: Path) -> None:
    """touch-exec: the file, and all behind the blank is for the shell; the log says it as uWSGI does."""
    touch = load(["--touch-exec", f"{file} echo  a b"], {}).settings.touch
    watches = table(touch, "/elsewhere")
    assert watches == [Watch(str(file), str(file), Run("echo  a b"))]
    clock = Clock(*watches, on(file))
    assert clock.look() == []
    file.touch()
    assert clock.look() == [(Run("echo  a b"), str(file)), (Command.RELOAD, file.name)]
    assert line(Run("echo  a b"), str(file)) == "[uwsgi-touch-exec] running echo  a b"
    assert "hunter2" not in line(Run("curl http://me:hunter2@host/"), "x")
