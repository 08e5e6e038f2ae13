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
from uncork.config.options.harakiri import Harakiri
from uncork.config.options.hooks import Hooks
from uncork.config.options.logging import Logging
from uncork.config.options.processes import Processes
from uncork.config.options.python import Python
from uncork.config.options.recycle import Recycle
from uncork.config.options.reload import Probe, Reload
from uncork.config.options.sockets import Sockets
from uncork.config.options.stats import Stats
from uncork.config.settings import Settings
from uncork.errors import AppLoadError
from uncork.protocol.uwsgi import encode
from uncork.scoreboard.board import Scoreboard
from uncork.scoreboard.cells import CoreCells
from uncork.scoreboard.schema import CoreCell, Header, WorkerCell
from uncork.supervise.exits import ExitCode
from uncork.system import process
from uncork.system.deathsignal import tie_to_parent
from uncork.system.logfile import LogFile
from uncork.worker import process as worker_process
from uncork.worker.mounts import App
from uncork.worker.place import Place, Site
from uncork.worker.process import base_environ, serve
from uncork.worker.uwsgimodule import UwsgiModule
from uncork.wsgi.environ import Environ
from uncork.wsgi.filewrapper import FileWrapper

pytestmark = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")

PATIENCE = 20.0
QUIET = Logging(disable_logging=True)


# What the application would import as `uwsgi`.
MODULES: list[UwsgiModule] = []
# Both threads of a worker meet here.
MEETING = threading.Barrier(2, timeout=PATIENCE)


def app(environ: Environ, start_response: Callable[..., object]) -> Iterable[bytes]:
    """Says its pid and mount; other paths do something before."""
    start_response("500 Oh" if environ["PATH_INFO"] == "/bad" else "200 OK", [])
    if environ["PATH_INFO"] in {"/wait", "/limit"}:
        if environ["PATH_INFO"] == "/limit":
            MODULES[0].set_user_harakiri(3600)
        yield b"-"
        environ["wsgi.input"].read()
    elif environ["PATH_INFO"] == "/busy":
        while True:
            pass
    elif environ["PATH_INFO"] == "/naps":
        while True:
            time.sleep(0.01)
    elif environ["PATH_INFO"] == "/sleep":
        time.sleep(2 * PATIENCE)
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
    """A forked worker, alone on the socket at `path`; `channel` is the master's end, `spent` what it says of itself."""

    pid: int
    board: Scoreboard
    path: str
    channel: socket.socket
    spent: int

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
    folder: Path,
    settings: Settings,
    log: LogFile | None = None,
    board: Scoreboard | None = None,
    probe: Probe | None = None,
    first: Callable[[], None] = lambda: None,
) -> Iterator[Server]:
    """A worker process that accepts connections; gone at the end of the with block, whatever it did.

    It is worker 2 in slot 3 of 4, and writes to `Server.spent` when it has done enough, and when it takes nobody new.
    """
    threads = settings.processes.threads
    board = board or Scoreboard(4, threads, 2)
    ours, theirs = socket.socketpair()
    ready_read, ready_write = os.pipe()
    spent_read, spent_write = os.pipe()
    with socket.socket(socket.AF_UNIX) as sock, ours:
        sock.bind(str(folder / "s"))
        sock.listen(16)
        sock.setblocking(False)
        module = UwsgiModule(settings, os.getpid())
        site = Site(settings, ((sock, "s"),), board, log, module)

        def spent(reason: str) -> None:
            os.write(spent_write, reason.encode() + b"\n")

        def main() -> int:
            ours.close()
            first()
            if log is not None:
                log.open()
            apps = [App(0, "", app, 0), App(1, "/bbb", app, 0)]
            MODULES.append(module)
            return serve(
                site,
                apps,
                Place(
                    slot=3,
                    wid=2,
                    master_fd=theirs.fileno(),
                    ready=lambda: os.close(ready_write),
                    spent=spent,
                    stopped=lambda: spent("stopped"),
                    probe=probe,
                ),
            )

        pid = process.fork(main)
        sock.close()
        theirs.close()
        os.close(ready_write)
        os.close(spent_write)
        os.read(ready_read, 1)
        os.close(ready_read)
        try:
            yield Server(pid, board, str(folder / "s"), ours, spent_read)
        finally:
            os.close(spent_read)
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
            board.close()


