"""A whole worker process: what its signals do, what it tells the scoreboard, what applications find in the environ."""

import contextlib
import os
import select
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from uncork import __version__
from uncork.config.options.logging import Logging
from uncork.config.options.processes import Processes
from uncork.config.options.python import Python
from uncork.config.options.sockets import Sockets
from uncork.config.options.stats import Stats
from uncork.config.settings import Settings
from uncork.protocol.uwsgi import encode
from uncork.scoreboard.board import Scoreboard
from uncork.scoreboard.cells import CoreCells
from uncork.scoreboard.schema import Header, WorkerCell
from uncork.supervise.exits import ExitCode
from uncork.system import process
from uncork.system.logfile import LogFile
from uncork.worker.mounts import App
from uncork.worker.process import Site, base_environ, serve
from uncork.wsgi.environ import Environ
from uncork.wsgi.filewrapper import FileWrapper

pytestmark = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")

PATIENCE = 20.0
QUIET = Logging(disable_logging=True)


# Both threads of a worker meet here.
MEETING = threading.Barrier(2, timeout=PATIENCE)


def app(environ: Environ, start_response: Callable[..., object]) -> Iterable[bytes]:
    """Says its pid and mount; other paths do something before."""
    start_response("200 OK", [])
    if environ["PATH_INFO"] == "/wait":
        yield b"-"
        environ["wsgi.input"].read()
    elif environ["PATH_INFO"] == "/fork":
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            signal.alarm(int(PATIENCE))
            os.write(write, b"x")
            signal.pause()
        os.read(read, 1)
        os.kill(child, signal.SIGTERM)
        os.waitpid(child, 0)
    elif environ["PATH_INFO"] == "/program":
        MEETING.wait()
        yield subprocess.run(["grep", "SigBlk", "/proc/self/status"], check=True, capture_output=True).stdout
    yield f"{os.getpid()} {environ['SCRIPT_NAME']}".encode()


@dataclass(frozen=True)
class Server:
    """A forked worker, alone on the socket at `path`; `channel` is the master's end."""

    pid: int
    board: Scoreboard
    path: str
    channel: socket.socket

    def connect(self) -> socket.socket:
        """A client."""
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(PATIENCE)
        try:
            client.connect(self.path)
        except OSError:
            client.close()
            raise
        return client

    def request(self, path: str = "/") -> bytes:
        """The body of the answer."""
        with self.connect() as client:
            client.sendall(encode({"REQUEST_METHOD": "GET", "REQUEST_URI": path, "PATH_INFO": path}))
            return answer(client).partition(b"\r\n\r\n")[2]

    def wait(self) -> int:
        """The exit status."""
        _, status = os.waitpid(self.pid, 0)
        return os.waitstatus_to_exitcode(status)


def answer(client: socket.socket) -> bytes:
    """Everything up to the end of the connection."""
    return b"".join(iter(lambda: client.recv(10_000), b""))


@contextlib.contextmanager
def started(
    folder: Path, settings: Settings, log: LogFile | None = None, board: Scoreboard | None = None
) -> Iterator[Server]:
    """A worker process that accepts connections; gone at the end of the with block, whatever it did."""
    threads = settings.processes.threads
    board = board or Scoreboard(2, threads, 2)
    ours, theirs = socket.socketpair()
    ready_read, ready_write = os.pipe()
    with socket.socket(socket.AF_UNIX) as sock, ours:
        sock.bind(str(folder / "s"))
        sock.listen(16)
        sock.setblocking(False)
        site = Site(settings, ((sock, "s"),), board, log)

        def main() -> int:
            ours.close()
            if log is not None:
                log.open()
            apps = [App(0, "", app, 0), App(1, "/bbb", app, 0)]
            return serve(site, apps, 2, theirs.fileno(), lambda: os.close(ready_write))

        pid = process.fork(main)
        sock.close()
        theirs.close()
        os.close(ready_write)
        os.read(ready_read, 1)
        os.close(ready_read)
        try:
            yield Server(pid, board, str(folder / "s"), ours)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
            board.close()


def test_a_worker_tells_the_scoreboard_who_it_is(tmp_path: Path) -> None:
    """Its row, and only its row, is filled once it accepts; the requests of a slot's earlier workers are its base."""
    board = Scoreboard(2, 2, 2)
    board.cells[board.requests_cell(2, 0)] = 40
    board.cells[board.requests_cell(2, 1)] = 2
    before = int(time.time())
    with started(tmp_path, Settings(processes=Processes(threads=2)), board=board) as server:
        row = server.board.worker(2)
        assert (row[WorkerCell.PID], row[WorkerCell.ACCEPTING], row[WorkerCell.BASE_REQUESTS]) == (server.pid, 1, 42)
        assert before <= row[WorkerCell.LAST_SPAWN] <= time.time()
        assert not any(server.board.worker(1))

        assert server.request() == f"{server.pid} ".encode()
        os.kill(server.pid, signal.SIGHUP)
        assert server.wait() == ExitCode.RELOAD
        assert server.board.worker(2)[WorkerCell.ACCEPTING] == 0
        assert server.board.total_requests() == 43


