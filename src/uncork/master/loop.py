"""The master's loop: hear, let the planner decide, act.

    run
      Master.serve                      until the planner says Leave
        select                          FIFO | stats socket | a generation's channel | signals
        Master._feed                    event -> Planner.handle -> _perform for each action

Runs in: master.  Thin: what to do is decided in `plan`; how a thing is done lives below, in `system` and `control`.
Must not: import user code, sleep, or block on anything but its selector.
"""

import os
import selectors
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from uncork import __version__
from uncork.config.settings import Settings
from uncork.control import stats
from uncork.control.commands import Command, by_signal
from uncork.control.fifo import Fifo
from uncork.control.statsserver import StatsServer
from uncork.errors import UncorkError
from uncork.master import events
from uncork.master.plan import Planner
from uncork.scoreboard.board import Scoreboard
from uncork.scoreboard.schema import Header, WorkerCell
from uncork.supervise.channel import (
    Channel,
    Failed,
    Forked,
    ForkFailed,
    ForkWorker,
    Leave,
    Loaded,
    Message,
    Ready,
    ReopenLog,
)
from uncork.supervise.exits import Exit, ExitCode
from uncork.supervise.startup import Started, say
from uncork.system import listen, process
from uncork.system.notify import notify

# How often, in seconds, the FIFO is looked at: uWSGI's master cycle.
FIFO_CHECK = 1.0

# Stands for the pid of a template that could not be forked; `process.kill` refuses it.
NO_PROCESS = -1

# What a child runs: (settings, scoreboard, its end of the channel) -> exit status.
TemplateMain = Callable[[Settings, Started, Scoreboard, Channel], int]


@dataclass(slots=True)
class Family:
    """The master's side of a generation: how to talk to it, and where it writes."""

    channel: Channel
    board: Scoreboard
    settings: Settings
    apps: tuple[tuple[str, int], ...] = ()