def test_a_worker_tells_the_scoreboard_who_it_is(tmp_path: Path) -> None:
    """The row of its slot, and only that row, is filled once it accepts; its threads say what they are called."""
    before = int(time.time())
    with started(tmp_path, Settings(processes=Processes(threads=2))) as server:
        row = server.board.worker(3)
        assert (row[WorkerCell.PID], row[WorkerCell.ACCEPTING]) == (server.pid, 1)
        assert before <= row[WorkerCell.LAST_SPAWN] <= time.time()
        assert not any(any(server.board.worker(slot)) for slot in (1, 2, 4))

        assert server.request() == f"{server.pid} ".encode()
        threads = [server.board.core(3, core)[CoreCell.THREAD] for core in range(2)]
        os.kill(server.pid, signal.SIGHUP)
        assert server.wait() == ExitCode.RELOAD
        assert server.board.worker(3)[WorkerCell.ACCEPTING] == 0
        assert server.board.total_requests() == 1
        assert any(threads)


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


def test_signals_without_a_meaning_do_nothing(tmp_path: Path) -> None:
    """A worker that gets what was meant for its master serves on."""
    with started(tmp_path, Settings()) as server:
        os.kill(server.pid, signal.SIGUSR1)
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
        while server.board.worker(3)[WorkerCell.ACCEPTING]:
            os.sched_yield()
        with server.connect() as waiting:
            waiting.sendall(request)
            held.sendall(request[5:])
            assert answer(held)
            assert not select.select([waiting], [], [], 0)[0]

            server.board.set_header(Header.PAUSED, 0)
            os.kill(server.pid, signal.SIGTSTP)
            assert answer(waiting)
        assert server.board.worker(3)[WorkerCell.ACCEPTING] == 1


def test_a_worker_that_is_born_in_a_pause_does_not_accept(tmp_path: Path) -> None:
    """Until the pause ends."""
    board = Scoreboard(4, 1, 2)
    board.set_header(Header.PAUSED, 1)
    with started(tmp_path, Settings(), board=board) as server, server.connect() as waiting:
        waiting.sendall(encode({"REQUEST_METHOD": "GET", "PATH_INFO": "/"}))
        assert server.board.worker(3)[WorkerCell.ACCEPTING] == 0
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


@pytest.mark.parametrize("path", ["/", "/naps"])
def test_a_worker_does_not_outlive_its_master_for_long(tmp_path: Path, path: str) -> None:
    """Whatever it is doing: nobody will come to end it, and it is to be succeeded soon."""
    go_read, go_write = os.pipe()
    pid_read, pid_write = os.pipe()

    def master() -> int:
        def tied() -> None:
            tie_to_parent(signal.SIGHUP)

        with started(tmp_path, Settings(), first=tied) as server:
            os.write(pid_write, server.pid.to_bytes(4, "big"))
            os.read(go_read, 1)
            os._exit(0)

    pid = process.fork(master)
    worker = int.from_bytes(os.read(pid_read, 4), "big")
    ended = os.pidfd_open(worker)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(tmp_path / "s"))
        client.sendall(encode({"REQUEST_METHOD": "GET", "PATH_INFO": path}))
        if path == "/":
            assert answer(client)
        os.write(go_write, b"x")
        os.waitpid(pid, 0)
        assert select.select([ended], [], [], PATIENCE)[0]
    for fd in (go_read, go_write, pid_read, pid_write, ended):
        os.close(fd)


def eventually(state: Callable[[], bool]) -> None:
    """Wait for a state of the worker that its clients cannot see; it comes, or the test times out."""
    while not state():
        os.sched_yield()


def in_request(server: Server, path: str) -> int:
    """Wait until the worker is in a request for `path`; the row of its thread."""
    found: list[int] = []
    while not found:
        os.sched_yield()
        cores = range(server.board.cores)
        found = [server.board.core_row(3, core) for core in cores if path.encode() in server.board.snapshot(3, core)]
    return found[0]


