"""The control socket, over a real socket and a real selector, which the test turns as the master's loop does."""

import json
import os
import selectors
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from uncork.control.commands import BY_VERB, COMMANDS, Command, Outcome
from uncork.control.ctlserver import CLIENT_TIME, MAX_CLIENTS, REQUEST_SIZE, CtlServer
from uncork.system import controlsocket, process

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
NOBODY = 65534


class Server:
    """A control server with its selector; `asked` is what the master heard, `on_ask` what it does then."""

    def __init__(self) -> None:
        sock = controlsocket.listen()
        assert sock is not None
        self.name = sock.getsockname()
        self.selector = selectors.DefaultSelector()
        self.asked: list[Command] = []
        self.paused = False
        self.reloads_at_once = False
        self.failing: dict[Command, str] = {}
        self.statistics: dict[str, object] = {"version": "1"}
        self.ctl = CtlServer(self.selector, sock, self._ask, self._describe, lambda: self.statistics)

    def _ask(self, command: Command) -> None:
        self.asked.append(command)
        if self.reloads_at_once:
            self.ctl.reload_began()
        if command is Command.PAUSE:
            self.paused = not self.paused
        if command in self.failing:
            self.ctl.settle(command, self.failing[command])

    def _describe(self) -> dict[str, object]:
        return {"pid": os.getpid(), "workers": [{"id": 1}, {"id": 2}], "paused": self.paused}

    def turn(self) -> None:
        """Rounds of the loop until nothing is ready any more."""
        for _ in range(1000):
            ready = self.selector.select(0)
            if not ready:
                return
            for key, _ in ready:
                key.data()
        raise AssertionError("the loop spins")

    def clients(self) -> int:
        """How many are connected."""
        return len(self.selector.get_map()) - 1

    def connect(self) -> socket.socket:
        """A client that the server has not seen yet."""
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(10)
        client.connect(self.name)
        return client

    def tell(self, verb: str) -> socket.socket:
        """A client that has asked for `verb`, and been heard."""
        client = self.connect()
        client.sendall(json.dumps({"verb": verb}).encode() + b"\n")
        self.turn()
        return client

    def close(self) -> None:
        """The end of the master."""
        self.ctl.close()
        self.selector.close()


@pytest.fixture
def server() -> Iterator[Server]:
    """A control server."""
    made = Server()
    yield made
    made.close()


def answer(client: socket.socket) -> Any:
    """The one line that the server has sent before it closed, and nothing else."""
    with client, client.makefile("rb") as lines:
        line = lines.readline()
        try:
            assert lines.read() == b""
        except ConnectionResetError:
            pass  # it did not care to read what it was sent
    assert line.endswith(b"\n")
    return json.loads(line)


def waits(client: socket.socket) -> bool:
    """Whether no answer is there yet."""
    client.setblocking(False)
    try:
        client.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    finally:
        client.settimeout(10)
    return False


# ---- outcomes --------------------------------------------------------------------------------------------------------

AT_ONCE = [
    (verb, row.command)
    for verb, row in BY_VERB.items()
    if row.outcome is Outcome.AT_ONCE and row.command is not Command.PAUSE
]


@pytest.mark.parametrize(("verb", "command"), AT_ONCE, ids=str)
def test_what_is_done_at_once_is_answered_at_once(server: Server, verb: str, command: Command) -> None:
    """The master hears the command, and its client that it is done."""
    found = answer(server.tell(verb))

    assert server.asked == [command]
    assert (found["ok"], found["verb"], found["error"], found["pid"]) == (True, verb, "", os.getpid())
    assert server.clients() == 0


def test_what_cannot_be_done_is_answered_with_the_reason(server: Server) -> None:
    """The reason comes with the one command that failed, and with no later one."""
    server.failing[Command.REOPEN_LOG] = "there is no log file"

    assert answer(server.tell("log-reopen"))["error"] == "there is no log file"
    server.failing.clear()
    assert answer(server.tell("log-reopen"))["ok"]
    server.ctl.settle(Command.REOPEN_LOG, "by FIFO, and nobody's here")
    assert answer(server.tell("log-reopen"))["ok"]


