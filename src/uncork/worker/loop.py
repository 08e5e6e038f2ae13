"""What the threads of a worker share: its listening sockets, one epoll set, and the connections that wait in it.

Runs in: worker (compiled by mypyc).  Parked connections are armed for one thread at a time (EPOLLONESHOT), listeners
wake one worker each (EPOLLEXCLUSIVE).  A client that stalls waits in the set and holds no thread.
"""

import itertools
import os
import select
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

from uncork.protocol.httpanswer import refusal
from uncork.worker.connection import Connection
from uncork.worker.errorlog import say

# How often parked connections are checked for their deadlines, in seconds.
SWEEP_INTERVAL: Final = 1.0
# How long, in seconds, a worker that stops waits for a client of HTTP that has said nothing: browsers connect before
# they know what they want.
PRECONNECTED: Final = 1.0

PARKED: Final = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLONESHOT
LISTENING: Final = select.EPOLLIN | select.EPOLLEXCLUSIVE


def nothing() -> None:
    """Nobody wants to know."""


class Listener:
    """A listening socket: its `_accept` returns (fd, address); `admits` says whether a TCP peer may speak uwsgi.

    Where HTTP is spoken, `http` has the variables of the environ that are the same for all its requests.  `timeout`
    (milliseconds, 0: as for all) is how long its clients may stall.
    """

    def __init__(
        self,
        sock: Any,
        name: str,
        admits: Callable[[str], bool] | None,
        http: dict[str, Any] | None = None,
        timeout: int = 0,
    ) -> None:
        self.fd: int = sock.fileno()
        self.name = name
        # The C-level accept4(2): the public accept() wraps every connection in a Python object that is not needed here.
        self.accept: Callable[[], tuple[int, Any]] = sock._accept  # noqa: SLF001
        self.admits = admits
        self.http = http
        self.timeout = timeout


class Limits:
    """What bounds a request: bytes of its head, number of its variables, milliseconds of waiting for its client."""

    def __init__(self, buffer_size: int, max_vars: int, timeout: int) -> None:
        self.buffer_size = buffer_size
        self.max_vars = max_vars
        self.timeout = timeout


