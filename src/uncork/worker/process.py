"""A worker process: put the pieces together, serve, and end as the signals say.

    serve                               the life of a worker (or of the single process)
      _core                             one for each thread
      core.Core.run                     until HUP, the master's death, or pause and stop

Runs in: worker, after the fork; in the single process, after the import.  Signals as in the reference of commands: HUP
ends after the current requests, TERM and INT at once, TSTP looks whether the master paused us.
"""

import atexit
import os
import platform
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from uncork import __version__
from uncork.config.settings import Settings
from uncork.scoreboard.board import Scoreboard
from uncork.scoreboard.cells import CoreCells
from uncork.scoreboard.schema import Header, WorkerCell
from uncork.supervise.exits import ExitCode
from uncork.system import process
from uncork.system.logfile import LogFile
from uncork.system.peers import Peers
from uncork.worker.core import Core
from uncork.worker.logformat import compile_format
from uncork.worker.loop import Limits, Listener, Loop
from uncork.worker.mounts import App, Mounts
from uncork.worker.requestlog import LogFilter, RequestLog
from uncork.wsgi.environ import Environ
from uncork.wsgi.filewrapper import FileWrapper


@dataclass(frozen=True, slots=True)
class Site:
    """What all workers of a generation share.  `sockets`: (listening socket, its name); `log` is None for stderr."""

    settings: Settings
    sockets: tuple[tuple[socket.socket, str], ...]
    board: Scoreboard
    log: LogFile | None


def serve(
    site: Site,
    apps: list[App],
    wid: int,
    master_fd: int,
    ready: Callable[[], None],
    end: Callable[[int], None] = os._exit,
) -> int:
    """Serve as worker `wid` until told to stop; the exit status.

    `master_fd` (-1 for none) is the channel whose other end the master holds; `ready` is called once connections are
    accepted; `end` leaves at once with a status.
    """
    settings = site.settings
    sockets = settings.sockets
    peers = Peers(sockets.allow_from)
    loop = Loop(
        [Listener(sock, name, None if sock.family == socket.AF_UNIX else peers.admits) for sock, name in site.sockets],
        # uWSGI's vector holds twice as many variables as max-vars says (core/protocol.c).
        Limits(sockets.buffer_size, sockets.max_vars * 2, sockets.socket_timeout * 1000),
    )
    row = site.board.worker_row(wid)
    cells = site.board.cells
    cells[row + WorkerCell.PID] = os.getpid()
    cells[row + WorkerCell.LAST_SPAWN] = int(time.time())
    cells[row + WorkerCell.BASE_REQUESTS] = sum(site.board.requests(wid, core) for core in range(site.board.cores))
    mounts = Mounts(apps, settings.python.manage_script_name)
    renew = _log_renewer(site)
    cores = [_core(site, number, wid, loop, mounts, renew) for number in range(settings.processes.threads)]
    loop.shared = len(cores) > 1
    _handle_signals(loop, site.board, wid, renew, end)
    if master_fd >= 0:
        loop.watch(master_fd)
    loop.listen()
    paused = site.board.header(Header.PAUSED)
    loop.pause(bool(paused))
    cells[row + WorkerCell.ACCEPTING] = 1 - paused
    ready()
    _run(cores)
    cells[row + WorkerCell.ACCEPTING] = 0
    return ExitCode.RELOAD


def _run(cores: list[Core]) -> None:
    """Run every core in a thread of its own, the first in the main thread; return when all have ended."""
    threads = [threading.Thread(target=core.run, name=f"uWSGICore{number}") for number, core in enumerate(cores)]
    for thread in threads[1:]:
        thread.start()
    cores[0].run()
    for thread in threads[1:]:
        thread.join()


def _core(site: Site, number: int, wid: int, loop: Loop, mounts: Mounts, renew: Callable[[], None]) -> Core:
    settings = site.settings
    logging = settings.logging
    micros, forwarded = logging.log_micros, logging.log_x_forwarded_for
    memory = settings.stats.memory_report
    form = compile_format(logging.log_format) if logging.log_format is not None else None
    log_filter = LogFilter(
        logging.disable_logging,
        logging.log_4xx,
        logging.log_5xx,
        logging.log_zero,
        -1 if logging.log_slow is None else logging.log_slow,
        -1 if logging.log_big is None else logging.log_big,
    )
    return Core(
        number,
        wid,
        loop,
        mounts,
        CoreCells(site.board, wid, number),
        base_environ(settings, number),
        log_filter,
        RequestLog(micros, forwarded, memory, form),
        logging.ignore_write_errors or logging.ignore_sigpipe,
        _memory_reporter(site.board, wid) if memory else None,
        renew,
    )


