"""Finding a server and asking it, against processes with a control socket."""

import os
import selectors
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.control import FakeServer
from uncork.control import ctlclient
from uncork.control.commands import Command
from uncork.control.ctlclient import CtlError, Server, ask, is_named, server_with, servers, why_not
from uncork.system import controlsocket
from uncork.system.pidfile import PidFile, read_pidfile

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
NOBODY = 65534

Fake = Callable[..., FakeServer]


@pytest.fixture
def fake() -> Iterator[Fake]:
    """Starts processes with a control socket."""
    made: list[FakeServer] = []

    def start(**how: object) -> FakeServer:
        made.append(FakeServer(**how))  # type: ignore[arg-type]
        return made[-1]

    yield start
    for server in made:
        server.close()


def found(server: FakeServer) -> Server:
    """The server as a client finds it."""
    known = server_with(server.pid)
    assert known is not None
    return known


def test_servers_are_found(fake: Fake) -> None:
    """Every one that runs, by its pid and its user; one that has ended no more."""
    pids = {fake().pid for _ in range(3)}
    gone = fake()
    gone.close()
    known = {server.pid: server for server in servers()}

    assert pids <= known.keys()
    assert gone.pid not in known
    assert all(known[pid].uid == os.geteuid() and known[pid].trusted for pid in pids)


def test_an_answer(fake: Fake) -> None:
    """What was asked for is told, and what the server is."""
    server = found(fake(status={"cwd": "/srv/blog"}))

    assert ask(server, "status")["cwd"] == "/srv/blog"
    assert ask(server, "reload")["ok"]


def test_a_failure_is_an_answer(fake: Fake) -> None:
    """The reason comes with it."""
    answer = ask(found(fake(errors={Command.RELOAD: "app.py:3: SyntaxError"})), "reload")

    assert (answer["ok"], answer["error"]) == (False, "app.py:3: SyntaxError")


def test_an_answer_that_does_not_come(fake: Fake) -> None:
    """Is waited for as long as was said, and whoever looks on hears how long it takes."""
    server = found(fake(silent=frozenset({Command.RELOAD})))
    heard: list[float] = []

    with pytest.raises(CtlError, match=f"pid {server.pid} has not come to an end with reload in time"):
        ask(server, "reload", 0.7, heard.append)
    assert heard == sorted(heard)
    assert heard


def test_a_server_that_ends_while_it_is_asked(fake: Fake) -> None:
    """Is an error, at once."""
    process = fake(silent=frozenset({Command.RELOAD}))
    server = found(process)
    ended: list[float] = []

    def end(_: float) -> None:
        if not ended:
            ended.append(time.monotonic())
            os.kill(process.pid, signal.SIGKILL)

    with pytest.raises(CtlError, match="ended before it answered"):
        ask(server, "reload", 30, end)
    assert ended


def test_a_server_that_has_ended(fake: Fake) -> None:
    """Is an error, too."""
    process = fake()
    server = found(process)
    process.close()

    with pytest.raises(CtlError, match=f"pid {server.pid} does not answer"):
        ask(server, "status")


def test_another_process_behind_the_name(fake: Fake) -> None:
    """The kernel says who listens; what was found before does not count."""
    process = fake()

    with pytest.raises(CtlError, match="pid 1 has ended"):
        ask(Server(found(process).name, 1, os.geteuid()), "status")


@pytest.mark.parametrize("answer", [b"", b"hello\n", b"[]\n", b'{"ok":', b"\xff\n"])
def test_an_answer_that_is_none(answer: bytes) -> None:
    """A stranger behind the name cannot make the client believe or crash."""
    sock = controlsocket.listen()
    assert sock is not None

    def serve() -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(sock, selectors.EVENT_READ)
            selector.select(20)
        client, _ = sock.accept()
        client.recv(100)
        client.sendall(answer)
        client.close()

    thread = threading.Thread(target=serve)
    thread.start()
    with pytest.raises(CtlError, match="ended before it answered"):
        ask(Server(sock.getsockname(), os.getpid(), os.geteuid()), "status")
    thread.join()
    sock.close()