@pytest.mark.parametrize(("path", "threads"), [("/busy", 1), ("/busy", 3), ("/naps", 1), ("/naps", 3), ("/sleep", 1)])
def test_usr2_interrupts_what_is_overdue(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], path: str, threads: int
) -> None:
    """In whichever thread: the client gets a 504, the log has the stacks and the traceback, and the worker lives."""
    settings = Settings(processes=Processes(threads=threads), logging=QUIET)
    with started(tmp_path, settings) as server, server.connect() as client:
        client.sendall(encode({"REQUEST_METHOD": "GET", "REQUEST_URI": path, "PATH_INFO": path}))
        server.board.cells[in_request(server, path) + CoreCell.DEADLINE] = 1
        # Once more if it came in the moment before the application was called.
        while not select.select([client], [], [], 0.2)[0]:
            os.kill(server.pid, signal.SIGUSR2)

        assert answer(client).startswith(b"HTTP/1.0 504 Gateway Timeout\r\n")
        for _ in range(5):
            assert server.request() == f"{server.pid} ".encode()
    log = capfd.readouterr().err
    assert "(most recent call first):\n" in log
    assert f"[HarakiriInterrupt during GET {path}]" in log


def test_usr2_leaves_who_is_in_time_alone(tmp_path: Path) -> None:
    """A person may ask a worker what it is doing: the stacks of all threads are in the log, and all goes on."""
    settings = Settings(processes=Processes(threads=2), logging=QUIET, harakiri=Harakiri(harakiri=3600))
    log = LogFile(str(tmp_path / "log"))
    with started(tmp_path, settings, log) as server, server.connect() as client:
        client.sendall(encode({"REQUEST_METHOD": "POST", "PATH_INFO": "/wait", "CONTENT_LENGTH": "4"}))
        row = in_request(server, "/wait")
        while not client.recv(100).endswith(b"-"):
            pass
        board = server.board
        assert board.cells[row + CoreCell.DEADLINE] == board.cells[row + CoreCell.STARTED] + 3600 * 1_000_000
        # Once more if it came in the moment before the application was called again.
        while " in app\n" not in (tmp_path / "log").read_text():
            os.kill(server.pid, signal.SIGUSR2)
            time.sleep(0.1)
        client.sendall(b"body")

        assert answer(client) == f"{server.pid} ".encode()
        eventually(lambda: board.cells[row + CoreCell.DEADLINE] == 0)
    assert "HarakiriInterrupt" not in (tmp_path / "log").read_text()


def test_an_application_limits_its_own_request(tmp_path: Path) -> None:
    """uwsgi.set_user_harakiri reaches the cell that the master looks at, and only for this request."""
    with started(tmp_path, Settings()) as server, server.connect() as client:
        client.sendall(encode({"REQUEST_METHOD": "POST", "PATH_INFO": "/limit", "CONTENT_LENGTH": "4"}))
        row = in_request(server, "/limit")
        while not client.recv(100).endswith(b"-"):
            pass
        cells = server.board.cells
        seconds = (cells[row + CoreCell.DEADLINE] - cells[row + CoreCell.STARTED]) / 1_000_000
        assert 3600 <= seconds < 3600 + PATIENCE
        client.sendall(b"body")
        assert answer(client)
        eventually(lambda: cells[row + CoreCell.DEADLINE] == 0)


# ---- workers that have done enough


def test_a_worker_says_that_it_has_done_enough(tmp_path: Path) -> None:
    """After the request that reaches its limit, once; it serves until it is told to go."""
    settings = Settings(recycle=Recycle(max_requests=2, max_requests_delta=0, min_worker_lifetime=0))
    with started(tmp_path, settings) as server:
        server.request()
        assert not select.select([server.spent], [], [], 0)[0]
        for _ in range(4):
            assert server.request() == f"{server.pid} ".encode()
        os.kill(server.pid, signal.SIGHUP)
        assert server.wait() == ExitCode.RELOAD
        said = b"".join(iter(lambda: os.read(server.spent, 1000), b""))
        assert said.splitlines() == [b"it has served 2 requests (max-requests)", b"stopped"]


def test_a_worker_weighs_itself(tmp_path: Path) -> None:
    """With reload-on-rss its memory is measured after each request, and shown, whether anybody wants it in the log."""
    settings = Settings(recycle=Recycle(reload_on_rss=1, min_worker_lifetime=0))
    with started(tmp_path, settings) as server:
        server.request()
        assert os.read(server.spent, 1000).startswith(b"it has grown to ")
        assert server.board.worker(3)[WorkerCell.RSS] > 1 << 20


