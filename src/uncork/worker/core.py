"""The way of a request through a worker.

    Core.run                            each thread, until the worker stops
      Core._accept                      accept(2) first: under load there is always somebody waiting
        Core._read                      one read that usually holds the whole head
          Core._serve                   decode, route, run, answer
            wsgi.run.run                the application
          Core._finish                  close or linger, count, log
      Loop.wait                         epoll only when there was nothing to accept
        Core._read                      a connection that was parked because its head was incomplete

Runs in: worker (compiled by mypyc).  Must not: load code, open files or change settings because of anything that came
from the network.
"""

import errno
import os
import threading
import time
import traceback
from collections.abc import Callable
from typing import Final

from uncork.protocol.uwsgi import HEADER_SIZE, PacketError, block_size, check_header, decode_vars
from uncork.scoreboard.cells import CoreCells
from uncork.worker.connection import Connection
from uncork.worker.deadline import HarakiriInterrupt, forget_interrupt
from uncork.worker.errorlog import printable, request_line, say, say_block
from uncork.worker.loop import Listener, Loop
from uncork.worker.mounts import NO_APP, Mounts
from uncork.worker.requestlog import Exchange, LogFilter, RequestLog
from uncork.wsgi.environ import BadRequest, Environ, complete, content_length, dangerous_vars, server_protocol
from uncork.wsgi.errors import ReadError, WriteError
from uncork.wsgi.input import Input
from uncork.wsgi.response import Response
from uncork.wsgi.run import Application, run

