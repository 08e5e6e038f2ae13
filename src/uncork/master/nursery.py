"""Bring generations up and listen to them: fork a template, pass orders on, turn words into events.

Runs in: master.  What shall be forked is decided in `plan`.
"""

import selectors
import signal
from collections.abc import Callable, Iterator
from functools import partial

from uncork.config.settings import Settings
from uncork.control.commands import Command
from uncork.master import events
from uncork.master.family import Family
from uncork.scoreboard.board import Scoreboard
from uncork.scoreboard.ledger import Ledger
from uncork.scoreboard.schema import Header
from uncork.supervise import channel as words
from uncork.supervise.channel import Channel, Message, Noise
from uncork.supervise.exits import Exit, ExitCode
from uncork.supervise.sockets import close_others
from uncork.supervise.startup import Started, say
from uncork.system import process
from uncork.system.deathsignal import signalled_with_parent

# Stands for the pid of a template that could not be forked; `process.kill` refuses it.
NO_PROCESS = -1

# What a child runs: (settings, what was opened, scoreboard, its end of the channel) -> exit status.
TemplateMain = Callable[[Settings, Started, Scoreboard, Channel], int]


class Nursery:
    """`families` by number of their generation; `feed` takes the events.

    `leave` closes in a child what is the master's alone, and says what is left; `broken` is told the files that an
    import failed by.
    """

    def __init__(
        self,
        selector: selectors.BaseSelector,
        template: TemplateMain,
        ledger: Ledger,
        feed: Callable[[events.Event], None],
        leave: Callable[[Started], Started],
        broken: Callable[[tuple[str, ...]], None],
    ) -> None:
        self.families: dict[int, Family] = {}
        self._selector = selector
        self._template = template
        self._ledger = ledger
        self._feed = feed
        self._leave = leave
        self._broken = broken

    # ---- what is done ------------------------------------------------------------------------------------------------

    def start(
        self, order: events.StartTemplate, settings: Settings, started: Started, old: Started, paused: bool
    ) -> None:
        """Fork the template of a generation that has the sockets of `started`; the server has those of `old` so far."""
        number = order.generation
        try:
            pid = self._fork(number, order.slots, settings, started, old, paused)
        except OSError as error:
            reason = f"the system gives no further process: {str(error.strerror).lower()}"
            self._feed(events.TemplateStarted(number, NO_PROCESS))
            self._feed(events.TemplateFailed(number, reason))
            self._feed(events.ChildEnded(NO_PROCESS, Exit(ExitCode.FAILED, 0)))
            return
        self._feed(events.TemplateStarted(number, pid))

    def _fork(self, number: int, slots: int, settings: Settings, started: Started, old: Started, paused: bool) -> int:
        """The template's pid.  Raises OSError where the system lacks what it takes."""
        # The last slot is nobody's: the statistics show it for workers that there are not at the moment.
        board = Scoreboard(slots + 1, settings.processes.cores, max(1, 1 + len(settings.python.mount)))
        ours, theirs = Channel.pair()
        board.set_header(Header.PAUSED, int(paused))
        tie = signalled_with_parent(signal.SIGKILL)

        def main() -> int:
            tie()
            ours.close()
            for family in self.families.values():
                family.channel.close()
            close_others(old.opened.every, started.opened.every)
            return self._template(settings, self._leave(started), board, theirs)

        try:
            pid = process.fork(main)
            self._selector.register(ours, selectors.EVENT_READ, partial(self.hear, number))
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        self.families[number] = Family(ours, board, settings, started.bound)
        self.renew_totals()
        return pid

    def fork_worker(self, order: events.ForkWorker) -> None:
        """Have a template fork a worker."""
        message = words.ForkWorker(order.slot, order.wid, order.probe)
        if not self.families[order.generation].channel.send(message):
            self._feed(events.WorkerNotAsked(order.generation, order.slot))

    def tell_all(self, message: Message) -> None:
        """Send `message` to every template."""
        for family in self.families.values():
            family.channel.send(message)

    def bury(self, order: events.WorkerGone) -> None:
        """Take over what a dead worker had counted."""
        self._ledger.absorb(self.families[order.generation].board, order.slot, order.wid)
        self.renew_totals()

    def forget(self, number: int) -> Family | None:
        """Close what a generation without processes leaves; it, unless it never had a process."""
        family = self.families.pop(number, None)
        if family is not None:
            self._unhear(family)
            family.channel.close()
            family.board.close()
        return family

    def set_header(self, cell: Header, value: Callable[[Scoreboard], int]) -> None:
        """Write a cell of every scoreboard."""
        for family in self.families.values():
            family.board.set_header(cell, value(family.board))

    def total_requests(self) -> int:
        """Requests that the whole server has served."""
        return self._ledger.requests + sum(family.board.total_requests() for family in self.families.values())

    def renew_totals(self) -> None:
        """Tell each generation what everybody else has served."""
        total = self.total_requests()
        self.set_header(Header.EARLIER_REQUESTS, lambda board: total - board.total_requests())

    # ---- what is heard -----------------------------------------------------------------------------------------------

    def hear_all(self) -> None:
        """Everything that anybody has to say by now."""
        for number in list(self.families):
            self.hear(number)

    def hear(self, number: int) -> None:
        """Everything that generation `number` has to say by now."""
        family = self.families.get(number)
        while family is not None:
            try:
                message = family.channel.receive()
            except BlockingIOError:
                return
            if message is None:
                self._unhear(family)
                return
            for event in self._events(number, family, message):
                self._feed(event)

    def _unhear(self, family: Family) -> None:
        """Stop listening to a generation that has closed its end."""
        try:
            self._selector.unregister(family.channel)
        except KeyError:
            pass

    def _events(self, number: int, family: Family, message: Message | Noise) -> Iterator[events.Event]:
        match message:
            case words.Loaded():
                family.apps = message.apps
                yield events.TemplateLoaded(number)
            case words.Failed():
                self._broken(message.files)
                yield events.TemplateFailed(number, message.reason)
            case words.Forked():
                yield events.WorkerForked(number, message.slot, message.pid)
            case words.ForkFailed():
                yield events.WorkerNotForked(number, message.slot, message.reason)
            case words.Ready():
                family.apps = message.apps
                yield events.WorkerReady(number, message.slot, message.pid)
            case words.WorkerFailed():
                self._broken(message.files)
                yield events.WorkerFailed(number, message.slot, message.pid, message.reason)
            case words.Spent():
                yield events.WorkerSpent(number, message.slot, message.pid, message.reason)
            case words.Stopped():
                yield events.WorkerStopped(number, message.slot, message.pid)
            case words.Modified():
                say(f"[uwsgi-python-reloader] {message.path} has been modified")
                yield events.Asked(Command.RELOAD)
            case _:
                pass
