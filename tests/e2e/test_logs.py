"""Logs that cannot hurt: a full disk, a reader that is stuck, rotation and loggers cost no request and no exception."""

import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from e2e.conftest import write_app
from harness import uwsgi
from harness.processes import session_pids, wait_gone
from harness.server import Notifications, Server, read_stats

# `/chat?N`: write N characters in every way that apps do; the answer is what went wrong, or "ok".
CHATTY = """
import logging, os, subprocess, sys, time
logger = logging.getLogger("chatty")
logger.addHandler(logging.StreamHandler())
logging.raiseExceptions = True
print("imported")

def application(environ, start_response):
    text = "x" * int(environ["QUERY_STRING"] or 1)
    try:
        print("stdout", text)
        print("stderr", text, file=sys.stderr)
        logger.error("logged %s", text)
        environ["wsgi.errors"].write(f"errors {text}\\n")
        sys.stdout.flush()
        sys.stderr.flush()
        problem = "ok"
    except Exception as error:
        problem = repr(error)
    start_response("200 OK", [("Content-Length", str(len(problem)))])
    return [problem.encode()]
"""

# Opens what the server shall write to, as a shell or a service manager would, and becomes the server.
STARTER = """
import os, sys
path, blocking, *command = sys.argv[1:]
fd = os.open(path, os.O_WRONLY | os.O_APPEND)
for number in (1, 2):
    os.dup2(fd, number)
os.set_blocking(1, blocking == "blocking")
os.execv(command[0], command)
"""

NOBODY = 65534

Start = Callable[..., Server]


@pytest.fixture
def start(run: Path) -> Iterator[Start]:
    """A function that starts the chatty app; `into` is what it writes to."""
    write_app(run, {"chatty.py": CHATTY})
    with ExitStack() as stack:

        def start(*args: str, into: str | Path | None = None, blocking: bool = True, master: bool = True) -> Server:
            uncork = [sys.executable, "-m", "uncork"]
            mode = "blocking" if blocking else "nonblocking"
            command = uncork if into is None else [sys.executable, "-c", STARTER, str(into), mode, *uncork]
            argv = ["--socket", f"{run}/app.sock", "--module", "chatty", *args]
            if master:
                argv += ["--master", "--stats", f"{run}/stats.sock", "--master-fifo", f"{run}/fifo"]
            server = Server(argv, run, run, program=command)
            stack.callback(server.close)
            return server

        yield start


