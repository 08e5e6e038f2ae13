"""The named pipe: made narrowly, never over what somebody else made."""

import os
import stat
from pathlib import Path

import pytest

from uncork.errors import UncorkError
from uncork.system.namedpipe import fifo_intact, make_fifo

pytestmark = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
NOBODY = 65534


def mode(path: Path) -> int:
    """The permission bits of the path itself."""
    return stat.S_IMODE(os.lstat(path).st_mode)


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
