"""Alarms tell somebody, and cost the server next to nothing: few at a time, none twice, none by another."""

import os
import selectors
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from uncork.config.load import load
from uncork.config.options.alarms import Alarm, Watched
from uncork.config.settings import Settings
from uncork.master import alarms as module
from uncork.master.alarms import MOST_RUNNING, MOST_WAITING, REMEMBERED, REST, AlarmBell, Recent, Tripwires, program
from uncork.master.errands import Errands, small_environ
from uncork.master.slots import Generation, Worker
from uncork.supervise.exits import Exit


class Runs(Errands):
    """Stands for the programs: what they were told, and who hears of their end."""

    def __init__(self) -> None:
        self.told: list[tuple[str, bytes]] = []
        self.ends: list[Callable[[Exit], None]] = []
        self.overdue: list[Callable[[], None]] = []
        self.problem: OSError | None = None

    def start(  # type: ignore[override]
        self,
        words: Sequence[str],
        ended: Callable[[Exit], None],
        *,
        limit: float,
        overdue: Callable[[], None],
        text: bytes,
        private: bool,
    ) -> int | None:
        assert private
        assert limit == module.LONGEST
        if self.problem:
            raise self.problem
        self.told.append((words[-1], text))
        self.ends.append(ended)
        self.overdue.append(overdue)
        return len(self.told)


class Server:
    """A bell with the alarms `a`, which runs `tell a`, `b` and `l`, which is a line of the log."""

    def __init__(self, selector: selectors.BaseSelector, *argv: str) -> None:
        self.runs = Runs()
        self.lines: list[str] = []
        settings = self.settings(*argv)
        self.bell = AlarmBell(settings, selector, self.runs, self.lines.append)
        self.bell.set(settings)

    @staticmethod
    def settings(*argv: str) -> Settings:
        """The configuration."""
        named = ("--alarm", "a cmd:tell a", "--alarm", "b cmd:tell b", "--alarm", "l log:hello")
        return load([*named, *argv], {}).settings

    def tick(self) -> list[tuple[str, bytes]]:
        """Who was told what by now."""
        self.bell.tick(time.monotonic())
        return self.runs.told


@pytest.fixture
def selector() -> Iterator[selectors.BaseSelector]:
    """A selector."""
    with selectors.DefaultSelector() as made:
        yield made


@pytest.fixture
def server(selector: selectors.BaseSelector) -> Server:
    """A server that has said nothing yet."""
    return Server(selector)


def test_an_alarm_tells_somebody_with_the_next_turn(server: Server) -> None:
    """The message and a break; the one who raises it waits for nothing."""
    server.bell.ring(("a", "b", "nobody", "a"), b"it burns\n")
    assert server.runs.told == []
    soon = server.bell.next_time()
    assert soon is not None
    assert soon <= time.monotonic()
    assert server.tick() == [("tell a", b"it burns\n"), ("tell b", b"it burns\n")]
    assert server.bell.next_time() is None


@pytest.mark.parametrize(("argument", "line"), [("hello", "ALARM: hello it burns"), ("", "ALARM: it burns")])
def test_an_alarm_may_be_a_line(selector: selectors.BaseSelector, argument: str, line: str) -> None:
    """uWSGI's words, by a way that raises no alarm."""
    server = Server(selector, "--alarm", f"own log:{argument}")
    server.bell.ring(("own",), b"it burns")
    server.tick()
    assert server.lines == [line]


def test_the_same_message_comes_once_in_a_while(server: Server) -> None:
    """For each alarm; another message comes at once."""
    for message in (b"x", b"y", b"x", b"y"):
        server.bell.ring(("a",), message)
    server.bell.ring(("b",), b"x")
    assert server.tick() == [("tell a", b"x\n"), ("tell a", b"y\n"), ("tell b", b"x\n")]


