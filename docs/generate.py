"""Write the reference pages that follow from running tables: options, commands and statistics.

    python docs/generate.py

Runs in: a developer's shell, and in a test, which compares its pages with those in docs/reference.  What a table does
not say (what a statistic means, which file an option reads) stands here, and a row without its words is an error.
"""

import json
import signal
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from uncork import __version__
from uncork.config.accepted import ACCEPTED
from uncork.config.names import uwsgi_names
from uncork.config.option import Option
from uncork.config.reader import STRUCTURE
from uncork.config.table import BY_NAME, GROUPS, OPTIONS
from uncork.control import stats
from uncork.control.commands import COMMANDS, Command, by_signal
from uncork.protocol.uwsgi import encode
from uncork.scoreboard.board import Scoreboard
from uncork.scoreboard.cells import CoreCells
from uncork.scoreboard.schema import WorkerCell
from uncork.supervise.exits import ExitCode
from uncork.system.process import HANDLED
from uncork.worker.logformat import VARIABLES

REFERENCE = Path(__file__).parent / "reference"

HEADING = "<!-- Written by docs/generate.py from the running tables: change those, then run it. -->\n"


def table(heading: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    head = list(heading)
    lines = [_row(head), _row("---" for _ in head)]
    lines += [_row(row) for row in rows]
    return "\n".join(lines) + "\n"


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def sentence(text: str) -> str:
    """`text` as a sentence: the tables keep their words without a capital and without a full stop."""
    return f"{text[0].upper()}{text[1:]}."


# ---- options ---------------------------------------------------------------------------------------------------------

OPTIONS_INTRO = """\
# Options

An option can be given in three places.  The names are the same in all of them.

| place | written as |
|---|---|
| command line | `--processes 4`, `--processes=4`, or its letter: `-p 4`, `-p4` |
| ini file | `processes = 4`, in the section `[uwsgi]` |
| environment | `UWSGI_PROCESSES=4`; `-` becomes `_` |

They are read in this order, and the last value wins: environment, then the command line from left to right (an `--ini FILE` counts
where it stands), then files named without an option, as in `uncork app.ini`.  Options marked *adds up* keep every value.

A long name may be shortened on the command line as long as it stays the only one of uWSGI's names that begins so: `--callab` is
`--callable`; `--sock` could be several and is an error.  A flag is on when it stands alone, and off only with `false`, `off`, `no` or `0`.

Values in files may hold `%d` and the other magic variables of uWSGI, `$(VARIABLE)` from the environment, `@(file)`, and `%(name)` for
another line of the configuration.

`uncork --help` prints the same list.
"""

# The files and names that a configuration is put together from: options for the reader, which no setting comes of.
STRUCTURE_MEANINGS = {
    "ini": "read this ini file; `FILE:SECTION` reads another section, `:SECTION` one of the same file",
    "include": "read this ini file, in an ini file's own words",
    "config": "read this ini file",
    "inherit": "read this ini file; `$()`, `@()` and `%()` in it are left as they are",
    "set": "`NAME=VALUE`: set an option, or a placeholder for `%(NAME)`",
    "set-placeholder": "`NAME=VALUE`: set a placeholder for `%(NAME)`",
    "set-ph": "the same",
}

GROUP_TITLES = {
    "sockets": "Sockets",
    "processes": "Processes",
    "python": "The app",
    "logging": "Logs",
    "stats": "Statistics",
}

VARIABLE_MEANINGS = {
    "uri": "path and query as the client sent them (REQUEST_URI)",
    "method": "request method",
    "user": "REMOTE_USER",
    "addr": "REMOTE_ADDR",
    "host": "Host header",
    "uagent": "User-Agent header",
    "referer": "Referer header",
    "cl": "CONTENT_LENGTH of the request",
    "proto": "SERVER_PROTOCOL, such as HTTP/1.1",
    "status": "status code of the answer",
    "rsize": "bytes of the answer's body",
    "hsize": "bytes of the answer's head",
    "size": "bytes of both",
    "headers": "number of headers in the answer",
    "micros": "duration in microseconds",
    "msecs": "duration in milliseconds",
    "secs": "duration in seconds",
    "time": "when the request began, epoch seconds",
    "tmsecs": "the same in milliseconds",
    "tmicros": "the same in microseconds",
    "ctime": "the same, such as `Sat Oct 11 12:00:00 2025`",
    "ltime": "the same, such as `11/Oct/2025:12:00:00 +0200`",
    "ftime": "the same as `ctime`",
    "epoch": "when the line is written, epoch seconds",
    "pid": "process id of the worker",
    "wid": "number of the worker, from 1",
    "core": "number of its thread, from 0",
    "switches": "always 1",
    "vars": "number of variables in the request",
    "pktsize": "bytes of these variables",
    "modifier1": "first modifier of the packet",
    "modifier2": "second modifier of the packet",
    "rss": "resident memory of the worker, bytes",
    "vsz": "address space of the worker, bytes",
    "rssM": "resident memory of the worker, MiB",
    "vszM": "address space of the worker, MiB",
    "werr": "1 if the answer could not be written, else 0",
    "rerr": "1 if the request could not be read, else 0",
    "ioerr": "the sum of the two",
}


def options_page() -> str:
    """docs/reference/options.md."""
    parts = [HEADING, OPTIONS_INTRO]
    for group, title in _titled(GROUP_TITLES, GROUPS):
        rows = [_option_row(option) for name, option in OPTIONS if name == group]
        parts.append(f"## {title}\n\n" + table(("option", "value", "default", "meaning"), rows))
    files = _titled(STRUCTURE_MEANINGS, STRUCTURE)
    parts.append(
        "## Files and placeholders\n\n" + table(("option", "meaning"), ((f"`{n}`", sentence(t)) for n, t in files))
    )
    variables = _titled(VARIABLE_MEANINGS, VARIABLES)
    parts.append(
        "## Variables of log-format\n\nWritten as `%(name)`.  `%(var.NAME)` is any variable of the request, such as "
        "`%(var.HTTP_ACCEPT)`.  What is empty or\nunknown becomes `-`.\n\n"
        + table(("variable", "meaning"), ((f"`%({n})`", sentence(t)) for n, t in variables))
    )
    parts.append(_accepted_part())
    return "\n".join(parts)


def _titled(words: Mapping[str, str], names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The rows of `words`.  Raises ValueError if they are not those of the running table."""
    if set(words) != set(names):
        raise ValueError(f"docs/generate.py has other names than the table: {sorted(set(words) ^ set(names))}")
    yield from words.items()


def _option_row(option: Option) -> tuple[str, ...]:
    names = [f"`{name}`" for name in option.names]
    if option.short:
        names.append(f"`-{option.short}`")
    remarks = [sentence(option.help)]
    if option.implies_master:
        remarks.append("Starts a master.")
    if option.own:
        remarks.append("Uncork's own: uWSGI has no such option.")
    return f'<a id="{option.name}"></a>' + ", ".join(names), _value(option), _default(option), " ".join(remarks)


def _value(option: Option) -> str:
    if not option.kind.metavar:
        return "flag"
    value = f"`{option.kind.metavar}`" if option.kind.argument == "required" else f"`[{option.kind.metavar}]`"
    return f"{value}, adds up" if option.kind.accumulates else value


def _default(option: Option) -> str:
    if isinstance(option.default, bool):
        return "on" if option.default else "off"
    if option.default is None or option.default == ():
        return f"none ({option.unit})" if option.unit else "none"
    return f"{option.default} {option.unit}".rstrip()


def _accepted_part() -> str:
    rows = []
    for name, accepted in ACCEPTED.items():
        values = f" (values that match `{accepted.values.pattern}`)" if accepted.values is not None else ""
        rows.append((f"`{name}`", f"{sentence(accepted.reason)}{values}"))
    others = len(uwsgi_names()) - len(uwsgi_names().keys() & (BY_NAME.keys() | ACCEPTED.keys() | STRUCTURE))
    return (
        "## Accepted, with nothing to do\n\nThese options of uWSGI may stand in a configuration.  They change nothing, "
        "and nothing is said about them.\n\n"
        + table(("option", "why"), rows)
        + f"\nThe other {others} names of uWSGI's options are known by name.  One that is used gets a warning with its "
        "place, and the server starts\nwithout it.  A name that nobody knows is an error on the command line; in a file "
        "it is a placeholder for `%(name)` and gets a\nwarning with the names that are like it, and with `strict` it is "
        "an error.\n"
    )


# ---- commands --------------------------------------------------------------------------------------------------------

COMMANDS_INTRO = """\
# Commands

A running server with a master takes commands in two ways: a character written into its FIFO ([`master-fifo`](options.md#master-fifo)),
or a signal sent to the master.  Its process id is in the log (`spawned uWSGI master process (pid: 4711)`), and in a file if
[`pidfile`](options.md#pidfile) names one.

    echo r >uwsgi.fifo
    kill -HUP 4711

Characters that mean nothing, the newline of `echo` among them, are ignored.
"""

SIGNALS_WITHOUT_MASTER = """\
## Without a master

One process serves alone, and signals mean to it what they mean to a worker.

| signal | meaning |
|---|---|
| HUP | Stop when the running requests are answered; exit status 17. |
| TERM, INT | Stop at once; exit status 30. |
"""

EXIT_MEANINGS = {
    ExitCode.OK: "The server was told to stop, and stopped.",
    ExitCode.FAILED: "It could not start: the configuration, a socket, a file. Or its first worker died before it was ready.",
    ExitCode.RELOAD: "A server without a master was told by SIGHUP to stop.",
    ExitCode.FAILED_APP: "The app could not be loaded. The log has the reason.",
    ExitCode.END: "A server without a master was told by SIGTERM or SIGINT to stop.",
}


def commands_page() -> str:
    """docs/reference/commands.md."""
    rows = [
        (f"`{row.char}`" if row.char else "", ", ".join(_signal(number) for number in row.signals), sentence(row.summary))
        for row in COMMANDS
    ]
    swapped = [
        f"{_signal(number)} means `{_char(command)}` then"
        for number in sorted(HANDLED)
        if (command := by_signal(number, die_on_term=True)) is not None and command != by_signal(number, False)
    ]
    idle = [_signal(n) for n in sorted(HANDLED - {signal.SIGCHLD}) if by_signal(n, die_on_term=False) is None]
    return "\n".join(
        [
            HEADING,
            COMMANDS_INTRO,
            table(("character", "signal to the master", "meaning"), rows),
            f"With [`die-on-term`](options.md#die-on-term) {'; '.join(swapped)}.  "
            f"{', '.join(idle)} is received and means nothing.\n",
            SIGNALS_WITHOUT_MASTER,
            "## Exit statuses\n",
            table(
                ("status", "meaning"),
                ((f"{code.value}", EXIT_MEANINGS[code]) for code in ExitCode),
            ),
        ]
    )


def _signal(number: int) -> str:
    return signal.Signals(number).name.removeprefix("SIG")


def _char(command: Command) -> str:
    return next(row.char for row in COMMANDS if row.command is command)


# ---- statistics ------------------------------------------------------------------------------------------------------

STATS_INTRO = """\
# Statistics

[`stats`](options.md#stats) opens a socket.  Whoever connects gets one JSON object, then the connection is closed.  The keys and their
order are uWSGI's, so `uwsgitop` and other readers work.  Every number is an integer; flags are 0 or 1.

    stats = run/stats.socket            a file, mode 0660 unless chmod-socket says otherwise
    stats = 127.0.0.1:9191              a port
    stats-http = true                   the same for browsers and curl

## Keys
"""

STATS_MEANINGS = {
    "version": "Version of Uncork.",
    "listen_queue": "Connections that wait to be accepted, all TCP sockets together.",
    "listen_queue_errors": "Always 0.",
    "signal_queue": "Always 0.",
    "load": "The same as `listen_queue`.",
    "pid": "Process id of the master.",
    "uid": "User id of the master.",
    "gid": "Group id of the master.",
    "cwd": "Working directory.",
    "locks": "uWSGI's locks, one object each; always 0.",
    "sockets[].name": "Address of a listening socket.",
    "sockets[].proto": "Protocol: `uwsgi`.",
    "sockets[].queue": "Connections that wait on it; 0 for unix sockets.",
    "sockets[].max_queue": "How many may wait; 0 for unix sockets.",
    "sockets[].shared": "Always 0.",
    "sockets[].can_offload": "Always 0.",
    "workers[].id": "Number of the worker, from 1.",
    "workers[].pid": "Its process id; 0 while it has no process.",
    "workers[].accepting": "1 while it accepts connections.",
    "workers[].requests": "Requests since the server started, those of its predecessors included.",
    "workers[].delta_requests": "Requests since this process started.",
    "workers[].exceptions": "Requests in which the app raised.",
    "workers[].harakiri_count": "Always 0.",
    "workers[].signals": "Signals that it received.",
    "workers[].signal_queue": "Always 0.",
    "workers[].status": "`idle`, `busy`, `pause`, or `cheap` while it has no process.",
    "workers[].rss": "Resident memory in bytes; 0 without `memory-report`.",
    "workers[].vsz": "Address space in bytes; 0 without `memory-report`.",
    "workers[].running_time": "Microseconds spent in requests.",
    "workers[].last_spawn": "When the process started, epoch seconds.",
    "workers[].respawn_count": "How often a process was started for it.",
    "workers[].tx": "Bytes sent.",
    "workers[].avg_rt": "Average duration of a request in microseconds, the latest counting most.",
    "workers[].apps[].id": "Number of the app, from 0.",
    "workers[].apps[].modifier1": "Always 0.",
    "workers[].apps[].mountpoint": "Where it is mounted; empty for the default app.",
    "workers[].apps[].startup_time": "Seconds that its import took.",
    "workers[].apps[].requests": "Requests to it in this worker.",
    "workers[].apps[].exceptions": "Requests in which it raised.",
    "workers[].apps[].chdir": "Its working directory.",
    "workers[].cores[].id": "Number of the thread, from 0.",
    "workers[].cores[].requests": "Requests of the thread.",
    "workers[].cores[].static_requests": "Always 0.",
    "workers[].cores[].routed_requests": "Always 0.",
    "workers[].cores[].offloaded_requests": "Always 0.",
    "workers[].cores[].write_errors": "Answers that could not be written.",
    "workers[].cores[].read_errors": "Requests that could not be read.",
    "workers[].cores[].in_request": "1 while it serves a request.",
    "workers[].cores[].vars": "Variables of the running request, then an empty string; empty between requests.",
    "workers[].cores[].req_info": "Empty between requests.",
    "workers[].cores[].req_info.request_start": "When the running request began, epoch seconds.",
    "last_reload": "Only after a reload. Uncork's own.",
    "last_reload.ok": "1 if the last reload put new workers in place.",
    "last_reload.at": "When it ended, epoch seconds.",
    "last_reload.seconds": "How long it took.",
    "last_reload.error": "Why it failed; empty if it did not.",
}


def stats_page() -> str:
    """docs/reference/stats.md."""
    tree = stats.tree(sample_facts())
    found = dict(_paths(tree))
    missing = set(found) ^ set(STATS_MEANINGS)
    if missing:
        raise ValueError(f"docs/generate.py has other keys than the statistics: {sorted(missing)}")
    secrets = ", ".join(f"`{name}`" for name in sorted(stats.SECRET_VARS))
    return "\n".join(
        [
            HEADING,
            STATS_INTRO,
            table(("key", "type", "meaning"), ((f"`{p}`", kind, STATS_MEANINGS[p]) for p, kind in found.items())),
            "`cores` is left out with [`stats-no-cores`](options.md#stats-no-cores).\n",
            f"The values of {secrets} in `vars`\nare shown as `{stats.MASK}`, unless "
            "[`stats-unsafe-vars`](options.md#stats-unsafe-vars) is on.\n",
            "## Example\n\nOne worker with one thread, in the middle of its 43rd request, after a reload.\n",
            f"```json\n{json.dumps(tree, indent=2)}\n```\n",
        ]
    )


def _paths(values: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    """(path, type) of every key, lists of objects opened."""
    for key, value in values.items():
        path = f"{prefix}{key}"
        match value:
            case [{**first}, *_] if key != "locks":
                yield from _paths(first, f"{path}[].")
            case list():
                yield path, "list"
            case {**inner}:
                yield path, "object"
                yield from _paths(inner, f"{path}.")
            case int():
                yield path, "integer"
            case _:
                yield path, "text"


def sample_facts() -> stats.ServerFacts:
    """A small server at one moment, with fixed numbers."""
    board = Scoreboard(workers=1, cores=1, apps=1)
    cells = CoreCells(board, wid=1, core=0)
    for _ in range(42):
        cells.end(app=0, duration=1500, sent=2048, failed=False)
    packet = encode({"REQUEST_METHOD": "GET", "PATH_INFO": "/", "HTTP_COOKIE": "session=of-ada"})
    cells.begin(started=99_500_000, packet=packet)
    row = board.worker_row(1)
    for cell, value in {WorkerCell.PID: 4712, WorkerCell.ACCEPTING: 1, WorkerCell.LAST_SPAWN: 1_760_176_800}.items():
        board.cells[row + cell] = value
    return stats.ServerFacts(
        version=__version__,
        pid=4711,
        uid=1000,
        gid=1000,
        cwd="/srv/blog",
        monotonic=100.0,
        epoch=1_760_176_900.0,
        sockets=[stats.SocketFacts("127.0.0.1:7777", 0, 100)],
        workers=[stats.WorkerFacts(1, 4712, "idle", 1, board)],
        apps=[stats.AppFacts(0, "", 0, "/srv/blog")],
        extra={"last_reload": {"ok": 1, "at": 1_760_176_800, "seconds": 0, "error": ""}},
    )


# ---- pages -----------------------------------------------------------------------------------------------------------


def pages() -> dict[str, str]:
    """Every generated page, by the name of its file in docs/reference."""
    return {"options.md": options_page(), "commands.md": commands_page(), "stats.md": stats_page()}


def main() -> int:
    """Write the pages."""
    for name, text in pages().items():
        (REFERENCE / name).write_text(text, encoding="utf-8")
        print(REFERENCE / name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
