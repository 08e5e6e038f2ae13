"""The turns of a worker's thread, and the way of a request through it.

    Core.run                            each thread, until the worker stops
      Core._accept                      accept(2) first: under load there is always somebody waiting
        heads.Heads.read                one read that usually holds the whole head; decode
          attendant.Attendant.attend    route, run, answer, count, log
            wsgi.run.run                the application
            leave.end                   close or linger
      Loop.wait                         epoll only when there was nothing to accept
        Heads.read                      a connection that was parked because its head was incomplete

Runs in: worker (compiled by mypyc).  Must not: load code, open files or change settings because of anything that came
from the network.
"""

import errno
import os
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any, Final

from uncork.scoreboard.cells import CoreCells
from uncork.worker.attendant import NO_TERMS, Attendant, Terms
from uncork.worker.connection import Connection
from uncork.worker.deadline import HarakiriInterrupt
from uncork.worker.errorlog import say, say_block
from uncork.worker.heads import Heads
from uncork.worker.leave import linger
from uncork.worker.loop import Listener, Loop
from uncork.worker.mounts import Mounts
from uncork.worker.requestlog import Exchange, LogFilter, RequestLog
from uncork.wsgi.environ import Environ

# How often a thread that always finds somebody to accept looks after the parked connections.
ACCEPTS_PER_WAIT: Final = 32
# Pause after accept(2) failed for want of descriptors or memory, in seconds.
ACCEPT_PAUSE: Final = 0.1
# How often, in seconds, that is said.
COMPLAINTS: Final = 10.0
_OUT_OF_RESOURCES: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Core:
    """One thread of a worker: it accepts, reads, runs the application and answers, one request after another.

    `base` holds the environ keys that are the same for all its requests; `memory_report` reads (rss, vsz) after each
    request, None if nobody wants them; `renew_log` reopens the log when the master asks for it.  `served` is called
    after each request from the `enough`th of this worker on (0: never), and after each one that memory is reported for.
    """

    def __init__(
        self,
        number: int,
        wid: int,
        loop: Loop,
        mounts: Mounts,
        cells: CoreCells,
        base: Environ,
        log_filter: LogFilter,
        log: RequestLog,
        quiet_write_errors: bool,
        memory_report: Callable[[], tuple[int, int]] | None,
        renew_log: Callable[[], None],
        enough: int,
        served: Callable[[int, int, int], None],
        terms: Terms = NO_TERMS,
    ) -> None:
        exchange = Exchange(number)
        exchange.wid = wid
        self._loop = loop
        self.cells = cells
        self._attendant = Attendant(
            exchange,
            loop,
            mounts,
            cells,
            base,
            log_filter,
            log,
            quiet_write_errors,
            memory_report,
            renew_log,
            enough,
            served,
            terms,
        )
        self._heads = Heads(loop, self._attendant, cells, terms.headers)
        # Whose thread it is, for whoever interrupts a request that takes too long.
        self.thread = 0
        # Whether it has seen that the worker stops, and takes nobody new.
        self.stopped = False
        # Whether the last accept(2) failed for want of descriptors or memory.
        self._short = False
        self._quiet_until = 0.0
        self._hot: Listener | None = next(iter(loop.listeners.values()), None)

    @property
    def in_app(self) -> bool:
        """Whether the application runs."""
        return self._attendant.in_app

    @property
    def interrupted(self) -> bool:
        """Whether the running request has been interrupted."""
        return self._attendant.interrupted

    @interrupted.setter
    def interrupted(self, interrupted: bool) -> None:
        self._attendant.interrupted = interrupted

    def run(self) -> None:
        """Serve until the worker stops.  A fault of the server itself costs one request, not the worker."""
        self.enter_thread()
        while not self._loop.finished():
            try:
                self._turn()
            except (Exception, HarakiriInterrupt):  # noqa: BLE001 - what the application raises was caught long before
                say_block(f"fault in the server: {traceback.format_exc()}")
        self.stopped = True
        self._loop.on_stopped()

    def answer(self, connection: Connection) -> None:
        """Serve the request that waits on `connection`, which nobody accepted (option `probe`)."""
        self._heads.read(connection)

    def enter_thread(self) -> None:
        """From here on this core belongs to the thread that runs."""
        self.thread = threading.get_ident()
        self._attendant.thread = self.thread
        self.cells.begin_thread(self.thread)

    def _turn(self) -> None:
        """Serve until the worker stops, as long as all goes well."""
        loop = self._loop
        accepts = 0
        while True:
            stopping = loop.stopping
            if loop.finished():
                return
            if loop.stopping and len(loop.closed) > 0:
                self._empty(loop)
                continue
            if loop.stopping and not self.stopped:
                self.stopped = True
                loop.on_stopped()
            if self._hot is not None and not loop.paused and not loop.stopping and accepts < ACCEPTS_PER_WAIT:
                if self._accept(self._hot):
                    accepts += 1
                    continue
                fd = loop.wait(-1.0)
            else:
                fd = loop.wait(0.0 if accepts > 0 and not loop.paused else -1.0)
            accepts = 0
            woken = loop.stopping and not stopping and not loop.stopped_in_pause
            if fd >= 0:
                self._event(fd)
            if woken:
                self._stopped_while_waiting(loop)

    def _event(self, fd: int) -> None:
        """A listener or a parked connection is ready, or the worker shall stop."""
        connection = self._loop.parked.pop(fd, None)
        if connection is not None:
            if connection.lingering:
                linger(self._loop, connection)
            else:
                self._heads.read(connection)
            return
        listener = self._loop.listeners.get(fd)
        if listener is not None:
            self._hot = listener
            return
        # Anything else is a connection that was given up between its event and now.
        if fd in self._loop.ends:
            self._loop.stop()

    def _empty(self, loop: Loop) -> None:
        """Serve one that waits where nobody new comes, or be done with that listener."""
        for listener in loop.closed[:1]:
            if self._accept(listener):
                continue
            if self._short:
                # Descriptors come back when what is parked goes on.
                fd = loop.wait(0.0)
                if fd >= 0:
                    self._event(fd)
                continue
            try:
                loop.closed.remove(listener)
            except ValueError:
                pass  # another thread was faster

    def _stopped_while_waiting(self, loop: Loop) -> None:
        """Serve whom this thread may have been woken for: nobody else was (EPOLLEXCLUSIVE)."""
        for listener in loop.listeners.values():
            self._accept(listener)

    def _accept(self, listener: Listener) -> bool:
        """Accept one connection and serve it as far as it goes; False if there was none, or none could be accepted."""
        self._short = False
        try:
            fd, address = listener.accept()
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno == errno.EINVAL:
                # Shut, and nobody waits any more.
                return False
            if error.errno in _OUT_OF_RESOURCES:
                self._complain(f"accept() on {listener.name}: {error.strerror}; connections wait in the queue")
                time.sleep(ACCEPT_PAUSE)
                self._short = True
                return False
            # Anything else is a connection that went away before it was accepted (accept(2), "Error handling").
            return True
        if listener.http is not None:
            os.set_blocking(fd, False)
            self._heads.read(self._http_connection(listener, fd, address))
            return True
        peer = listener.name
        if listener.admits is not None:
            peer = address[0]
            if not listener.admits(peer):
                say(f"refused a uwsgi connection from {peer} on {listener.name} (allow-from does not name it)")
                os.close(fd)
                return True
        os.set_blocking(fd, False)
        self._heads.read(Connection(fd, peer, self._loop.limits.timeout))
        return True

    def _http_connection(self, listener: Listener, fd: int, address: Any) -> Connection:
        """What was accepted on a socket for HTTP: `address` is as Python has it, its first two are host and port."""
        timeout = listener.timeout or self._loop.limits.timeout
        if not isinstance(address, tuple):
            return Connection(fd, listener.name, timeout, listener.http)
        host: str = address[0]
        if ":" in host:
            # A socket for both families shows IPv4 as ::ffff:192.0.2.1; the zone is nobody's business but ours.
            host = host.partition("%")[0].removeprefix("::ffff:")
        return Connection(fd, host, timeout, listener.http, str(address[1]))

    def _complain(self, text: str) -> None:
        """One line to the log, at most every COMPLAINTS seconds."""
        now = time.monotonic()
        if now >= self._quiet_until:
            self._quiet_until = now + COMPLAINTS
            say(text)