class Loop:
    """What the threads of a worker share."""

    def __init__(self, listeners: list[Listener], limits: Limits) -> None:
        self.listeners: dict[int, Listener] = {listener.fd: listener for listener in listeners}
        self.limits = limits
        self.parked: dict[int, Connection] = {}
        self.stopping = False
        self.paused = False
        # Whether nobody was accepted any more when the stop came.
        self.stopped_in_pause = False
        # Listeners that nobody can join any more: who stops serves what waits there first.
        self.closed: list[Listener] = []
        # Called by each thread once it has seen that the worker stops.
        self.on_stopped: Callable[[], None] = nothing
        self._pausing = threading.Lock()
        self.epoll = select.epoll()
        self._next_sweep = 0.0
        # Until when a stopping worker waits for heads that are not complete, monotonic seconds; 0 while it serves.
        self._latest = 0.0
        # The same for those that have said nothing.
        self._latest_silent = 0.0
        # With several threads none waits longer than a sweep: another may park a connection, or see the end, meanwhile.
        self.shared = False
        # Readable for ever once the worker stops: every waiting thread wakes.
        stop_read, self._stop_write = os.pipe()
        self.epoll.register(stop_read, select.EPOLLIN)
        # Descriptors whose readiness means the end: the pipe above and the channel to the master.
        self.ends: set[int] = {stop_read}
        # Where the interpreter writes the number of each signal (signal.set_wakeup_fd), and who acts on it.  Compiled
        # code runs no Python handler before it waits: without this, a signal could wait for the next request.
        self._signal_read = -1
        self._on_signal: Callable[[int], None] | None = None
        # Numbers of this worker's requests, all threads together; next() of it is atomic.
        self.numbers: Iterator[int] = itertools.count(1)

    def listen(self) -> None:
        """Begin to accept."""
        for fd in self.listeners:
            self.epoll.register(fd, LISTENING)

    def watch(self, fd: int) -> None:
        """Stop when the other end of `fd` goes away: the master holds it."""
        self.ends.add(fd)
        self.epoll.register(fd, select.EPOLLHUP)

    def hear_signals(self, on_signal: Callable[[int], None]) -> int:
        """Have `on_signal` called with each signal's number in a thread that waits; the descriptor to write them to."""
        self._on_signal = on_signal
        self._signal_read, signal_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.epoll.register(self._signal_read, select.EPOLLIN)
        return signal_write

    def _hear(self) -> None:
        """Act on the signals that have come; another thread may have been faster."""
        try:
            numbers = os.read(self._signal_read, 64)
        except BlockingIOError:
            return
        if self._on_signal is not None:
            for number in numbers:
                self._on_signal(number)

    def stop(self, closed: int = 0) -> None:
        """Accept nothing more; every thread ends once what was accepted is answered.  Signal handlers may call it.

        What waits on the listeners whose bits are in `closed` is accepted still: nobody else will.
        """
        if not self.stopping:
            self.closed = [listener for bit, listener in enumerate(self.listeners.values()) if closed >> bit & 1]
            self.stopped_in_pause = self.paused
            self.stopping = True
            os.write(self._stop_write, b"x")

    def finished(self) -> bool:
        """Whether a stopping worker has answered, or given up, all it had accepted.

        A connection whose head is still on its way was taken out of the queue: nobody else can answer it.
        """
        if not self.stopping:
            return False
        self.pause(True)
        if len(self.closed) > 0:
            return False
        if len(self.parked) == 0:
            return True
        with self._pausing:
            # They stay readable for ever, and would keep the threads from waiting for what is parked.
            for fd in self.ends:
                self.epoll.unregister(fd)
            self.ends.clear()
        return len(self.parked) == 0

    def pause(self, paused: bool) -> None:
        """Stop accepting, or go on; connections wait in the kernel's queue meanwhile.

        Not for signal handlers: it takes a lock.
        """
        with self._pausing:
            if paused == self.paused:
                return
            self.paused = paused
            for fd in self.listeners:
                if paused:
                    self.epoll.unregister(fd)
                else:
                    self.epoll.register(fd, LISTENING)

    def park(self, connection: Connection, lifetime: float) -> None:
        """Leave an unfinished connection to the epoll set for at most `lifetime` seconds from the first parking on."""
        fd = connection.fd
        if connection.deadline == 0.0:
            connection.deadline = time.monotonic() + lifetime
        registered = connection.registered
        connection.registered = True
        # From the next line on it belongs to whichever thread pops it.
        self.parked[fd] = connection
        if registered:
            self.epoll.modify(fd, PARKED)
        else:
            self.epoll.register(fd, PARKED)

    def wait(self, patience: float) -> int:
        """Descriptor of the next event, -1 for none within `patience` seconds (negative: as long as it takes)."""
        if (self.shared or self.stopping or len(self.parked) > 0) and (patience < 0.0 or patience > SWEEP_INTERVAL):
            patience = SWEEP_INTERVAL
        events = self.epoll.poll(patience, 1)
        if len(self.parked) > 0:
            self._sweep()
        if len(events) == 0:
            return -1
        fd: int = events[0][0]
        if fd == self._signal_read:
            self._hear()
            return -1
        return fd

    def _sweep(self) -> None:
        """Give up the parked connections whose time is over."""
        now = time.monotonic()
        if now < self._next_sweep:
            return
        self._next_sweep = now + SWEEP_INTERVAL
        if self.stopping and self._latest == 0.0:
            # A listener may give its clients long: nobody waits for whoever only might say something.
            self._latest = now + self.limits.timeout / 1000
            self._latest_silent = now + min(PRECONNECTED, self.limits.timeout / 1000)
        for fd, connection in list(self.parked.items()):
            # Whoever pops it owns it: another thread may be serving it this very moment.
            if self._late(connection, now) and self.parked.pop(fd, None) is not None:
                if now <= self._latest and now <= connection.deadline and not connection.quiet():
                    # It has just said something, which is an event of its own, and may have been one already.
                    self.park(connection, 0.0)
                    continue
                if not connection.lingering:
                    _give_up(connection, len(connection.head))
                connection.close()

    def _late(self, connection: Connection, now: float) -> bool:
        """Whether the time of a parked connection is over."""
        if connection.deadline < now:
            return True
        if self._latest == 0.0 or connection.lingering:
            return False
        return self._latest < now or (
            self._latest_silent <= now and connection.http is not None and len(connection.head) == 0
        )


def _give_up(connection: Connection, came: int) -> None:
    """Say that a client has not sent its head in time; one of HTTP is told as well (RFC 9110, 15.5.9)."""
    if connection.http is not None:
        if came == 0:
            return  # browsers do that
        connection.send_last(refusal(408, time.time(), connection.head))
    say(f"{connection.protocol} request from {connection.peer} timed out: {came} bytes of its head came")
