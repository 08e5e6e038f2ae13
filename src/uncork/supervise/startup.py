"""What a master and a single process do before they serve: log, identity, directory, sockets, pidfile (uWSGI's order).

    start
      umask, env, hooks asap            before there is a log
      log, hooks pre-jail and in-jail
      pidfiles
      limits, become, chdir, sockets, become
      hooks master-start                a master's only

Runs in: the first process, before anything is forked or imported.  Every failure is an UncorkError, and leaves nothing
behind.
"""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from uncork import __version__
from uncork.config.settings import Settings
from uncork.errors import UncorkError
from uncork.supervise.hookactions import ENDS, run_first_hooks, run_hooks, run_last_hooks
from uncork.supervise.logs import log_file
from uncork.supervise.sockets import Opened, close_unwanted, describe, open_sockets, settle
from uncork.system import logwriter, privileges
from uncork.system.limits import limit
from uncork.system.listen import Bound
from uncork.system.logfile import LogFile
from uncork.system.pidfile import PidFiles
from uncork.system.privileges import Moment
from uncork.system.proctitle import Titles, set_title

say = logwriter.say

# Signals that mean something once the server runs.
_WAITING = (*ENDS, signal.SIGHUP)


def nobody_waits() -> None:
    """A server in front needs nobody told."""


@dataclass(frozen=True, slots=True)
class Started:
    """What was opened.

    `origin` is the directory that the server was started in: a later reload reads from there.  `directory` is the one
    it changed to.  `ready` is to be called once the server answers: whoever started it in the background waits.
    `last` does what the configuration wants done at the end.
    """

    origin: str
    directory: str
    log: LogFile | None
    bound: tuple[Bound, ...]
    stats: Bound | None
    pidfiles: PidFiles
    ready: Callable[[], None] = nobody_waits
    last: Callable[[], None] = nobody_waits

    @property
    def opened(self) -> Opened:
        """The sockets, as `supervise.sockets` takes and gives them."""
        return Opened(self.bound, self.stats)

    def with_sockets(self, opened: Opened) -> "Started":
        """The same with the sockets of a reload."""
        return replace(self, bound=opened.requests, stats=opened.stats)

    def with_hooks(self, settings: Settings) -> "Started":
        """The same with what is to be done at the end after a reload."""
        return replace(self, last=partial(run_last_hooks, settings))

    def finish(self, vacuum: bool) -> None:
        """Close the sockets and, with option `vacuum`, remove what was made for them.  Runs in: the first process."""
        for line in close_unwanted(self.opened.every, (), vacuum):
            say(line)
        for path in self.pidfiles.end(vacuum):
            say(f"VACUUM: pidfile {path} removed.")
        self.last()


