"""The text of a file that a configuration names: bounded in size and in time."""

import os
import threading
from pathlib import Path

import pytest

from uncork.config.textfile import AT_ONCE, read_text


def test_bytes_survive(tmp_path: Path) -> None:
    """What is not UTF-8 comes back as the same bytes."""
    path = tmp_path / "a.ini"
    path.write_bytes(b"\xff\xc3\xa4\n")
    assert os.fsencode(read_text(str(path))) == b"\xff\xc3\xa4\n"


def test_device_has_an_end() -> None:
    """A device without an end is refused, not read for ever."""
    with pytest.raises(ValueError, match="larger than 4 MiB"):
        read_text("/dev/zero")


def test_directory_is_no_file(tmp_path: Path) -> None:
    """A directory says what it is."""
    with pytest.raises(IsADirectoryError):
        read_text(str(tmp_path))


def test_pipe_of_a_shell(tmp_path: Path) -> None:
    """A pipe such as <(command) is read to its end, however slowly it comes."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader, writer = os.pipe()

    def write() -> None:
        with open(path, "wb", buffering=0) as pipe:
            pipe.write(b"[uwsgi]\n")
            os.read(reader, 1)
            pipe.write(b"master\n")

    thread = threading.Thread(target=write)
    thread.start()
    os.write(writer, b"x")
    try:
        assert read_text(str(path)) == "[uwsgi]\nmaster\n"
    finally:
        thread.join()
        os.close(reader)
        os.close(writer)


def test_pipe_without_a_writer(tmp_path: Path) -> None:
    """A named pipe that nobody writes to cannot hold a start for ever."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(TimeoutError, match=r"nothing came within 0\.05 s"):
        read_text(str(path), 0.05)
    with pytest.raises(TimeoutError, match="nothing came at once"):
        read_text(str(path), AT_ONCE)


def test_pipe_that_is_full_already() -> None:
    """What is there at once needs no patience."""
    reader, writer = os.pipe()
    os.write(writer, b"[uwsgi]\n")
    os.close(writer)
    try:
        assert read_text(f"/dev/fd/{reader}", AT_ONCE) == "[uwsgi]\n"
    finally:
        os.close(reader)