@pytest.mark.parametrize(
    ("moments", "admitted"),
    [([0, 1, 2.9, 3], [True, False, False, True]), ([0, 3, 4, 6], [True, True, False, True])],
)
def test_a_while_has_an_end(moments: list[float], admitted: list[bool]) -> None:
    """Counted from the last one that was sent."""
    recent = Recent(3)
    assert [recent.admits(b"x", 100 + moment) for moment in moments] == admitted


def test_no_while_admits_everything() -> None:
    """alarm-freq = 0."""
    recent = Recent(0)
    assert all(recent.admits(b"x", 100) for _ in range(3))


def test_memory_of_messages_is_bounded() -> None:
    """A log with a number in each line must not fill the master."""
    recent = Recent(3)
    assert all(recent.admits(b"%d" % number, 100) for number in range(10 * REMEMBERED))
    assert len(recent._sent) == REMEMBERED


def test_few_run_at_a_time_and_few_wait(server: Server) -> None:
    """The rest is dropped and counted; who ends makes room for the next."""
    total = MOST_RUNNING + MOST_WAITING + 7
    for number in range(total):
        server.bell.ring(("a",), b"%d" % number)
    assert len(server.tick()) == MOST_RUNNING
    assert server.bell.next_time() is None
    ended = 0
    while ended < len(server.runs.ends):
        server.runs.ends[ended](Exit(0, 0))
        ended += 1
        assert len(server.tick()) - ended <= MOST_RUNNING
    assert server.runs.told == [("tell a", b"%d\n" % number) for number in range(MOST_WAITING)]
    assert server.lines == [f"[uwsgi-alarm] {total - MOST_WAITING} alarms were dropped: too many at a time"]


def test_who_fails_to_tell_is_told(server: Server) -> None:
    """By lines that raise no alarm, and without the words of the command, which may hold a password."""
    server.bell.ring(("a",), b"x")
    server.tick()
    server.runs.overdue[0]()
    server.runs.ends[0](Exit(0, 9))
    server.runs.problem = OSError(11, "No Room")
    server.bell.ring(("a",), b"y")
    server.tick()
    assert server.lines == [
        "[uwsgi-alarm] a: what tells of it takes more than 30 seconds",
        "[uwsgi-alarm] a: what tells of it killed by signal 9 (SIGKILL)",
        "[uwsgi-alarm] a: nobody can be told: no room",
    ]


def test_a_message_has_its_size(selector: selectors.BaseSelector) -> None:
    """alarm-msg-size."""
    server = Server(selector, "--alarm-msg-size", "5")
    server.bell.ring(("a",), b"0123456789")
    assert server.tick() == [("tell a", b"01234\n")]


def test_a_silent_alarm_runs_nothing(selector: selectors.BaseSelector) -> None:
    """Its module does not exist here; another one of the same name does its part."""
    server = Server(selector, "--alarm", "x sentry:dsn", "--alarm", "x cmd:tell x", "--alarm", "y mule:")
    server.bell.ring(("x", "y"), b"m")
    assert server.tick() == [("tell x", b"m\n")]


def test_a_reload_brings_other_alarms(server: Server) -> None:
    """What waits is told still."""
    server.bell.ring(("a",), b"before")
    server.bell.set(load(["--alarm", "c cmd:tell c"], {}).settings)
    server.bell.ring(("a", "c"), b"after")
    assert server.tick() == [("tell a", b"before\n"), ("tell c", b"after\n")]


def test_a_full_queue(selector: selectors.BaseSelector) -> None:
    """The message is uWSGI's: the line of the log without its stars."""
    server = Server(selector, "--alarm-backlog", "a", "--lq-alarm", "b")
    server.bell.queue_full('*** uWSGI listen queue of socket "x" (fd: 3) full !!! (3/2) ***')
    message = b'listen queue of socket "x" (fd: 3) full !!! (3/2)\n'
    assert server.tick() == [("tell a", message), ("tell b", message)]