@pytest.mark.parametrize("row", [row for row in COMMANDS if row.outcome in {Outcome.CHAIN, Outcome.WORKERS}], ids=str)
def test_what_takes_time_is_answered_at_its_end(server: Server, row: Any) -> None:
    """No answer before the master says that the last worker is replaced; then with how many there are."""
    client = server.tell(row.verbs[0])
    server.turn()
    assert waits(client)
    server.ctl.settle(row.command)
    found = answer(client)

    assert (found["ok"], found["workers"]) == (True, 2)
    assert found["seconds"] >= 0


def test_a_reload_is_answered_by_its_outcome(server: Server) -> None:
    """Good or bad, with the reason; one that was asked for while it was proven gets the outcome of the next."""
    first = server.tell("reload")
    server.ctl.reload_began()
    second = server.tell("brutal-reload")
    server.ctl.settle(Command.RELOAD, "app.py:3: SyntaxError")

    assert answer(first)["error"] == "app.py:3: SyntaxError"
    assert waits(second)
    server.ctl.reload_began()
    server.ctl.settle(Command.RELOAD)
    assert answer(second)["ok"]
    assert server.asked == [Command.RELOAD, Command.BRUTAL_RELOAD]


def test_an_outcome_that_comes_while_the_master_is_asked(server: Server) -> None:
    """A configuration that cannot be read fails before the call returns, and is answered all the same."""
    server.failing[Command.RELOAD] = "uwsgi.ini cannot be read"
    server.reloads_at_once = True

    assert answer(server.tell("reload"))["error"] == "uwsgi.ini cannot be read"


@pytest.mark.parametrize("verb", ["stop", "kill"])
def test_a_stop_is_acknowledged(server: Server, verb: str) -> None:
    """Its end is seen from outside, so the answer comes at once; it is heard also while the server stops."""
    assert answer(server.tell(verb))["ok"]
    server.ctl.stopping()
    assert answer(server.tell("kill"))["ok"]


def test_a_server_that_stops_leaves_nobody_waiting(server: Server) -> None:
    """Whoever waits is told, and whoever comes later too; nothing else is asked of the master."""
    client = server.tell("reload")
    server.ctl.stopping()

    assert answer(client)["error"] == "the server stops"
    assert answer(server.tell("workers"))["error"] == "the server stops"
    assert server.asked == [Command.RELOAD]


@pytest.mark.parametrize(("verbs", "asked", "paused"), [
    (["pause"], 1, True),
    (["pause", "pause"], 1, True),
    (["resume"], 0, False),
    (["pause", "resume"], 2, False),
    (["pause", "resume", "resume"], 2, False),
])  # fmt: skip
def test_pause_and_resume_say_what_shall_be(server: Server, verbs: list[str], asked: int, paused: bool) -> None:
    """The master knows one command that does both by turns; the verbs do not depend on how the server was before."""
    answers = [answer(server.tell(verb)) for verb in verbs]

    assert all(found["ok"] for found in answers)
    assert len(server.asked) == asked
    assert server.paused == paused


def test_questions_ask_nothing_of_the_master(server: Server) -> None:
    """`status` and `stats` are answered with what is true now."""
    server.statistics = {"workers": ["x" * 100_000] * 20}
    client = server.tell("stats")
    client.setblocking(True)
    data = b""
    while part := client.recv(1 << 20):
        data += part
        server.turn()
    client.close()

    assert json.loads(data)["stats"] == server.statistics
    status = answer(server.tell("status"))
    assert (status["ok"], status["pid"], status["paused"]) == (True, os.getpid(), False)
    assert server.asked == []


