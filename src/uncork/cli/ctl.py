"""The command line of `uncork ctl`: tell a running server something, wait for what comes of it, print that.

Runs in: the command line process.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Mapping

import click

from uncork.control.commands import BY_VERB, COMMANDS, Command, Outcome
from uncork.control.ctlclient import HURRY, PATIENCE, Answer, CtlError, Server, ask, is_named, servers, why_not
from uncork.control.ctlserver import running
from uncork.errors import UncorkError
from uncork.system.pidfd import HeldProcess
from uncork.system.pidfile import read_pidfile

# Longer than the usual reload and the usual mercy together; a deploy that waits longer wants to know.
TIMEOUT = 300.0

# The verbs that change nothing.
QUESTIONS: Mapping[str, str] = {
    "status": "say which server this is, and how it is",
    "stats": "print the statistics",
    "list": "name the servers of this machine",
}

VERBS = (*BY_VERB, *QUESTIONS)

_HELP = """\
Tell a running server something and wait for what comes of it.

SERVER is the pid of its master, its pidfile, its ini file, its FIFO, a socket that it listens on, or its stats
socket.  It may be left out if only one server of yours is running.  The exit status is 0 only if the server has done
what it was told.

\b
{verbs}

\b
uncork ctl reload                     the only server
uncork ctl reload uwsgi.ini           the one that was started with this file
uncork ctl stop /run/blog.pid --timeout 30
"""


def _verbs_help() -> str:
    rows = [(", ".join(row.verbs), row.summary) for row in COMMANDS if row.verbs]
    return "\n".join(f"{verbs:26}{summary}" for verbs, summary in [*rows, *QUESTIONS.items()])


@click.command(short_help="Tell a running server something and wait for it.", help=_HELP.format(verbs=_verbs_help()))
@click.argument("verb", type=click.Choice(VERBS), metavar="VERB")
@click.argument("server", required=False, metavar="[SERVER]")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as one line of JSON.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=TIMEOUT,
    metavar="S",
    help=f"Seconds to wait, {TIMEOUT:g} if not given; after that the server goes on with what it was told.",
)
def ctl(verb: str, server: str | None, as_json: bool, timeout: float) -> int:
    """See _HELP."""
    try:
        answer = _listed() if verb == "list" else _told(choose(verb, server), verb, timeout)
    except UncorkError as error:
        if not as_json:
            raise
        answer = {"ok": False, "verb": verb, "error": str(error)}
    if as_json:
        print(json.dumps(answer), flush=True)
    elif answer.get("ok"):
        print(report(verb, answer), flush=True)
    else:
        raise CtlError(failure(verb, answer))
    return 0 if answer.get("ok") else 1


# ---- which server ----------------------------------------------------------------------------------------------------


def choose(verb: str, target: str | None) -> Server:
    """The server that `target` means.  Raises UncorkError."""
    found = servers()
    if target is None:
        return _only(verb, found)
    if target.isascii() and target.isdigit():
        return _by_pid(found, int(target), "")
    try:
        named = read_pidfile(target)
    except UncorkError:
        return _by_name(found, target)
    server = _by_pid(found, named.pid, f"{target}: ")
    why = why_not(target, named, server)
    if why:
        raise CtlError(f"{target}: pid {named.pid} was left alone: {why}")
    return server


def _only(verb: str, found: list[Server]) -> Server:
    me = os.geteuid()
    mine = [server for server in found if me in {0, server.uid}]
    if len(mine) == 1:
        return mine[0]
    if not mine:
        raise CtlError("no server of yours is running here")
    lines = [f"  uncork ctl {verb} {_line(server)}" for server in mine]
    raise CtlError("\n".join([f"{len(mine)} servers are running: say which one", *lines]))


def _by_pid(found: list[Server], pid: int, place: str) -> Server:
    for server in found:
        if server.pid == pid:
            return server
    if not os.path.exists(f"/proc/{pid}"):
        raise CtlError(f"{place}there is no process {pid}")
    raise CtlError(
        f"{place}pid {pid} has no control socket: it is no server with a master, or one in another network namespace"
    )


def _by_name(found: list[Server], target: str) -> Server:
    matching = [server for server in found if is_named(_status(server), target)]
    # A stranger can claim any name; root, whom everybody answers, means its own server first.
    matching = [server for server in matching if server.uid in {0, os.geteuid()}] or matching
    if len(matching) == 1:
        return matching[0]
    if matching:
        pids = " and ".join(str(server.pid) for server in matching)
        raise CtlError(f"{target} belongs to several servers: give one of their pids, {pids}")
    known = "\n".join(f"  {_line(server)}" for server in found)
    running = f"; these are running:\n{known}" if known else "; no server is running here"
    raise CtlError(f"{target} belongs to no running server that answers you{running}")


def _status(server: Server) -> Answer:
    try:
        return ask(server, "status", HURRY)
    except CtlError as error:
        return {"ok": False, "pid": server.pid, "uid": server.uid, "error": str(error)}


def _line(server: Server) -> str:
    return listing({"pid": server.pid, "uid": server.uid, **_status(server)})


def listing(status: Answer) -> str:
    """One server in one line: `4711  /srv/blog  blog.ini  4 workers`."""
    config = status.get("config")
    named = [str(path) for path in config] if isinstance(config, list) else []
    words = [str(status.get("pid")), str(status.get("cwd") or f"uid {status.get('uid')}"), *named[:1]]
    return printable("  ".join([*words, _workers(status) if status.get("ok") else str(status.get("error"))]))


def _listed() -> Answer:
    answers = []
    for server in servers():
        answer = {"pid": server.pid, "uid": server.uid, **_status(server)}
        answer.pop("verb", None)
        answers.append(answer)
    return {"ok": True, "verb": "list", "error": "", "servers": answers}


# ---- telling it ------------------------------------------------------------------------------------------------------


def _told(server: Server, verb: str, seconds: float) -> Answer:
    progress = _progress(f"{verb}: waiting for pid {server.pid}")
    try:
        if verb in BY_VERB and BY_VERB[verb].outcome is Outcome.END:
            return _stopped(server, verb, seconds, progress)
        # A question is answered at once, or by nobody.
        return ask(server, verb, min(seconds, PATIENCE) if verb in QUESTIONS else seconds, progress)
    finally:
        progress(-1.0)


def _stopped(server: Server, verb: str, seconds: float, progress: Callable[[float], None]) -> Answer:
    """Tell the server to stop, and wait until it is gone."""
    began = time.monotonic()
    try:
        process = HeldProcess(server.pid)  # before it is told, for its number may soon mean another process
    except ProcessLookupError:
        raise CtlError(f"pid {server.pid} has ended") from None
    try:
        answer = _or_gone(server, verb, seconds, process)
        while answer.get("ok"):
            passed = time.monotonic() - began
            if process.wait(min(0.2, seconds - passed)):
                return {**answer, "seconds": round(time.monotonic() - began, 3)}
            if passed >= seconds:
                raise CtlError(f"pid {server.pid} still stops after {seconds:g} s")
            progress(passed)
        return answer
    finally:
        process.close()


def _or_gone(server: Server, verb: str, seconds: float, process: HeldProcess) -> Answer:
    try:
        return ask(server, verb, seconds)
    except CtlError:
        if process.wait(0):  # that is an answer, too
            return {"ok": True, "verb": verb, "pid": server.pid, "error": ""}
        raise


def _progress(text: str) -> Callable[[float], None]:
    """Says on a terminal how long it has taken by now; a negative number takes the line away again."""
    if not sys.stderr.isatty():
        return lambda _seconds: None

    def show(seconds: float) -> None:
        line = "" if seconds < 0 else f"{text}, {seconds:.0f} s"
        # Erase in Line (ECMA-48, EL).
        sys.stderr.write(f"\r\x1b[K{line}")
        sys.stderr.flush()

    return show


# ---- what came of it -------------------------------------------------------------------------------------------------


def report(verb: str, answer: Answer) -> str:
    """The lines for what went well."""
    if verb in _REPORTS:
        return printable(_REPORTS[verb](answer))
    row = BY_VERB[verb]
    if row.command is Command.PAUSE:
        done = "paused: connections wait in the queue (uncork ctl resume)" if verb == "pause" else "resumed"
        return f"{done}, as before" if answer.get("unchanged") else done
    seconds = answer.get("seconds")
    return row.done.format(
        workers=_workers(answer), seconds=f"{seconds:.1f}" if isinstance(seconds, int | float) else "?"
    )


def failure(verb: str, answer: Answer) -> str:
    """The line for what did not."""
    error = "; ".join(
        line.strip() for line in str(answer.get("error") or "no reason given").splitlines() if line.strip()
    )
    reload = verb in BY_VERB and BY_VERB[verb].outcome is Outcome.RELOAD and "seconds" in answer
    goes_on = "; the workers of before go on serving" if reload else ""
    return printable(f"{verb} failed: {error}{goes_on}")


def _workers(answer: Answer) -> str:
    value = answer.get("workers")
    count = value if isinstance(value, int) else running(value)
    return f"{count} worker{'' if count == 1 else 's'}"


def _status_report(answer: Answer) -> str:
    state = "stopping" if answer.get("stopping") else "paused" if answer.get("paused") else "serving"
    rows = [
        ("server", f"pid {answer.get('pid')}, {state}, {_workers(answer)}, version {answer.get('version')}"),
        ("directory", str(answer.get("cwd"))),
    ]
    for key in ("config", "sockets", "stats", "fifos", "pidfiles"):
        value = answer.get(key)
        rows += [(key, str(item)) for item in (value if isinstance(value, list) else [value]) if item]
    workers = answer.get("workers")
    for worker in workers if isinstance(workers, list) else []:
        rows.append((f"worker {worker.get('id')}", f"pid {worker.get('pid')}, {worker.get('status')}"))
    last = answer.get("last_reload")
    if isinstance(last, dict):
        at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(int(last.get("at", 0))))
        rows.append(("last reload", f"{at}, {'good' if last.get('ok') else 'failed: ' + str(last.get('error'))}"))
    return "\n".join(f"{name:12}{' '.join(text.split())}" for name, text in rows)


def _stats_report(answer: Answer) -> str:
    return json.dumps(answer.get("stats"), indent=2)


def _list_report(answer: Answer) -> str:
    found = answer.get("servers")
    lines = [listing(status) for status in found] if isinstance(found, list) else []
    return "\n".join(lines) or "no server is running here"


_REPORTS: Mapping[str, Callable[[Answer], str]] = {
    "status": _status_report,
    "stats": _stats_report,
    "list": _list_report,
}


def printable(text: str) -> str:
    """`text` without what could play tricks on a terminal."""
    return "".join(char if char.isprintable() or char == "\n" else "?" for char in text)
