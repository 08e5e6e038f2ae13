"""Answers in pieces, from files, and with a close() that is counted."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from io import BufferedReader, BytesIO, FileIO
from pathlib import Path
from typing import Any, ClassVar
from wsgiref.types import StartResponse, WSGIEnvironment

from .routes import SECRET, TEXT, query, route, text, told, unchecked

# How often close() was called, for each `token` of a query.
CLOSED: Counter[str] = Counter()


def gate(environ: WSGIEnvironment) -> Callable[[], object]:
    """Blocks until a byte is in the pipe that the variable CONTRACT_GATE names: the test opens it."""
    pipe = told(environ, "CONTRACT_GATE")

    def wait() -> None:
        with Path(pipe).open("rb", buffering=0) as file:
            file.read(1)

    return wait


@route("/stream")
def stream(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
    """Three chunks, each but the first behind the gate."""
    wait = gate(environ)
    start_response("200 OK", TEXT)
    yield b"chunk 0."
    for number in (1, 2):
        wait()
        yield b"chunk %d." % number


@route("/write-stream")
def write_stream(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    """The same by the write() callable."""
    wait = gate(environ)
    send = start_response("200 OK", TEXT)
    send(b"chunk 0.")
    wait()
    send(b"chunk 1.")
    wait()
    return [b"chunk 2."]


class Counted:
    """The iterable `chunks`; each close() counts for `token`."""

    def __init__(self, token: str, chunks: Iterable[bytes]) -> None:
        self._token = token
        self._chunks = iter(chunks)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._chunks)

    def close(self) -> None:
        CLOSED[self._token] += 1


def failing(chunks: int) -> Iterator[bytes]:
    for _ in range(chunks):
        yield b"chunk"
    raise RuntimeError(SECRET)


ENDLESS = 10_000

COUNTED: dict[str, Callable[[], Iterable[bytes]]] = {
    "chunks": lambda: [b"one", b"two"],
    "nothing": list,
    "fails-first": lambda: failing(0),
    "fails-later": lambda: failing(2),
    "endless": lambda: (b"x" * 65536 for _ in range(ENDLESS)),
}


@route("/counted")
def counted(environ: WSGIEnvironment, start_response: StartResponse) -> Counted:
    wanted = query(environ)
    start_response(wanted.get("line", "200 OK"), [] if "line" in wanted else TEXT)
    return Counted(wanted["token"], COUNTED[wanted["case"]]())


@unchecked("/counted-text")
def counted_text(environ: WSGIEnvironment, start_response: StartResponse) -> Counted:
    """Its chunk is not bytes."""
    start_response("200 OK", TEXT)
    wrong: Any = ["text"]
    return Counted(query(environ)["token"], wrong)


@route("/closed")
def closed(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    return text(start_response, str(CLOSED[query(environ)["token"]]))


class CountedFile(BufferedReader):
    """A real file at an offset; its close() counts like that of `Counted`."""

    # Kept for ever: the end of a forgotten file must not be taken for a close().
    opened: ClassVar[list["CountedFile"]] = []

    def __init__(self, path: str, offset: int, token: str) -> None:
        super().__init__(FileIO(path))
        self.seek(offset)
        self._token = token
        self.opened.append(self)

    def close(self) -> None:
        super().close()
        CLOSED[self._token] += 1


@unchecked("/file")
def file(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """wsgi.file_wrapper around the file CONTRACT_FILE, from `offset` on."""
    wanted = query(environ)
    opened = CountedFile(told(environ, "CONTRACT_FILE"), int(wanted["offset"]), wanted["token"])
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](opened, 32768)
    return wrapped


@route("/file-middleware")
def file_middleware(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """The same behind the validator, which iterates the wrapper."""
    iterated: Iterable[bytes] = file(environ, start_response)
    return iterated


@unchecked("/file-memory")
def file_memory(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """wsgi.file_wrapper around something that is no file of the kernel's."""
    content = BytesIO(b"skipped" + b"kept" * 50_000)
    content.seek(7)
    start_response("200 OK", TEXT)
    wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](content)
    return wrapped
