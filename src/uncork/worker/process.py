"""A worker process: put the pieces together, serve, and end as the signals say.

    serve                               the life of a worker (or of the single process)
      _make, _core                      one for each thread
      _do_hooks                         hook-post-fork, then hook-accepting and its like
      core.Core.run                     until HUP, the master's death, or pause and stop

Runs in: worker, after the fork; in the single process, after the import.
"""

import atexit
import os
import platform
import signal
import sys
import threading
import time
from collections.abc import Callable

from uncork import __version__
from uncork.config.settings import Settings
from uncork.errors import AppLoadError, UncorkError
from uncork.scoreboard.board import Scoreboard
from uncork.scoreboard.cells import CoreCells
from uncork.scoreboard.schema import Header, WorkerCell
from uncork.supervise.exits import ExitCode
from uncork.supervise.hookactions import LIMIT, run_hooks
from uncork.system import logwriter, process
from uncork.system.logfile import LogFile
from uncork.system.logwriter import losses
from uncork.worker import native
from uncork.worker.core import Core
from uncork.worker.deadline import Interrupter
from uncork.worker.fitness import Fitness
from uncork.worker.listeners import listeners, terms
from uncork.worker.logformat import compile_format
from uncork.worker.loop import Limits, Loop
from uncork.worker.mounts import App, Mounts
from uncork.worker.place import Place, Site
from uncork.worker.probe import ask
from uncork.worker.requestlog import LogFilter, RequestLog
from uncork.wsgi.environ import Environ
from uncork.wsgi.filewrapper import FileWrapper

# Seconds that running requests may take to finish once the master is gone: it is to be succeeded soon.
OUTLIVE = 1.5


def serve(site: Site, apps: list[App], place: Place) -> int:
    """Serve until told to stop; the exit status.

    Raises AppLoadError if a hook fails, or the probe is not answered well.
    """
    native.settle()
    with native.unpatched():
        cores, loop = _make(site, apps, place)
    _do_hooks(site.settings, "post-fork")
    site.module.enter_worker(place.wid, cores)
    if place.probe is not None:
        ask(cores[0], place.probe, place.failed)
    for moment in place.moments():
        _do_hooks(site.settings, moment)
    loop.listen()
    paused = site.board.header(Header.PAUSED)
    loop.pause(bool(paused))
    site.board.cells[site.board.worker_row(place.slot) + WorkerCell.ACCEPTING] = 1 - paused
    place.ready()
    native.run(cores)
    site.module.leave_worker()
    return ExitCode.RELOAD


def _do_hooks(settings: Settings, moment: str) -> None:
    """Each in the time that a worker has to get ready: nobody else may have its place before."""
    try:
        run_hooks(settings, moment, settings.reload.boot_timeout or LIMIT)
    except UncorkError as error:
        raise AppLoadError(str(error)) from None


def _make(site: Site, apps: list[App], place: Place) -> tuple[list[Core], Loop]:
    """All that serves, from the cells of the scoreboard to the signals."""
    settings = site.settings
    sockets = settings.sockets
    loop = Loop(
        listeners(settings, site.sockets),
        # uWSGI's vector holds twice as many variables as max-vars says (core/protocol.c).
        Limits(sockets.buffer_size, sockets.max_vars * 2, sockets.socket_timeout * 1000),
    )
    row = site.board.worker_row(place.slot)
    cells = site.board.cells
    cells[row + WorkerCell.PID] = os.getpid()
    cells[row + WorkerCell.LAST_SPAWN] = int(time.time())
    _count_losses(cells, row + WorkerCell.LOG_LOST)
    mounts = Mounts(apps, settings.python.manage_script_name, not settings.http.no_default_app)
    renew = _log_renewer(site)
    fresh = Fitness(settings, place.wid, place.spent)
    cores = [_core(site, number, place, loop, mounts, renew, fresh) for number in range(site.board.cores)]
    loop.shared = len(cores) > 1
    loop.on_stopped = _stop_teller(cores, place.stopped, cells, row + WorkerCell.ACCEPTING)
    _handle_signals(loop, site.board, place, renew, cores)
    if place.master_fd >= 0:
        loop.watch(place.master_fd)
    return cores, loop


def _stop_teller(
    cores: list[Core], stopped: Callable[[], None], cells: memoryview, accepting: int
) -> Callable[[], None]:
    """Tells once that no thread takes anybody new: each has seen the stop, or will after the request that it is in."""
    told = False

    def tell() -> None:
        nonlocal told
        if not told and all(core.stopped or core.in_app for core in cores):
            told = True
            cells[accepting] = 0
            stopped()

    return tell


