"""The template of a generation, with real processes: a child of the test plays the master."""

import os
import select
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from uncork.config.load import load
from uncork.protocol.uwsgi import encode
from uncork.scoreboard.board import Scoreboard
from uncork.supervise import startup
from uncork.supervise.channel import (
    REASON_SIZE,
    Channel,
    Failed,
    Forked,
    ForkWorker,
    Leave,
    Loaded,
    Message,
    Noise,
    Ready,
    Spent,
    Stopped,
    WorkerFailed,
)
from uncork.system import process
from uncork.worker import template

pytestmark = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")

# Seconds after which a test gives up; nothing waits so long.
PATIENCE = 60

APP = """
import uwsgi

def application(environ, start_response):
    start_response("500 Oh" if environ["PATH_INFO"] == "/bad" else "200 OK", [])
    return [f"{uwsgi.worker_id()} {uwsgi.masterpid()}".encode()]
"""


class Generation:
    """What a master has of a generation whose template was forked."""

    def __init__(self, folder: Path, *argv: str) -> None:
        process.adopt_orphans()
        self._path = str(folder / "s")
        settings = load(("-s", self._path, "--wsgi-file", str(folder / "app.py"), *argv), {}).settings
        started = startup.start(settings)
        self.board = Scoreboard(4, 1, 1)
        self.channel, theirs = Channel.pair()

        def main() -> int:
            self.channel.close()
            signal.alarm(PATIENCE)
            return template.main(settings, started, self.board, theirs)

        self.template = process.fork(main)
        theirs.close()
        for bound in started.bound:
            bound.sock.close()

    def hear(self) -> Message | Noise | None:
        """The next word, None at the end."""
        assert select.select([self.channel], [], [], PATIENCE)[0]
        return self.channel.receive()

    def fork(self, slot: int, wid: int, probe: bool = False) -> int:
        """Have a worker forked; its pid.  The word of its fork is the first of all about it."""
        assert self.channel.send(ForkWorker(slot, wid, probe))
        word = self.hear()
        assert isinstance(word, Forked)
        assert word.slot == slot
        return word.pid

    def request(self) -> bytes:
        """The body of an answer."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(PATIENCE)
            client.connect(self._path)
            client.sendall(encode({"REQUEST_METHOD": "GET", "PATH_INFO": "/"}))
            return b"".join(iter(lambda: client.recv(1000), b"")).partition(b"\r\n\r\n")[2]


def status_of(pid: int) -> int:
    """Wait for the end of a child; fails for a process that is not a child of this one."""
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


def as_master(story: Callable[[], None]) -> None:
    """Let a child of the test live `story`; what it raises is in the captured log."""

    def main() -> int:
        signal.alarm(PATIENCE)
        story()
        return 42

    pid = process.fork(main)
    assert status_of(pid) == 42


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """The application's file."""
    file = tmp_path / "app.py"
    file.write_text(APP)
    return file


def test_a_worker_is_forked_ready_and_the_masters_child(tmp_path: Path, app: Path) -> None:
    """In the slot and with the id that were asked for; the word of its fork comes before its own."""

    def story() -> None:
        generation = Generation(tmp_path)
        assert generation.hear() == Loaded((("", 0),))
        for slot, wid in ((3, 2), (1, 1)):
            pid = generation.fork(slot, wid)
            assert generation.hear() == Ready(slot, pid, (("", 0),))
            assert generation.board.worker(slot)[0] == pid
            assert generation.request() == f"{wid} {os.getpid()}".encode()
            os.kill(pid, signal.SIGHUP)
            assert generation.hear() == Stopped(slot, pid)
            assert status_of(pid) == 17
        assert generation.channel.send(Leave())
        assert status_of(generation.template) == 0
        assert generation.hear() is None

    as_master(story)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import no_such_module", "No module named 'no_such_module'"),
        ("def application(:", "SyntaxError"),
        ("raise SystemExit(0)", "SystemExit"),
    ],
)
def test_an_app_that_cannot_be_imported(tmp_path: Path, app: Path, source: str, reason: str) -> None:
    """The master is told why, and the template leaves with uWSGI's status for it."""
    app.write_text(source)

    def story() -> None:
        generation = Generation(tmp_path)
        word = generation.hear()
        assert isinstance(word, Failed)
        assert reason in word.reason
        assert str(app) in word.files
        assert status_of(generation.template) == 22

    as_master(story)


def test_a_template_whose_master_is_gone_ends(tmp_path: Path, app: Path) -> None:
    """And so do its workers: nobody would ever end them."""

    def story() -> None:
        generation = Generation(tmp_path)
        generation.hear()
        pid = generation.fork(1, 1)
        generation.hear()
        generation.channel.close()
        assert status_of(generation.template) == 0
        assert status_of(pid) == 17

    as_master(story)


