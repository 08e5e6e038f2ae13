"""The small print at the foot of each page: which stations this request has passed.

Only what the server handed over is shown, so a station that is missing here was missing on the way.
"""

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from flask import request


class Station(NamedTuple):
    """One stop of the way, and what is known about it."""

    name: str
    facts: str


def stations(environ: Mapping[str, Any], pid: int) -> list[Station]:
    """The way from the visitor to the view, read from a WSGI environ.

    nginx is there if DOCUMENT_ROOT is: its stock `uwsgi_params` send it, and no application server makes it up.
    """
    # Not in PEP 3333, so neither is certain, and development servers give the port as a number.
    visitor = ":".join(str(environ[name]) for name in ("REMOTE_ADDR", "REMOTE_PORT") if environ.get(name))
    passed = [Station("browser", visitor or "address unknown")]
    if "DOCUMENT_ROOT" in environ:
        passed.append(Station("nginx", f"port {environ['SERVER_PORT']}"))
    passed.append(Station("worker", f"pid {pid}"))
    passed.append(Station("Flask", f"mounted at {environ.get('SCRIPT_NAME') or '/'}"))
    return passed


def of_this_request() -> list[Station]:
    """For the templates.  The pid is asked anew each time: workers are forks of the process that imported this."""
    return stations(request.environ, os.getpid())