# ---- the end


@pytest.mark.parametrize("threads", [1, 2])
def test_a_stopping_worker_says_that_it_takes_nobody_new(tmp_path: Path, threads: int) -> None:
    """Once, also from the middle of a long request; the scoreboard says the same, whatever is signalled after that."""
    with started(tmp_path, Settings(processes=Processes(threads=threads))) as server, server.connect() as client:
        client.sendall(encode({"REQUEST_METHOD": "POST", "PATH_INFO": "/wait", "CONTENT_LENGTH": "4"}))
        while not client.recv(100).endswith(b"-"):
            pass
        # Once more if it came in the moment before the system call that waits for the body.
        while not select.select([server.spent], [], [], 0.2)[0]:
            os.kill(server.pid, signal.SIGHUP)
        assert os.read(server.spent, 1000) == b"stopped\n"
        assert server.board.worker(3)[WorkerCell.ACCEPTING] == 0
        os.kill(server.pid, signal.SIGHUP)
        client.sendall(b"body")

        assert answer(client)
        assert server.wait() == ExitCode.RELOAD
        assert os.read(server.spent, 1000) == b""


def test_a_stopping_worker_that_is_to_reopen_its_log_does_not_accept(tmp_path: Path) -> None:
    """TSTP reaches every worker; one that is leaving does not seem to take requests again."""
    with started(tmp_path, Settings(processes=Processes(threads=2))) as server, server.connect() as held:
        # So that there is something to wait for.
        held.sendall(b"\0")
        server.request()
        server.request()
        os.kill(server.pid, signal.SIGHUP)
        assert os.read(server.spent, 1000) == b"stopped\n"
        os.kill(server.pid, signal.SIGTSTP)
        for _ in range(50):
            assert server.board.worker(3)[WorkerCell.ACCEPTING] == 0
            time.sleep(0.01)


# ---- the probe


def test_a_worker_is_asked_before_it_serves(tmp_path: Path) -> None:
    """The request goes through the application in the main thread; it is over when the worker is ready."""
    with started(tmp_path, Settings(), probe=Probe("/health?deep=1", 10)) as server:
        assert server.board.total_requests() == 1
        assert server.request() == f"{server.pid} ".encode()


def test_a_worker_that_does_not_answer_well_is_not_ready(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """It never accepts, and says why."""
    with started(tmp_path, Settings(), probe=Probe("/bad", 10)) as server:
        assert server.wait() == 1
        assert server.board.worker(3)[WorkerCell.ACCEPTING] == 0
    assert "AppLoadError: probe = /bad: the answer is 500 (expected less than 500)" in capfd.readouterr().err


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
        assert 0 < server.board.worker(3)[WorkerCell.RSS] < server.board.worker(3)[WorkerCell.VSZ]
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


def test_a_log_that_cannot_be_reopened_goes_on_where_it_is(tmp_path: Path) -> None:
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

    complaint = f"logto = {tmp_path}/logs/log: no such file or directory (check the path and its owner)"
    lines = (tmp_path / "moved" / "log").read_text().splitlines()
    assert lines.count(complaint) == 1
    assert [line for line in lines if line != complaint] == ["/one", "/two"]


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
        assert sum(server.board.requests(3, core) for core in range(4)) == 20
        assert server.board.total_requests() == 20
        pen = CoreCells(server.board, 3, 0)
        assert pen.total_requests() == 20
        del pen


@pytest.mark.parametrize("boot", [None, 1])
def test_a_hook_that_hangs_keeps_no_worker_out_for_ever(monkeypatch: pytest.MonkeyPatch, boot: int | None) -> None:
    """Its worker fails with a sentence that names it; boot-timeout may give it more time, or less."""
    monkeypatch.setattr(worker_process, "LIMIT", 0.25)
    settings = Settings(hooks=Hooks(hook_accepting=("exec:sleep 1000",)), reload=Reload(boot_timeout=boot))
    why = rf"^hook-accepting = exec:sleep 1000: it took longer than {boot or 0.25} seconds, and was killed$"
    with pytest.raises(AppLoadError, match=why):
        worker_process._do_hooks(settings, "accepting")
