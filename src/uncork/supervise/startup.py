"""What a master and a single process do before they serve: log, identity, directory, sockets, pidfile (uWSGI's order).

Runs in: the first process, before anything is forked or imported.  Every failure is an UncorkError, and leaves nothing
behind.
"""

import os
import sys
import time
from dataclasses import dataclass

from uncork import __version__
from uncork.config.settings import Settings
from uncork.errors import UncorkError
from uncork.system import privileges
from uncork.system.address import Unix, parse_address
from uncork.system.listen import Bound, Permissions, bind, check_backlog, who_may_connect
from uncork.system.logfile import LogFile
from uncork.system.pidfile import PidFile

# The statistics show addresses and paths of running requests: not for everybody on the machine.
STATS_MODE = 0o660


def say(text: str) -> None:
    """One line to the log."""
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        pass  # a full disk or a closed pipe loses the line, never the server


@dataclass(frozen=True, slots=True)
class Started:
    """What was opened.

    `origin` is the directory that the server was started in: a later reload reads from there.  `directory` is the one
    it changed to.
    """

    origin: str
    directory: str
    log: LogFile | None
    bound: tuple[Bound, ...]
    stats: Bound | None
    pidfile: PidFile | None

    def finish(self, vacuum: bool) -> None:
        """Close the sockets and, with option `vacuum`, remove what was made for them.  Runs in: the first process."""
        every = self.bound if self.stats is None else (*self.bound, self.stats)
        for bound in every:
            bound.sock.close()
            if vacuum and bound.remove():
                say(f"VACUUM: unix socket {bound.address} removed.")
        if vacuum and self.pidfile is not None and self.pidfile.remove():
            say(f"VACUUM: pidfile {self.pidfile.path} removed.")


def start(settings: Settings) -> Started:
    """Open everything.  Raises UncorkError."""
    origin = os.getcwd()
    processes = settings.processes
    log = None
    if settings.logging.logto is not None:
        log = LogFile(settings.logging.logto)
        log.open()
    say(f"*** Starting Uncork {__version__} (64bit) on [{time.ctime()}] ***")
    pidfile = None if processes.pidfile is None else PidFile(processes.pidfile)
    try:
        bound, stats = _open(settings)
        started = Started(origin, os.getcwd(), log, bound, stats, pidfile)
        if pidfile is not None:
            say(f"writing pidfile to {pidfile.path}")
            _write(pidfile, started)
    except UncorkError:
        if pidfile is not None:
            pidfile.abandon()
        raise
    return started


def _write(pidfile: PidFile, started: Started) -> None:
    try:
        pidfile.write(os.getpid())
    except UncorkError:
        started.finish(vacuum=True)
        raise


def _open(settings: Settings) -> tuple[tuple[Bound, ...], Bound | None]:
    processes = settings.processes
    apply_env(processes.env)
    # chown-socket takes root, so the identity changes after it (uWSGI core/uwsgi.c).
    early = settings.sockets.chown_socket is None
    if early:
        _become(settings)
    if processes.chdir is not None:
        _enter(processes.chdir)
    opened = _open_sockets(settings)
    if not early:
        _become(settings)
    return opened


def apply_env(assignments: tuple[str, ...]) -> None:
    """Set the environment variables of option `env`, in order."""
    for assignment in assignments:
        key, _, value = assignment.partition("=")
        if key:
            os.environ[key] = value


def _become(settings: Settings) -> None:
    for line in privileges.drop(settings.processes.uid, settings.processes.gid):
        say(line)
    if os.geteuid() == 0:
        say("running as root: uid = USER and gid = GROUP would make this safer")


def _enter(directory: str) -> None:
    try:
        os.chdir(directory)
    except OSError as error:
        raise UncorkError(f"chdir = {directory}: {str(error.strerror).lower()}") from None
    say(f"chdir() to {directory}")


def _open_sockets(settings: Settings) -> tuple[tuple[Bound, ...], Bound | None]:
    """The sockets for requests and the one for statistics: all of them, or none and an UncorkError."""
    sockets = settings.sockets
    check_backlog(sockets.listen)
    permissions = Permissions(sockets.chmod_socket, sockets.chown_socket)
    stats_mode = STATS_MODE if sockets.chmod_socket is None else sockets.chmod_socket
    wanted = [(value, permissions) for value in sockets.socket]
    if settings.stats.stats is not None:
        wanted.append((settings.stats.stats, Permissions(stats_mode, sockets.chown_socket)))
    opened: list[Bound] = []
    try:
        for value, rights in wanted:
            opened.append(bind(parse_address(value), sockets.listen, rights))
    except UncorkError:
        for bound in opened:
            bound.sock.close()
            bound.remove()
        raise
    requests = tuple(opened[: len(sockets.socket)])
    for number, bound in enumerate(requests):
        kind = "UNIX" if isinstance(bound.address, Unix) else "TCP"
        say(f"uwsgi socket {number} bound to {kind} address {bound.address} fd {bound.sock.fileno()}")
        if isinstance(bound.address, Unix) and not bound.address.abstract:
            say(who_may_connect(bound.address.path))
    return requests, opened[-1] if settings.stats.stats is not None else None
