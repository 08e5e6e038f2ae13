"""The server under a service manager: what it says, the sockets that it is passed and leaves, and its sudden death."""

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.conftest import Serve, write_app
from harness import uwsgi
from harness.manager import Manager
from harness.processes import session_pids, wait_gone
from harness.server import free_port
from uncork.protocol.uwsgi import encode

# Nothing may be left of a killed server after 2 s; this is what a loaded machine is given.
GONE = 5.0


@pytest.fixture
def manager(run: Path) -> Iterator[Manager]:
    """A service manager; nothing that it started outlives the test."""
    found = Manager(run)
    yield found
    found.close()


def hold(manager: Manager, *kinds: str) -> list[str]:
    """Have the manager listen on a socket of each kind; the addresses, as option `socket` has them."""
    addresses = []
    for kind in kinds:
        if kind == "unix":
            path = f"{manager.run}/held.sock"
            manager.hold("held.socket", socket.socket(socket.AF_UNIX), path)
            os.chmod(path, 0o660)
            addresses.append(path)
        else:
            sock = manager.hold("port.socket", socket.socket(), ("127.0.0.1", 0))
            addresses.append(f"127.0.0.1:{sock.getsockname()[1]}")
    return addresses


# ---- what it says


def test_it_is_ready_when_the_app_is_loaded_and_workers_accept(manager: Manager, run: Path) -> None:
    """Not before: a request that comes with the word is answered.  A stop and a reload are announced, too."""
    gate = run / "gate"
    os.mkfifo(gate)
    write_app(run / "app", {"slow.py": f"open({str(gate)!r}).read()\nfrom plain import application as application\n"})
    process = manager.launch("--socket", f"{run}/s", "--master", "--module", "slow", "--pythonpath", f"{run}/app")
    opened = os.open(gate, os.O_WRONLY)  # returns once the import has come so far
    manager.listen()
    assert not any("READY=1" in lines for lines in manager.heard)
    os.close(opened)
    manager.wait(lambda lines: "READY=1" in lines, process)
    assert uwsgi.get(f"{run}/s", "/pid").code == 200

    gate.unlink()
    gate.touch()
    process.signal(signal.SIGHUP)
    reloading = manager.wait(lambda lines: "RELOADING=1" in lines, process)
    assert any(line.startswith("MONOTONIC_USEC=") and line[15:].isdigit() for line in reloading)
    manager.wait(lambda lines: "READY=1" in lines, process)
    process.signal(signal.SIGTERM)
    manager.wait(lambda lines: "STOPPING=1" in lines, process)
    assert process.wait() == 0


def test_the_watchdog_is_fed(manager: Manager, run: Path) -> None:
    """By the master's loop, as long as it turns."""
    process = manager.start(
        "--socket", f"{run}/s", "--master", "--module", "plain", env={"WATCHDOG_USEC": str(200_000)}
    )
    for _ in range(3):
        manager.wait(lambda lines: "WATCHDOG=1" in lines, process)


# ---- sockets that it is passed


@pytest.mark.parametrize("master", ["--master", "--disable-logging"])
def test_what_is_passed_is_served_without_a_socket_option(manager: Manager, run: Path, master: str) -> None:
    """Files and ports; the app sees nothing of it, and the end leaves everything to its holder."""
    path, port = hold(manager, "unix", "port")
    process = manager.start(master, "--module", "plain", "--vacuum")
    for address in (path, port):
        assert uwsgi.get(address, "/pid").code == 200
        for name in ("LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"):
            assert uwsgi.get(address, f"/env?{name}").body == b""
    process.signal(signal.SIGTERM if master == "--master" else signal.SIGHUP)
    process.wait()
    assert os.path.exists(path)
    with uwsgi.connect(path), uwsgi.connect(port):
        pass


def test_what_is_passed_is_used_where_it_is_asked_for(manager: Manager, run: Path) -> None:
    """Beside sockets of the server's own; the holder's file keeps its mode."""
    path, port = hold(manager, "unix", "port")
    process = manager.start(
        *("--master", "--module", "plain", "--socket", f"{run}/own.sock", "--socket", path, "--socket", port),
        "--chmod-socket=666",
    )
    for address in (path, port, f"{run}/own.sock"):
        assert uwsgi.get(address, "/pid").code == 200
    assert os.stat(path).st_mode & 0o777 == 0o660
    assert f"chmod-socket = 666: {path} stays as it is" in process.text()


def test_a_reload_keeps_what_was_passed(manager: Manager, run: Path) -> None:
    """The variables are long gone by then."""
    (path,) = hold(manager, "unix")
    process = manager.start("--master", "--module", "plain")
    old = int(uwsgi.get(path, "/pid").body.split()[0])
    process.signal(signal.SIGHUP)
    manager.wait(lambda lines: "READY=1" in lines, process)
    wait_gone(old)
    assert int(uwsgi.get(path, "/pid").body.split()[0]) not in {0, old}


