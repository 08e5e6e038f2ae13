"""The template of a generation: it imports the application once, then forks a worker whenever the master asks.

    main
      begin                                       searchpath, aliases, shared-import
      prepare                                     hooks pre-app, apploader.load_apps, hooks post-app
      Loaded | Failed                             to the master
      ForkWorker -> _fork_worker                  until Leave, or the master is gone

A worker is forked twice, so that it becomes the master's child and not the template's; to fork it costs milliseconds
and shares all that the application loaded.  Must not: serve requests, or run threads of its own.

Runs in: template, a fork of the master, which has never seen user code.
"""

import gc
import itertools
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from uncork.config.settings import Settings
from uncork.errors import AppLoadError, UncorkError
from uncork.scoreboard.board import Scoreboard
from uncork.supervise.channel import (
    REASON_SIZE,
    Channel,
    Failed,
    Forked,
    ForkFailed,
    ForkWorker,
    Loaded,
    Modified,
    Ready,
    ReopenLog,
    Spent,
    Stopped,
    WorkerFailed,
    packed_size,
)
from uncork.supervise.exits import ExitCode
from uncork.supervise.hookactions import run_hooks
from uncork.supervise.startup import Started, apply_env, become, name_process, say
from uncork.system import process
from uncork.system.deathsignal import tie_to_parent
from uncork.system.privileges import Moment
from uncork.system.proctitle import Titles
from uncork.worker import appstreams, preload, searchpath
from uncork.worker.apploader import load_apps
from uncork.worker.modules import ModuleWatch, files_of
from uncork.worker.mounts import App
from uncork.worker.place import Marks, Place, Site
from uncork.worker.process import leave, reopen, serve
from uncork.worker.uwsgimodule import install

# What ends a worker that is still importing.
_ENDS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGQUIT)

# Bytes of the names of files to look at after a failed import, its nearest ones: they share a packet with the reason.
FILES_SIZE = 32768


def main(settings: Settings, started: Started, board: Scoreboard, channel: Channel) -> int:
    """The template's life; its exit status."""
    # Signals of a terminal reach the whole group; what they mean is the master's business.
    process.handle_signals({})
    # The master asks like this where an import hangs.
    process.dump_stacks_at(signal.SIGUSR2)
    appstreams.install()
    name_process(settings, Titles.template)
    apply_env(settings.processes.env)
    sockets = tuple((bound.sock, str(bound.address)) for bound in started.bound)
    site = Site(
        settings,
        sockets,
        board,
        started.log,
        install(settings, os.getppid()),
        watch_of(settings),
        Marks(board.slots),
    )
    lazy = settings.reload.lazy_apps
    try:
        enter(settings.processes.chdir, started.origin)
        if lazy and begins_lazy(settings):
            begin(site)
        apps = [] if lazy else prepare(site)
    except AppLoadError as error:
        say(str(error))
        channel.send(Failed(str(error)[-REASON_SIZE:], _nearest(files_of(error))))
        return ExitCode.FAILED_APP
    channel.send(Loaded(_facts(apps)))
    while True:
        message = channel.receive()
        if isinstance(message, ForkWorker):
            _fork_worker(site, channel, None if lazy else apps, message)
        elif isinstance(message, ReopenLog):
            reopen(site.log)
        else:
            return ExitCode.OK


def _nearest(files: list[str]) -> tuple[str, ...]:
    """As many as fit."""
    sizes = itertools.accumulate(packed_size(file) for file in files)
    return tuple(file for file, size in zip(files, sizes, strict=True) if size <= FILES_SIZE)


def _facts(apps: list[App]) -> tuple[tuple[str, int], ...]:
    return tuple((app.mountpoint, app.startup_time) for app in apps)


def enter(directory: str | None, origin: str, option: str = "chdir") -> None:
    """Change to the directory of option `chdir` once more: since the start a link may lead to the next release.

    Or to that of `chdir2`.  Raises AppLoadError.
    """
    if directory is not None:
        try:
            os.chdir(os.path.join(origin, directory))
        except OSError as error:
            raise AppLoadError(f"{option} = {directory}: {str(error.strerror).lower()}") from None


def begins_lazy(settings: Settings) -> bool:
    """Whether the template begins for all workers although each of them imports the app for itself."""
    return bool(settings.python.shared_import)


def begin(site: Site) -> None:
    """What comes before the app, once for all workers.  Raises AppLoadError."""
    python = site.settings.python
    _become(site.settings, Moment.BEFORE_APPS)
    preload.set_arguments(python.pyargv)
    for line in searchpath.prepare(python.pythonpath, python.home):
        say(line)
    preload.aliases(python.pymodule_alias, "pymodule-alias")
    preload.imports(python.shared_import, "shared-import", say)


