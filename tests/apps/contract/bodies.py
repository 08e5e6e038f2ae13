"""Reading the request's body."""

import hashlib
from collections.abc import Iterator
from wsgiref.types import StartResponse, WSGIEnvironment

from .routes import TEXT, query, route, text, unchecked


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