def test_who_waits_at_the_end_waits_for_the_next_server(manager: Manager, run: Path) -> None:
    """A stop leaves the queue of a passed socket as it is: nobody is refused, nobody is reset."""
    (path,) = hold(manager, "unix")
    process = manager.start("--master", "--module", "plain")
    process.signal(signal.SIGTERM)
    assert process.wait() == 0
    with uwsgi.connect(path) as client:
        client.sendall(encode(uwsgi.variables("/pid"), 0))
        manager.start("--master", "--module", "plain")
        assert uwsgi.receive(client).code == 200


# ---- sudden death


class Callers:
    """Clients that ask one question after the other, each over a connection of its own."""

    def __init__(self, addresses: list[str], each: int = 2) -> None:
        self.refused = self.lost = self.answered = 0
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._call, args=(address,)) for address in addresses * each]
        for thread in self._threads:
            thread.start()

    def _call(self, address: str) -> None:
        while not self._stop.is_set():
            try:
                with uwsgi.connect(address) as sock:
                    sock.sendall(encode(uwsgi.variables("/pid"), 0))
                    outcome = "answered" if uwsgi.receive(sock).code == 200 else "lost"
            except ConnectionRefusedError:
                outcome = "refused"
            except OSError:
                outcome = "lost"
            with self._lock:
                setattr(self, outcome, getattr(self, outcome) + 1)
            time.sleep(0.005)

    def until(self, more: int) -> None:
        """Wait for so many further answers."""
        wanted = self.answered + more
        end = time.monotonic() + 30
        while self.answered < wanted:
            assert time.monotonic() < end, (self.refused, self.lost, self.answered)
            time.sleep(0.01)

    def stop(self) -> None:
        """Let everybody finish."""
        self._stop.set()
        for thread in self._threads:
            thread.join()


def test_a_killed_master_refuses_nobody_whose_socket_somebody_else_holds(manager: Manager, run: Path) -> None:
    """Its processes go at once, what waits in the queue is served by the next; only what was under way is lost."""
    addresses = hold(manager, "unix", "port")
    arguments = (
        *("--master", "--processes", "2", "--module", "plain", "--disable-logging", "--stats", f"{run}/stats.sock"),
        *("--pidfile", f"{run}/pid", "--master-fifo", f"{run}/fifo"),
    )
    process = manager.start(*arguments)
    callers = Callers(addresses)
    try:
        for _ in range(2):
            callers.until(50)
            manager.kill(process, GONE)
            process = manager.start(*arguments)
        callers.until(50)
    finally:
        callers.stop()
    assert callers.refused == 0
    # Each of the four had one question under way when the master was killed, twice.
    assert callers.lost <= 8
    assert (run / "pid").read_text().strip() == str(process.pid)


def test_a_killed_master_finds_its_sockets_in_the_store(manager: Manager, run: Path) -> None:
    """Who waits in the queues meanwhile is served by the next server, on the very same sockets."""
    addresses = [f"{run}/s", "127.0.0.1:0"]
    arguments = (
        "--master",
        "--module",
        "plain",
        "--vacuum",
        *(word for one in addresses for word in ("--socket", one)),
    )
    process = manager.start(*arguments)
    assert len(manager.stored) == 2
    manager.kill(process, GONE)
    with uwsgi.connect(f"{run}/s") as client:
        client.sendall(encode(uwsgi.variables("/pid"), 0))
        process = manager.start(*arguments)
        assert uwsgi.receive(client).code == 200
    process.signal(signal.SIGTERM)
    assert process.wait() == 0
    manager.listen()
    assert manager.stored == {}
    assert not os.path.exists(f"{run}/s")


def test_what_a_server_leaves_with_the_manager_it_takes_back_at_its_end(manager: Manager, run: Path) -> None:
    """One descriptor for each socket, under a name of its own; a stop is an end for good."""
    process = manager.start("--socket", f"{run}/s", "--socket", "127.0.0.1:0", "--master", "--module", "plain")
    assert len(manager.stored) == 2
    process.signal(signal.SIGTERM)
    assert process.wait() == 0
    manager.listen()
    assert manager.stored == {}


def test_a_server_starts_over_what_a_killed_one_left(serve: Serve, run: Path) -> None:
    """Socket files, port, pidfile and FIFO of the dead are in nobody's way, and none of its processes is left."""
    port = free_port()
    arguments = (
        *("--socket", f"{run}/s", "--socket", f"127.0.0.1:{port}", "--stats", f"{run}/stats", "--master"),
        *("--module", "plain", "--pidfile", f"{run}/pid", "--master-fifo", f"{run}/fifo"),
    )
    first = serve(*arguments)
    everybody = session_pids(first.pid)
    assert uwsgi.get(f"127.0.0.1:{port}", "/pid").code == 200
    first.process.popen.kill()
    for pid in everybody:
        wait_gone(pid, GONE)
    second = serve(*arguments)
    for address in (f"{run}/s", f"127.0.0.1:{port}"):
        assert uwsgi.get(address, "/pid").code == 200
    assert (run / "pid").read_text() == f"{second.pid}\n"
    assert second.stats(f"{run}/stats")["pid"] == second.pid
