"""Heads and bodies of every kind."""

import sys
from collections.abc import Iterator
from typing import NoReturn
from wsgiref.types import StartResponse, WSGIEnvironment

from .routes import SECRET, TEXT, query, route, text, unchecked


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


def fail() -> NoReturn:
    raise RuntimeError(SECRET)


@unchecked("/exc-info-before")
def exc_info_before(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    """A second start_response() while the head with the status `line` is still here replaces it."""
    start_response(query(environ)["line"], [("X-First", "1")])
    try:
        fail()
    except RuntimeError:
        start_response("503 Try Later", [*TEXT, ("X-Second", "2")], sys.exc_info())
    return [b"replaced"]


@route("/exc-info-after")
def exc_info_after(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
    """A second start_response() after the head went out raises what it was given."""
    start_response("200 OK", TEXT)
    yield b"first"
    try:
        fail()
    except RuntimeError:
        start_response("503 Try Later", TEXT, sys.exc_info())
    yield b"never"
