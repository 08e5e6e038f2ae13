"""The log file: made narrowly, never through a link; rotated without losing a line."""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from uncork.errors import UncorkError
from uncork.system.logfile import LogFile, fill_standard_descriptors
from uncork.system.process import fork

pytestmark = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")


def in_child(act: Callable[[], None]) -> None:
    """Run `act` in a process of its own, which may lose its standard output; it fails the test if it raises."""

    def main() -> int:
        act()
        return 42

    _, status = os.waitpid(fork(main), 0)
    assert os.waitstatus_to_exitcode(status) == 42


def mode(path: Path) -> int:
    """The permission bits of the path itself."""
    return stat.S_IMODE(os.lstat(path).st_mode)


def test_stdout_and_stderr_go_to_the_end_of_the_log(tmp_path: Path) -> None:
    """An existing file is continued; relative paths mean the directory in which the server was started."""
    path = tmp_path / "log"
    path.write_text("before\n")

    def act() -> None:
        os.chdir(tmp_path)
        log = LogFile("log")
        os.chdir("/")
        log.open()
        os.write(1, b"out\n")
        os.write(2, b"err\n")

    in_child(act)
    assert path.read_text() == "before\nout\nerr\n"


def test_a_new_log_is_not_for_everybody(tmp_path: Path) -> None:
    """Addresses and paths in it are nobody else's business."""

    def act() -> None:
        os.umask(0)
        LogFile(str(tmp_path / "log")).open()

    in_child(act)
    assert mode(tmp_path / "log") == 0o640


def test_programs_that_the_application_starts_inherit_the_log_and_nothing_more(tmp_path: Path) -> None:
    """Standard output and error survive exec, and there is no third descriptor of the file."""

    def act() -> None:
        LogFile(str(tmp_path / "log")).open()
        assert os.get_inheritable(1)
        assert os.get_inheritable(2)
        same = [fd for fd in range(3, 256) if _is(fd, tmp_path / "log")]
        assert not same

    in_child(act)


def _is(fd: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except OSError:
        return False


@pytest.mark.parametrize("target", ["precious", "nosuch"])
def test_a_log_that_is_a_link_is_refused(tmp_path: Path, target: str) -> None:
    """Root would write wherever somebody points it; what the link names is untouched, and the old log goes on."""
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "log").symlink_to(target)
    before = os.fstat(1), os.fstat(2)

    with pytest.raises(UncorkError, match=f"^logto = {tmp_path}/log: too many levels of symbolic links"):
        LogFile(str(tmp_path / "log")).open()

    assert (tmp_path / "precious").read_text() == "precious"
    assert not (tmp_path / "nosuch").exists()
    assert (os.fstat(1)[:3], os.fstat(2)[:3]) == (before[0][:3], before[1][:3])


def test_a_device_may_be_a_link(tmp_path: Path) -> None:
    """`logto = /dev/stdout` is how containers are configured."""

    def act() -> None:
        with (tmp_path / "out").open("wb") as out:
            os.dup2(out.fileno(), 1)
        LogFile("/dev/stdout").open()
        os.write(2, b"err\n")

    in_child(act)
    assert (tmp_path / "out").read_text() == "err\n"


@pytest.mark.parametrize(
    ("path", "reason"), [("nosuch/log", "no such file or directory"), ("folder", "is a directory")]
)
def test_a_log_that_cannot_be_opened_is_explained(tmp_path: Path, path: str, reason: str) -> None:
    """With the option, the whole path, and what to look at."""
    (tmp_path / "folder").mkdir()

    with pytest.raises(UncorkError) as caught:
        LogFile(str(tmp_path / path)).open()

    assert str(caught.value) == f"logto = {tmp_path}/{path}: {reason} (check the path and its owner)"


def test_a_rotated_log_keeps_its_lines_under_another_name(tmp_path: Path) -> None:
    """`<path>.<unix time>` as in uWSGI; new lines go to a fresh file."""

    def act() -> None:
        log = LogFile(str(tmp_path / "log"))
        log.open()
        os.write(1, b"old\n")
        name = log.rotate()
        os.write(1, b"new\n")
        assert Path(name).read_text() == "old\n"
        assert name.removeprefix(f"{tmp_path}/log.").isdigit()

    in_child(act)
    assert (tmp_path / "log").read_text() == "new\n"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_log_that_is_gone_cannot_be_rotated(tmp_path: Path) -> None:
    """It is said, and nothing is made."""
    with pytest.raises(UncorkError, match=f"^cannot rotate {tmp_path}/log: no such file or directory"):
        LogFile(str(tmp_path / "log")).rotate()
    assert not list(tmp_path.iterdir())


def test_no_rotation_overwrites_another(tmp_path: Path) -> None:
    """However fast they follow each other, no line is lost."""

    def act() -> None:
        log = LogFile(str(tmp_path / "log"))
        log.open()
        for number in range(5):
            os.write(1, f"{number}\n".encode())
            log.rotate()

    in_child(act)
    assert sorted("".join(path.read_text() for path in tmp_path.iterdir()).split()) == list("01234")


