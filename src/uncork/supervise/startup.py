"""What a master and a single process do before they serve: log, identity, directory, sockets, pidfile (uWSGI's order).

Runs in: the first process, before anything is forked or imported.  Every failure is an UncorkError, and leaves nothing
behind.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from uncork import __version__
from uncork.config.settings import Settings
from uncork.errors import UncorkError
from uncork.supervise.logs import log_file
from uncork.supervise.sockets import Opened, close_unwanted, describe, open_sockets, settle
from uncork.system import logwriter, privileges
from uncork.system.listen import Bound
from uncork.system.logfile import LogFile
from uncork.system.pidfile import PidFiles
from uncork.system.privileges import Moment
from uncork.system.proctitle import Titles, set_title

say = logwriter.say


def nobody_waits() -> None:
    """A server in front needs nobody told."""


@dataclass(frozen=True, slots=True)
class Started:
    """What was opened.

    `origin` is the directory that the server was started in: a later reload reads from there.  `directory` is the one
    it changed to.  `ready` is to be called once the server answers: whoever started it in the background waits.
    """

    origin: str
    directory: str
    log: LogFile | None
    bound: tuple[Bound, ...]
    stats: Bound | None
    pidfiles: PidFiles
    ready: Callable[[], None] = nobody_waits

    @property
    def opened(self) -> Opened:
        """The sockets, as `supervise.sockets` takes and gives them."""
        return Opened(self.bound, self.stats)

    def with_sockets(self, opened: Opened) -> "Started":
        """The same with the sockets of a reload."""
        return replace(self, bound=opened.requests, stats=opened.stats)

    def finish(self, vacuum: bool) -> None:
        """Close the sockets and, with option `vacuum`, remove what was made for them.  Runs in: the first process."""
        for line in close_unwanted(self.opened.every, (), vacuum):
            say(line)
        for path in self.pidfiles.end(vacuum):
            say(f"VACUUM: pidfile {path} removed.")


def start(settings: Settings, passed: tuple[Bound, ...] = (), ready: Callable[[], None] = nobody_waits) -> Started:
    """Open everything, but what is among `passed`, the sockets of whoever started us.  Raises UncorkError."""
    origin = os.getcwd()
    logwriter.voice.date = settings.logging.log_date or ""
    log = _first_log(settings)
    if log is not None:
        log.open()
    say(f"*** Starting Uncork {__version__} (64bit) on [{time.ctime()}] ***")
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
    except UncorkError:
        close_unwanted(opened.every, (), vacuum=True)
        pidfiles.abandon()
        raise
    return Started(origin, os.getcwd(), later or log, opened.requests, opened.stats, pidfiles, ready)


def _first_log(settings: Settings) -> LogFile | None:
    """Where the log goes from the beginning on; None for where standard error leads."""
    background = settings.daemon.background_log
    log = log_file(settings, "logto")
    return LogFile(background, "daemonize") if log is None and background is not None else log


def _open(settings: Settings, passed: tuple[Bound, ...]) -> Opened:
    processes = settings.processes
    apply_env(processes.env)
    become(settings, Moment.BEFORE_SOCKETS)
    if processes.chdir is not None:
        _enter(processes.chdir)
    opened = open_sockets(settings, passed)
    try:
        for line in (*describe(opened), *settle(passed, opened, settings)):
            say(line)
        become(settings, Moment.AFTER_SOCKETS)
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


def become(settings: Settings, moment: Moment) -> None:
    """Give root's rights up if `moment` is when the options say so.  Raises UncorkError."""
    processes, daemon = settings.processes, settings.daemon
    chosen = privileges.moment(
        settings.sockets.chown_socket is not None,
        daemon.drop_after_init,
        daemon.drop_after_apps,
        daemon.master_as_root,
    )
    if moment is chosen:
        for line in privileges.drop(processes.uid, processes.gid, daemon.add_gid, not daemon.no_initgroups):
            say(line)
        if not os.access(os.__file__, os.R_OK):
            raise UncorkError(
                f"uid = {processes.uid}: this user may not read Python itself ({os.__file__}; install it, and the app, "
                "where it may)"
            )
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
