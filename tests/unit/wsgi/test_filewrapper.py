"""wsgi.file_wrapper: what it iterates, and what the kernel may send by itself."""

import gzip
import io
import os
import tarfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TextIO

import pytest

from uncork.wsgi.filewrapper import DEFAULT_BLOCK_SIZE, FileWrapper, Readable


@pytest.mark.parametrize("size", [1, 7, 50, 51, 1000])
def test_iteration_yields_blocks_of_the_size_asked_for(size: int) -> None:
    """As PEP 3333's example: blocks until read() has nothing more, in order and without loss."""
    blocks = list(FileWrapper(io.BytesIO(b"0123456789" * 5), size))

    assert b"".join(blocks) == b"0123456789" * 5
    assert all(len(block) == size for block in blocks[:-1])


def test_without_a_size_blocks_are_large() -> None:
    """The second argument is optional."""
    assert [len(block) for block in FileWrapper(io.BytesIO(bytes(DEFAULT_BLOCK_SIZE + 1)))] == [DEFAULT_BLOCK_SIZE, 1]


class OnlyReadable:
    """The least that PEP 3333 asks of a file-like object."""

    def __init__(self) -> None:
        self._blocks = [b"one", b"two", b""]

    def read(self, size: int, /) -> bytes:
        """The next block."""
        return self._blocks.pop(0)


def test_a_file_needs_no_more_than_read() -> None:
    """close(), fileno() and tell() are optional."""
    wrapper = FileWrapper(OnlyReadable())

    assert wrapper.span() is None
    assert list(wrapper) == [b"one", b"two"]
    wrapper.close()


def test_close_closes_the_file() -> None:
    """Whoever got the wrapper closes it, and with it the file."""
    file = io.BytesIO(b"x")

    FileWrapper(file).close()

    assert file.closed


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """A file of 100 bytes."""
    path = tmp_path / "page"
    path.write_bytes(b"0123456789" * 10)
    return path


@pytest.mark.parametrize("buffering", [-1, 0])
def test_a_regular_file_is_sent_from_where_it_stands(page: Path, buffering: int) -> None:
    """The span begins at tell(), not at what the buffer has read ahead, and ends with the file."""
    with page.open("rb", buffering=buffering) as file:
        assert FileWrapper(file).span() == (file.fileno(), 0, 100)
        file.read(30)
        assert FileWrapper(file).span() == (file.fileno(), 30, 70)
        file.seek(500)
        assert FileWrapper(file).span() == (file.fileno(), 500, 0)


def pipe_end(_: Path) -> Readable:
    """The reading end of a pipe."""
    read, write = os.pipe()
    os.close(write)
    return open(read, "rb")


def closed_file(page: Path) -> Readable:
    """A file that the application closed too early."""
    file = page.open("rb")
    file.close()
    return file


def text_file(page: Path) -> TextIO:
    """A stream that decodes."""
    return page.open(encoding="utf-8")


def gzip_file(page: Path) -> Readable:
    """A stream that unpacks what the descriptor holds packed."""
    packed = page.with_suffix(".gz")
    packed.write_bytes(gzip.compress(page.read_bytes()))
    return gzip.open(packed, "rb")


def archive_member(page: Path) -> Readable:
    """A part of another file; its fileno() fails in a way of its own."""
    archive = page.with_suffix(".tar")
    with tarfile.open(archive, "w") as writer:
        writer.add(page, "page")
    with tarfile.open(archive, fileobj=io.BytesIO(archive.read_bytes())) as reader:
        member = reader.extractfile("page")
    assert member is not None
    return member


@pytest.mark.parametrize(
    "opened",
    [
        lambda _: io.BytesIO(b"x"),
        text_file,
        pipe_end,
        closed_file,
        gzip_file,
        archive_member,
    ],
    ids=["BytesIO", "text", "pipe", "closed", "gzip", "member of an archive"],
)
def test_anything_but_a_plain_binary_file_is_left_to_iteration(page: Path, opened: Callable[[Path], Readable]) -> None:
    """The kernel must not send raw bytes where the application reads decoded ones, nor from where there is no file."""
    with closing(FileWrapper(opened(page))) as wrapper:
        assert wrapper.span() is None