def start(settings: Settings, passed: tuple[Bound, ...] = (), ready: Callable[[], None] = nobody_waits) -> Started:
    """Open everything, but what is among `passed`, the sockets of whoever started us.  Raises UncorkError.

    Signals that come meanwhile wait: one that ends the server for the next hook, which it interrupts, or else with the
    others for the `handle_signals` of the role (as uWSGI, which hears none of them before that).
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _WAITING)
    try:
        return _start(settings, passed, ready)
    except UncorkError:
        run_last_hooks(settings)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        raise


def _start(settings: Settings, passed: tuple[Bound, ...], ready: Callable[[], None]) -> Started:
    origin = os.getcwd()
    log = _begin(settings)
    pidfiles = PidFiles()
    opened = Opened()
    try:
        # While the process may still be root.
        pidfiles.open("pidfile", settings.processes.pidfile)
        pidfiles.open("safe-pidfile", settings.control.safe_pidfile)
        opened = _open(settings, passed)
        later = log_file(settings, "logto2")
        if later is not None:
            later.open()
        pidfiles.open("pidfile2", settings.control.pidfile2)
        pidfiles.open("safe-pidfile2", settings.control.safe_pidfile2)
        for path in pidfiles.paths:
            say(f"writing pidfile to {path}")
        pidfiles.write(os.getpid())
        if settings.master:
            run_first_hooks(settings, "master-start")
    except (UncorkError, OSError) as error:
        close_unwanted(opened.every, (), vacuum=True)
        pidfiles.abandon()
        if isinstance(error, UncorkError):
            raise
        raise UncorkError(f"the server cannot start: {str(error.strerror).lower()}") from None
    bound, stats, last = opened.requests, opened.stats, partial(run_last_hooks, settings)
    return Started(origin, os.getcwd(), later or log, bound, stats, pidfiles, ready, last)


def _begin(settings: Settings) -> LogFile | None:
    """All up to the first line of the log, and what is to be done right behind it; the log."""
    logwriter.voice.date = settings.logging.log_date or ""
    if settings.processes.umask is not None:
        os.umask(settings.processes.umask)
    apply_env(settings.processes.env)
    run_first_hooks(settings, "asap")
    log = _first_log(settings)
    if log is not None:
        log.open()
    say(f"*** Starting Uncork {__version__} (64bit) on [{time.ctime()}] ***")
    if settings.processes.remark:
        say(settings.processes.remark)
    for moment in ("pre-jail", "in-jail"):
        run_first_hooks(settings, moment)
    return log


def _first_log(settings: Settings) -> LogFile | None:
    """Where the log goes from the beginning on; None for where standard error leads."""
    background = settings.daemon.background_log
    log = log_file(settings, "logto")
    return LogFile(background, "daemonize") if log is None and background is not None else log


def _open(settings: Settings, passed: tuple[Bound, ...]) -> Opened:
    processes = settings.processes
    for line in limit(processes.limit_as, processes.limit_nproc, processes.max_fd):
        say(line)
    become(settings, Moment.BEFORE_SOCKETS, run_first_hooks)
    if processes.chdir is not None:
        _enter(processes.chdir)
    opened = open_sockets(settings, passed)
    try:
        for line in (*describe(opened), *settle(passed, opened, settings)):
            say(line)
        become(settings, Moment.AFTER_SOCKETS, run_first_hooks)
    except UncorkError:
        close_unwanted(opened.every, (), vacuum=True)
        raise
    if os.geteuid() == 0 and processes.uid is None:
        say("running as root: uid = USER and gid = GROUP would make this safer")
    return opened


def apply_env(assignments: tuple[str, ...]) -> None:
    """Set the environment variables of option `env`, in order."""
    for assignment in assignments:
        key, _, value = assignment.partition("=")
        if key:
            os.environ[key] = value


def become(settings: Settings, moment: Moment, do: Callable[[Settings, str], None] = run_hooks) -> None:
    """Give root's rights up if `moment` is when the options say so, between what is to be done as root and as user.

    `do` does what it finds to do.  For a server that root did not start there is nothing, as in uWSGI.  Raises
    UncorkError.
    """
    processes, daemon = settings.processes, settings.daemon
    chosen = privileges.moment(
        settings.sockets.chown_socket is not None,
        daemon.drop_after_init,
        daemon.drop_after_apps,
        daemon.master_as_root,
    )
    if moment is chosen:
        root = os.geteuid() == 0
        if root:
            do(settings, "as-root")
        for line in privileges.drop(processes.uid, processes.gid, daemon.add_gid, not daemon.no_initgroups):
            say(line)
        if not os.access(os.__file__, os.R_OK):
            raise UncorkError(
                f"uid = {processes.uid}: this user may not read Python itself ({os.__file__}; install it, and the app, "
                "where it may)"
            )
        if root:
            do(settings, "as-user")
    elif moment is Moment.BEFORE_SOCKETS:
        # Whoever it is that changes later, a slip is to be told now.
        privileges.check(processes.uid, processes.gid, daemon.add_gid)


def _enter(directory: str) -> None:
    try:
        os.chdir(directory)
    except OSError as error:
        raise UncorkError(f"chdir = {directory}: {str(error.strerror).lower()}") from None
    say(f"chdir() to {directory}")


def titles(settings: Settings) -> Titles | None:
    """What the processes are called; None if no option names them.  Every one of them switches auto-procname on."""
    daemon = settings.daemon
    spaced = daemon.procname_prefix_spaced
    prefix = daemon.procname_prefix if spaced is None else f"{spaced} "
    found = Titles(daemon.procname or "", daemon.procname_master or "", prefix or "", daemon.procname_append or "")
    return found if daemon.auto_procname or found != Titles() else None


def name_process(settings: Settings, name: Callable[[Titles], str]) -> str:
    """Call this process what `name` chooses, if an option asks for names; a line to log, "" for none."""
    found = titles(settings)
    return "" if found is None else set_title(name(found))