def prepare(site: Site, begun: bool = False) -> list[App]:
    """Import the applications and settle the heap for forking.  Raises AppLoadError."""
    settings, python = site.settings, site.settings.python
    if not begun:
        begin(site)
    _do_hooks(settings, "pre-app")
    preload.imports(python.import_, "import", say)
    apps = load_apps(python, say)
    preload.aliases(python.post_pymodule_alias, "post-pymodule-alias")
    _do_hooks(settings, "post-app")
    _become(settings, Moment.AFTER_APPS)
    # What the import left behind is freed now; what stays is never looked at by the collector again, so that its pages
    # stay shared between the workers (gc.freeze, Python 3.7).
    gc.collect()
    gc.freeze()
    if site.watch is not None:
        site.watch.snapshot()
    enter(settings.processes.chdir2, os.getcwd(), "chdir2")
    return apps


def _do_hooks(settings: Settings, moment: str) -> None:
    try:
        run_hooks(settings, moment)
    except UncorkError as error:
        raise AppLoadError(str(error)) from None


def _become(settings: Settings, moment: Moment) -> None:
    try:
        become(settings, moment)
    except UncorkError as error:
        raise AppLoadError(str(error)) from None
    # A change of user has cleared it (prctl(2)).
    tie_to_parent(signal.SIGKILL)


def watch_of(settings: Settings) -> ModuleWatch | None:
    """What looks at the application's files, if py-autoreload wants that."""
    return ModuleWatch(settings.touch.py_auto_reload_ignore) if settings.touch.py_autoreload else None


def _watch_modules(watch: ModuleWatch, interval: int, modified: Callable[[str], None]) -> None:
    """Look every `interval` seconds.  Runs in: a thread of one worker, which has seen all imports."""
    while True:
        time.sleep(interval)
        path = watch.changed()
        if path is not None:
            modified(path)


def _fork_worker(site: Site, channel: Channel, apps: list[App] | None, order: ForkWorker) -> None:
    """Fork a worker as an orphan, which the master adopts."""
    try:
        between = process.fork(lambda: _fork_again(site, channel, apps, order))
    except OSError as error:
        channel.send(ForkFailed(order.slot, str(error.strerror)))
        return
    try:
        os.waitpid(between, 0)
    except ChildProcessError:
        pass  # the application ignores SIGCHLD, and the kernel has reaped it


def _fork_again(site: Site, channel: Channel, apps: list[App] | None, order: ForkWorker) -> int:
    """Runs in: the process between template and worker, which only lives to orphan the worker."""
    between = os.getpid()

    def worker() -> int:
        # By then the master has been told of this worker, so that nothing the worker says itself can overtake that, and
        # is its parent.
        process.wait_for_end(between)
        return _worker(site, channel, apps, order)

    try:
        pid = process.fork(worker)
    except OSError as error:
        channel.send(ForkFailed(order.slot, str(error.strerror)))
        return ExitCode.FAILED
    channel.send(Forked(order.slot, pid))
    return ExitCode.OK


@dataclass(frozen=True, slots=True)
class _Word:
    """What a worker has to tell the master.  Runs in: worker."""

    channel: Channel
    slot: int
    pid: int

    def spent(self, reason: str) -> None:
        self.channel.send(Spent(self.slot, self.pid, reason))

    def stopped(self) -> None:
        self.channel.send(Stopped(self.slot, self.pid))

    def failed(self, reason: str, files: tuple[str, ...] = ()) -> None:
        say(reason)
        last = reason.strip().rpartition("\n")[2][-REASON_SIZE:]
        self.channel.send(WorkerFailed(self.slot, self.pid, last, files))

    def failed_late(self, reason: str) -> None:
        self.failed(reason)
        os._exit(ExitCode.FAILED_APP)

    def modified(self, path: str) -> None:
        self.channel.send(Modified(path))


def _worker(site: Site, channel: Channel, apps: list[App] | None, order: ForkWorker) -> int:
    """Runs in: worker.  `apps` None: it imports for itself (lazy-apps)."""
    word = _Word(channel, order.slot, os.getpid())

    def ready() -> None:
        site.done.add(order.wid)
        channel.send(Ready(word.slot, word.pid, _facts(loaded)))

    tie_to_parent(signal.SIGHUP)
    try:
        name_process(site.settings, lambda titles: titles.worker(order.wid))
        loaded = _load_late(site) if apps is None else apps
        # A change of user has cleared it (prctl(2)).
        tie_to_parent(signal.SIGHUP)
        if site.watch is not None and order.wid == 1:
            interval = site.settings.touch.py_autoreload
            threading.Thread(target=_watch_modules, args=(site.watch, interval, word.modified), daemon=True).start()
        place = Place(
            order.slot,
            order.wid,
            channel.fileno(),
            ready,
            word.spent,
            probe=site.settings.reload.probe if order.probe else None,
            stopped=word.stopped,
            failed=word.failed_late,
            first=order.wid not in site.done,
        )
        return leave(serve(site, loaded, place))
    except AppLoadError as error:
        word.failed(str(error), _nearest(files_of(error)))
        return ExitCode.FAILED_APP


def _load_late(site: Site) -> list[App]:
    """Runs in: worker (lazy-apps).  Raises AppLoadError."""
    # The import may take long, or hang; there is nothing yet that would have to be finished.
    process.handle_signals(dict.fromkeys(_ENDS, lambda _number, _frame: os._exit(ExitCode.END)))
    process.dump_stacks_at(signal.SIGUSR2)
    return prepare(site, begins_lazy(site.settings))
