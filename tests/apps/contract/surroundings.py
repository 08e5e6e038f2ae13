"""What the application gets, and where it runs."""

import json
import os
from wsgiref.types import StartResponse, WSGIEnvironment

from .routes import query, route, text


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