class Reader:
    """The reading end of a named pipe; it reads when it is told to, and not before."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = path
        # Before anybody writes: to open it for writing takes a reader.
        self.fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self.text = ""

    def read(self) -> None:
        """What is there by now."""
        try:
            while data := os.read(self.fd, 65536):
                self.text += data.decode()
        except BlockingIOError:
            pass

    def until(self, text: str) -> None:
        """Read until there is `text`."""

        def found() -> bool:
            self.read()
            return text in self.text

        wait_until(found)


@pytest.fixture
def reader(run: Path) -> Iterator[Reader]:
    """A named pipe."""
    reader = Reader(run / "pipe")
    yield reader
    os.close(reader.fd)


def wait_until(condition: Callable[[], object], patience: float = 20.0) -> None:
    """Wait for what nobody is notified of."""
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def chat(run: Path, size: int = 1, count: int = 1) -> None:
    """So many requests that write so much; none fails, and nothing is raised in the app."""
    for _ in range(count):
        answer = uwsgi.get(f"{run}/app.sock", f"/chat?{size}")
        assert (answer.code, answer.body) == (200, b"ok")


def command(run: Path, character: str) -> None:
    """What a person types."""
    subprocess.run(f"echo {character} >{run}/fifo", shell=True, check=True, timeout=10)


def lost(run: Path) -> int:
    """Lines that the statistics say are lost, in the master and in the workers."""
    stats = read_stats(f"{run}/stats.sock")
    return sum(int(part["log_lost"]) for part in (stats, *stats["workers"]))


def limit_files(server: Server, size: int) -> None:
    """Let no process of the server make a file larger than `size`: for them the disk is full."""
    for pid in session_pids(server.pid):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def may_become_nobody() -> bool:
    """Whether a server may change to a user who can read this Python."""
    library = Path(os.__file__).resolve()
    return os.geteuid() == 0 and all(path.stat().st_mode & 0o001 for path in library.parents)


# ---- a full disk -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [(), ("--log-master",)], ids=["direct", "relayed"])
def test_a_full_disk_costs_no_request(start: Start, run: Path, options: Sequence[str]) -> None:
    """Every request is answered, the app notices nothing, the lost lines are counted, and the end is a clean one."""
    server = start(*options, into="/dev/full")
    chat(run, 4000, 400)
    wait_until(lambda: lost(run) > 400)
    command(run, "q")

    assert server.process.wait() == 0


@pytest.mark.parametrize("options", [(), ("--log-master",)], ids=["direct", "relayed"])
def test_logging_goes_on_when_the_disk_has_room_again(start: Start, run: Path, options: Sequence[str]) -> None:
    """By itself, in every process, on a line of its own."""
    server = start("--logto", f"{run}/log", *options)
    chat(run)
    wait_until(lambda: "GET /chat?1 " in (run / "log").read_text())
    limit_files(server, (run / "log").stat().st_size + 10)
    chat(run, 4000, 400)
    wait_until(lambda: lost(run) > 100)
    limit_files(server, resource.RLIM_INFINITY)

    def logged_again() -> bool:
        chat(run, 7)
        return "\nstdout xxxxxxx\n" in (run / "log").read_text()

    wait_until(logged_again)
    # The line about a request is written when its answer is out.
    wait_until(lambda: "GET /chat?7 " in (run / "log").read_text())
    assert all(len(line) < 5000 for line in (run / "log").read_text().splitlines())


def test_a_full_disk_costs_no_request_without_a_master(start: Start, run: Path) -> None:
    """The single process writes to the log itself."""
    server = start(into="/dev/full", master=False)
    chat(run, 4000, 50)
    server.process.signal(signal.SIGTERM)

    assert server.process.wait() == 30


def test_what_an_app_prints_is_in_the_log_at_once(start: Start, run: Path) -> None:
    """And not when a buffer is full, or never, if the worker is killed before."""
    start("--logto", f"{run}/log")
    chat(run)
    text = (run / "log").read_text()

    assert [f"{way} x" in text for way in ("stdout", "stderr", "logged", "errors")] == [True] * 4
    assert "imported\n" in text


# ---- a reader that is stuck ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("blocking", [True, False], ids=["blocking", "nonblocking"])
def test_a_stuck_reader_costs_no_request(start: Start, run: Path, reader: Reader, blocking: bool) -> None:
    """Whatever the flags of the pipe: requests are answered, the loss is counted and told, and lines flow again."""
    server = start("--processes", "2", into=reader.path, blocking=blocking)
    reader.until("imported")
    chat(run, 4000, 300)
    wait_until(lambda: lost(run) > 100)
    reader.until("log lines lost: nobody read them\n")
    chat(run, 7)
    reader.until("GET /chat?7 ")
    reader.until("stdout xxxxxxx\n")
    told = sum(int(line.split()[0]) for line in reader.text.splitlines() if "log lines lost" in line)

    assert told == lost(run)
    written = [line for line in reader.text.splitlines() if line.startswith("stdout ")]
    assert {len(line) for line in written} == {len("stdout ") + 4000, len("stdout ") + 7}
    command(run, "q")
    assert server.process.wait() == 0
    reader.read()
    assert reader.text.endswith("goodbye to uWSGI.\n")


@pytest.mark.parametrize("blocking", [True, False], ids=["blocking", "nonblocking"])
def test_a_stuck_reader_costs_no_request_without_a_master(
    start: Start, run: Path, reader: Reader, blocking: bool
) -> None:
    """There is nobody to relay the lines, so that they are lost sooner."""
    start(into=reader.path, blocking=blocking, master=False)
    reader.until("imported")
    chat(run, 4000, 50)
    reader.read()
    chat(run, 7)
    reader.until("GET /chat?7 ")


def test_the_server_ends_though_nobody_reads(start: Start, run: Path, reader: Reader) -> None:
    """A stop is not held up by the log."""
    server = start(into=reader.path)
    chat(run, 4000, 200)
    command(run, "q")

    assert server.process.wait() == 0


def test_nothing_outlives_a_killed_master(start: Start, run: Path, reader: Reader) -> None:
    """Workers whose lines nobody takes any more end all the same."""
    server = start("--processes", "2", into=reader.path)
    chat(run, 4000, 50)
    pids = session_pids(server.pid)
    os.kill(server.pid, signal.SIGKILL)
    for pid in pids:
        wait_gone(pid)
    server.process.wait()

    assert not session_pids(server.pid)


def test_a_reader_that_goes_away_costs_no_request(start: Start, run: Path) -> None:
    """`uncork ... | head`: nobody is left to read."""
    reader = Reader(run / "pipe")
    server = start(into=reader.path)
    reader.until("imported")
    os.close(reader.fd)
    chat(run, 4000, 300)
    wait_until(lambda: lost(run) > 100)
    command(run, "q")

    assert server.process.wait() == 0


# ---- rotation --------------------------------------------------------------------------------------------------------


def request_lines(run: Path, pattern: str) -> int:
    """How many lines of requests the files have."""
    return sum(path.read_text().count("GET /chat?") for path in run.glob(pattern))


@pytest.mark.parametrize("options", [(), ("--log-master",)], ids=["direct", "relayed"])
def test_a_log_is_rotated_by_its_size(start: Start, run: Path, options: Sequence[str]) -> None:
    """`log-maxsize`: no line is lost in between, none is twice there."""
    start("--processes", "2", "--logto", f"{run}/log", "--log-maxsize", "20000", *options)
    sent = 0
    end = time.monotonic() + 20
    while len(list(run.glob("log.*"))) < 2:
        assert time.monotonic() < end
        chat(run, 300, 20)
        sent += 20
    wait_until(lambda: request_lines(run, "log*") >= sent)

    assert request_lines(run, "log*") == sent
    assert lost(run) == 0


def test_the_backup_has_its_name(start: Start, run: Path) -> None:
    """`log-backupname`: one file, whose place the next takes."""
    start("--logto", f"{run}/log", "--log-maxsize", "5000", "--log-backupname", f"{run}/old")
    for _ in range(2):
        (run / "old").unlink(missing_ok=True)
        chat(run, 4000, 2)
        wait_until((run / "old").exists)

    assert sorted(path.name for path in run.glob("[lo]*")) == ["log", "old"]


def test_loggers_follow_the_commands(start: Start, run: Path) -> None:
    """`l` and `L` concern the files of `logger` and `req-logger`, each of which has its own lines."""
    start("--logger", f"file:{run}/general", "--req-logger", f"file:{run}/requests")
    chat(run)
    wait_until(lambda: request_lines(run, "requests") == 1)
    (run / "requests").rename(run / "requests-1")
    command(run, "l")
    wait_until((run / "requests").exists)
    chat(run)
    wait_until(lambda: request_lines(run, "requests") == 1)
    command(run, "L")
    wait_until(lambda: list(run.glob("requests.*")) and list(run.glob("general.*")))
    chat(run)
    wait_until(lambda: request_lines(run, "requests") == 1)

    assert request_lines(run, "requests.*") == request_lines(run, "requests-1") == 1
    assert request_lines(run, "general*") == 0
    assert sum(path.read_text().count("stdout x\n") for path in run.glob("general*")) == 3
    assert "stdout" not in (run / "requests").read_text()


# ---- loggers ---------------------------------------------------------------------------------------------------------


def test_a_logger_takes_datagrams(start: Start, run: Path) -> None:
    """One for each line; while it is away nothing waits, and when it is back it gets what it missed."""
    start("--logger", f"socket:{run}/sock,shop ", "--logger", f"file:{run}/log")
    chat(run)
    wait_until(lambda: "GET /chat?1 " in (run / "log").read_text())
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.settimeout(20)
        sock.bind(f"{run}/sock")
        lines: list[bytes] = []
        while not lines or b"GET /chat?1 " not in lines[-1]:
            lines.append(sock.recv(10_000))

    assert all(line.startswith(b"shop ") and line.endswith(b"\n") for line in lines)
    assert b"shop stdout x\n" in lines


def test_the_servers_lines_have_the_time(start: Start, run: Path) -> None:
    """`log-date`: what the server says, as in uWSGI, and not what requests and the app say."""
    server = start("--log-date=at %Y")
    chat(run)
    server.process.wait_for_log("GET /chat?1 ")
    lines = server.text().splitlines()
    year = time.strftime("at %Y - ")

    assert any(line.startswith(f"{year}spawned uWSGI worker 1") for line in lines)
    assert any(line.startswith("[pid: ") for line in lines)
    assert "stdout x" in lines


def open_to_all(
    notifications: Notifications, path: Path, make: Callable[[Notifications, Path], None] = Notifications.__init__
) -> None:
    """A server that has changed its user must be able to say that it is ready."""
    make(notifications, path)
    path.chmod(0o666)


@pytest.mark.skipif(not may_become_nobody(), reason="takes root, and a Python that others may read")
@pytest.mark.parametrize("option", [("--logto2",), ("--logfile-chown", "--logfile-chmod=600", "--logto")])
def test_the_log_of_a_server_that_changes_its_user(
    start: Start, run: Path, option: Sequence[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It belongs to that user, who can reopen it."""
    shutil.chown(run, NOBODY, NOBODY)
    monkeypatch.setattr(Notifications, "__init__", open_to_all)
    start(*option, f"{run}/log", "--uid", str(NOBODY), "--gid", str(NOBODY))
    (run / "log").rename(run / "old")
    command(run, "l")
    wait_until((run / "log").exists)
    chat(run)
    wait_until(lambda: "GET /chat?1 " in (run / "log").read_text())

    assert (run / "old").stat().st_uid == (run / "log").stat().st_uid == NOBODY
    assert (run / "log").stat().st_gid == NOBODY


def test_a_server_without_standard_descriptors(run: Path) -> None:
    """Closed by whoever started it: no socket gets their numbers, and no client what is printed."""
    write_app(run, {"chatty.py": CHATTY})
    program = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", sys.executable, "-m", "uncork"]
    server = Server(["--socket", f"{run}/app.sock", "--module", "chatty", "--master"], run, run, program=program)
    try:
        chat(run, 100, 20)
    finally:
        server.close()