class Master:
    """`read_settings` reads the configuration anew for a reload (raises UncorkError)."""

    def __init__(
        self, settings: Settings, started: Started, read_settings: Callable[[], Settings], template: TemplateMain
    ) -> None:
        self._settings = settings
        self._started = started
        self._read_settings = read_settings
        self._template = template
        self._planner = Planner(settings.processes.worker_reload_mercy)
        self._selector = selectors.DefaultSelector()
        self._families: dict[int, Family] = {}
        self._front: Family | None = None
        self._last_reload: dict[str, object] = {}
        self._reload_began = 0.0
        # Requests of generations that are gone, for each worker id.
        self._earlier: dict[int, int] = {}
        self._status: int | None = None
        self._fifo: Fifo | None = None
        self._next_fifo_check = 0.0
        # Why the FIFO could not be made anew, so that it is said once and not every second.
        self._fifo_complaint = ""
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._stats_server: StatsServer | None = None

    # ---- the loop ----------------------------------------------------------------------------------------------------

    def serve(self) -> int:
        """Bring the server up, keep it up, bring it down; the exit status.  Raises UncorkError if it cannot start."""
        self._open()
        say(f"spawned uWSGI master process (pid: {os.getpid()})")
        processes = self._settings.processes
        self._feed(events.Start(processes.processes, processes.threads))
        while self._status is None:
            for key, _ in self._selector.select(self._timeout()):
                key.data()
            self._reap()
            self._look_after_fifo()
            self._feed(events.Tick())
        self._close()
        say("goodbye to uWSGI.")
        return self._status

    def _timeout(self) -> float | None:
        times = [time for time in (self._planner.next_time(), self._next_fifo_check if self._fifo else None) if time]
        return max(0.0, min(times) - time.monotonic()) if times else None

    def _open(self) -> None:
        process.adopt_orphans()
        if self._settings.processes.master_fifo:
            self._fifo = Fifo(self._settings.processes.master_fifo)
            self._selector.register(self._fifo.fd, selectors.EVENT_READ, self._read_fifo)
        if self._started.stats is not None:
            sock = self._started.stats.sock
            self._stats_server = StatsServer(sock, self._selector, self._stats, self._settings.stats.stats_http)
            say(f"*** Stats server enabled on {self._started.stats.address} fd: {sock.fileno()} ***")
        self._selector.register(self._wake_read, selectors.EVENT_READ, self._read_signals)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        process.handle_signals({signal.SIGCHLD: lambda _number, _frame: None})

    def _close(self) -> None:
        signal.set_wakeup_fd(-1)
        if self._fifo is not None:
            self._fifo.remove()
        if self._stats_server is not None:
            self._stats_server.close()
        self._selector.close()
        os.close(self._wake_read)
        os.close(self._wake_write)
        self._started.finish(self._settings.processes.vacuum)

    def _leave_to_child(self, own: Channel) -> None:
        """Close what is the master's alone.  Runs in: template, right after its fork."""
        own.close()
        for family in self._families.values():
            family.channel.close()
        if self._fifo is not None:
            self._fifo.close()
        if self._stats_server is not None:
            self._stats_server.close()
        if self._started.pidfile is not None:
            self._started.pidfile.close()
        self._selector.close()
        os.close(self._wake_read)
        os.close(self._wake_write)

    # ---- what is heard -----------------------------------------------------------------------------------------------

    def _feed(self, event: events.Event) -> None:
        stopping = self._planner.stopping
        for action in self._planner.handle(event, time.monotonic()):
            self._perform(action)
        if stopping is None and self._planner.stopping is not None:
            notify("STOPPING=1")

    def _read_signals(self) -> None:
        try:
            numbers = os.read(self._wake_read, 512)
        except BlockingIOError:
            return
        for number in numbers:
            command = by_signal(number, self._settings.processes.die_on_term)
            if command is not None:
                self._feed(events.Asked(command))

    def _read_fifo(self) -> None:
        if self._fifo is not None:
            for command in self._fifo.read():
                self._feed(events.Asked(command))

    def _look_after_fifo(self) -> None:
        """Bring a FIFO back that somebody removed."""
        now = time.monotonic()
        if self._fifo is None or now < self._next_fifo_check:
            return
        self._next_fifo_check = now + FIFO_CHECK
        if self._fifo.intact():
            return
        self._selector.unregister(self._fifo.fd)
        try:
            self._fifo.renew()
            self._fifo_complaint = ""
        except UncorkError as error:
            if str(error) != self._fifo_complaint:
                self._fifo_complaint = str(error)
                say(str(error))
        self._selector.register(self._fifo.fd, selectors.EVENT_READ, self._read_fifo)

    def _reap(self) -> None:
        for pid, status in process.reap():
            # The dead cannot speak any more, but what they said before is still on its way.
            for number in list(self._families):
                self._hear(number)
            self._feed(events.ChildEnded(pid, Exit.from_status(status)))

    def _hear(self, number: int) -> None:
        """Everything that generation `number` has to say by now."""
        family = self._families.get(number)
        while family is not None:
            try:
                message = family.channel.receive()
            except BlockingIOError:
                return
            if message is None:
                self._unhear(family)
                return
            self._heard(number, family, message)

    def _unhear(self, family: Family) -> None:
        """Stop listening to a generation that has closed its end."""
        try:
            self._selector.unregister(family.channel)
        except KeyError:
            pass

    def _heard(self, number: int, family: Family, message: Message) -> None:
        match message:
            case Loaded():
                family.apps = message.apps
                self._feed(events.TemplateLoaded(number))
            case Failed():
                self._feed(events.TemplateFailed(number, message.reason))
            case Forked():
                self._feed(events.WorkerForked(number, message.wid, message.pid))
            case ForkFailed():
                self._feed(events.WorkerNotForked(number, message.wid, message.reason))
            case Ready():
                self._feed(events.WorkerReady(number, message.wid, message.pid))
            case _:
                pass

    # ---- what is done ------------------------------------------------------------------------------------------------

    def _perform(self, action: events.Action) -> None:  # noqa: C901 - one line for each kind of action
        match action:
            case events.StartTemplate():
                self._start_template(action.generation, action.workers)
            case events.ForkWorker():
                self._families[action.generation].channel.send(ForkWorker(action.wid))
            case events.Kill():
                process.kill(action.pid, action.signal)
            case events.Serving():
                self._serving(action.generation)
            case events.DismissTemplate():
                self._families[action.generation].channel.send(Leave())
            case events.Forget():
                self._forget(action.generation)
            case events.WorkerGone():
                self._bury(action.generation, action.wid)
            case events.ReadSettings():
                self._reread()
            case events.SetPaused():
                self._set_paused(action.paused)
            case events.Perform():
                self._carry_out(action.command)
            case events.Say():
                say(action.text)
            case events.ReloadEnded():
                self._reload_ended(action.error)
            case events.Leave():
                self._status = action.status

    def _start_template(self, number: int, workers: int) -> None:
        settings = self._settings
        board = Scoreboard(workers, settings.processes.threads, max(1, 1 + len(settings.python.mount)))
        ours, theirs = Channel.pair()
        board.set_header(Header.PAUSED, int(self._planner.paused))
        board.set_header(Header.EARLIER_REQUESTS, self._total_requests())

        def main() -> int:
            self._leave_to_child(ours)
            return self._template(settings, self._started, board, theirs)

        try:
            pid = process.fork(main)
        except OSError as error:
            say(f"cannot fork: {error.strerror}")
            pid = NO_PROCESS
        theirs.close()
        self._families[number] = Family(ours, board, settings)
        self._selector.register(ours, selectors.EVENT_READ, lambda: self._hear(number))
        self._feed(events.TemplateStarted(number, pid))
        if pid == NO_PROCESS:
            self._feed(events.TemplateFailed(number, "the system gives no further process"))
            self._feed(events.ChildEnded(NO_PROCESS, Exit(ExitCode.FAILED, 0)))

    def _serving(self, number: int) -> None:
        first = self._front is None
        self._front = self._families[number]
        if first:
            self._next_fifo_check = time.monotonic() + FIFO_CHECK
        notify("READY=1", f"STATUS=serving with {self._front.board.workers} workers")

    def _forget(self, number: int) -> None:
        family = self._families.pop(number)
        self._unhear(family)
        family.channel.close()
        for wid in range(1, family.board.workers + 1):
            served = sum(family.board.requests(wid, core) for core in range(family.board.cores))
            self._earlier[wid] = self._earlier.get(wid, 0) + served
        if family is self._front:
            self._front = None
        family.board.close()
        for left in self._families.values():
            left.board.set_header(Header.EARLIER_REQUESTS, sum(self._earlier.values()))

    def _bury(self, number: int, wid: int) -> None:
        """A dead worker serves no request and accepts none, whatever it wrote last."""
        board = self._families[number].board
        for core in range(board.cores):
            board.clear_core(wid, core)
        board.cells[board.worker_row(wid) + WorkerCell.ACCEPTING] = 0

    def _reread(self) -> None:
        """Read the configuration anew, from the directory that the first one was read in."""
        self._reload_began = time.monotonic()
        notify("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
        # By descriptor: the way back must not depend on a path that a deploy may have removed.
        here = os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.chdir(self._started.origin)
            settings = self._read_settings()
        except (UncorkError, OSError) as error:
            self._feed(events.SettingsRefused(str(error)))
            return
        finally:
            os.fchdir(here)
            os.close(here)
        for name in restart_options(self._settings, settings):
            say(f"{settings.origin(name)}: {name} has changed; that takes effect when the server is started anew")
        self._settings = settings
        self._planner.mercy = settings.processes.worker_reload_mercy
        self._feed(events.SettingsRead(settings.processes.processes, settings.processes.threads))

    def _reload_ended(self, error: str) -> None:
        self._last_reload = {
            "ok": int(not error),
            "at": int(time.time()),
            "seconds": int(time.monotonic() - self._reload_began),
            "error": error,
        }
        if error:
            # The service manager waits for it either way: what serves is what served before.
            notify("READY=1", f"STATUS=reload failed: {error.splitlines()[-1]}")

    def _set_paused(self, paused: bool) -> None:
        for family in self._families.values():
            family.board.set_header(Header.PAUSED, int(paused))
        self._wake_workers()

    def _wake_workers(self) -> None:
        """Have every worker look at the scoreboard's header."""
        for generation in self._planner.generations.values():
            for worker in generation.workers.values():
                if worker.pid:
                    process.kill(worker.pid, signal.SIGTSTP)

    def _carry_out(self, command: Command) -> None:
        try:
            if command is Command.STATS:
                self._say_stats()
            elif command in {Command.REOPEN_LOG, Command.ROTATE_LOG}:
                self._renew_log(rotate=command is Command.ROTATE_LOG)
            elif command is Command.PIDFILE and self._started.pidfile is not None:
                self._started.pidfile.write(os.getpid())
        except UncorkError as error:
            say(str(error))

    def _renew_log(self, rotate: bool) -> None:
        if self._started.log is None:
            say("there is no log file to reopen (logto = FILE makes one)")
            return
        if rotate:
            name = self._started.log.rotate()
            say(f"logsize: the log so far is {name}")
        else:
            self._started.log.open()
        for family in self._families.values():
            family.board.set_header(Header.LOG_TURN, family.board.header(Header.LOG_TURN) + 1)
            family.channel.send(ReopenLog())
        self._wake_workers()
        say("log reopened")

    # ---- what is told ------------------------------------------------------------------------------------------------

    def _total_requests(self) -> int:
        return sum(self._earlier.values()) + sum(family.board.total_requests() for family in self._families.values())

    def _facts(self) -> stats.ServerFacts:
        sockets = [stats.SocketFacts(str(bound.address), *listen.queue(bound.sock)) for bound in self._started.bound]
        apps = self._front.apps if self._front is not None else ()
        return stats.ServerFacts(
            version=__version__,
            pid=os.getpid(),
            uid=os.getuid(),
            gid=os.getgid(),
            cwd=self._started.directory,
            monotonic=time.monotonic(),
            epoch=time.time(),
            sockets=sockets,
            workers=self._worker_facts(),
            apps=[
                stats.AppFacts(number, mount, took, self._started.directory)
                for number, (mount, took) in enumerate(apps)
            ],
            extra={"last_reload": self._last_reload} if self._last_reload else {},
        )

    def _worker_facts(self) -> list[stats.WorkerFacts]:
        front = self._planner.front
        if front is None or self._front is None:
            return []
        status = "pause" if self._planner.paused else "idle"
        return [
            stats.WorkerFacts(
                wid=worker.wid,
                pid=worker.pid,
                status=status if worker.pid else "cheap",
                respawns=worker.respawns + 1,
                board=self._front.board,
                earlier=self._earlier.get(worker.wid, 0),
            )
            for worker in front.workers.values()
        ]

    def _stats(self) -> bytes:
        options = self._settings.stats
        values = stats.tree(self._facts(), cores=not options.stats_no_cores, unsafe_vars=options.stats_unsafe_vars)
        return stats.render(values, options.stats_minified)

    def _say_stats(self) -> None:
        facts = self._facts()
        say(f"*** {len(facts.workers)} workers, {self._total_requests()} requests ***")
        for line in stats.lines(facts):
            say(line)


# Options of what the master opened once, before its first worker.
_OPENED_ONCE: dict[str, tuple[str, ...]] = {
    "sockets": ("socket", "chmod_socket", "chown_socket", "listen"),
    "processes": ("uid", "gid", "master_fifo", "pidfile"),
    "logging": ("logto",),
    "stats": ("stats", "stats_http"),
}


def restart_options(before: Settings, after: Settings) -> list[str]:
    """Names of the options that differ and that a reload does not change."""
    return [
        field.replace("_", "-")
        for group, fields in _OPENED_ONCE.items()
        for field in fields
        if getattr(getattr(before, group), field) != getattr(getattr(after, group), field)
    ]