def base_environ(settings: Settings, core: int) -> Environ:
    """The environ keys that are the same for all requests of a thread (PEP 3333, and uWSGI's own)."""
    processes = settings.processes
    base: Environ = {
        "wsgi.version": (1, 0),
        "wsgi.errors": sys.stderr,
        "wsgi.run_once": False,
        "wsgi.multithread": processes.threads > 1,
        "wsgi.multiprocess": processes.processes > 1,
        "wsgi.file_wrapper": FileWrapper,
        "uwsgi.version": __version__.encode(),
        "uwsgi.node": platform.node().encode(),
    }
    if processes.threads > 1:
        base["uwsgi.core"] = core
    return base


def _memory_reporter(board: Scoreboard, wid: int) -> Callable[[], tuple[int, int]]:
    row = board.worker_row(wid)

    def report() -> tuple[int, int]:
        usage = process.memory_usage()
        board.cells[row + WorkerCell.RSS], board.cells[row + WorkerCell.VSZ] = usage
        return usage

    return report


def _log_renewer(site: Site) -> Callable[[], None]:
    """Reopens the log file when the master has counted a turn that this worker has not seen."""
    cells, turn = site.board.cells, Header.LOG_TURN.value
    seen = cells[turn]

    def renew() -> None:
        nonlocal seen
        if cells[turn] != seen:
            seen = cells[turn]
            reopen(site.log)

    return renew


def reopen(log: LogFile | None) -> None:
    """Open the log file anew; where that fails (a worker may lack the rights) the old one goes on being written."""
    if log is not None:
        try:
            log.open()
        except Exception as error:  # noqa: BLE001 - whatever it is, requests must go on
            print(error, file=sys.stderr)


_SIGNALS = (signal.SIGHUP, signal.SIGTSTP, signal.SIGINT, signal.SIGTERM, signal.SIGQUIT)


def _handle_signals(
    loop: Loop, board: Scoreboard, wid: int, renew: Callable[[], None], end: Callable[[int], None]
) -> None:
    """HUP ends after the running requests, INT, TERM and QUIT at once.

    TSTP looks at the scoreboard: whether the master paused us, and whether the log is to be opened anew.

    Each is acted on twice, by the handler that the interpreter runs in the main thread and by whichever thread waits in
    the loop: a main thread in compiled code runs no handler, one in a long request reads no pipe.
    """
    row = board.worker_row(wid)

    def act(number: int) -> None:
        # The pipe has the numbers of all handled signals, those of the application among them.
        if number not in _SIGNALS:
            return
        if number == signal.SIGHUP:
            loop.stop()
        elif number == signal.SIGTSTP:
            renew()
            paused = board.header(Header.PAUSED)
            loop.pause(bool(paused))
            board.cells[row + WorkerCell.ACCEPTING] = 1 - paused
        else:
            end(ExitCode.END)

    def handle(number: int, _frame: object) -> None:
        board.cells[row + WorkerCell.SIGNALS] += 1
        # Pausing takes a lock, which no handler may: a thread that waits does it, or this one before it waits next.
        if number != signal.SIGTSTP:
            act(number)

    signal.set_wakeup_fd(loop.hear_signals(act), warn_on_full_buffer=False)
    os.register_at_fork(after_in_child=_forget_signals)
    process.handle_signals(dict.fromkeys(_SIGNALS, handle))


def _forget_signals() -> None:
    """Runs in: a process that the application forks.  What is sent to it is not for the worker, whose pipe it has."""
    signal.set_wakeup_fd(-1)
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_DFL)


def leave(status: int) -> int:
    """End the interpreter's life as a normal exit would: threads and executors finish, atexit functions run."""
    # The public way is to return from the main module, which a forked child cannot do (multiprocessing calls it, too).
    threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001
    atexit._run_exitfuncs()  # noqa: SLF001
    return status
