"""The server's own files: made narrowly, never through a link, never over what somebody else made."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from uncork.errors import UncorkError
from uncork.system.files import LogFile, PidFile, fifo_intact, make_fifo
from uncork.system.process import fork

pytestmark = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
NOBODY = 65534


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


# ---- the log


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


# ---- the FIFO


def test_a_fifo_is_made_for_its_owner_only(tmp_path: Path) -> None:
    """Whoever may write to it may stop the server; it is read without blocking, and no program inherits it."""
    path = tmp_path / "fifo"
    before = os.umask(0)
    try:
        fd = make_fifo(str(path))
    finally:
        os.umask(before)
    assert stat.S_ISFIFO(os.lstat(path).st_mode)
    assert mode(path) == 0o600
    assert not os.get_inheritable(fd)
    with pytest.raises(BlockingIOError):
        os.read(fd, 1)
    for command in (b"r", b"q\n"):
        path.write_bytes(command)
        assert os.read(fd, 10) == command
    with pytest.raises(BlockingIOError):
        os.read(fd, 1)
    os.close(fd)


@pytest.mark.parametrize("left", ["fifo", "echo", "empty"])
def test_what_an_earlier_server_left_is_replaced(tmp_path: Path, left: str) -> None:
    """A FIFO that nobody reads, and the tiny file that `echo r >path` makes while no server runs."""
    path = tmp_path / "fifo"
    if left == "fifo":
        os.mkfifo(path)
    else:
        path.write_text("r\n" if left == "echo" else "")

    fd = make_fifo(str(path))

    assert fifo_intact(str(path), fd)
    assert mode(path) == 0o600
    os.close(fd)


def test_a_fifo_that_another_server_reads_is_its_own(tmp_path: Path) -> None:
    """It is refused, and its reader keeps it."""
    path = str(tmp_path / "fifo")
    fd = make_fifo(path)

    with pytest.raises(UncorkError, match=f"^master-fifo = {path}: another server reads it"):
        make_fifo(path)

    assert fifo_intact(path, fd)
    os.close(fd)


@pytest.mark.parametrize("kind", ["file", "directory", "link to a fifo", "dangling link"])
def test_what_is_no_fifo_of_ours_is_refused_and_untouched(tmp_path: Path, kind: str) -> None:
    """uWSGI removes whatever it finds at the path."""
    path = tmp_path / "fifo"
    if kind == "file":
        path.write_text("yes")
    elif kind == "directory":
        path.mkdir()
    else:
        path.symlink_to("other")
        if kind == "link to a fifo":
            os.mkfifo(tmp_path / "other")
    before = os.lstat(path)

    with pytest.raises(UncorkError, match=f"^master-fifo = {path}: the path exists and is no FIFO of ours"):
        make_fifo(str(path))

    assert os.lstat(path) == before
    assert (tmp_path / "other").exists() == (kind == "link to a fifo")


@AS_ROOT
@pytest.mark.parametrize("kind", ["fifo", "file"])
def test_what_another_user_laid_out_is_refused(tmp_path: Path, kind: str) -> None:
    """Even where root could take it."""
    path = tmp_path / "fifo"
    if kind == "fifo":
        os.mkfifo(path)
    else:
        path.touch()
    os.chown(path, NOBODY, NOBODY)

    with pytest.raises(UncorkError, match="no FIFO of ours"):
        make_fifo(str(path))

    assert os.lstat(path).st_uid == NOBODY


def test_a_fifo_below_no_directory_is_explained(tmp_path: Path) -> None:
    """The option and the path are in the message."""
    with pytest.raises(UncorkError, match=f"^master-fifo = {tmp_path}/no/fifo: no such file or directory$"):
        make_fifo(f"{tmp_path}/no/fifo")


def test_a_fifo_that_was_removed_or_replaced_is_noticed(tmp_path: Path) -> None:
    """So that the master can make it anew."""
    path = tmp_path / "fifo"
    fd = make_fifo(str(path))
    assert fifo_intact(str(path), fd)
    path.unlink()
    assert not fifo_intact(str(path), fd)
    os.mkfifo(path)
    assert not fifo_intact(str(path), fd)
    path.unlink()
    path.symlink_to("elsewhere")
    assert not fifo_intact(str(path), fd)
    os.close(fd)


# ---- the pidfile


def test_a_pidfile_says_the_pid_to_everybody(tmp_path: Path) -> None:
    """0644 whatever the umask allows (uWSGI's 0666 lets anybody name a process that root then stops)."""
    path = tmp_path / "pid"
    before = os.umask(0)
    try:
        file = PidFile(str(path))
    finally:
        os.umask(before)
    assert path.read_text() == ""
    file.write(12345)
    assert (path.read_text(), mode(path)) == ("12345\n", 0o644)
    file.write(7)
    assert path.read_text() == "7\n"
    assert file.remove()
    assert not path.exists()
    assert not file.remove()


def test_an_old_pidfile_stays_as_it_is_until_the_start_is_sure(tmp_path: Path) -> None:
    """A second server that fails to start leaves the first one's file alone."""
    path = tmp_path / "pid"
    path.write_text("99\n")

    PidFile(str(path)).abandon()

    assert path.read_text() == "99\n"
    file = PidFile(str(path))
    file.write(1234567)
    assert path.read_text() == "1234567\n"
    file.abandon()


def test_a_start_that_fails_leaves_no_empty_pidfile(tmp_path: Path) -> None:
    """What was not there before is not there after."""
    PidFile(str(tmp_path / "pid")).abandon()

    assert not list(tmp_path.iterdir())


def test_a_relative_pidfile_means_the_directory_of_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the server changes into afterwards."""
    monkeypatch.chdir(tmp_path)
    file = PidFile("pid")
    monkeypatch.chdir("/")
    file.write(5)

    assert (tmp_path / "pid").read_text() == "5\n"
    assert file.remove()


@pytest.mark.parametrize("kind", ["link", "dangling link", "second name", "fifo", "directory"])
def test_a_pidfile_that_was_laid_out_for_us_is_refused(tmp_path: Path, kind: str) -> None:
    """No link is followed and no second name of a file is written through; what is behind them stays as it is."""
    path, precious = tmp_path / "pid", tmp_path / "precious"
    if kind != "dangling link":
        precious.write_text("precious")
    if "link" in kind:
        path.symlink_to(precious)
    elif kind == "second name":
        path.hardlink_to(precious)
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path.mkdir()

    with pytest.raises(UncorkError, match=f"^pidfile = {path}: "):
        PidFile(str(path))

    assert os.path.lexists(path)
    assert precious.exists() == (kind != "dangling link")
    if precious.exists():
        assert precious.read_text() == "precious"


def test_a_fifo_with_a_reader_is_no_pidfile(tmp_path: Path) -> None:
    """Opening it works, and it is refused for what it is."""
    os.mkfifo(tmp_path / "pid")
    reader = os.open(tmp_path / "pid", os.O_RDONLY | os.O_NONBLOCK)

    with pytest.raises(UncorkError, match="no pidfile of ours"):
        PidFile(str(tmp_path / "pid"))
    os.close(reader)


@AS_ROOT
def test_a_pidfile_of_another_user_is_refused(tmp_path: Path) -> None:
    """Its owner could write another pid into it."""
    path = tmp_path / "pid"
    path.touch()
    os.chown(path, NOBODY, NOBODY)

    with pytest.raises(UncorkError, match=f"^pidfile = {path}: the path exists and is no pidfile of ours"):
        PidFile(str(path))


def test_a_pidfile_that_somebody_replaced_is_not_removed(tmp_path: Path) -> None:
    """Only the very file that was written is ours."""
    path = tmp_path / "pid"
    file = PidFile(str(path))
    file.write(5)
    path.unlink()
    path.write_text("another server's")

    assert not file.remove()
    assert path.read_text() == "another server's"
    file.abandon()


def test_a_pidfile_below_no_directory_is_explained(tmp_path: Path) -> None:
    """The option and the path are in the message."""
    with pytest.raises(UncorkError, match=f"^pidfile = {tmp_path}/no/pid: no such file or directory"):
        PidFile(f"{tmp_path}/no/pid")