def test_with_lazy_apps_each_worker_imports_for_itself(tmp_path: Path, app: Path) -> None:
    """A broken file is the failure of a worker, which says why; the next one may find it mended."""
    app.write_text("import no_such_module")

    def story() -> None:
        generation = Generation(tmp_path, "--lazy-apps")
        assert generation.hear() == Loaded(())
        pid = generation.fork(1, 1)
        word = generation.hear()
        assert isinstance(word, WorkerFailed)
        assert (word.slot, word.pid) == (1, pid)
        assert "it imports 'no_such_module', which is not installed here" in word.reason
        assert str(app) in word.files
        assert status_of(pid) == 22
        app.write_text(APP)
        pid = generation.fork(2, 1)
        assert generation.hear() == Ready(2, pid, (("", 0),))
        os.kill(pid, signal.SIGTERM)
        assert status_of(pid) == 30

    as_master(story)


def test_only_who_is_told_so_is_probed(tmp_path: Path, app: Path) -> None:
    """The order decides, not the option: a worker that is forked later is a fork of what has been proven."""

    def story() -> None:
        generation = Generation(tmp_path, "--probe", "/bad")
        generation.hear()
        pid = generation.fork(1, 1, probe=True)
        why = "probe = /bad: the answer is 500 (expected less than 500)"
        word = generation.hear()
        assert isinstance(word, WorkerFailed)
        assert (word.slot, word.pid, word.reason) == (1, pid, why)
        assert status_of(pid) == 22
        pid = generation.fork(1, 1, probe=False)
        assert isinstance(generation.hear(), Ready)
        os.kill(pid, signal.SIGTERM)
        assert status_of(pid) == 30

    as_master(story)


def test_a_worker_that_has_done_enough_says_so(tmp_path: Path, app: Path) -> None:
    """With its slot and pid, so that nobody else is meant; it serves on."""

    def story() -> None:
        generation = Generation(tmp_path, "--max-requests", "2", "--min-worker-lifetime", "0")
        generation.hear()
        pid = generation.fork(4, 1)
        generation.hear()
        for _ in range(4):
            assert generation.request()
        assert generation.hear() == Spent(4, pid, "it has served 2 requests (max-requests)")
        os.kill(pid, signal.SIGTERM)
        assert status_of(pid) == 30

    as_master(story)


