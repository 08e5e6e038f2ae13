"""Complete a decoded uwsgi packet to a PEP 3333 environ, and answer what the server itself must know of it.

Runs in: worker (compiled by mypyc).  Pure but for the dict it is given.  Must not: let anything that came from the
network choose code, files or settings of the server.
"""

from typing import Any, Final

from uncork.wsgi.input import Input

# PEP 3333's dictionary: text from the peer, and objects under the `wsgi.` keys.
Environ = dict[str, Any]

# Variables by which a uWSGI peer may load code, set the environment or read files (core/protocol.c).  Uncork obeys
# none of them, whatever the configuration; `dangerous_vars` names them so that the log can say so.
DANGEROUS_VARS: Final = frozenset(
    {
        "UWSGI_APPID", "UWSGI_CACHE_GET", "UWSGI_CALLABLE", "UWSGI_CHDIR", "UWSGI_FILE", "UWSGI_HOME", "UWSGI_MODULE",
        "UWSGI_POSTFILE", "UWSGI_PYHOME", "UWSGI_SCRIPT", "UWSGI_SETENV", "UWSGI_TOUCH_RELOAD",
    }
)  # fmt: skip

# The longest CONTENT_LENGTH that is believed: 19 digits hold any off_t.
MAX_LENGTH_DIGITS: Final = 18


class BadRequest(Exception):
    """A request that cannot be given to an application; the message is the reason, fit for one log line."""


def content_length(environ: Environ) -> int:
    """CONTENT_LENGTH in bytes; 0 when it is absent or empty.

    Raises BadRequest for anything but ASCII digits (RFC 9110, 8.6): a signed or garbled length is an attack or a bug.
    """
    value: str = environ.get("CONTENT_LENGTH", "")
    if value == "":
        return 0
    if not (value.isascii() and value.isdigit()) or len(value) > MAX_LENGTH_DIGITS:
        raise BadRequest("CONTENT_LENGTH is not a whole number")
    return int(value)


def server_protocol(environ: Environ) -> str:
    """SERVER_PROTOCOL, with which the status line will begin; HTTP/1.0 when it is absent or empty (uWSGI proto/base.c).

    Raises BadRequest if it would break the line.
    """
    value: str = environ.get("SERVER_PROTOCOL", "")
    if value == "":
        return "HTTP/1.0"
    if not value.isprintable():
        raise BadRequest("SERVER_PROTOCOL contains control characters")
    return value


def scheme(environ: Environ) -> str:
    """`wsgi.url_scheme`: what nginx says by UWSGI_SCHEME or HTTPS.  A client's X-Forwarded-Proto is not believed."""
    value: str = environ.get("UWSGI_SCHEME", "")
    if value:
        return value
    https: str = environ.get("HTTPS", "")
    return "https" if https == "on" or https == "1" else "http"


def dangerous_vars(environ: Environ) -> str:
    """Names of the variables in `environ` that uWSGI would let choose code or files, comma separated; usually ""."""
    return ", ".join(sorted(DANGEROUS_VARS.intersection(environ)))


def strip_script_name(environ: Environ) -> None:
    """Make PATH_INFO what follows SCRIPT_NAME, for a peer that sends the whole path (modifier1 30).

    Only where SCRIPT_NAME ends at a `/` boundary of PATH_INFO: `/bbb` is no part of `/bbbb/x`.
    """
    prefix: str = environ.get("SCRIPT_NAME", "")
    path: str = environ.get("PATH_INFO", "")
    if prefix.endswith("/"):
        prefix = prefix.rstrip("/")
        environ["SCRIPT_NAME"] = prefix
    if prefix and (path == prefix or path.startswith(prefix + "/")):
        environ["PATH_INFO"] = path[len(prefix) :]


def complete(environ: Environ, base: Environ, body: Input) -> None:
    """Turn the peer's variables into the environ that the application gets, in place.

    `base` holds the server's own keys; they win over any of the same name that the peer sent.  HTTP_PROXY is dropped
    (CVE-2016-5385), and so are HTTP_CONTENT_TYPE and HTTP_CONTENT_LENGTH, which nginx sends beside the CGI names and
    PEP 3333 does not know.
    """
    environ["wsgi.url_scheme"] = scheme(environ)
    environ.update(base)
    environ["wsgi.input"] = body
    if "HTTP_PROXY" in environ:
        del environ["HTTP_PROXY"]
    if "HTTP_CONTENT_LENGTH" in environ:
        del environ["HTTP_CONTENT_LENGTH"]
    if "HTTP_CONTENT_TYPE" in environ:
        del environ["HTTP_CONTENT_TYPE"]
    # PEP 3333 lets both be absent where they are empty, but applications in the wild index them.
    if "SCRIPT_NAME" not in environ:
        environ["SCRIPT_NAME"] = ""
    if "PATH_INFO" not in environ:
        environ["PATH_INFO"] = ""
