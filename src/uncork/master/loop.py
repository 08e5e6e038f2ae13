"""The master's loop: hear, let the planner decide, act.

    run
      Master.serve                      until the planner says Leave
        select                          doors (FIFO, control socket, statistics) | a generation's channel | signals
        Master._feed                    event -> Planner.handle -> _perform for each action
        Master._tick                    the parts that want to be called by the clock

Runs in: master.  Thin: what to do is decided in `plan`; how a thing is done lives in the parts beside and below.
Must not: import user code, sleep, or block on anything but its selector.
"""

import os
import selectors
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from uncork.config.settings import Settings
from uncork.control import stats
from uncork.control.commands import REPLIES, Command
from uncork.control.hooks import signal_commands
from uncork.control.status import status
from uncork.errors import UncorkError
from uncork.master import events
from uncork.master.alarms import AlarmBell
from uncork.master.cron import CronTable
from uncork.master.doors import Doors
from uncork.master.errands import Errands
from uncork.master.facts import server_facts
from uncork.master.family import Family
from uncork.master.harakiri import HarakiriWatch
from uncork.master.logrelay import LogRelay
from uncork.master.logsieves import alarm_rules
from uncork.master.logsize import SizeWatch
from uncork.master.measure import Measure
from uncork.master.nursery import Nursery, TemplateMain
from uncork.master.part import Part
from uncork.master.plan import Planner
from uncork.master.reloads import Reloads
from uncork.master.slots import Generation
from uncork.master.staffing import Staffing
from uncork.master.touches import Touches
from uncork.master.vitals import Vitals
from uncork.master.wants import wants_of
from uncork.master.watchdog import extension
from uncork.scoreboard.ledger import Ledger
from uncork.scoreboard.schema import Header
from uncork.supervise import channel as words
from uncork.supervise.exits import Exit
from uncork.supervise.logs import log_owner
from uncork.supervise.startup import Started, name_process, say
from uncork.system import process
from uncork.system.listen import Bound, stop_newcomers
from uncork.system.notify import notify

# Seconds beyond boot-timeout until the server has said that it cannot start.
OVERTIME = 10

# Sockets that can be told to be emptied: bits of a cell of the scoreboard, without its sign.
MOST_CLOSED = 63


