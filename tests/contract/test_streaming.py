"""Chunks leave as they are made, files leave whole, and close() is called once on every path."""

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from contract.doors import Door, token, until
from harness.uwsgi import variables


class Gate:
    """A pipe at `path` that the application waits at, opened by one byte for each step."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path, 0o600)
        self.path = str(path)
        # Open for both directions, so that neither side waits for the other to open it.
        self._fd = os.open(path, os.O_RDWR)

    def open(self) -> None:
        """Let the application do its next step."""
        os.write(self._fd, b"x")

    def close(self) -> None:
        """Remove nothing: the directory is the test's."""
        os.close(self._fd)


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    """A gate that is shut."""
    gate = Gate(tmp_path / "gate")
    yield gate
    gate.close()


@pytest.mark.parametrize("path", ["/stream", "/write-stream"])
def test_chunks_leave_one_by_one(door: Door, gate: Gate, path: str) -> None:
    """A chunk, and the head before the first, reaches the client before the application is asked for the next."""
    with door.connect() as sock:
        sock.sendall(door.encode(variables(path, CONTRACT_GATE=gate.path)))
        assert until(sock, b"chunk 0.").endswith(b"\r\n\r\nchunk 0.")
        for number in (1, 2):
            gate.open()
            assert until(sock, b"%d." % number) == b"chunk %d." % number
        assert sock.recv(1) == b""


def closed(door: Door, word: str) -> int:
    """How often close() was called for the request with `word`, which has ended by now."""
    door.request_line(word)
    return int(door.get(f"/closed?token={word}").body)


@pytest.mark.parametrize(
    ("case", "method", "line", "code"),
    [
        ("chunks", "GET", "", 200),
        ("nothing", "GET", "", 200),
        ("chunks", "HEAD", "", 200),
        ("chunks", "GET", "204 No Content", 204),
        ("chunks", "GET", "304 Not Modified", 304),
        ("fails-later", "GET", "", 200),
    ],
)
def test_close(door: Door, case: str, method: str, line: str, code: int) -> None:
    """close() is called exactly once, whether the iterable ends or raises."""
    word = token()
    query = {"case": case, "token": word} | ({"line": line} if line else {})
    assert door.get(f"/counted?{urlencode(query)}", method=method).code == code
    assert closed(door, word) == 1


@pytest.mark.differs("app error")
@pytest.mark.parametrize("path", ["/counted?case=fails-first&token=", "/counted-text?token="])
def test_close_after_500(door: Door, path: str) -> None:
    """close() is called exactly once when the iterable fails before its first chunk, or its chunk is not bytes."""
    word = token()
    assert door.get(path + word).code == 500
    assert closed(door, word) == 1


def test_close_after_the_client_left(door: Door) -> None:
    """close() is called exactly once when the client leaves in the middle of the answer, and soon: not at its end."""
    word, pid = token(), door.worker()
    with door.connect() as sock:
        sock.sendall(door.encode(variables(f"/counted?case=endless&token={word}")))
        assert sock.recv(1) == b"H"
    assert closed(door, word) == 1
    generated = int(door.request_line(word).partition("generated ")[2].split()[0])
    assert generated < 100 * 65536
    assert door.worker() == pid


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of 3 MB and some bytes, no two blocks alike."""
    path = tmp_path_factory.mktemp("files") / "large.bin"
    path.write_bytes(b"".join(number.to_bytes(4, "big") for number in range(800_000)) + b"end")
    return path


def check_file(door: Door, large: Path, path: str, offset: int) -> None:
    """The file arrives from `offset` to its end, and its close() is called once."""
    word = token()
    answer = door.get(f"{path}?offset={offset}&token={word}", CONTRACT_FILE=str(large))
    assert (answer.code, answer.headers) == (200, [("Content-Type", "application/octet-stream")])
    assert answer.body == large.read_bytes()[offset:]
    assert closed(door, word) == 1


def test_file(door: Door, large: Path) -> None:
    """A file in wsgi.file_wrapper arrives whole and is closed once; its log line says that sendfile was used."""
    check_file(door, large, "/file", 0)
    assert " via sendfile() (HTTP/1.1 200) " in door.server.text()


@pytest.mark.differs("file position")
@pytest.mark.parametrize("path", ["/file", "/file-middleware"])
@pytest.mark.parametrize("offset", [0, 1, 2_999_999, 3_200_003])
def test_file_from_its_position(door: Door, large: Path, path: str, offset: int) -> None:
    """A file arrives from its position on, by sendfile or iterated by a middleware, and is closed once."""
    check_file(door, large, path, offset)


@pytest.mark.differs("bodiless")
def test_file_for_head(door: Door, large: Path) -> None:
    """HEAD for a file sends none of it, and closes it."""
    word = token()
    answer = door.get(f"/file?offset=0&token={word}", method="HEAD", CONTRACT_FILE=str(large))
    assert answer.raw == b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n\r\n"
    assert closed(door, word) == 1


def test_file_in_memory(door: Door) -> None:
    """What only looks like a file is iterated, from its position on."""
    assert door.get("/file-memory").body == b"kept" * 50_000
