"""The options `--stop`, `--reload`, `--pause`, `--suspend` and `--resume PIDFILE`: tell a running server, and leave.

Runs in: the command line process.  As uWSGI they send INT, HUP and TSTP; unlike uWSGI nothing is sent to a process that
is not the server which wrote the file.  They do not wait for what comes of it (`uncork ctl` does).
"""

import signal
from collections.abc import Mapping

from uncork.config.settings import Entry
from uncork.control.ctlclient import CtlError, Server, ask, server_with, why_not
from uncork.errors import UncorkError
from uncork.system.pidfd import HeldProcess, name_of
from uncork.system.pidfile import Named, read_pidfile

SIGNALS: Mapping[str, signal.Signals] = {
    "stop": signal.SIGINT,
    "reload": signal.SIGHUP,
    "pause": signal.SIGTSTP,
    "suspend": signal.SIGTSTP,
    "resume": signal.SIGTSTP,
}

# TSTP pauses and goes on by turns: what the server shall be after it.
PAUSED = {"pause": True, "suspend": True, "resume": False}


def send(entry: Entry) -> None:
    """Do what an option of SIGNALS says.  Raises UncorkError, and nothing has been sent then."""
    try:
        named = read_pidfile(entry.value or "")
    except UncorkError as error:
        raise UncorkError(f"{entry.origin} {error}") from None
    try:
        process = HeldProcess(named.pid)
    except ProcessLookupError:
        raise UncorkError(f"{entry}: there is no process {named.pid}; the server that wrote this has ended") from None
    try:
        _send(entry, named, process)
    except ProcessLookupError:
        raise UncorkError(f"{entry}: pid {named.pid} has just ended") from None
    except PermissionError:
        raise UncorkError(f"{entry}: pid {named.pid} belongs to another user (root may do this)") from None
    finally:
        process.close()


def _send(entry: Entry, named: Named, process: HeldProcess) -> None:
    server = server_with(named.pid)
    why = why_not(entry.value or "", named, server)
    if why:
        name = name_of(named.pid)
        raise UncorkError(f"{entry}: pid {named.pid} ({name or 'gone'}) was left alone: {why}")
    if entry.name in PAUSED and server is not None and _paused(server) is PAUSED[entry.name]:
        return
    process.send(SIGNALS[entry.name])


def _paused(server: Server) -> bool | None:
    try:
        answer = ask(server, "status")
    except CtlError:
        return None
    return bool(answer["paused"]) if answer.get("ok") else None