# ---- clients that misbehave ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "request_",
    [b"reload\n", b"{}\n", b"[]\n", b'{"verb": 3}\n', b'{"verb": ""}\n', b'{"verb": null}\n', b"\n", b"\xff\n",
     b'{"verb": "frobnicate"}\n', b"[" * 4000 + b"\n", b"x" * (REQUEST_SIZE + 1), b"GET / HTTP/1.0\r\n\r\n"],
)  # fmt: skip
def test_what_is_no_request_is_refused(server: Server, request_: bytes) -> None:
    """One line says so, the master hears nothing of it, and the client is let go."""
    client = server.connect()
    client.sendall(request_)
    server.turn()
    found = answer(client)

    assert not found["ok"]
    assert found["error"]
    assert server.asked == []
    assert server.clients() == 0


def test_a_request_may_come_in_pieces(server: Server) -> None:
    """It counts when its line is whole, and only the first line does."""
    client = server.connect()
    for byte in b'{"verb": "pidfile"}':
        client.sendall(bytes([byte]))
        server.turn()
        assert server.asked == []
    client.sendall(b'\n{"verb": "kill"}\n')
    server.turn()

    assert answer(client)["verb"] == "pidfile"
    assert server.asked == [Command.PIDFILE]


def test_more_than_one_request_is_not_heard(server: Server) -> None:
    """What a client sends while it waits is read away and means nothing."""
    client = server.tell("reload")
    for _ in range(50):
        client.sendall(b'{"verb": "kill"}\n' * 100)
        server.turn()
    server.ctl.reload_began()
    server.ctl.settle(Command.RELOAD)

    assert answer(client)["ok"]
    assert server.asked == [Command.RELOAD]


@pytest.mark.parametrize("moment", ["before the request", "in the request", "while it waits"])
def test_a_client_that_leaves_is_forgotten(server: Server, moment: str) -> None:
    """It takes no place any more, and the outcome that it waited for finds nobody."""
    client = server.tell("reload") if moment == "while it waits" else server.connect()
    if moment == "in the request":
        client.sendall(b'{"verb":')
    server.turn()
    client.close()
    server.turn()

    assert server.clients() == 0
    server.ctl.reload_began()
    server.ctl.settle(Command.RELOAD)
    server.ctl.stopping()


def test_clients_are_bounded(server: Server) -> None:
    """One too many is told so; once somebody has left there is room again."""
    held = [server.connect() for _ in range(MAX_CLIENTS)]
    server.turn()
    assert "others are talking" in answer(server.tell("pidfile"))["error"]
    held.pop().close()
    server.turn()

    assert answer(server.tell("pidfile"))["ok"]
    for client in held:
        client.close()


def test_a_client_that_says_nothing_loses_its_place(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only while it is to speak: whoever waits for an outcome may wait as long as that takes."""
    waiting = server.tell("reload")
    mute = server.connect()
    server.turn()
    later = time.monotonic() + CLIENT_TIME + 1
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert answer(server.tell("pidfile"))["ok"]

    assert server.clients() == 1
    assert mute.recv(1) == b""
    assert waits(waiting)
    waiting.close()
    mute.close()


@AS_ROOT
def test_another_user_is_not_heard(server: Server) -> None:
    """What the kernel says of the one who connects counts, and nothing that it says itself."""
    reading, writing = os.pipe()

    def stranger() -> int:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        client = server.connect()
        client.sendall(b'{"verb": "kill"}\n')
        os.write(writing, b"!")
        return 0 if "are heard" in json.loads(client.makefile("rb").readline())["error"] else 1

    pid = process.fork(stranger)
    os.read(reading, 1)
    server.turn()
    _, status = os.waitpid(pid, 0)
    os.close(reading)
    os.close(writing)

    assert os.waitstatus_to_exitcode(status) == 0
    assert server.asked == []
    assert server.clients() == 0


def test_closing_leaves_nothing(server: Server) -> None:
    """Runs in children too: every descriptor is closed, and the name is gone with the last one."""
    client = server.tell("reload")
    server.ctl.close()

    assert client.recv(1) == b""
    client.close()
    assert server.name not in list(controlsocket.names())
