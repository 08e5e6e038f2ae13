"""The ways to talk to the master: FIFO, control socket, statistics.

Runs in: master.  `control` has the servers behind them; this opens, renews and closes them.
"""

import selectors
from collections.abc import Callable, Iterator, Mapping

from uncork.config.settings import Settings
from uncork.control.commands import Command
from uncork.control.ctlserver import CtlServer
from uncork.control.fifo import MasterFifo
from uncork.control.statsserver import StatsServer
from uncork.errors import UncorkError
from uncork.master.part import Part
from uncork.supervise.startup import Started, say
from uncork.system import controlsocket


class Doors:
    """`ask` is told the commands; `describe`, `statistics` and `statistics_text` are what is answered."""

    def __init__(
        self,
        selector: selectors.BaseSelector,
        ask: Callable[[Command], None],
        describe: Callable[[], Mapping[str, object]],
        statistics: Callable[[], Mapping[str, object]],
        statistics_text: Callable[[], bytes],
    ) -> None:
        self._selector = selector
        self._ask = ask
        self._statistics_text = statistics_text
        self._fifo: MasterFifo | None = None
        self._stats: StatsServer | None = None
        control = controlsocket.listen()
        self._ctl = None if control is None else CtlServer(selector, control, ask, describe, statistics)

    @property
    def fifos(self) -> tuple[str, ...]:
        """Absolute paths of the FIFOs."""
        return () if self._fifo is None else self._fifo.paths

    def open(self, settings: Settings, started: Started) -> None:
        """Open what the settings name.  Raises UncorkError."""
        self._open_fifo(settings)
        self._open_stats(settings, started)

    def renew(self, before: tuple[Settings, Started], after: tuple[Settings, Started]) -> None:
        """Go from the doors of one configuration to those of another."""
        if before[1].stats is not after[1].stats:
            if self._stats is not None:
                self._stats.shut()
                self._stats = None
            self._open_stats(*after)
        if before[0].processes.master_fifo != after[0].processes.master_fifo:
            if self._fifo is not None:
                self._fifo.remove()
                self._fifo = None
            try:
                self._open_fifo(after[0])
            except UncorkError as error:
                say(str(error))

    def _open_fifo(self, settings: Settings) -> None:
        if settings.processes.master_fifo:
            self._fifo = MasterFifo(self._selector, settings.processes.master_fifo, self._ask, say)

    def _open_stats(self, settings: Settings, started: Started) -> None:
        if started.stats is not None:
            sock = started.stats.sock
            self._stats = StatsServer(sock, self._selector, self._statistics_text, settings.stats.stats_http)
            say(f"*** Stats server enabled on {started.stats.address} fd: {sock.fileno()} ***")

    def parts(self) -> Iterator[Part]:
        """Those that want to be called by the clock."""
        if self._fifo is not None:
            yield self._fifo

    # ---- what is told to those who wait at the control socket --------------------------------------------------------

    def reload_began(self) -> None:
        """See CtlServer."""
        if self._ctl is not None:
            self._ctl.reload_began()

    def settle(self, command: Command, error: str = "") -> None:
        """See CtlServer."""
        if self._ctl is not None:
            self._ctl.settle(command, error)

    def stopping(self) -> None:
        """See CtlServer."""
        if self._ctl is not None:
            self._ctl.stopping()

    # ---- the end -----------------------------------------------------------------------------------------------------

    def leave(self) -> None:
        """Close the descriptors.  Runs in: a child, right after its fork."""
        for door in (self._fifo, self._stats, self._ctl):
            if door is not None:
                door.close()

    def close(self) -> None:
        """Close everything, and remove the FIFO."""
        if self._fifo is not None:
            self._fifo.remove()
        for server in (self._stats, self._ctl):
            if server is not None:
                server.close()
