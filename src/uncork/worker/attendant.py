"""One request with its application: find it, run it, answer for it, count and log.

    Attendant.attend                    route, run, answer
      wsgi.run.run                      the application
      leave.end                         close or linger
      _count                            the scoreboard and the request log

Runs in: worker (compiled by mypyc).  Must not: load code, open files or change settings because of anything that came
from the network.
"""

import time
import traceback
from collections.abc import Callable
from typing import Final

from uncork.scoreboard.cells import CoreCells
from uncork.worker.connection import Connection
from uncork.worker.deadline import HarakiriInterrupt, forget_interrupt
from uncork.worker.errorlog import printable, request_line, say, say_block
from uncork.worker.leave import end
from uncork.worker.loop import Loop
from uncork.worker.mounts import NO_APP, Mounts
from uncork.worker.requestlog import Exchange, LogFilter, RequestLog
from uncork.wsgi.environ import Environ, complete
from uncork.wsgi.errors import ReadError, WriteError
from uncork.wsgi.httpresponse import HttpResponse
from uncork.wsgi.input import ChunkedInput, Input
from uncork.wsgi.response import BadResponse, Response
from uncork.wsgi.run import Application, run

# As an answer to a request that was interrupted (harakiri).
TIMED_OUT: Final = "504 Gateway Timeout"
TOO_LARGE: Final = "413 Content Too Large"
FAILED: Final = "500 Internal Server Error"


class Terms:
    """What the configuration says of every answer.

    `headers` are lines for all of them (add-header), `limit_post` bytes that a body may have (0: as many as come),
    `show_errors` whether a client sees the traceback of an application that fails (catch-exceptions).
    """

    def __init__(self, headers: tuple[str, ...] = (), limit_post: int = 0, show_errors: bool = False) -> None:
        self.headers = headers
        self.limit_post = limit_post
        self.show_errors = show_errors


# Where nothing is said.
NO_TERMS: Final = Terms()


