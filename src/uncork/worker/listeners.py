"""The listening sockets of a worker, each with what is spoken there, and what holds for every answer.

Runs in: worker, after the fork; in the single process, after the import.
"""

import socket
from collections.abc import Iterable, Sequence

from uncork.config.doors import protocols
from uncork.config.settings import Settings
from uncork.system.peers import Peers
from uncork.worker.attendant import Terms
from uncork.worker.heads import NOBODY
from uncork.worker.loop import Listener
from uncork.wsgi.environ import Environ


def listeners(settings: Settings, sockets: Sequence[tuple[socket.socket, str]]) -> list[Listener]:
    """One for each (listening socket, its name).  Who speaks uwsgi over TCP is believed, and so has to be admitted."""
    peers = Peers(settings.sockets.allow_from)
    timeout = (settings.http.http_timeout or 0) * 1000
    found = []
    for (sock, name), protocol in zip(sockets, protocols(settings, len(sockets)), strict=True):
        if protocol == "uwsgi":
            found.append(Listener(sock, name, None if sock.family == socket.AF_UNIX else peers.admits))
        else:
            found.append(Listener(sock, name, None, _environ(sock, settings.http.http_var), timeout))
    return found


def _environ(sock: socket.socket, variables: Iterable[str]) -> Environ:
    """What every request that comes by HTTP has; a unix socket knows no port and no client, and says so as in uWSGI."""
    unix = sock.family == socket.AF_UNIX
    environ: Environ = {
        # An empty name would be no valid environ (PEP 3333).
        "SERVER_NAME": socket.gethostname() or "localhost",
        "SERVER_PORT": "80" if unix else str(sock.getsockname()[1]),
        "SCRIPT_NAME": "",
    }
    if unix:
        environ["REMOTE_ADDR"] = NOBODY
    for variable in variables:
        name, _, value = variable.partition("=")
        environ[_as_latin(name)] = _as_latin(value)
    return environ


def _as_latin(text: str) -> str:
    """Whatever a file says is bytes to applications and clients (PEP 3333, "bytes as unicode")."""
    return text.encode("utf-8", "surrogateescape").decode("latin-1")


def terms(settings: Settings) -> Terms:
    """What holds for every answer."""
    http = settings.http
    return Terms(tuple(map(_as_latin, http.add_header)), http.limit_post, http.catch_exceptions)
