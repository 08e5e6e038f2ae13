"""The request log: which requests get a line, and the line.

Runs in: worker (compiled by mypyc), after the connection is closed.  The default line is uWSGI's to the letter
(core/logging.c), because programs read it; other formats come from `logformat`.  Whatever a client sent, a line stays
one line: control characters leave as \\xNN.
"""

import os
import time
from collections.abc import Callable

from uncork.system.logwriter import REQUESTS, LogWriter
from uncork.worker.errorlog import printable
from uncork.wsgi.environ import Environ


class Exchange:
    """What is known of a finished request.  Sizes are bytes, `duration` microseconds, `started` epoch seconds."""

    def __init__(self, core: int) -> None:
        self.core = core
        self.pid = os.getpid()
        self.wid = 0
        self.app = -1
        # How many requests this worker, and the whole server, have served, this one included.
        self.request = 0
        self.total = 0
        self.environ: Environ = {}
        self.vars = 0
        self.packet_size = 0
        self.modifier1 = 0
        self.modifier2 = 0
        self.started = 0.0
        self.duration = 0
        self.protocol = ""
        self.status = ""
        self.headers = 0
        self.head_size = 0
        self.body_size = 0
        self.by_sendfile = False
        self.read_error = False
        self.write_error = False


class LogFilter:
    """Which requests are logged (uWSGI: log-4xx and the like choose among those that disable-logging silenced).

    `slow` is milliseconds, `big` bytes; 0 switches the rule off.
    """

    def __init__(
        self,
        disabled: bool,
        client_errors: bool,
        server_errors: bool,
        zero: bool,
        slow: int,
        big: int,
        sendfile: bool,
        broken: bool,
    ) -> None:
        self._all = not disabled
        self._client_errors = client_errors
        self._server_errors = server_errors
        self._zero = zero
        self._slow = slow
        self._big = big
        self._sendfile = sendfile
        self._broken = broken

    def wants(self, exchange: Exchange) -> bool:
        """Whether this request gets a line."""
        return (
            self._all
            or (self._client_errors and exchange.status.startswith("4"))
            or (self._server_errors and exchange.status.startswith("5"))
            or (self._zero and exchange.body_size == 0)
            or (self._slow > 0 and exchange.duration >= self._slow * 1000)
            or (self._big > 0 and exchange.body_size >= self._big)
            or (self._sendfile and exchange.by_sendfile)
            or (self._broken and (exchange.read_error or exchange.write_error))
        )


class Clock:
    """ctime(3) without its newline, made once a second instead of once a request."""

    def __init__(self) -> None:
        self._second = -1
        self._text = ""

    def ctime(self, now: float) -> str:
        """Such as `Sat Oct 11 12:00:00 2025`, local time."""
        second = int(now)
        if second != self._second:
            self._second = second
            self._text = time.ctime(second)
        return self._text


class RequestLog:
    """Writes lines for one thread.

    `format` replaces the default line; `forwarded` is log-x-forwarded-for; `writer` is where lines of requests go.
    """

    def __init__(
        self,
        micros: bool,
        forwarded: bool,
        memory: bool,
        format: Callable[[Exchange], str] | None,  # noqa: A002
        writer: LogWriter = REQUESTS,
    ) -> None:
        self._clock = Clock()
        self._micros = micros
        self._forwarded = forwarded
        self._memory = memory
        self._format = format
        self._writer = writer

    def write(self, exchange: Exchange, memory: tuple[int, int]) -> None:
        """Write the line for `exchange`; `memory` is (rss, vsz) in bytes, shown with memory-report.

        A log that cannot be written loses the line (and counts it), never the request.
        """
        line = self.line(exchange, memory) if self._format is None else self._format(exchange)
        self._writer.write((printable(line) + "\n").encode("latin-1", "backslashreplace"))

    def line(self, exchange: Exchange, memory: tuple[int, int]) -> str:
        """uWSGI's default line."""
        environ = exchange.environ
        # By now the application may have put anything there: no type is taken for granted.
        address = environ.get("REMOTE_ADDR", "")
        if self._forwarded:
            address = environ.get("HTTP_X_FORWARDED_FOR", address)
        user = environ.get("REMOTE_USER") or ""
        method = environ.get("REQUEST_METHOD", "")
        uri = environ.get("REQUEST_URI", "")
        took = f"{exchange.duration} micros" if self._micros else f"{exchange.duration // 1000} msecs"
        usage = memory_usage(memory) if self._memory else ""
        via = " via sendfile() " if exchange.by_sendfile else " "
        return (
            f"{usage}[pid: {exchange.pid}|app: {exchange.app}|req: {exchange.request}/{exchange.total}] "
            f"{address} ({user}) {{{exchange.vars} vars in {exchange.packet_size} bytes}} "
            f"[{self._clock.ctime(exchange.started)}] {method} {uri} => generated {exchange.body_size} bytes "
            f"in {took}{via}({exchange.protocol} {exchange.status}) {exchange.headers} headers "
            f"in {exchange.head_size} bytes (1 switches on core {exchange.core})"
        )


def memory_usage(memory: tuple[int, int]) -> str:
    """memory-report's prefix for (rss, vsz) in bytes."""
    rss, vsz = memory
    return f"{{address space usage: {vsz} bytes/{vsz >> 20}MB}} {{rss usage: {rss} bytes/{rss >> 20}MB}} "
