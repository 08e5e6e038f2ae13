"""The WSGI applications of the contract tests: PATH_INFO selects one behaviour, the query its parameters.

Runs in: the server under test, Uncork or the real uWSGI.  Must not: import more than the standard library.

Everything that PEP 3333 allows runs under `wsgiref.validate.validator` (`@route`), so that every test also holds the
server to its half of the PEP.  What breaks the PEP on purpose, or needs what the validator hides, is `@unchecked`.
"""

import hashlib
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment
from wsgiref.validate import validator

TEXT = [("Content-Type", "text/plain")]
# What an application must never see on a client's screen.
SECRET = "the detail that no client may see"

# Whether the real uWSGI runs this: it leaves SCRIPT_NAME out, which the validator does not take.
ORACLE = "CONTRACT_ORACLE" in os.environ

ROUTES: dict[str, WSGIApplication] = {}
# How often close() was called, for each `token` of a query.
CLOSED: Counter[str] = Counter()

Body = Callable[[WSGIEnvironment, StartResponse], Any]


def route(path: str) -> Callable[[Body], Body]:
    """Serve `path` by a valid application."""

    def register(app: Body) -> Body:
        ROUTES[path] = validator(app)
        return app

    return register


def unchecked(path: str) -> Callable[[Body], Body]:
    """Serve `path` by an application that is left alone with the server."""

    def register(app: Body) -> Body:
        ROUTES[path] = app
        return app

    return register


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Find the behaviour that PATH_INFO names."""
    if ORACLE:
        environ.setdefault("SCRIPT_NAME", "")
    return ROUTES.get(environ.get("PATH_INFO", ""), not_found)(environ, start_response)


def query(environ: WSGIEnvironment) -> dict[str, str]:
    return dict(parse_qsl(environ.get("QUERY_STRING", "")))


def text(start_response: StartResponse, body: str, status: str = "200 OK") -> list[bytes]:
    data = body.encode()
    start_response(status, [*TEXT, ("Content-Length", str(len(data)))])
    return [data]


def not_found(_environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    return text(start_response, "nothing here\n", "404 Not Found")


# ---- head and body ---------------------------------------------------------------------------------------------------


@route("/hello")
def hello(_environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    return text(start_response, "hello\n")


@route("/caf\xc3\xa9")
def utf8_path(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    return text(start_response, environ["PATH_INFO"].encode("latin-1").decode())


@route("/headers")
def headers(_environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    start_response(
        "200 Well Done",
        [
            ("x-lower", "1"),
            ("Set-Cookie", "b=2"),
            ("Content-Type", "text/plain"),
            ("X-UPPER", "one  two"),
            ("Set-Cookie", "a=1"),
            ("X-Latin", "caf\xe9"),
            ("X-Empty", ""),
        ],
    )
    return [b"body"]


@unchecked("/status")
def status(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    """The status line `line`, and a body whatever the status says of bodies."""
    start_response(query(environ)["line"], TEXT)
    return [b"body of ", environ["REQUEST_METHOD"].encode()]


@route("/size")
def size(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    """An answer of `n` bytes; the request's body stays unread."""
    count = int(query(environ)["n"])
    start_response("200 OK", [*TEXT, ("Content-Length", str(count))])
    return [b"x" * count]


