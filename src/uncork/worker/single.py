"""The server without a master: one process that imports the application and serves (uWSGI without --master).

Runs in: the single process.  Nobody replaces it when it dies; signals mean what they mean to a worker, so TERM ends it
with status 30.
"""

import os
import signal

from uncork.config.settings import Settings
from uncork.errors import AppLoadError
from uncork.scoreboard.board import Scoreboard
from uncork.supervise.exits import ExitCode
from uncork.supervise.startup import Started, say
from uncork.system import process
from uncork.system.notify import notify
from uncork.worker.process import Site, leave, serve
from uncork.worker.template import prepare


def run(settings: Settings, started: Started) -> int:
    """Load and serve; the exit status."""
    say("*** running without a master: nobody replaces this process if it dies (master = true does) ***")
    threads = settings.processes.threads
    board = Scoreboard(1, threads, max(1, 1 + len(settings.python.mount)))
    site = Site(settings, tuple((bound.sock, str(bound.address)) for bound in started.bound), board, started.log)

    def end(status: int) -> None:
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

    def ready() -> None:
        say(f"spawned uWSGI worker 1 (and the only) (pid: {os.getpid()}, cores: {threads})")
        notify("READY=1", "STATUS=serving without a master")

    status = leave(serve(site, apps, 1, -1, ready, end))
    started.finish(settings.processes.vacuum)
    say("goodbye to uWSGI.")
    return status
