"""Every command of the server, once: its FIFO character, its signal, its meaning.

Pure.  The master's FIFO, its signal handlers and the reference page all read this table (uWSGI: core/fifo.c,
core/master.c).
"""

import signal
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class Command(Enum):
    """What the master can be told."""

    STOP = "stop"
    KILL = "kill"
    RELOAD = "reload"
    BRUTAL_RELOAD = "brutal-reload"
    CHAIN_RELOAD = "chain-reload"
    RELOAD_WORKERS = "reload-workers"
    KILL_WORKERS = "kill-workers"
    PAUSE = "pause"
    REOPEN_LOG = "log-reopen"
    ROTATE_LOG = "log-rotate"
    STATS = "stats"
    PIDFILE = "pidfile"


@dataclass(frozen=True, slots=True)
class Row:
    """`char` is what to write into the FIFO ("" for none), `signals` what to send the master."""

    command: Command
    char: str
    signals: tuple[signal.Signals, ...]
    summary: str


COMMANDS: tuple[Row, ...] = (
    Row(Command.STOP, "q", (signal.SIGTERM,), "stop when the running requests are answered"),
    Row(Command.KILL, "Q", (signal.SIGINT, signal.SIGQUIT), "stop at once; running requests are cut off"),
    Row(Command.RELOAD, "r", (signal.SIGHUP,), "read the configuration and the app anew, then replace the workers"),
    Row(Command.BRUTAL_RELOAD, "R", (), "the same, but the old workers are ended at once"),
    Row(Command.CHAIN_RELOAD, "c", (), "replace the workers one after another"),
    Row(Command.RELOAD_WORKERS, "w", (), "replace all workers; each finishes its requests first"),
    Row(Command.KILL_WORKERS, "W", (), "replace all workers at once; running requests are cut off"),
    Row(Command.PAUSE, "p", (signal.SIGTSTP,), "stop accepting connections, or go on; they queue meanwhile"),
    Row(Command.REOPEN_LOG, "l", (), "open the log file by its name again"),
    Row(Command.ROTATE_LOG, "L", (), "rename the log file to NAME.TIME and begin a new one"),
    Row(Command.STATS, "s", (signal.SIGUSR1,), "write the state of the workers to the log"),
    Row(Command.PIDFILE, "P", (), "write the pidfile anew"),
)

BY_CHAR: Mapping[str, Command] = {row.char: row.command for row in COMMANDS if row.char}
_BY_SIGNAL: Mapping[int, Command] = {number: row.command for row in COMMANDS for number in row.signals}


def by_signal(number: int, die_on_term: bool) -> Command | None:
    """The command of a signal; None for one without a meaning.

    With die-on-term uWSGI swaps TERM and QUIT (core/uwsgi.c).  TERM is a graceful stop here either way; QUIT then
    reloads.
    """
    if die_on_term and number == signal.SIGQUIT:
        return Command.BRUTAL_RELOAD
    return _BY_SIGNAL.get(number)
