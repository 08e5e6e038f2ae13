"""How behaviours are registered.

Everything that PEP 3333 allows runs under `wsgiref.validate.validator` (`@route`), so that every test also holds the
server to its half of the PEP.  What breaks the PEP on purpose, or needs what the validator hides, is `@unchecked`.
"""

import os
from collections.abc import Callable, Iterable
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
Body = Callable[[WSGIEnvironment, StartResponse], Any]


def validated(app: Body) -> WSGIApplication:
    """`app` behind the validator, which judges it and the server."""
    judged = validator(app)

    def complete(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ.setdefault("SCRIPT_NAME", "")
        return judged(environ, start_response)

    return complete if ORACLE else judged


def route(path: str) -> Callable[[Body], Body]:
    """Serve `path` by a valid application."""

    def register(app: Body) -> Body:
        ROUTES[path] = validated(app)
        return app

    return register


def unchecked(path: str) -> Callable[[Body], Body]:
    """Serve `path` by an application that is left alone with the server."""

    def register(app: Body) -> Body:
        ROUTES[path] = app
        return app

    return register


def query(environ: WSGIEnvironment) -> dict[str, str]:
    return dict(parse_qsl(environ.get("QUERY_STRING", "")))


def told(environ: WSGIEnvironment, name: str) -> str:
    """What the test said by a variable, or by a header where HTTP is spoken."""
    value: str = environ.get(name) or environ[f"HTTP_{name}"]
    return value


def text(start_response: StartResponse, body: str, status: str = "200 OK") -> list[bytes]:
    data = body.encode()
    start_response(status, [*TEXT, ("Content-Length", str(len(data)))])
    return [data]