def test_an_import_that_hangs_says_where(tmp_path: Path, app: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """At SIGUSR2 the log has the line that it hangs in; what a terminal sends to the whole group does nothing."""
    mark = tmp_path / "hangs"
    app.write_text(f"import time\nopen({str(mark)!r}, 'w').close()\nwhile True:\n    time.sleep(0.01)\n")
    log = tmp_path / "log"

    def story() -> None:
        generation = Generation(tmp_path, "--logto", str(log))
        while not mark.exists():
            time.sleep(0.01)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(generation.template, number)
        while 'app.py", line 4 in <module>' not in log.read_text():
            os.kill(generation.template, signal.SIGUSR2)
            time.sleep(0.05)
        assert os.waitpid(generation.template, os.WNOHANG) == (0, 0)
        os.kill(generation.template, signal.SIGKILL)
        assert status_of(generation.template) == -signal.SIGKILL

    as_master(story)


@pytest.mark.parametrize("letter", ["x", "\N{CJK UNIFIED IDEOGRAPH-4E2D}"])
def test_the_longest_reason_travels_with_its_files(letter: str) -> None:
    """Reason and names share a packet; what does not fit of the names is left out, the nearest ones stay."""
    ours, theirs = Channel.pair()
    files = [f"/srv/app/{letter * 50}{number}.py" for number in range(2000)]
    word = Failed(letter * REASON_SIZE, template._nearest(files))
    assert theirs.send(word)
    assert ours.receive() == word
    assert word.files[0] == files[0]
    assert len(word.files) > 100
    ours.close()
    theirs.close()


def test_the_reason_arrives_whatever_its_files_are_called() -> None:
    """A word that fits no packet is not sent, and the master would not learn why the reload failed."""
    ours, theirs = Channel.pair()
    word = Failed("x", template._nearest([f"/srv/{chr(0xDCFF) * 60}{number}" for number in range(2000)]))
    try:
        assert theirs.send(word)
        assert ours.receive() == word
    finally:
        ours.close()
        theirs.close()


# The moments of a generation, each of which writes its name.
MOMENTS = ("pre-app", "post-app", "post-fork", "accepting", "accepting1", "accepting-once", "accepting1-once")


def hooks(order: Path, *moments: str) -> tuple[str, ...]:
    """Options that write each moment to `order`."""
    return tuple(word for moment in moments for word in (f"--hook-{moment}", f"appendn:{order} {moment}"))


@pytest.mark.parametrize(
    ("lazy", "expected"),
    [
        (False, ["shared", "pre-app", "imported", "app", "alias", "post-app"]),
        (True, ["shared"]),
    ],
)
def test_what_is_done_once_and_what_by_each_worker(tmp_path: Path, app: Path, lazy: bool, expected: list[str]) -> None:
    """In uWSGI's order; with lazy-apps each worker does what belongs to the app, and only shared imports are shared.

    A worker that replaces another one does again what is not to be done once.
    """
    order = tmp_path / "order"
    write = f"import os\nos.write(os.open({str(order)!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), b'%s\\n')\n"
    app.write_text(write % "app" + APP)
    for name in ("shared", "imported", "alias"):
        (tmp_path / f"{name}.py").write_text(write % name)
    options = (
        *("--shared-import", f"{tmp_path}/shared.py", "--import", f"{tmp_path}/imported.py"),
        *("--post-pymodule-alias", f"other={tmp_path}/alias.py"),
        *hooks(order, *MOMENTS),
        *(("--lazy-apps",) if lazy else ()),
    )
    of_app = ["pre-app", "imported", "app", "alias", "post-app"] if lazy else []

    def story() -> None:
        generation = Generation(tmp_path, *options)
        assert isinstance(generation.hear(), Loaded)
        assert order.read_text().split() == expected
        for slot, wid, once in ((1, 1, True), (2, 2, True), (3, 1, False)):
            order.write_text("")
            pid = generation.fork(slot, wid)
            assert generation.hear() == Ready(slot, pid, (("", 0),))
            accepting = ["accepting", *(["accepting-once"] if once else [])]
            first = ["accepting1", *(["accepting1-once"] if once else [])] if wid == 1 else []
            assert order.read_text().split() == [*of_app, "post-fork", *accepting, *first]
            os.kill(pid, signal.SIGTERM)
            assert status_of(pid) == 30

    as_master(story)


def test_what_is_done_once_is_done_again_after_a_worker_that_never_served(tmp_path: Path, app: Path) -> None:
    """Whoever was to do it has failed before anybody could connect."""
    go, order = tmp_path / "go", tmp_path / "order"
    fails = ("--hook-accepting", f"exec:test -e {go}", "--hook-accepting-once", f"appendn:{order} once")

    def story() -> None:
        generation = Generation(tmp_path, *fails)
        assert isinstance(generation.hear(), Loaded)
        pid = generation.fork(1, 1)
        assert isinstance(generation.hear(), WorkerFailed)
        assert status_of(pid) == 22
        go.touch()
        for _ in range(2):
            pid = generation.fork(1, 1)
            assert generation.hear() == Ready(1, pid, (("", 0),))
            assert order.read_text() == "once\n"
            os.kill(pid, signal.SIGTERM)
            assert status_of(pid) == 30

    as_master(story)


@pytest.mark.parametrize("option", ["--hook-pre-app", "--exec-pre-app", "--hook-post-app", "--exec-post-app"])
def test_a_hook_of_the_app_that_fails(tmp_path: Path, app: Path, option: str) -> None:
    """Is the failure of the generation: at a reload the old one goes on."""
    value = "exec:exit 3" if option.startswith("--hook") else "exit 3"

    def story() -> None:
        generation = Generation(tmp_path, option, value)
        word = generation.hear()
        assert isinstance(word, Failed)
        assert word.reason == f"{option[2:]} = {value}: the command ended with status 3"
        assert status_of(generation.template) == 22

    as_master(story)


@pytest.mark.parametrize("option", ["--hook-post-fork", "--hook-accepting", "--hook-accepting1-once"])
def test_a_hook_of_a_worker_that_fails(tmp_path: Path, app: Path, option: str) -> None:
    """Is the failure of that worker, which says why and serves nobody."""

    def story() -> None:
        generation = Generation(tmp_path, option, "mkdir:/nowhere/d")
        assert isinstance(generation.hear(), Loaded)
        pid = generation.fork(1, 1)
        word = generation.hear()
        assert isinstance(word, WorkerFailed)
        assert word.reason == f"{option[2:]} = mkdir:/nowhere/d: no such file or directory"
        assert status_of(pid) == 22

    as_master(story)


def test_an_alias_that_cannot_be_had_is_the_failure_of_the_generation(tmp_path: Path, app: Path) -> None:
    """The app would not find what it is to find."""

    def story() -> None:
        generation = Generation(tmp_path, "--pymodule-alias", "settings=no_such_module")
        word = generation.hear()
        assert isinstance(word, Failed)
        assert word.reason.startswith("pymodule-alias = settings=no_such_module: there is no module 'no_such_module'")

    as_master(story)