@route("/empty")
def empty(_environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    start_response("200 OK", [*TEXT, ("Content-Length", "0")])
    return []


@route("/parts")
def parts(_environ: WSGIEnvironment, start_response: StartResponse) -> tuple[bytes, ...]:
    start_response("200 OK", TEXT)
    return (b"", b"one ", b"", b"two")


@unchecked("/bytes")
def bare_bytes(_environ: WSGIEnvironment, start_response: StartResponse) -> bytes:
    start_response("200 OK", TEXT)
    return b"bare bytes"


@unchecked("/nones")
def nones(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes | None]:
    start_response("200 OK", TEXT)
    yield from (None, b"one ", None, b"two", None)


@unchecked("/nones-in-list")
def nones_in_list(_environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes | None]:
    start_response("200 OK", TEXT)
    return [None, b"one ", None, b"two", None]


@route("/write")
def write(_environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    send = start_response("200 OK", TEXT)
    send(b"one ")
    send(b"two ")
    return [b"three"]


@unchecked("/exc-info-before")
def exc_info_before(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    """A second start_response() while the head with the status `line` is still here replaces it."""
    start_response(query(environ)["line"], [("X-First", "1")])
    try:
        raise RuntimeError(SECRET)
    except RuntimeError:
        start_response("503 Try Later", [*TEXT, ("X-Second", "2")], sys.exc_info())
    return [b"replaced"]


@route("/exc-info-after")
def exc_info_after(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
    """A second start_response() after the head went out raises what it was given."""
    start_response("200 OK", TEXT)
    yield b"first"
    try:
        raise RuntimeError(SECRET)
    except RuntimeError:
        start_response("503 Try Later", TEXT, sys.exc_info())
    yield b"never"


# ---- the request's body ----------------------------------------------------------------------------------------------


@route("/digest")
def digest(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    """Length and SHA-256 of the body, read in pieces until it ends."""
    total, seen = 0, hashlib.sha256()
    while piece := environ["wsgi.input"].read(50_000):
        total += len(piece)
        seen.update(piece)
    return text(start_response, f"{total} {seen.hexdigest()}")


@unchecked("/read-all")
def read_all(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    start_response("200 OK", TEXT)
    return [environ["wsgi.input"].read(), environ["wsgi.input"].read()]


@route("/read-first")
def read_first(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
    """Answers with the first `n` bytes of the body before it asks for more."""
    start_response("200 OK", TEXT)
    yield environ["wsgi.input"].read(int(query(environ)["n"])) + b"|"
    while piece := environ["wsgi.input"].read(50_000):
        yield piece


@route("/lines")
def lines(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    body = environ["wsgi.input"]
    return text(start_response, repr([body.readline(), *body]))


# ---- chunks, files, close() ------------------------------------------------------------------------------------------


def gate(environ: WSGIEnvironment) -> Callable[[], object]:
    """Blocks until a byte is in the pipe that the variable CONTRACT_GATE names: the test opens it."""
    pipe = environ["CONTRACT_GATE"]

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


class CountedFile:
    """A real file at an offset; its close() counts like that of `Counted`."""

    def __init__(self, path: str, offset: int, token: str) -> None:
        self._file = Path(path).open("rb")
        self._file.seek(offset)
        self._token = token
        self.fileno = self._file.fileno
        self.tell = self._file.tell
        self.read = self._file.read

    def close(self) -> None:
        self._file.close()
        CLOSED[self._token] += 1


@unchecked("/file")
def file(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """wsgi.file_wrapper around the file CONTRACT_FILE, from `offset` on."""
    wanted = query(environ)
    opened = CountedFile(environ["CONTRACT_FILE"], int(wanted["offset"]), wanted["token"])
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](opened, 32768)
    return wrapped


@route("/file-middleware")
def file_middleware(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """The same behind the validator, which iterates the wrapper."""
    return file(environ, start_response)


@unchecked("/file-memory")
def file_memory(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """wsgi.file_wrapper around something that is no file of the kernel's."""
    content = BytesIO(b"skipped" + b"kept" * 50_000)
    content.seek(7)
    start_response("200 OK", TEXT)
    wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](content)
    return wrapped


# ---- what the application gets, and where it runs --------------------------------------------------------------------


@route("/environ")
def show_environ(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    """{key: [type, value]}; values that JSON does not know as their repr()."""
    return text(
        start_response,
        json.dumps(
            {
                key: [type(value).__name__, value if isinstance(value, str | bool) else repr(value)]
                for key, value in environ.items()
            }
        ),
    )


@route("/process")
def show_process(_environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    return text(start_response, json.dumps({"pid": os.getpid(), "cwd": os.getcwd(), "env": dict(os.environ)}))


@route("/errors")
def errors(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    """Writes to wsgi.errors."""
    environ["wsgi.errors"].write(f"complaint {query(environ)['token']}\n")
    environ["wsgi.errors"].flush()
    return text(start_response, "written")


# ---- what goes wrong -------------------------------------------------------------------------------------------------


@unchecked("/raise")
def raise_at_once(_environ: WSGIEnvironment, _start_response: StartResponse) -> list[bytes]:
    raise RuntimeError(SECRET)


@unchecked("/raise-after-start")
def raise_after_start(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    start_response(query(environ)["line"], [("X-Never-Sent", SECRET)])
    raise RuntimeError(SECRET)


@route("/raise-later")
def raise_later(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
    start_response("200 OK", [*TEXT, ("Content-Length", "1000")])
    yield b"first"
    raise RuntimeError(SECRET)


@unchecked("/exit")
def leave(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    """Raises what is no Exception."""
    raise {"SystemExit": SystemExit, "KeyboardInterrupt": KeyboardInterrupt, "GeneratorExit": GeneratorExit}[
        query(environ)["what"]
    ](SECRET)


# CR, LF and NUL in every place of a head; the rest of the text shows what got through.
BAD_HEADS: dict[str, tuple[str, list[tuple[str, str]]]] = {
    f"{name} in the {place}": (
        f"200 OK{character}Smuggled: 1" if place == "status" else "200 OK",
        [
            ("X-Good", "1"),
            (
                f"X-Name{character}Smuggled" if place == "name" else "X-Name",
                f"value{character}Smuggled: 1" if place == "value" else "value",
            ),
        ],
    )
    for name, character in {"CR": "\r", "LF": "\n", "NUL": "\0", "CRLF": "\r\n"}.items()
    for place in ("status", "name", "value")
}


@unchecked("/bad-head")
def bad_head(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    start_response(*BAD_HEADS[query(environ)["case"]])
    return [b"Smuggled"]


BAD_CALLS: dict[str, Callable[[StartResponse], Any]] = {
    "a str in a list": lambda start: start("200 OK", TEXT) and ["Smuggled"],
    "a str among chunks": lambda start: start("200 OK", TEXT) and (chunk for chunk in ("Smuggled",)),
    "two str in a list": lambda start: start("200 OK", TEXT) and ["Smuggled", "Smuggled"],
    "a number": lambda start: start("200 OK", TEXT) and 17,
    "nothing": lambda start: start("200 OK", TEXT) and None,
    "no start_response": lambda _start: [b"Smuggled"],
    "start_response twice": lambda start: start("200 OK", TEXT) and start("200 OK", TEXT) and [b"Smuggled"],
    "a status of bytes": lambda start: start(b"200 OK", TEXT) and [b"Smuggled"],  # type: ignore[arg-type]
    "no status": lambda start: start("OK", TEXT) and [b"Smuggled"],
    "a header of bytes": lambda start: start("200 OK", [(b"X", b"1")]) and [b"Smuggled"],  # type: ignore[list-item]
    "a header of three": lambda start: start("200 OK", [("X", "1", "2")]) and [b"Smuggled"],  # type: ignore[list-item]
    "a header beyond latin-1": lambda start: start("200 OK", [("X", "\u20ac")]) and [b"Smuggled"],
}


@unchecked("/bad-call")
def bad_call(environ: WSGIEnvironment, start_response: StartResponse) -> Any:
    return BAD_CALLS[query(environ)["case"]](start_response)


# ---- mounted applications --------------------------------------------------------------------------------------------


def named(name: str) -> WSGIApplication:
    """An application that says who it is and where it thinks it is mounted."""

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        return text(start_response, f"{name} {environ.get('SCRIPT_NAME', '')!r} {environ.get('PATH_INFO', '')!r}")

    return validator(app)


app_root = named("root")
app_a = named("a")
app_deep = named("deep")
app_b = named("b")