# The first read: a head with usual cookies and a small form fit, and malloc serves it without mmap.
FIRST_READ: Final = 16384
# How often a thread that always finds somebody to accept looks after the parked connections.
ACCEPTS_PER_WAIT: Final = 32
# How long, in seconds, the rest of an unread body is read away so that the answer is not lost to a reset (nginx, too,
# lingers for 5 s of silence; as our client it hangs up by itself once it has the answer).
LINGER_TIME: Final = 5.0
# Reads for one lingering client before others get their turn.
LINGER_READS: Final = 64
# Pause after accept(2) failed for want of descriptors or memory, in seconds.
ACCEPT_PAUSE: Final = 0.1
# How often, in seconds, that is said.
COMPLAINTS: Final = 10.0
# As an answer to a request that was interrupted (harakiri).
TIMED_OUT: Final = "504 Gateway Timeout"
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
    ) -> None:
        self._loop = loop
        self._mounts = mounts
        self.cells = cells
        self._base = base
        self._filter = log_filter
        self._log = log
        self._quiet_write_errors = quiet_write_errors
        self._memory_report = memory_report
        self._renew_log = renew_log
        self._enough = enough
        self._served = served
        # For whoever interrupts a request that takes too long: whose thread it is, whether it is in the application,
        # and whether it has been interrupted.
        self.thread = 0
        self.in_app = False
        self.interrupted = False
        # Whether it has seen that the worker stops, and takes nobody new.
        self.stopped = False
        self._exchange = Exchange(number)
        self._exchange.wid = wid
        # Whether the last accept(2) failed for want of descriptors or memory.
        self._short = False
        self._quiet_until = 0.0
        self._hot: Listener | None = next(iter(loop.listeners.values()), None)

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
        self._read(connection)

    def enter_thread(self) -> None:
        """From here on this core belongs to the thread that runs."""
        self.thread = threading.get_ident()
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
                self._linger(connection)
            else:
                self._read(connection)
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
        peer = listener.name
        if listener.admits is not None:
            peer = address[0]
            if not listener.admits(peer):
                say(f"refused a uwsgi connection from {peer} on {listener.name} (allow-from does not name it)")
                os.close(fd)
                return True
        os.set_blocking(fd, False)
        self._read(Connection(fd, peer, self._loop.limits.timeout))
        return True

    def _complain(self, text: str) -> None:
        """One line to the log, at most every COMPLAINTS seconds."""
        now = time.monotonic()
        if now >= self._quiet_until:
            self._quiet_until = now + COMPLAINTS
            say(text)

    def _read(self, connection: Connection) -> None:
        """Read what is there of the head; serve the request if that completes it, park the connection if not."""
        try:
            data = os.read(connection.fd, FIRST_READ)
        except BlockingIOError:
            self._loop.park(connection, self._loop.limits.timeout / 1000)
            return
        except OSError:
            self._drop(connection)
            return
        if len(data) == 0:
            self._drop(connection)
            return
        if len(connection.head) > 0:
            data = connection.head + data
        connection.head = data
        try:
            if len(data) >= HEADER_SIZE:
                check_header(data, self._loop.limits.buffer_size)
                if len(data) >= HEADER_SIZE + block_size(data):
                    connection.deadline = 0.0
                    try:
                        self._serve(connection)
                    except BaseException:
                        # A fault of ours: the client must not wait for an answer that will not come.
                        connection.cut()
                        raise
                    return
        except PacketError as error:
            self._reject(connection, str(error))
            return
        self._loop.park(connection, self._loop.limits.timeout / 1000)

    def _drop(self, connection: Connection) -> None:
        """The client left before its head was complete."""
        if len(connection.head) > 0:
            self.cells.read_error()
            say(f"uwsgi request from {connection.peer} broke off after {len(connection.head)} bytes of its head")
        connection.close()

    def _reject(self, connection: Connection, reason: str) -> None:
        """Close without an answer, as uWSGI does: what came is not a request."""
        self.cells.read_error()
        say(f"{reason} [from {connection.peer}, first bytes {connection.head[:16]!r}]")
        connection.close()

    def _serve(self, connection: Connection) -> None:
        """Serve the request whose head is in `connection`."""
        data = connection.head
        end = HEADER_SIZE + block_size(data)
        started = time.monotonic()
        exchange = self._exchange
        environ: Environ = {}
        try:
            # uWSGI counts a key and its value as two.
            exchange.vars = 2 * decode_vars(data, HEADER_SIZE, end, environ, self._loop.limits.max_vars)
            length = content_length(environ)
            exchange.protocol = server_protocol(environ)
        except (PacketError, BadRequest) as reason:
            self._reject(connection, str(reason))
            return
        if data.find(b"UWSGI_", HEADER_SIZE, end) >= 0:
            self._warn_of(environ, connection)
        self.cells.begin(int(started * 1000000), data)
        exchange.started = time.time()
        exchange.environ = environ
        exchange.packet_size = end - HEADER_SIZE
        exchange.modifier1 = data[0]
        exchange.modifier2 = data[3]
        exchange.read_error = False
        exchange.write_error = False
        response = Response(connection, exchange.protocol, environ.get("REQUEST_METHOD", "") == "HEAD")
        body = Input(connection, data[end:], length)
        app = self._mounts.route(environ, data[0])
        failed = False
        whole = True
        if app == NO_APP:
            whole = self._no_app(response, environ)
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
                whole = self._app_error(error, response, environ)
        self._finish(connection, response, body.unread() if whole else -1, app, failed, started)

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

    def _warn_of(self, environ: Environ, connection: Connection) -> None:
        """Say that variables by which uWSGI would be told what to load or do are ignored."""
        names = dangerous_vars(environ)
        if names and names not in _warned:
            _warned.add(names)
            say(f"ignored from {connection.peer}: {names} (a peer cannot choose what this server loads or does)")

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

    def _mountpoints(self) -> str:
        return ", ".join([app.mountpoint or "/" for app in self._mounts.apps])

    def _write_error(self, error: WriteError, environ: Environ, connection: Connection) -> None:
        """The client left before it had its answer: one line, unless nobody wants to hear it."""
        self.cells.write_error()
        if not self._quiet_write_errors:
            say(f"write error: {error.strerror or error} during {request_line(environ)} ({connection.peer})")

    def _app_error(self, error: BaseException, response: Response, environ: Environ) -> bool:
        """Log the traceback, answer 500 if nothing went out yet; whether the client has a whole answer."""
        text = "".join(traceback.format_exception(error))
        lines = [printable(line) for line in text.split("\n")]
        block = "\n".join(lines)
        say_block(f"{block}[{type(error).__name__} during {printable(request_line(environ))}]")
        try:
            # A close() that raises does so when the answer is out.
            return response.complete or (
                response.fail(TIMED_OUT) if isinstance(error, HarakiriInterrupt) else response.fail()
            )
        except WriteError:
            return False

    def _finish(
        self, connection: Connection, response: Response, unread: int, app: int, failed: bool, started: float
    ) -> None:
        """Close (`unread` -1: cut short; 0: plainly; more: so many bytes of the body first), count and log."""
        if unread == 0:
            connection.close()
        elif unread < 0:
            connection.cut()
        else:
            connection.end_output()
            connection.lingering = True
            self._loop.park(connection, LINGER_TIME)
        exchange = self._exchange
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

    def _linger(self, connection: Connection) -> None:
        """Read away what still comes of a body that the application did not want."""
        try:
            for _ in range(LINGER_READS):
                if len(os.read(connection.fd, FIRST_READ)) == 0:
                    connection.close()
                    return
        except BlockingIOError:
            pass
        except OSError:
            connection.close()
            return
        self._loop.park(connection, LINGER_TIME)


# Combinations of ignored variables that were logged already, so that a flood of them stays one line each.
_warned: set[str] = set()