def test_hup_ends_after_the_running_requests(tmp_path: Path) -> None:
    """The answer is whole, the status is uWSGI's for "replace me"; new connections stay in the queue."""
    with started(tmp_path, Settings(processes=Processes(threads=2))) as server, server.connect() as client:
        client.sendall(encode({"REQUEST_METHOD": "POST", "PATH_INFO": "/wait", "CONTENT_LENGTH": "4"}))
        received = b""
        while not received.endswith(b"-"):
            received += client.recv(100)
        os.kill(server.pid, signal.SIGHUP)
        client.sendall(b"body")

        assert answer(client) == f"{server.pid} ".encode()
        assert server.wait() == ExitCode.RELOAD


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_no_signal_is_lost_however_close_to_a_request(tmp_path: Path, threads: int, number: signal.Signals) -> None:
    """One that comes while a thread is on its way into the wait ends the worker, and not only with the next request."""
    for attempt in range(20):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        with started(folder, Settings(processes=Processes(threads=threads), logging=QUIET)) as server:
            ended = os.pidfd_open(server.pid)
            server.request()
            os.kill(server.pid, number)
            assert select.select([ended], [], [], PATIENCE)[0]
            os.close(ended)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_term_int_and_quit_end_at_once(tmp_path: Path, number: signal.Signals) -> None:
    """Whatever is running; the status is uWSGI's for "told to end"."""
    with started(tmp_path, Settings()) as server, server.connect() as client:
        client.sendall(encode({"REQUEST_METHOD": "POST", "PATH_INFO": "/wait", "CONTENT_LENGTH": "4"}))
        while not client.recv(100).endswith(b"-"):
            pass
        os.kill(server.pid, number)

        assert server.wait() == ExitCode.END


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGUSR2])
def test_signals_without_a_meaning_do_nothing(tmp_path: Path, number: signal.Signals) -> None:
    """A worker that gets what was meant for its master serves on."""
    with started(tmp_path, Settings()) as server:
        os.kill(server.pid, number)
        for _ in range(3):
            assert server.request() == f"{server.pid} ".encode()


def test_tstp_looks_whether_the_master_has_paused_us(tmp_path: Path) -> None:
    """The scoreboard says whether to stop accepting or to go on; connections wait in the kernel meanwhile."""
    with started(tmp_path, Settings()) as server, server.connect() as held:
        request = encode({"REQUEST_METHOD": "GET", "PATH_INFO": "/"})
        held.sendall(request[:5])
        assert server.request()
        server.board.set_header(Header.PAUSED, 1)
        os.kill(server.pid, signal.SIGTSTP)
        while server.board.worker(2)[WorkerCell.ACCEPTING]:
            os.sched_yield()
        with server.connect() as waiting:
            waiting.sendall(request)
            held.sendall(request[5:])
            assert answer(held)
            assert not select.select([waiting], [], [], 0)[0]

            server.board.set_header(Header.PAUSED, 0)
            os.kill(server.pid, signal.SIGTSTP)
            assert answer(waiting)
        assert server.board.worker(2)[WorkerCell.ACCEPTING] == 1


def test_a_worker_that_is_born_in_a_pause_does_not_accept(tmp_path: Path) -> None:
    """Until the pause ends."""
    board = Scoreboard(2, 1, 2)
    board.set_header(Header.PAUSED, 1)
    with started(tmp_path, Settings(), board=board) as server, server.connect() as waiting:
        waiting.sendall(encode({"REQUEST_METHOD": "GET", "PATH_INFO": "/"}))
        assert server.board.worker(2)[WorkerCell.ACCEPTING] == 0
        assert not select.select([waiting], [], [], 0.05)[0]
        server.board.set_header(Header.PAUSED, 0)
        os.kill(server.pid, signal.SIGTSTP)

        assert answer(waiting)


def test_a_signal_for_a_process_of_the_application_is_not_for_the_worker(tmp_path: Path) -> None:
    """multiprocessing forks and terminates its processes; the worker that they belong to serves on."""
    with started(tmp_path, Settings()) as server:
        ended = os.pidfd_open(server.pid)
        assert server.request("/fork") == f"{server.pid} ".encode()
        assert not select.select([ended], [], [], 0.2)[0]
        assert server.request() == f"{server.pid} ".encode()
        os.close(ended)