class Master:
    """`read_settings` reads the configuration anew for a reload (raises UncorkError)."""

    def __init__(
        self, settings: Settings, started: Started, read_settings: Callable[[], Settings], template: TemplateMain
    ) -> None:
        self._settings = settings
        self._started = started
        self._front: Family | None = None
        self._status: int | None = None
        self._serving_status = ""
        self._commands = signal_commands(settings)
        self._selector, self._wake_read, self._wake_write = _hearing()
        limit = settings.logging.log_maxsize
        self._size = None if started.log is None or limit is None else SizeWatch(started.log, limit)
        self._relay = LogRelay(
            self._selector,
            settings.logging,
            log_owner(settings),
            alarm_rules(settings),
            self._ring,
        )
        self._errands = Errands(self._relay.stand_in)
        self._bell = AlarmBell(settings, self._selector, self._errands, self._relay.note)
        self._planner = Planner()
        # Events to handle, the one that is being handled first.
        self._events: deque[events.Event] = deque()
        self._ledger = Ledger()
        self._reloads = Reloads(read_settings)
        self._doors = Doors(self._selector, self._ask, self._describe, self._stats_tree, self._stats)
        self._touches = Touches(settings, started.directory, self._ask, self._errands)
        self._nursery = Nursery(
            self._selector, template, self._ledger, self._feed, self._leave_to_child, self._touches.watch_broken
        )
        self._harakiri = HarakiriWatch(self._nursery.families, self._planner.generations, self._feed)
        self._measure = Measure(settings, lambda: self._planner.front, self._feed)
        self._vitals = Vitals(settings, self._in_front, self._bound, self._bell.queue_full)
        self._cron = CronTable(settings, self._errands, lambda: self._planner.front is not None)
        self._staffing = Staffing(
            settings,
            self._selector,
            self._ledger,
            self._in_front,
            self._bound,
            lambda workers: self._feed(events.Wanted(workers)),
            lambda: self._ask(Command.STOP),
        )

    # ---- the loop ----------------------------------------------------------------------------------------------------

    def serve(self) -> int:
        """Bring the server up, keep it up, bring it down; the exit status.  Raises UncorkError if it cannot start."""
        try:
            return self._serve()
        finally:
            self._errands.close()
            self._relay.close()
            self._selector.close()

    def _serve(self) -> int:
        process.adopt_orphans()
        self._doors.open(self._settings, self._started)
        self._selector.register(self._wake_read, selectors.EVENT_READ, self._read_signals)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        process.handle_signals({signal.SIGCHLD: lambda _number, _frame: None})
        title = name_process(self._settings, lambda titles: titles.master())
        if title:
            say(title)
        say(f"spawned uWSGI master process (pid: {os.getpid()})")
        self._take_over(self._settings)
        boot = self._settings.reload.boot_timeout
        if boot is not None:
            # The import has a time of its own; the service manager's must not cut it short.
            notify(extension(boot + OVERTIME))
        self._feed(events.Start(wants_of(self._settings, self._staffing.workers, first=True)))
        while self._status is None:
            for key, _ in self._selector.select(self._timeout()):
                key.data()
            self._reap()
            self._tick()
            self._feed(events.Tick())
        self._close()
        say("goodbye to uWSGI.")
        return self._status

    def _timeout(self) -> float | None:
        times = [self._planner.next_time(), *(part.next_time() for part in self._parts())]
        times.append(None if self._size is None else self._size.next_time())
        coming = [at for at in times if at is not None]
        return max(0.0, min(coming) - time.monotonic()) if coming else None

    def _tick(self) -> None:
        now = time.monotonic()
        for part in self._parts():
            part.tick(now)
        if self._size is not None and self._size.tick(now):
            self._ask(Command.ROTATE_LOG)

    def _parts(self) -> Iterator[Part]:
        yield from self._doors.parts()
        yield from (self._relay, self._harakiri, self._measure, self._touches, self._staffing, self._vitals)
        yield from (self._cron, self._bell, self._errands)

    def _close(self) -> None:
        # From here on a second signal must not end this process otherwise than the first one did.
        signal.pthread_sigmask(signal.SIG_BLOCK, process.HANDLED)
        signal.set_wakeup_fd(-1)
        self._doors.close()
        self._reloads.abandon(self._started)
        os.close(self._wake_read)
        os.close(self._wake_write)
        self._started.finish(self._settings.processes.vacuum)

    def _leave_to_child(self, started: Started) -> Started:
        """Close what is the master's alone; what `started` is below it.  Runs in: template, right after its fork."""
        self._relay.leave_to_child()
        self._doors.leave()
        started.pidfiles.close()
        self._selector.close()
        os.close(self._wake_read)
        os.close(self._wake_write)
        # What the relay carries nobody below has to open anew.
        return replace(started, log=None) if self._relay.carries_log else started

    # ---- what is heard -----------------------------------------------------------------------------------------------

    def _feed(self, event: events.Event) -> None:
        self._events.append(event)
        if len(self._events) > 1:
            return  # what an action brings waits for the actions behind it
        stopping = self._planner.stopping
        while self._events:
            for action in self._planner.handle(self._events[0], time.monotonic()):
                self._perform(action)
            self._events.popleft()
        if stopping is None and self._planner.stopping is not None:
            notify("STOPPING=1")
            self._errands.stop()
            self._staffing.stop()
            self._doors.stopping()

    def _ask(self, command: Command) -> None:
        """A command has come, by whichever way."""
        self._feed(events.Asked(command))

    def _ring(self, names: Sequence[str], line: bytes) -> None:
        """A line of the log raises alarms."""
        self._bell.ring(names, line)

    def _read_signals(self) -> None:
        try:
            numbers = os.read(self._wake_read, 512)
        except BlockingIOError:
            return
        for number in dict.fromkeys(numbers):
            if number in self._commands:
                self._ask(self._commands[number])

    def _reap(self) -> None:
        for pid, wait_status in process.reap():
            end = Exit.from_status(wait_status)
            if self._errands.ended(pid, end):
                continue
            # The dead cannot speak any more, but what they said before is still on its way.
            self._nursery.hear_all()
            self._bell.child_ended(pid, end, self._planner.generations)
            self._feed(events.ChildEnded(pid, end))

    # ---- what is done ------------------------------------------------------------------------------------------------

    def _perform(self, action: events.Action) -> None:  # noqa: C901 - one line for each kind of action
        match action:
            case events.StartTemplate():
                settings, started = self._reloads.coming or (self._settings, self._started)
                self._nursery.start(action, settings, started, self._started, self._planner.paused)
            case events.ForkWorker():
                self._nursery.fork_worker(action)
            case events.Kill():
                process.kill(action.pid, action.signal)
            case events.Serving():
                self._serving(action.generation)
            case events.DismissTemplate():
                self._nursery.families[action.generation].channel.send(words.Leave())
            case events.Forget():
                if self._nursery.forget(action.generation) is self._front:
                    self._front = None
            case events.WorkerGone():
                self._nursery.bury(action)
            case events.StopNewcomers():
                for family in self._nursery.families.values():
                    self._close_for(family, family.bound)
            case events.ReadSettings():
                self._reread()
            case events.SetPaused():
                self._nursery.set_header(Header.PAUSED, lambda _board: int(action.paused))
                self._wake_workers()
            case events.Perform():
                self._carry_out(action.command)
            case events.Say():
                say(action.text)
            case events.ReloadEnded():
                self._reloads.ended(action.error, self._started)
                # The service manager waits for it either way; after a failure what serves is what served before.
                error = f"STATUS=reload failed: {action.error.splitlines()[-1]}" if action.error else ""
                notify("READY=1", error or self._serving_status)
                self._doors.settle(Command.RELOAD, action.error)
            case events.CommandEnded():
                self._doors.settle(action.command, action.error)
            case events.Leave():
                self._status = action.status

    def _serving(self, number: int) -> None:
        before, self._front = self._front, self._nursery.families[number]
        was = (self._settings, self._started)
        coming = self._reloads.coming
        if before is not None and coming is not None:
            # Told before the old workers are asked to leave: they serve who waits there.
            self._close_for(before, [bound for bound in before.bound if bound not in coming[1].bound])
        self._staffing.unwatch()
        if self._reloads.swap(self._started) is not None and coming is not None:
            self._started = coming[1]
            self._doors.renew(was, coming)
            self._take_over(coming[0])
            if coming[0].logging.log_reopen and (self._started.log is not None or self._relay.has_files):
                self._ask(Command.REOPEN_LOG)
        self._serving_status = f"STATUS=serving with {len(self._planner.generations[number].workers)} workers"
        if before is None:
            notify("READY=1", self._serving_status)
        self._started.ready()
        try:
            self._started.pidfiles.ready(os.getpid())
        except UncorkError as error:
            say(str(error))
        self._feed(events.Wanted(self._staffing.workers))

    def _take_over(self, settings: Settings) -> None:
        """From now on these are the settings."""
        self._settings = settings
        self._commands = signal_commands(settings)
        self._relay.set(settings.logging, alarm_rules(settings))
        for part in (self._harakiri, self._measure, self._touches, self._vitals, self._staffing):
            part.set(settings)
        for own in (self._bell, self._cron):
            own.set(settings)

    def _close_for(self, family: Family, closed: Sequence[Bound]) -> None:
        """Let nobody new into the queues of these sockets; the workers of `family` will empty them before they go."""
        bits = 0
        for bit, bound in enumerate(family.bound):
            # A cell has no more bits; nobody has so many sockets.
            if bound in closed and stop_newcomers(bound) and bit < MOST_CLOSED:
                bits |= 1 << bit
        family.board.set_header(Header.CLOSED_SOCKETS, bits)

    def _reread(self) -> None:
        self._doors.reload_began()
        try:
            settings = self._reloads.begin(self._settings, self._started)
        except (UncorkError, OSError) as error:
            self._feed(events.SettingsRefused(str(error)))
            return
        self._feed(events.SettingsRead(wants_of(settings, self._staffing.workers_under(settings), first=False)))

    def _wake_workers(self) -> None:
        """Have every worker look at the scoreboard's header."""
        for generation in self._planner.generations.values():
            for worker in generation.workers.values():
                if worker.pid:
                    process.kill(worker.pid, signal.SIGTSTP)

    def _carry_out(self, command: Command) -> None:
        try:
            if command in REPLIES:
                say(REPLIES[command])
            elif command is Command.GO_CHEAP:
                self._staffing.go_cheap()
            elif command in {Command.CHEAPER_MORE, Command.CHEAPER_LESS}:
                self._staffing.ask(1 if command is Command.CHEAPER_MORE else -1)
            elif command is Command.STATS:
                self._say_stats()
            elif command in {Command.REOPEN_LOG, Command.ROTATE_LOG}:
                self._renew_log(rotate=command is Command.ROTATE_LOG)
            elif command is Command.PIDFILE:
                self._started.pidfiles.write_again(os.getpid())
        except UncorkError as error:
            say(str(error))
            self._doors.settle(command, str(error))

    def _renew_log(self, rotate: bool) -> None:
        log = self._started.log
        if log is None and not self._relay.has_files:
            raise UncorkError("there is no log file to reopen (logto = FILE makes one)")
        if log is not None and rotate:
            say(f"logsize: the log so far is {log.rotate()}")
        elif log is not None:
            log.open()
        self._nursery.set_header(Header.LOG_TURN, lambda board: board.header(Header.LOG_TURN) + 1)
        self._nursery.tell_all(words.ReopenLog())
        self._wake_workers()
        self._relay.renew(rotate)
        say("log reopened")

    # ---- what is told ------------------------------------------------------------------------------------------------

    def _in_front(self) -> tuple[Generation, Family] | None:
        front = self._planner.front
        return None if front is None or self._front is None else (front, self._front)

    def _bound(self) -> tuple[Bound, ...]:
        return self._started.bound

    def _facts(self) -> stats.ServerFacts:
        return server_facts(
            self._planner,
            self._front,
            self._ledger,
            self._harakiri.counts,
            self._started.bound,
            self._started.directory,
            {
                **self._cron.statistics(),
                "log_lost": self._relay.lost + self._ledger.log_lost,
                **({"last_reload": self._reloads.last} if self._reloads.last else {}),
            },
        )

    def _stats_tree(self) -> dict[str, object]:
        options = self._settings.stats
        return stats.tree(self._facts(), cores=not options.stats_no_cores, unsafe_vars=options.stats_unsafe_vars)

    def _stats(self) -> bytes:
        return stats.render(self._stats_tree(), self._settings.stats.stats_minified)

    def _describe(self) -> dict[str, object]:
        """What `uncork ctl status` is told."""
        started = self._started
        return status(
            self._facts(),
            self._settings,
            started.origin,
            fifos=self._doors.fifos,
            pidfiles=started.pidfiles.paths,
            stats="" if started.stats is None else str(started.stats.address),
            paused=self._planner.paused,
            stopping=self._planner.stopping is not None,
        )

    def _say_stats(self) -> None:
        facts = self._facts()
        say(f"*** {len(facts.workers)} workers, {self._nursery.total_requests()} requests ***")
        for line in stats.lines(facts):
            say(line)


def _hearing() -> tuple[selectors.BaseSelector, int, int]:
    """What the loop waits with: its selector, and both ends of the pipe that signals come by.  Raises UncorkError."""
    try:
        selector = selectors.DefaultSelector()
        return (selector, *os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC))
    except OSError as error:
        raise UncorkError(f"the master cannot start: {str(error.strerror).lower()}") from None