@pytest.mark.parametrize(("pid", "signal", "told"), [(77, 11, True), (77, 9, False), (78, 11, False)])
def test_a_crash(selector: selectors.BaseSelector, pid: int, signal: int, told: bool) -> None:
    """Of a worker, and by a segmentation fault."""
    server = Server(selector, "--alarm-segfault", "a")
    worker = Worker(3, 0)
    worker.pid = 77
    generation = Generation(1, 1, 1, 2, {0: worker})
    server.bell.child_ended(pid, Exit(0, signal), {1: generation})
    expected = [("tell a", b"worker 3 (pid: 77) died, killed by signal 11 (SIGSEGV)\n")]
    assert server.tick() == (expected if told else [])


def test_the_list_of_modules(selector: selectors.BaseSelector) -> None:
    """uWSGI's frame around what there is here."""
    assert Server(selector, "--alarm-list").lines == [
        "*** uWSGI loaded alarms ***\ncmd\ncurl\nlog\n--- end of alarms list ---"
    ]


# ---- to a URL --------------------------------------------------------------------------------------------------------


@pytest.fixture
def web() -> Iterator[tuple[str, list[tuple[str, str, bytes]]]]:
    """A web server's address, and the requests that came: method, path, body."""
    requests: list[tuple[str, str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def handle_it(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            requests.append((self.command, self.path, body))
            if "garbage" in self.path:
                self.wfile.write(b"what?\r\n\r\n")
                return
            self.send_response(500 if "broken" in self.path else 200)
            self.end_headers()

        do_PUT = do_POST = handle_it  # noqa: N815 - as the library calls them

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", requests
        server.shutdown()
        thread.join()


def sent(url: str, message: bytes = b"it burns", environ: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Send it, with this environment of the server; exit status, and what was written, which is no traceback."""
    words, text = program(Alarm("a", "curl", url), message)
    done = subprocess.run(
        words, input=text, env=small_environ(environ or {}), timeout=60, capture_output=True, check=False
    )
    assert b"Traceback" not in done.stderr
    return done.returncode, done.stderr.decode()


@pytest.mark.parametrize(
    ("argument", "request_", "status"),
    [
        ("/x?a=1", ("PUT", "/x?a=1"), 0),
        ("/;method=POST;timeout=9", ("POST", "/"), 0),
        ("/broken", ("PUT", "/broken"), 1),
        ("/garbage", ("PUT", "/garbage"), 1),
    ],
)
def test_a_url(
    web: tuple[str, list[tuple[str, str, bytes]]], argument: str, request_: tuple[str, str], status: int
) -> None:
    """curl:URL sends the message as a body, and fails when the answer is a failure, or none."""
    address, requests = web
    assert sent(address + argument, b"it\nburns")[0] == status
    assert requests == [(*request_, b"it\nburns\n")]


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://127.0.0.1:1/", "refused"),
        ("http://127.0.0.1:1/ ?token=hunter2", "InvalidURL"),
        ("http://127.0.0.1:hunter2/", "InvalidURL"),
    ],
)
def test_a_url_that_cannot_be_sent_to(url: str, why: str) -> None:
    """A few words, and never what may be a password in it."""
    status, said = sent(url)
    assert status == 1
    assert why in said
    assert "hunter2" not in said


def test_the_address_stands_where_nobody_sees_it() -> None:
    """Everybody may read the words of a process, and the token in a URL is as good as a password."""
    words, _ = program(Alarm("a", "curl", "https://hooks.example.org/?token=hunter2;method=POST"), b"x")
    assert "hunter2" not in " ".join(words)
    assert "hooks" not in " ".join(words)


def test_a_proxy_is_gone_through(web: tuple[str, list[tuple[str, str, bytes]]]) -> None:
    """As the surroundings of the server say."""
    address, requests = web
    assert sent("http://nowhere.invalid/x", environ={"http_proxy": address}) == (0, "")
    assert requests == [("PUT", "http://nowhere.invalid/x", b"it burns\n")]


# ---- descriptors -----------------------------------------------------------------------------------------------------


class Wires:
    """Watched descriptors."""

    def __init__(self, selector: selectors.BaseSelector) -> None:
        self.selector = selector
        self.rung: list[tuple[Sequence[str], bytes]] = []
        self.lines: list[str] = []
        self.tripwires = Tripwires(selector, lambda names, text: self.rung.append((names, text)), self.lines.append)

    def turn(self) -> None:
        """What is there by now."""
        for key, _ in self.selector.select(0):
            key.data()


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe that the server was started with."""
    read, write = os.pipe()
    os.set_inheritable(read, True)
    yield read, write
    for fd in (read, write):
        try:
            os.close(fd)
        except OSError:
            pass


def test_a_descriptor_raises_its_alarm(selector: selectors.BaseSelector, pipe: tuple[int, int]) -> None:
    """So many bytes at a time; between two of them is a rest, and an end is an end."""
    wires = Wires(selector)
    wires.tripwires.set((Watched("a", pipe[0], 3, "it burns"),))
    # It may be the terminal of a shell, which would find it changed.
    assert os.get_blocking(pipe[0])
    wires.turn()
    assert wires.rung == []
    os.write(pipe[1], b"abcdef")
    wires.turn()
    wires.turn()
    assert wires.rung == [(("a",), b"it burns")]
    rested = wires.tripwires.next_time()
    assert rested is not None
    wires.tripwires.tick(rested - REST / 2)
    wires.turn()
    assert len(wires.rung) == 1
    wires.tripwires.tick(rested)
    wires.turn()
    assert len(wires.rung) == 2
    os.close(pipe[1])
    wires.tripwires.tick(rested + 10)
    wires.turn()
    assert wires.tripwires.next_time() is None
    assert not selector.get_map()
    assert wires.lines == [
        f"[uwsgi-alarm] added fd {pipe[0]}",
        f"[uwsgi-alarm] fd {pipe[0]} is watched no more: nothing will come",
    ]


def test_a_descriptor_that_others_read_does_not_block(selector: selectors.BaseSelector, pipe: tuple[int, int]) -> None:
    """It could be read, and then somebody else did."""
    wires = Wires(selector)
    wires.tripwires.set((Watched("a", pipe[0], 1, "x"),))
    os.write(pipe[1], b"a")
    ready = selector.select(0)
    os.read(pipe[0], 1)
    for key, _ in ready:
        key.data()
    assert wires.rung == []


def test_a_reload_watches_others(selector: selectors.BaseSelector, pipe: tuple[int, int]) -> None:
    """And the same go on being watched."""
    wires = Wires(selector)
    wire = Watched("a", pipe[0], 1, "x")
    wires.tripwires.set((wire,))
    wires.tripwires.set((wire,))
    assert len(wires.lines) == 1
    wires.tripwires.set(())
    assert not selector.get_map()


def test_what_is_not_a_descriptor_of_the_start_is_none(selector: selectors.BaseSelector) -> None:
    """One of the server's own happens to have the number; or none; or one that is watched already."""
    read, write = os.pipe()
    file = os.open(os.devnull, os.O_RDONLY)
    os.close(file)
    wires = Wires(selector)
    wires.tripwires.set((Watched("a", read, 1, "x"), Watched("a", file, 1, "x")))
    os.set_inheritable(read, True)
    wires.tripwires.set((Watched("a", read, 1, "x"), Watched("b", read, 1, "x")))
    wires.tripwires.set(())
    os.close(read)
    os.close(write)
    assert wires.lines == [
        f"[uwsgi-alarm] fd {read} cannot be watched: the server was not started with it",
        f"[uwsgi-alarm] fd {file} cannot be watched: bad file descriptor",
        f"[uwsgi-alarm] added fd {read}",
        f"[uwsgi-alarm] fd {read} cannot be watched: it is watched already",
    ]
