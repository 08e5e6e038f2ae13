"""Every command of the server, once: FIFO character, signals, `uncork ctl` verbs, the name in uWSGI's hooks, meaning.

Pure.  The master's FIFO, its signal handlers, its control socket and the reference page all read this table (uWSGI:
core/fifo.c, core/master.c).
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
    CHEAPER_MORE = "cheaper-more"
    CHEAPER_LESS = "cheaper-less"
    GO_CHEAP = "go-cheap"
    REOPEN_LOG = "log-reopen"
    ROTATE_LOG = "log-rotate"
    STATS = "stats"
    PIDFILE = "pidfile"
    SOS = "sos"
    RESCAN = "rescan"
    REFORK = "refork"
    SUBSCRIPTIONS = "subscriptions"


class Outcome(Enum):
    """When a command has done what it is for, so that whoever waits for it can be answered."""

    AT_ONCE = "at once"
    # The reload that this one became is over: proven, or given up.
    RELOAD = "reload"
    # The last worker of a chain reload is replaced.
    CHAIN = "chain"
    # Every worker that was to be replaced is.
    WORKERS = "workers"
    # The master is gone.
    END = "end"


class Again(Enum):
    """What a command means that comes several times in one breath."""

    NOTHING_MORE = "once is enough"
    UNDONE = "the second undoes the first"
    MORE = "each counts"


@dataclass(frozen=True, slots=True)
class Row:
    """`char` is what to write into the FIFO, `signals` what to send the master, `hook` what uWSGI's hooks call it.

    `verbs` are for `uncork ctl`; `done` is what it prints then, with `{workers}` and `{seconds}` of the answer.
    `reply` is the line to log for a command that has nothing to act on here.
    """

    command: Command
    char: str
    signals: tuple[signal.Signals, ...]
    summary: str
    verbs: tuple[str, ...] = ()
    hook: str = ""
    done: str = ""
    outcome: Outcome = Outcome.AT_ONCE
    reply: str = ""
    again: Again = Again.NOTHING_MORE


COMMANDS: tuple[Row, ...] = (
    Row(
        Command.STOP,
        "q",
        (signal.SIGTERM,),
        "stop when the running requests are answered",
        verbs=("stop",),
        hook="gracefully_kill_them_all",
        done="stopped in {seconds} s",
        outcome=Outcome.END,
    ),
    Row(
        Command.KILL,
        "Q",
        (signal.SIGINT, signal.SIGQUIT),
        "stop at once; running requests are cut off",
        verbs=("kill",),
        hook="kill_them_all",
        done="stopped in {seconds} s",
        outcome=Outcome.END,
    ),
    Row(
        Command.RELOAD,
        "r",
        (signal.SIGHUP,),
        "read the configuration and the app anew, then replace the workers",
        verbs=("reload",),
        hook="grace_them_all",
        done="reloaded: {workers} in {seconds} s",
        outcome=Outcome.RELOAD,
    ),
    Row(
        Command.BRUTAL_RELOAD,
        "R",
        (),
        "the same, but the old workers are ended at once",
        verbs=("brutal-reload",),
        hook="reap_them_all",
        done="reloaded: {workers} in {seconds} s",
        outcome=Outcome.RELOAD,
    ),
    Row(
        Command.CHAIN_RELOAD,
        "c",
        (),
        "replace the workers one after another",
        verbs=("chain-reload",),
        hook="uwsgi_chain_reload",
        done="replaced one after another: {workers} in {seconds} s",
        outcome=Outcome.CHAIN,
    ),
    Row(
        Command.RELOAD_WORKERS,
        "w",
        (),
        "replace all workers; each serves until the one that replaces it is ready",
        verbs=("workers", "reload-workers"),
        hook="uwsgi_reload_workers",
        done="replaced: {workers} in {seconds} s",
        outcome=Outcome.WORKERS,
    ),
    Row(
        Command.KILL_WORKERS,
        "W",
        (),
        "replace all workers at once; running requests are cut off",
        verbs=("kill-workers",),
        hook="uwsgi_brutally_reload_workers",
        done="replaced: {workers} in {seconds} s",
        outcome=Outcome.WORKERS,
    ),
    Row(
        Command.PAUSE,
        "p",
        (signal.SIGTSTP,),
        "stop accepting connections, or go on; they queue meanwhile",
        verbs=("pause", "resume"),
        hook="suspend_resume_them_all",
        again=Again.UNDONE,
    ),
    Row(
        Command.CHEAPER_MORE,
        "+",
        (),
        "run one worker more, if `cheaper` decides how many there are",
        verbs=("cheaper-more",),
        hook="uwsgi_cheaper_increase",
        done="asked for one worker more",
        again=Again.MORE,
    ),
    Row(
        Command.CHEAPER_LESS,
        "-",
        (),
        "run one worker less, if `cheaper` decides how many there are",
        verbs=("cheaper-less",),
        hook="uwsgi_cheaper_decrease",
        done="asked for one worker less",
        again=Again.MORE,
    ),
    Row(
        Command.GO_CHEAP,
        "C",
        (),
        "end every worker; the next connection brings them back",
        verbs=("go-cheap",),
        hook="uwsgi_go_cheap",
        done="the workers are ended until a connection comes",
    ),
    Row(
        Command.REOPEN_LOG,
        "l",
        (),
        "open the log file by its name again",
        verbs=("log-reopen",),
        hook="uwsgi_log_reopen",
        done="log reopened",
    ),
    Row(
        Command.ROTATE_LOG,
        "L",
        (),
        "rename the log file to NAME.TIME and begin a new one",
        verbs=("log-rotate",),
        hook="uwsgi_log_rotate",
        done="log rotated",
    ),
    Row(
        Command.STATS,
        "s",
        (signal.SIGUSR1,),
        "write the state of the workers to the log",
        hook="stats",
    ),
    Row(
        Command.PIDFILE,
        "P",
        (),
        "write the pidfiles anew",
        verbs=("pidfile",),
        hook="uwsgi_update_pidfiles",
        done="pidfiles written",
    ),
    Row(
        Command.SOS,
        "B",
        (),
        "nothing: only an Emperor could send another server to help",
        hook="vassal_sos",
        reply="[broodlord] instance not governed by an Emperor !!!",
    ),
    Row(
        Command.RESCAN,
        "E",
        (),
        "nothing: there is no Emperor that could look for changed vassals",
        hook="emperor_rescan",
        reply="E has no effect: this server runs no Emperor whose vassals could be looked at again",
    ),
    Row(
        Command.REFORK,
        "f",
        (),
        "nothing: a second master is started by whoever started the first",
        hook="uwsgi_refork_master",
        reply="f has no effect: a copy of the master would share its sockets and pidfiles (r reloads without it)",
    ),
    Row(
        Command.SUBSCRIPTIONS,
        "S",
        (),
        "nothing: there is no subscription server to announce to",
        hook="subscriptions_blocker",
        reply="S has no effect: this server subscribes to nothing",
    ),
)

BY_CHAR: Mapping[str, Command] = {row.char: row.command for row in COMMANDS}
BY_HOOK: Mapping[str, Command] = {row.hook: row.command for row in COMMANDS}
BY_VERB: Mapping[str, Row] = {verb: row for row in COMMANDS for verb in row.verbs}
BY_COMMAND: Mapping[Command, Row] = {row.command: row for row in COMMANDS}
# The lines to log for commands that have nothing to act on.
REPLIES: Mapping[Command, str] = {row.command: row.reply for row in COMMANDS if row.reply}
_BY_SIGNAL: Mapping[int, Command] = {number: row.command for row in COMMANDS for number in row.signals}


def by_signal(number: int, die_on_term: bool) -> Command | None:
    """The command of a signal; None for one without a meaning.

    With die-on-term uWSGI swaps TERM and QUIT (core/uwsgi.c).  TERM is a graceful stop here either way; QUIT then
    reloads.
    """
    if die_on_term and number == signal.SIGQUIT:
        return Command.BRUTAL_RELOAD
    return _BY_SIGNAL.get(number)