@AS_ROOT
def test_a_server_of_another_user(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root hears it; anybody else neither tells it anything nor believes it."""
    server = found(fake(uid=NOBODY))
    assert server.uid == NOBODY
    assert ask(server, "status")["ok"]
    monkeypatch.setattr(os, "geteuid", lambda: 1234)

    with pytest.raises(CtlError, match="a server of another user"):
        ask(server, "status")
    assert Server(b"", 1, 0).trusted
    assert Server(b"", 1, 1234).trusted


# ---- whose pidfile ---------------------------------------------------------------------------------------------------


def written(path: Path, pid: int, age: float = 0.0) -> str:
    """A pidfile that was written `age` seconds ago."""
    path.write_text(f"{pid}\n")
    os.utime(path, (time.time() - age,) * 2)
    return str(path)


def test_a_pidfile_that_the_server_may_have_written(fake: Fake, tmp_path: Path) -> None:
    """It was there already when the file was written."""
    process = fake()
    path = written(tmp_path / "pid", process.pid)

    assert why_not(path, read_pidfile(path), found(process)) == ""


def test_a_pidfile_from_before_the_server(fake: Fake, tmp_path: Path) -> None:
    """The process got the number of the one that wrote it, and happens to be a server, too."""
    process = fake()
    path = written(tmp_path / "pid", process.pid, age=3600)

    assert "it began after this file was written" in why_not(path, read_pidfile(path), found(process))


def test_a_pidfile_that_the_server_knows(fake: Fake, tmp_path: Path) -> None:
    """Its time counts for nothing then: the clock may have been set after the file was written."""
    process = fake(status={"pidfiles": [str(tmp_path / "pid")]})
    path = written(tmp_path / "pid", process.pid, age=3600)

    assert why_not(path, read_pidfile(path), found(process)) == ""


def test_a_process_without_a_control_socket(tmp_path: Path) -> None:
    """It is the server if it has the very file open for writing, as one without a master has."""
    path = str(tmp_path / "pid")
    file = PidFile(path)
    file.write(os.getpid())
    assert why_not(path, read_pidfile(path), None) == ""
    file.close()
    assert "not the server" in why_not(path, read_pidfile(path), None)


@AS_ROOT
def test_a_pidfile_of_another_user_aims_at_nobody_else(fake: Fake, tmp_path: Path) -> None:
    """Whoever may write the file could name any process; root must not send it anything for them."""
    process = fake(status={"pidfiles": [str(tmp_path / "pid")]})
    path = written(tmp_path / "pid", process.pid)
    os.chown(path, NOBODY, NOBODY)
    assert f"the file belongs to uid {NOBODY}" in why_not(path, read_pidfile(path), found(process))
    with open(path, "r+"):
        assert f"the file belongs to uid {NOBODY}" in why_not(path, read_pidfile(path)._replace(pid=os.getpid()), None)

    theirs = fake(uid=NOBODY)
    written(Path(path), theirs.pid)
    assert why_not(path, read_pidfile(path), found(theirs)) == ""


# ---- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("app.ini", True),
        ("./app.ini", True),
        ("link.ini", True),
        ("common.ini", True),
        ("fifo", True),
        ("app.sock", True),
        ("stats.sock", True),
        ("@abstract", True),
        ("127.0.0.1:3031", True),
        ("127.0.0.1:8000", True),
        ("[::1]:8000", True),
        ("127.0.0.1:80", False),
        (":3031", False),
        ("other.ini", False),
        ("missing.ini", False),
        ("", False),
        (".", False),
        ("a\0b", False),
    ],
)
def test_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, expected: bool) -> None:
    """A file is the same by whatever path, an address by its text, or by its port if the server takes every address."""
    monkeypatch.chdir(tmp_path)
    for name in ("app.ini", "common.ini", "fifo", "app.sock", "stats.sock", "other.ini"):
        Path(name).touch()
    Path("link.ini").symlink_to("app.ini")
    status: dict[str, object] = {
        "config": [f"{tmp_path}/app.ini", f"{tmp_path}/common.ini"],
        "fifos": [f"{tmp_path}/fifo"],
        "pidfiles": [],
        "sockets": [f"{tmp_path}/app.sock", "@abstract", "127.0.0.1:3031", "0.0.0.0:8000"],
        "stats": f"{tmp_path}/stats.sock",
        "cwd": str(tmp_path),
    }

    assert is_named(status, target) == expected


def test_a_status_of_any_shape() -> None:
    """What a server of another version says names nothing, and breaks nothing."""
    assert not is_named({"config": None, "fifos": 3, "sockets": [None, 7, ""], "stats": {}}, "x")
    assert not is_named({"ok": False, "error": "no"}, "")


def test_a_socket_that_does_not_accept_costs_its_time_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that hangs keeps nobody from finding the others."""
    monkeypatch.setattr(ctlclient, "PATIENCE", 0.05)
    sock = controlsocket.listen()
    assert sock is not None
    clients = [socket.socket(socket.AF_UNIX) for _ in range(controlsocket.BACKLOG + 1)]
    for client in clients:
        client.setblocking(False)
        client.connect(sock.getsockname())

    assert os.getpid() not in {server.pid for server in servers()}
    for client in (*clients, sock):
        client.close()
