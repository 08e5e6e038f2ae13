"""The pidfile: readable by all, written only where it is ours."""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from uncork.errors import UncorkError
from uncork.system import process
from uncork.system.pidfile import PidFile, PidFiles, read_pidfile

pytestmark = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
NOBODY = 65534


def mode(path: Path) -> int:
    """The permission bits of the path itself."""
    return stat.S_IMODE(os.lstat(path).st_mode)


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


# ---- written anew ----------------------------------------------------------------------------------------------------


@pytest.fixture
def public() -> Iterator[Path]:
    """A directory that every user can look into."""
    path = Path(tempfile.mkdtemp(prefix="uncork-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def test_whoever_reads_gets_one_number_or_the_other(tmp_path: Path) -> None:
    """A pidfile is replaced as a whole, and nothing else is left in its directory."""
    path = tmp_path / "pid"
    file = PidFile(str(path))
    file.write(1234567)
    with path.open() as reader:
        file.write(9)
        assert reader.read() == "1234567\n"
    assert path.read_text() == "9\n"
    assert os.listdir(tmp_path) == ["pid"]
    assert file.remove()


@pytest.mark.parametrize("what", ["nothing", "another pid"])
def test_a_pidfile_that_is_gone_is_made_anew(tmp_path: Path, what: str) -> None:
    """Whatever somebody put there in its place meanwhile, as long as it is a plain file of ours."""
    path = tmp_path / "pid"
    file = PidFile(str(path))
    file.write(5)
    path.unlink()
    if what != "nothing":
        path.write_text("77\n")
    file.write(5)

    assert path.read_text() == "5\n"
    assert mode(path) == 0o644
    assert file.remove()


@pytest.mark.parametrize("kind", ["link", "directory", "fifo"])
def test_nothing_else_is_written_over(tmp_path: Path, kind: str) -> None:
    """What stands in the place of the pidfile by then is refused as at the start."""
    path, precious = tmp_path / "pid", tmp_path / "precious"
    precious.write_text("precious")
    file = PidFile(str(path))
    file.write(5)
    path.unlink()
    if kind == "link":
        path.symlink_to(precious)
    else:
        (path.mkdir if kind == "directory" else lambda: os.mkfifo(path))()

    with pytest.raises(UncorkError, match=f"^pidfile = {path}: "):
        file.write(5)
    assert precious.read_text() == "precious"
    assert not file.remove()
    file.close()


def test_writing_leaks_nothing(tmp_path: Path) -> None:
    """However often it is written."""
    file = PidFile(str(tmp_path / "pid"))
    before = len(os.listdir("/proc/self/fd"))
    for number in range(1, 20):
        file.write(number)
        if number % 3 == 0:
            (tmp_path / "pid").unlink()

    assert len(os.listdir("/proc/self/fd")) == before
    file.abandon()


@AS_ROOT
@pytest.mark.parametrize("rights", [0o777, 0o755, 0o700])
def test_a_file_of_root_stays_that_of_root(public: Path, rights: int) -> None:
    """Opened as root and written as another user: in its place, so that the next start as root finds one of root's."""
    public.chmod(rights)
    path = public / "pid"

    def main() -> int:
        file = PidFile(str(path))
        file.write(1234567)
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        file.write(9)
        return 0

    _, status = os.waitpid(process.fork(main), 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert (path.read_text(), path.stat().st_uid) == ("9\n", 0)
    PidFile(str(path)).abandon()


@AS_ROOT
def test_a_file_that_cannot_come_back_is_explained(public: Path) -> None:
    """Removed from a directory in which the server may make none: the log says so."""
    path = public / "pid"

    def main() -> int:
        file = PidFile(str(path))
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        os.write(writing, b"!")
        os.read(again, 1)
        try:
            file.write(9)
        except UncorkError as error:
            return 0 if str(error).startswith(f"pidfile = {path}: ") else 2
        return 1

    reading, writing = os.pipe()
    again, go = os.pipe()
    pid = process.fork(main)
    os.read(reading, 1)
    path.unlink()
    os.write(go, b"!")
    _, status = os.waitpid(pid, 0)
    for fd in (reading, writing, again, go):
        os.close(fd)
    assert os.waitstatus_to_exitcode(status) == 0


def test_an_error_names_its_option(tmp_path: Path) -> None:
    """There are four of them."""
    with pytest.raises(UncorkError, match=f"^safe-pidfile2 = {tmp_path}/no/pid: no such file or directory"):
        PidFile(f"{tmp_path}/no/pid", "safe-pidfile2")


# ---- all of them -----------------------------------------------------------------------------------------------------

OPTIONS = ("pidfile", "pidfile2", "safe-pidfile", "safe-pidfile2")


def opened(directory: Path, *options: str) -> PidFiles:
    """The files of these options, each under its name."""
    files = PidFiles()
    for option in options:
        files.open(option, str(directory / option))
    return files


def texts(directory: Path) -> dict[str, str]:
    """What every file says."""
    return {path.name: path.read_text() for path in directory.iterdir()}


def test_safe_pidfiles_are_written_when_the_server_serves(tmp_path: Path) -> None:
    """The others once the start is sure; each once, and all again when that is asked for."""
    files = opened(tmp_path, *OPTIONS)
    assert files.paths == [str(tmp_path / option) for option in OPTIONS]
    files.write(7)
    assert texts(tmp_path) == {"pidfile": "7\n", "pidfile2": "7\n", "safe-pidfile": "", "safe-pidfile2": ""}
    files.ready(7)
    assert texts(tmp_path) == dict.fromkeys(OPTIONS, "7\n")
    for path in tmp_path.iterdir():
        path.write_text("1\n")
    files.ready(7)
    assert texts(tmp_path) == dict.fromkeys(OPTIONS, "1\n")
    files.write_again(7)
    assert texts(tmp_path) == dict.fromkeys(OPTIONS, "7\n")
    assert files.end(vacuum=True) == [str(tmp_path / option) for option in OPTIONS]
    assert texts(tmp_path) == {}


@pytest.mark.parametrize("how", ["the start fails", "the app cannot be loaded"])
def test_a_server_that_never_served_leaves_the_safe_one_of_before(tmp_path: Path, how: str) -> None:
    """It still names the one that serves; one that was not there before is not there after."""
    (tmp_path / "safe-pidfile").write_text("99\n")
    files = opened(tmp_path, "safe-pidfile", "safe-pidfile2")
    if how == "the start fails":
        files.abandon()
    else:
        files.write(7)
        files.write_again(7)
        assert files.end(vacuum=True) == []

    assert texts(tmp_path) == {"safe-pidfile": "99\n"}


def test_no_option_no_file(tmp_path: Path) -> None:
    """Nothing is written and nothing is wrong."""
    files = PidFiles()
    files.open("pidfile", None)
    files.write(7)
    files.ready(7)
    files.write_again(7)

    assert (files.paths, files.end(vacuum=True)) == ([], [])


def test_one_file_that_cannot_be_written_keeps_no_other_from_it(tmp_path: Path) -> None:
    """All are tried, and the error names the one."""
    files = opened(tmp_path, "pidfile", "pidfile2")
    files.write(5)
    for option in ("pidfile", "pidfile2"):
        (tmp_path / option).unlink()
    (tmp_path / "pidfile").mkdir()

    with pytest.raises(UncorkError, match=f"^pidfile = {tmp_path}/pidfile: is a directory"):
        files.write_again(7)
    assert (tmp_path / "pidfile2").read_text() == "7\n"
    files.close()


# ---- reading one -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "pid"), [("123\n", 123), ("1", 1), (" 4711 \n\n", 4711), ("2147483647\n", 2**31 - 1)])
def test_what_a_pidfile_says(tmp_path: Path, text: str, pid: int) -> None:
    """The number, and of the file whose it is, which it is, and when it was written."""
    path = tmp_path / "pid"
    path.write_text(text)
    os.utime(path, (1000, 2000))
    status = path.stat()

    assert read_pidfile(str(path)) == (pid, os.geteuid(), status.st_dev, status.st_ino, 2000.0)


@pytest.mark.parametrize("text", ["", "\n", "0", "-1", "12 13", "x", "12x", "0x10", "1" * 11, "9" * 60, "\0", "+5"])
def test_what_is_no_pidfile(tmp_path: Path, text: str) -> None:
    """Nothing but one number is a process id, and none is taken for a group of processes."""
    (tmp_path / "pid").write_text(text)

    with pytest.raises(UncorkError, match=f"^{tmp_path}/pid: no pidfile"):
        read_pidfile(f"{tmp_path}/pid")


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("nothing", "no such file"),
        ("link", "symbolic links"),
        ("fifo", "no pidfile"),
        ("directory", "no pidfile|is a directory"),
    ],
)
def test_what_cannot_be_read(tmp_path: Path, kind: str, why: str) -> None:
    """No link is followed, nothing is waited for."""
    path = tmp_path / "pid"
    if kind == "link":
        (tmp_path / "other").write_text("1\n")
        path.symlink_to("other")
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "directory":
        path.mkdir()

    with pytest.raises(UncorkError, match=f"^{path}: .*({why})"):
        read_pidfile(str(path))