def test_a_backup_name_takes_the_place_of_the_earlier_backup(tmp_path: Path) -> None:
    """Option `log-backupname`: one file of old lines, however often the log is rotated; no second file with a time."""

    def act() -> None:
        os.chdir(tmp_path)
        log = LogFile("log", backupname="old")
        os.chdir("/")
        log.open()
        for number in range(3):
            os.write(1, f"{number}\n".encode())
            assert log.rotate() == f"{tmp_path}/old"

    in_child(act)
    assert (tmp_path / "old").read_text() == "2\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log", "old"]


def test_the_log_is_emptied_once(tmp_path: Path) -> None:
    """Option `log-truncate` concerns the start; a log that is reopened keeps what it has."""
    path = tmp_path / "log"
    path.write_text("of yesterday\n")

    def act() -> None:
        log = LogFile(str(path), truncate=True)
        log.open()
        os.write(1, b"one\n")
        log.open()
        os.write(1, b"two\n")

    in_child(act)
    assert path.read_text() == "one\ntwo\n"


@pytest.mark.parametrize("there", [False, True])
def test_a_log_has_the_mode_that_was_asked_for(tmp_path: Path, there: bool) -> None:
    """Option `logfile-chmod`, whatever the umask, for a file that was there as for a new one."""
    path = tmp_path / "log"
    if there:
        path.touch(0o600)

    def act() -> None:
        os.umask(0o077)
        LogFile(str(path), mode=0o664).open()

    in_child(act)
    assert mode(path) == 0o664


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_log_belongs_to_whom_it_was_given(tmp_path: Path) -> None:
    """Option `logfile-chown`: so that a server which changed its user can reopen its log."""
    path = tmp_path / "log"

    os.close(LogFile(str(path), owner=(12345, 54321), mode=0o604).descriptor())
    status = path.stat()

    assert (status.st_uid, status.st_gid, mode(path)) == (12345, 54321, 0o604)


@pytest.mark.skipif(os.geteuid() != 0, reason="takes a second user")
def test_the_file_of_somebody_else_is_written_as_it_is(tmp_path: Path) -> None:
    """A program that rotates logs made it for us: that we may not change its mode must not cost us the log."""
    path = tmp_path / "log"
    path.touch()
    path.chmod(0o666)
    tmp_path.chmod(0o777)
    for parent in list(tmp_path.parents)[:3]:
        parent.chmod(parent.stat().st_mode | 0o011)

    def act() -> None:
        os.setuid(12345)
        LogFile(str(path), owner=(12345, 12345), mode=0o600).open()
        os.write(1, b"line\n")

    in_child(act)
    assert path.read_text() == "line\n"
    assert mode(path) == 0o666


@pytest.mark.parametrize("wanted", [{"mode": 0o666}, {"truncate": True}, {"owner": (12345, -1)}])
def test_a_file_with_a_second_name_is_left_as_it_is(tmp_path: Path, wanted: dict[str, Any]) -> None:
    """Whoever may write to the log's directory could have linked the file of somebody else there."""
    precious = tmp_path / "precious"
    precious.write_text("precious")
    precious.chmod(0o640)
    os.link(precious, tmp_path / "log")

    with pytest.raises(UncorkError, match="the file has a second name"):
        LogFile(str(tmp_path / "log"), "logto2", **wanted).descriptor()

    assert precious.read_text() == "precious"
    assert mode(precious) == 0o640
    assert precious.stat().st_uid == os.geteuid()


def test_a_pipe_that_nobody_reads_is_an_error_and_no_hang(tmp_path: Path) -> None:
    """To open a named pipe for writing waits for a reader, which may never come."""
    os.mkfifo(tmp_path / "log")

    with pytest.raises(UncorkError) as caught:
        LogFile(str(tmp_path / "log"), "logto2").descriptor()

    assert str(caught.value) == f"logto2 = {tmp_path}/log: nobody reads this pipe (check the path and its owner)"


@pytest.mark.parametrize(("size", "larger"), [(0, False), (10, False), (11, True)])
def test_a_log_is_larger_than_its_limit_or_not(tmp_path: Path, size: int, larger: bool) -> None:
    """Option `log-maxsize`: the limit itself is allowed."""
    (tmp_path / "log").write_bytes(b"x" * size)

    assert LogFile(str(tmp_path / "log")).larger_than(10) == larger


@pytest.mark.parametrize("path", ["/dev/null", "/nosuch/log"])
def test_only_files_have_a_size(path: str) -> None:
    """A device is never rotated, and a log that is gone has nothing to rotate."""
    assert not LogFile(path).larger_than(0)


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2), (1, 2)])
def test_a_closed_standard_descriptor_becomes_the_null_device(closed: tuple[int, ...]) -> None:
    """Else the next socket would be standard error, and its client read the log."""

    def act() -> None:
        kept = {fd: os.fstat(fd) for fd in {0, 1, 2} - set(closed)}
        for fd in closed:
            os.close(fd)
        fill_standard_descriptors()
        for fd in closed:
            assert os.path.samestat(os.fstat(fd), os.stat(os.devnull))
            assert os.get_inheritable(fd)
        for fd, status in kept.items():
            assert os.path.samestat(os.fstat(fd), status)

    in_child(act)