def _count_losses(cells: memoryview, cell: int) -> None:
    """Show in `cell` how many lines this worker could not write to the log."""

    def show(lines: int) -> None:
        cells[cell] = lines

    losses.begin(0, show)


def _core(
    site: Site, number: int, place: Place, loop: Loop, mounts: Mounts, renew: Callable[[], None], fitness: Fitness
) -> Core:
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
        logging.log_slow,
        logging.log_big,
        logging.log_sendfile,
        logging.log_ioerror,
    )
    return Core(
        number,
        place.wid,
        loop,
        mounts,
        CoreCells(site.board, place.slot, number, settings.harakiri.harakiri * 1_000_000),
        base_environ(settings, number),
        log_filter,
        RequestLog(micros, forwarded, memory, form),
        logging.ignore_write_errors or logging.ignore_sigpipe,
        _memory_reporter(site.board, place.slot) if memory or fitness.weighs else None,
        renew,
        fitness.requests,
        fitness.served,
        terms(settings),
    )


def base_environ(settings: Settings, core: int) -> Environ:
    """The environ keys that are the same for all requests of a thread (PEP 3333, and uWSGI's own)."""
    processes = settings.processes
    base: Environ = {
        "wsgi.version": (1, 0),
        "wsgi.errors": sys.stderr,
        "wsgi.run_once": False,
        "wsgi.multithread": processes.cores > 1,
        "wsgi.multiprocess": processes.processes > 1,
        "wsgi.file_wrapper": FileWrapper,
        "uwsgi.version": __version__.encode(),
        "uwsgi.node": platform.node().encode(),
    }
    if settings.http.wsgi_disable_file_wrapper:
        del base["wsgi.file_wrapper"]
    if processes.cores > 1:
        base["uwsgi.core"] = core
    return base


def _memory_reporter(board: Scoreboard, slot: int) -> Callable[[], tuple[int, int]]:
    row = board.worker_row(slot)

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
            logwriter.say(str(error))


_SIGNALS = (signal.SIGHUP, signal.SIGTSTP, signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGUSR2)


def _handle_signals(loop: Loop, board: Scoreboard, place: Place, renew: Callable[[], None], cores: list[Core]) -> None:
    """HUP ends after the running requests, INT, TERM and QUIT at once.

    TSTP looks at the scoreboard: whether the master paused us, and whether the log is to be opened anew.  USR2 writes
    the Python stack of every thread to the log and interrupts the requests that have taken too long.

    Each is acted on twice, by the handler that the interpreter runs in the main thread and by whichever thread waits in
    the loop: a main thread in compiled code runs no handler, one in a long request reads no pipe.
    """
    row = board.worker_row(place.slot)
    interrupter = Interrupter(list(cores))
    master = os.getppid()

    def act(number: int) -> None:
        # The pipe has the numbers of all handled signals, those of the application among them.
        if number not in _SIGNALS:
            return
        if number == signal.SIGHUP:
            loop.stop(board.header(Header.CLOSED_SOCKETS))
            loop.on_stopped()
            if place.master_fd >= 0 and os.getppid() != master:
                _outlive(place.end)
        elif number == signal.SIGTSTP:
            renew()
            if not loop.stopping:
                paused = board.header(Header.PAUSED)
                loop.pause(bool(paused))
                board.cells[row + WorkerCell.ACCEPTING] = 1 - paused
        elif number != signal.SIGUSR2:
            place.end(ExitCode.END)

    def handle(number: int, _frame: object) -> None:
        board.cells[row + WorkerCell.SIGNALS] += 1
        if number == signal.SIGUSR2:
            interrupter.strike()
        # Pausing takes a lock, which no handler may: a thread that waits does it, or this one before it waits next.
        elif number != signal.SIGTSTP:
            act(number)

    signal.set_wakeup_fd(loop.hear_signals(act), warn_on_full_buffer=False)
    os.register_at_fork(after_in_child=_forget_signals)
    process.handle_signals(dict.fromkeys(_SIGNALS, handle))
    process.dump_stacks_at(signal.SIGUSR2)


def _outlive(end: Callable[[int], None]) -> None:
    """The master is gone: what is running may finish, but not for long; nobody will come to end us."""
    timer = threading.Timer(OUTLIVE, end, (ExitCode.END,))
    timer.daemon = True
    timer.start()


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
