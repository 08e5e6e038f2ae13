"""The log file: made narrowly, never through a link; rotated without losing a line."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from uncork.errors import UncorkError
from uncork.system.logfile import LogFile
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