def test_programs_that_the_application_starts_hear_every_signal(tmp_path: Path) -> None:
    """Whichever thread starts them: a blocked SIGTERM would make Popen.terminate() do nothing."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(started(tmp_path, Settings(processes=Processes(threads=2))))
        clients = [stack.enter_context(server.connect()) for _ in range(2)]
        for client in clients:
            client.sendall(encode({"REQUEST_METHOD": "GET", "PATH_INFO": "/program"}))
        blocked = [line for client in clients for line in answer(client).splitlines() if line.startswith(b"SigBlk")]

    assert blocked == [b"SigBlk:\t0000000000000000"] * 2


def test_a_worker_ends_with_its_master(tmp_path: Path) -> None:
    """The other end of the channel is gone: nobody would ever end it."""
    with started(tmp_path, Settings(processes=Processes(threads=3))) as server:
        server.channel.close()

        assert server.wait() == ExitCode.RELOAD


def test_the_options_reach_the_request(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """manage-script-name, log-format, memory-report and max-vars (which counts in twos) do what they say."""
    settings = Settings(
        sockets=Sockets(max_vars=2),
        python=Python(manage_script_name=True),
        logging=Logging(log_format="%(wid) %(uri) %(vars)"),
        stats=Stats(memory_report=True),
    )
    with started(tmp_path, settings) as server:
        assert server.request("/bbb/x") == f"{server.pid} /bbb".encode()
        with server.connect() as client:
            client.sendall(encode({f"K{number}": "" for number in range(5)}))
            assert answer(client) == b""
        os.kill(server.pid, signal.SIGHUP)
        assert server.wait() == ExitCode.RELOAD
        assert 0 < server.board.worker(2)[WorkerCell.RSS] < server.board.worker(2)[WorkerCell.VSZ]
    log = capfd.readouterr().err.splitlines()
    assert log[0].startswith("2 /bbb/x ")
    assert "5 variables (max 4" in log[1]


def test_a_turn_of_the_log_is_seen_before_the_next_line(tmp_path: Path) -> None:
    """After the master has renamed the file and counted, lines go to a new one, each to exactly one of them."""
    log = LogFile(str(tmp_path / "log"))
    with started(tmp_path, Settings(logging=Logging(log_format="%(uri)")), log) as server:
        server.request("/one")
        server.request("/two")
        os.rename(tmp_path / "log", tmp_path / "log.old")
        server.board.set_header(Header.LOG_TURN, 1)
        server.request("/three")
        os.kill(server.pid, signal.SIGHUP)
        assert server.wait() == ExitCode.RELOAD

    old = (tmp_path / "log.old").read_text().splitlines()
    new = (tmp_path / "log").read_text().splitlines()
    assert old + new == ["/one", "/two", "/three"]
    assert new[-1] == "/three"


def test_a_log_that_cannot_be_reopened_goes_on_where_it_is(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A worker may lack the rights of the process that opened it; requests and their lines go on, with a complaint."""
    log = LogFile(str(tmp_path / "logs" / "log"))
    (tmp_path / "logs").mkdir()
    with started(tmp_path, Settings(logging=Logging(log_format="%(uri)")), log) as server:
        server.request("/one")
        os.rename(tmp_path / "logs", tmp_path / "moved")
        server.board.set_header(Header.LOG_TURN, 1)
        server.request("/two")
        os.kill(server.pid, signal.SIGHUP)
        assert server.wait() == ExitCode.RELOAD

    assert (tmp_path / "moved" / "log").read_text().splitlines() == ["/one", "/two"]
    assert capfd.readouterr().err.startswith(f"logto = {tmp_path}/logs/log: no such file or directory")


@pytest.mark.parametrize(
    ("processes", "multithread", "multiprocess"),
    [(Processes(), False, False), (Processes(processes=4), False, True), (Processes(threads=2), True, False)],
)
def test_the_environ_says_how_the_server_runs(processes: Processes, multithread: bool, multiprocess: bool) -> None:
    """PEP 3333's keys, and uWSGI's own as it has them: bytes, and the core only where there are several."""
    base = base_environ(Settings(processes=processes), 1)

    assert base["wsgi.version"] == (1, 0)
    assert (base["wsgi.multithread"], base["wsgi.multiprocess"]) == (multithread, multiprocess)
    assert base["wsgi.run_once"] is False
    assert base["wsgi.file_wrapper"] is FileWrapper
    assert base["uwsgi.version"] == __version__.encode()
    assert base["uwsgi.node"] == os.uname().nodename.encode()
    assert base.get("uwsgi.core") == (1 if multithread else None)


def test_leaving_runs_the_applications_exit_functions(python: Callable[[str], str]) -> None:
    """As the end of any Python program would; the status is passed on."""
    output = python(
        """
        import atexit, os
        from uncork.worker.process import leave
        atexit.register(print, "bye", flush=True)
        status = leave(5)
        print(status, flush=True)
        os._exit(0)
        """
    )

    assert output == "bye\n5\n"


def test_core_cells_of_a_slot_are_the_threads(tmp_path: Path) -> None:
    """Each thread counts in its own cells; what they count adds up."""
    with started(tmp_path, Settings(processes=Processes(threads=4))) as server:
        for _ in range(20):
            server.request()
        os.kill(server.pid, signal.SIGHUP)
        assert server.wait() == ExitCode.RELOAD
        assert sum(server.board.requests(2, core) for core in range(4)) == 20
        assert server.board.total_requests() == 20
        pen = CoreCells(server.board, 2, 0)
        assert pen.total_requests() == 20
        del pen
