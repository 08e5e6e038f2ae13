"""The WSGI applications of the contract tests: PATH_INFO selects one behaviour, the query its parameters.

    application                         finds the behaviour
      answers | bodies | chunks         what PEP 3333 allows, and what the validator would hide
      surroundings                      what the application gets, and where it runs
      faults                            what goes wrong
    app_root, app_a, ...                for mount points

Runs in: the server under test, Uncork or the real uWSGI.  Must not: import more than the standard library.
"""

from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

# Each registers its behaviours.
from . import answers, bodies, chunks, faults, surroundings  # noqa: F401
from .routes import ROUTES, text, validated


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Find the behaviour that PATH_INFO names."""
    return ROUTES.get(environ.get("PATH_INFO", ""), not_found)(environ, start_response)


def not_found(_environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    return text(start_response, "nothing here\n", "404 Not Found")


def named(name: str) -> WSGIApplication:
    """An application that says who it is and where it thinks it is mounted."""

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        return text(start_response, f"{name} {environ.get('SCRIPT_NAME', '')!r} {environ.get('PATH_INFO', '')!r}")

    return validated(app)


app_root = named("root")
app_a = named("a")
app_deep = named("deep")
app_b = named("b")
