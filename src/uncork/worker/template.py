"""The template of a generation: it imports the application once, then forks a worker whenever the master asks.

    main
      searchpath.prepare, apploader.load_apps     user code
      Loaded | Failed                             to the master
      ForkWorker -> _fork_worker                  until Leave, or the master is gone

A worker is forked twice, so that it becomes the master's child and not the template's; to fork it costs milliseconds
and shares all that the application loaded.  Must not: serve requests, or run threads of its own.

Runs in: template, a fork of the master, which has never seen user code.
"""

import gc
import os

from uncork.config.settings import Settings
from uncork.errors import AppLoadError
from uncork.scoreboard.board import Scoreboard
from uncork.supervise.channel import (
    REASON_SIZE,
    Channel,
    Failed,
    Forked,
    ForkFailed,
    ForkWorker,
    Loaded,
    Ready,
    ReopenLog,
)
from uncork.supervise.exits import ExitCode
from uncork.supervise.startup import Started, apply_env, say
from uncork.system import process
from uncork.worker import searchpath
from uncork.worker.apploader import load_apps
from uncork.worker.mounts import App
from uncork.worker.process import Site, leave, reopen, serve


def main(settings: Settings, started: Started, board: Scoreboard, channel: Channel) -> int:
    """The template's life; its exit status."""
    # Signals of a terminal reach the whole group; what they mean is the master's business.
    process.handle_signals({})
    apply_env(settings.processes.env)
    site = Site(settings, tuple((bound.sock, str(bound.address)) for bound in started.bound), board, started.log)
    try:
        enter(settings.processes.chdir, started.origin)
        apps = prepare(site)
    except AppLoadError as error:
        say(str(error))
        channel.send(Failed(str(error)[-REASON_SIZE:]))
        return ExitCode.FAILED_APP
    channel.send(Loaded(tuple((app.mountpoint, app.startup_time) for app in apps)))
    while True:
        message = channel.receive()
        if isinstance(message, ForkWorker):
            _fork_worker(site, channel, apps, message.wid)
        elif isinstance(message, ReopenLog):
            reopen(site.log)
        else:
            return ExitCode.OK


def enter(directory: str | None, origin: str) -> None:
    """Change to the directory of option `chdir` once more: since the start a link may lead to the next release.

    Raises AppLoadError.
    """
    if directory is not None:
        try:
            os.chdir(os.path.join(origin, directory))
        except OSError as error:
            raise AppLoadError(f"chdir = {directory}: {str(error.strerror).lower()}") from None


def prepare(site: Site) -> list[App]:
    """Import the applications and settle the heap for forking.  Raises AppLoadError."""
    python = site.settings.python
    for line in searchpath.prepare(python.pythonpath, python.home):
        say(line)
    apps = load_apps(python, say)
    # What the import left behind is freed now; what stays is never looked at by the collector again, so that its pages
    # stay shared between the workers (gc.freeze, Python 3.7).
    gc.collect()
    gc.freeze()
    return apps


def _fork_worker(site: Site, channel: Channel, apps: list[App], wid: int) -> None:
    """Fork worker `wid` as an orphan, which the master adopts."""
    try:
        between = process.fork(lambda: _fork_again(site, channel, apps, wid))
    except OSError as error:
        channel.send(ForkFailed(wid, str(error.strerror)))
        return
    try:
        os.waitpid(between, 0)
    except ChildProcessError:
        pass  # the application ignores SIGCHLD, and the kernel has reaped it


def _fork_again(site: Site, channel: Channel, apps: list[App], wid: int) -> int:
    """Runs in: the process between template and worker, which only lives to orphan the worker."""
    gate_read, gate_write = os.pipe()

    def worker() -> int:
        os.close(gate_write)
        # Opens when the process between is gone: by then the master has been told of this worker, so that nothing the
        # worker says itself can overtake that.
        os.read(gate_read, 1)
        os.close(gate_read)
        return _worker(site, channel, apps, wid)

    try:
        pid = process.fork(worker)
    except OSError as error:
        channel.send(ForkFailed(wid, str(error.strerror)))
        return ExitCode.FAILED
    channel.send(Forked(wid, pid))
    return ExitCode.OK


def _worker(site: Site, channel: Channel, apps: list[App], wid: int) -> int:
    """Runs in: worker."""

    def ready() -> None:
        channel.send(Ready(wid, os.getpid()))

    return leave(serve(site, apps, wid, channel.fileno(), ready))
