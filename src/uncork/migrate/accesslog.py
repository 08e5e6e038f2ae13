"""Formats of other servers' access logs, in the words of `log-format`.

Pure.
"""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from uncork.migrate.values import Formula, ManualError

GUNICORN_DEFAULT = '%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s"'
GRANIAN_DEFAULT = '[%(time)s] %(addr)s - "%(method)s %(path)s %(protocol)s" %(status)d %(dt_ms).3f'

_GUNICORN = {
    "h": "%(addr)",
    "l": "-",
    "u": "%(user)",
    "t": "[%(ltime)]",
    "r": "%(method) %(uri) %(proto)",
    "m": "%(method)",
    "U": "%(var.PATH_INFO)",
    "q": "%(var.QUERY_STRING)",
    "H": "%(proto)",
    "s": "%(status)",
    "B": "%(rsize)",
    "b": "%(rsize)",
    "f": "%(referer)",
    "a": "%(uagent)",
    "T": "%(secs)",
    "D": "%(micros)",
    "M": "%(msecs)",
    "L": "%(secs)",
    "p": "<%(pid)>",
}
_GRANIAN = {
    "addr": "%(addr)",
    "time": "%(ltime)",
    "dt_ms": "%(msecs)",
    "status": "%(status)",
    "path": "%(var.PATH_INFO)",
    "query_string": "%(var.QUERY_STRING)",
    "method": "%(method)",
    "protocol": "%(proto)",
}

# %(name)s and its like of Python's formatting, %% and a lone %.
_DIRECTIVE = re.compile(r"%(?:%|\((?P<name>(?:[^()%]|\{[^}]*\})*)\)[-#0 +]*[0-9]*(?:\.[0-9]+)?[a-zA-Z])?")


class Dialect(NamedTuple):
    """The variables of one server, and how it names headers of the request and their like."""

    names: Mapping[str, str]
    special: Callable[[str], str | None]


def _gunicorn_special(name: str) -> str | None:
    found = re.fullmatch(r"\{(?P<name>[^{}]+)\}(?P<kind>[ioe])", name)
    if found is None or found["kind"] == "o":
        return None
    return _request_header(found["name"]) if found["kind"] == "i" else f"%(var.{found['name']})"


def _granian_special(name: str) -> str | None:
    found = re.fullmatch(r"header\{(?P<name>[^{}]+)\}", name)
    return _request_header(found["name"].strip()) if found else None


def _request_header(name: str) -> str:
    variable = name.upper().replace("-", "_")
    return f"%(var.{variable})" if variable in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"%(var.HTTP_{variable})"


GUNICORN = Dialect(_GUNICORN, _gunicorn_special)
GRANIAN = Dialect(_GRANIAN, _granian_special)


def log_format(text: str, dialect: Dialect) -> tuple[Formula, list[str]]:
    """The value of `log-format`, and the variables that have no counterpart: they become `-`.  Raises ManualError."""
    unknown: list[str] = []

    def replaced(found: re.Match[str]) -> str:
        name = found["name"]
        if name is None:
            return "%%"
        known = dialect.names.get(name) or dialect.names.get(name.lower()) or dialect.special(name)
        if known is None:
            unknown.append(name)
        return known or "-"

    translated = _DIRECTIVE.sub(replaced, text)
    if any(character in text for character in "\n\r\0") or text != text.strip():
        raise ManualError("the format has a line break in it, or a blank at an end")
    if "$(" in text or "@(" in text:
        raise ManualError("the format holds $( or @(, which would be replaced")
    return Formula(translated), unknown
