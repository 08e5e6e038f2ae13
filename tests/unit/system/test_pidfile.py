"""The pidfile: readable by all, written only where it is ours."""

import os
import stat
from pathlib import Path

import pytest

from uncork.errors import UncorkError
from uncork.system.pidfile import PidFile

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
