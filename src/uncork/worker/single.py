"""The server without a master: one process that imports the application and serves (uWSGI without --master).

Runs in: the single process.  Nobody replaces it when it dies; signals mean what they mean to a worker, so TERM ends it
with status 30.
"""

import os
import signal
import threading
import time

from uncork.config.settings import Settings
from uncork.errors import AppLoadError
from uncork.scoreboard.board import Scoreboard
from uncork.scoreboard.schema import CoreCell
from uncork.supervise.exits import ExitCode
from uncork.supervise.startup import Started, name_process, say
from uncork.system import logwriter, process
from uncork.system.notify import notify
from uncork.worker import appstreams
from uncork.worker.place import Place, Site
from uncork.worker.process import leave, serve
from uncork.worker.template import prepare
from uncork.worker.uwsgimodule import install

# How often, in seconds, the requests are looked at, and how long an interrupted one has to answer.
LOOK = 0.1
GRACE = 0.3


def _watch_deadlines(board: Scoreboard, threads: int) -> None:
    """Interrupt requests that have taken too long (harakiri).  Runs in: a thread of its own.

    One that does not come out of it ends the process, as in uWSGI; whoever started the server starts it again.
    """
    struck: dict[int, int] = {}
    while True:
        time.sleep(LOOK)
        now = int(time.monotonic() * 1_000_000)
        for core in range(threads):
            row = board.core(1, core)
            if not (row[CoreCell.IN_REQUEST] and 0 < row[CoreCell.DEADLINE] <= now):
                continue
            if struck.get(core) != row[CoreCell.STARTED]:
                struck[core] = row[CoreCell.STARTED]
                say(f"*** HARAKIRI ON WORKER 1 (pid: {os.getpid()}, try: 1, graceful: yes) ***")
                os.kill(os.getpid(), signal.SIGUSR2)
            elif now - row[CoreCell.DEADLINE] > GRACE * 1_000_000:
                say(f"HARAKIRI !!! the process (pid: {os.getpid()}) ends: core {core} could not be interrupted")
                os.kill(os.getpid(), signal.SIGKILL)


def run(settings: Settings, started: Started) -> int:
    """Load and serve; the exit status."""
    logwriter.settle()
    appstreams.install()
    name_process(settings, lambda titles: titles.worker(1))
    say("*** running without a master: nobody replaces this process if it dies (master = true does) ***")
    threads = settings.processes.cores
    board = Scoreboard(1, threads, max(1, 1 + len(settings.python.mount)))
    sockets = tuple((bound.sock, str(bound.address)) for bound in started.bound)
    site = Site(settings, sockets, board, started.log, install(settings, masterpid=0))

    ending = threading.Lock()

    def end(status: int) -> None:
        # Each signal is heard twice, by its handler and in the loop, and another may follow.
        if ending.acquire(blocking=False):
            started.finish(settings.processes.vacuum)
            os._exit(status)

    # The import may take long, and Ctrl-C during it must not leave the socket behind.
    process.handle_signals(dict.fromkeys((signal.SIGINT, signal.SIGTERM, signal.SIGQUIT), lambda *_: end(ExitCode.END)))
    try:
        apps = prepare(site)
    except AppLoadError as error:
        say(str(error))
        started.finish(settings.processes.vacuum)
        return AppLoadError.exit_code

    if settings.harakiri.harakiri:
        # Without a master there is nobody to do it from outside.
        threading.Thread(target=_watch_deadlines, args=(board, threads), daemon=True).start()

    def ready() -> None:
        say(f"spawned uWSGI worker 1 (and the only) (pid: {os.getpid()}, cores: {threads})")
        notify("READY=1", "STATUS=serving without a master")
        started.pidfiles.ready(os.getpid())
        started.ready()

    def spent(reason: str) -> None:
        say(f"nobody replaces this process: {reason}")

    place = Place(1, 1, -1, ready, spent, end)
    status = leave(serve(site, apps, place))
    ending.acquire()
    started.finish(settings.processes.vacuum)
    say("goodbye to uWSGI.")
    return status