class Attendant:
    """What a thread does with each request once its head is decoded; the arguments are as in worker.core.Core."""

    def __init__(
        self,
        exchange: Exchange,
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
        terms: Terms,
    ) -> None:
        # What is known of the running request; who decodes its head begins with it.
        self.exchange = exchange
        self.cells = cells
        self.limit_post = terms.limit_post
        self._loop = loop
        self._mounts = mounts
        self._base = base
        self._filter = log_filter
        self._log = log
        self._quiet_write_errors = quiet_write_errors
        self._memory_report = memory_report
        self._renew_log = renew_log
        self._enough = enough
        self._served = served
        self._show_errors = terms.show_errors
        # For whoever interrupts a request that takes too long: whose thread it is, whether it is in the application,
        # and whether it has been interrupted.
        self.thread = 0
        self.in_app = False
        self.interrupted = False

    def attend(
        self,
        connection: Connection,
        environ: Environ,
        response: Response,
        body: Input,
        length: int,
        started: float,
        http: HttpResponse | None,
    ) -> None:
        """Run the application for a request whose head is decoded, and be done with it.

        `http` is the response once more, where HTTP is spoken.
        """
        exchange = self.exchange
        exchange.started = time.time()
        exchange.environ = environ
        exchange.read_error = False
        exchange.write_error = False
        app = self._mounts.route(environ, exchange.modifier1)
        failed = False
        whole = True
        if app == NO_APP:
            whole = self._no_app(response, environ)
        elif 0 < self.limit_post < length:
            whole = self._too_large(response, environ, length)
        else:
            complete(environ, self._base, body)
            error = self._call(self._mounts.apps[app].application, environ, response)
            if isinstance(error, WriteError):
                exchange.write_error = True
                whole = False
                self._write_error(error, environ, connection)
            elif error is not None:
                if isinstance(error, ReadError):
                    exchange.read_error = True
                    self.cells.read_error()
                failed = True
                if http is None:
                    whole = self._app_error(error, response, environ)
                else:
                    whole = self._http_error(error, http, environ, connection, body)
            elif http is not None:
                self._compare(http, environ)
        self._finish(connection, response, body.unread() if whole else -1, app, failed, started, http is not None)

    def _call(self, application: Application, environ: Environ, response: Response) -> BaseException | None:
        """Run the application; what it raised, None if all went well.

        Once this returns no interrupt (harakiri) is on its way to this thread any more: one that comes too late for
        this request must not hit the next.
        """
        error: BaseException | None = None
        try:
            try:
                self.in_app = True
                run(application, environ, response)
            # mypyc gives a name one type in a whole function: each except clause has its own.
            except BaseException as raised:  # noqa: BLE001 - SystemExit in a request must not end the worker either
                error = raised
            self.in_app = False
            if self.interrupted:
                self.interrupted = False
                forget_interrupt(self.thread)
        except HarakiriInterrupt as late:
            # It came this very moment; with it, it is no longer on its way.
            self.in_app = False
            self.interrupted = False
            if error is None and not response.complete:
                error = late
        return error

    def _no_app(self, response: Response, environ: Environ) -> bool:
        """Answer 500 as uWSGI does when no application serves a path; whether the answer went out."""
        path: str = environ.get("PATH_INFO", "")
        say(
            f"--- no python application found, check your startup logs for errors --- "
            f"(SCRIPT_NAME={environ.get('SCRIPT_NAME', '')!r} PATH_INFO={path!r}; mounted: {self._mountpoints()})"
        )
        try:
            return response.fail()
        except WriteError:
            return False

    def _too_large(self, response: Response, environ: Environ, length: int) -> bool:
        """Answer 413 to a body that is larger than limit-post allows; whether the answer went out."""
        say(f"refused the body of {request_line(environ)}: {length} bytes (limit-post = {self.limit_post})")
        try:
            return response.fail(TOO_LARGE)
        except WriteError:
            return False

    def _mountpoints(self) -> str:
        return ", ".join([app.mountpoint or "/" for app in self._mounts.apps])

    def _write_error(self, error: WriteError, environ: Environ, connection: Connection) -> None:
        """The client left before it had its answer: one line, unless nobody wants to hear it."""
        self.cells.write_error()
        if not self._quiet_write_errors:
            say(f"write error: {error.strerror or error} during {request_line(environ)} ({connection.peer})")

    def _http_error(
        self, error: BaseException, response: HttpResponse, environ: Environ, connection: Connection, body: Input
    ) -> bool:
        """As `_app_error`, but one line for what is no secret of the application's code."""
        if response.excess and isinstance(error, BadResponse):
            self._compare(response, environ)
            return True
        if not isinstance(error, ReadError):
            return self._app_error(error, response, environ)
        say(f"read error: {error.strerror or error} during {request_line(environ)} ({connection.peer})")
        try:
            return response.complete or response.fail(_fault(connection, body))
        except WriteError:
            return False

    def _compare(self, response: HttpResponse, environ: Environ) -> None:
        """Say so if the application's body was not as long as it had said."""
        wrong = response.discrepancy()
        if wrong != "":
            say(f"{request_line(environ)} was answered with {wrong}")

    def _app_error(self, error: BaseException, response: Response, environ: Environ) -> bool:
        """Log the traceback, answer 500 if nothing went out; whether the client has a whole answer."""
        text = "".join(traceback.format_exception(error))
        lines = [printable(line) for line in text.split("\n")]
        block = "\n".join(lines)
        say_block(f"{block}[{type(error).__name__} during {printable(request_line(environ))}]")
        try:
            # A close() that raises does so when the answer is out.
            if response.complete:
                return True
            if isinstance(error, HarakiriInterrupt):
                return response.fail(TIMED_OUT)
            return response.fail(FAILED, text if self._show_errors else "")
        except WriteError:
            return False

    def _finish(
        self,
        connection: Connection,
        response: Response,
        unread: int,
        app: int,
        failed: bool,
        started: float,
        http: bool,
    ) -> None:
        """Close (see `leave.end`), count and log."""
        end(self._loop, connection, unread, http)
        exchange = self.exchange
        exchange.duration = int((time.monotonic() - started) * 1000000)
        exchange.app = app
        exchange.status = response.status
        exchange.headers = response.headers
        exchange.head_size = response.head_size
        exchange.body_size = response.body_size
        exchange.by_sendfile = response.by_sendfile
        cells = self.cells
        exchange.request = next(self._loop.numbers)
        cells.end(app, exchange.duration, response.head_size + response.body_size, failed)
        memory = (0, 0)
        if self._memory_report is not None:
            memory = self._memory_report()
            self._served(exchange.request, memory[0], memory[1])
        elif 0 < self._enough <= exchange.request:
            self._served(exchange.request, 0, 0)
        if self._filter.wants(exchange):
            exchange.total = cells.total_requests()
            self._renew_log()
            try:
                self._log.write(exchange, memory)
            except Exception:  # noqa: BLE001 - the application may have put anything into the environ
                say_block(f"fault in the request log: {traceback.format_exc()}")
        # Nothing of the request may live on until the next one.
        exchange.environ = {}


def _fault(connection: Connection, body: Input) -> str:
    """What to answer to a client of HTTP whose body could not be read: the mistake is its own."""
    if connection.timed_out:
        return "408 Request Timeout"
    if isinstance(body, ChunkedInput) and body.fault != "":
        return body.fault
    return "400 Bad Request"
