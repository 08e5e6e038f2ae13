"""A server as it is deployed: an ini file, an app that can be changed, two workers, a real nginx in front."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from harness import uwsgi
from harness.nginx import Nginx
from harness.pace import Pace
from harness.processes import children_of
from harness.server import APPS, Server, read_stats
from uncork.protocol.uwsgi import encode

# Far beyond what anything here takes on a loaded machine.
PATIENCE = 30.0
# nginx must not send a request elsewhere: what the server loses is to be seen.
FRONT = "location / {{ include uwsgi_params; uwsgi_pass unix:{run}/app.sock; uwsgi_read_timeout 20s; }}"

INI = """\
[uwsgi]
socket = {run}/app.sock
chmod-socket = 666
pythonpath = {apps}
module = live
master = true
processes = 2
stats = {run}/stats.sock
master-fifo = {run}/fifo
disable-logging = true
worker-reload-mercy = 3
"""

# What the server says of an option that does nothing: a test of that option would hold nothing.
NO_EFFECT = ("is not supported: ", "does nothing in this version", "is no option")


def app(version: str, *more: str) -> str:
    """Code of an app that says it is `version`, and does `more` while it is imported."""
    return "\n".join(["import faults", "from faults import application", f"faults.VERSION = {version!r}", *more, ""])


class Site:
    """What is deployed in `run`: app.ini, live.py; `start()` and `front()` bring it up."""

    def __init__(self, run: Path, lines: Sequence[str], code: str) -> None:
        self.run = run
        self.fifo = run / "fifo"
        self._server: Server | None = None
        self._front: Nginx | None = None
        self.configure(*lines)
        self.deploy(code)

    def up(self, server: Server, front: Nginx) -> None:
        """Server and nginx are there."""
        self._server, self._front = server, front
        for sentence in NO_EFFECT:
            assert sentence not in server.text(), server.text()

    @property
    def server(self) -> Server:
        """The server itself."""
        assert self._server is not None
        return self._server

    @property
    def front(self) -> Nginx:
        """The nginx in front of it."""
        assert self._front is not None
        return self._front

    # ---- what is deployed --------------------------------------------------------------------------------------------

    def configure(self, *lines: str) -> None:
        """Write app.ini: what every site has, then `lines`."""
        text = INI.format(run=self.run, apps=APPS) + "".join(f"{line.format(run=self.run)}\n" for line in lines)
        (self.run / "app.ini").write_text(text)

    def deploy(self, code: str) -> None:
        """Write live.py, in one step."""
        (self.run / "live.new").write_text(code)
        (self.run / "live.new").replace(self.run / "live.py")

    # ---- what is asked of it -----------------------------------------------------------------------------------------

    def command(self, character: str) -> None:
        """What a person echoes into the FIFO."""
        # To open it waits for a reader, which is to be there; to write may have to wait for the reader.
        fd = os.open(self.fifo, os.O_WRONLY | os.O_NONBLOCK)
        try:
            os.set_blocking(fd, True)
            os.write(fd, f"{character}\n".encode())
        finally:
            os.close(fd)

    def ctl(self, verb: str) -> "subprocess.CompletedProcess[str]":
        """`uncork ctl VERB`, to its end."""
        command = [sys.executable, "-m", "uncork", "ctl", verb, str(self.fifo)]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=30, cwd=self.run)

    def load(self, rate: int = 300, path: str = "/", fresh: bool = False) -> Pace:
        """A load of so many requests a second through nginx, under way."""
        return Pace(self.front.port, path, rate, fresh=fresh)

    def get(self, path: str = "/") -> uwsgi.Answer:
        """The answer of the server itself, nginx left out."""
        return uwsgi.get(f"{self.run}/app.sock", path)

    def ask(self, address: str, path: str = "/") -> socket.socket:
        """A connection to `address` with a request on its way."""
        sock = uwsgi.connect(address)
        sock.sendall(encode(uwsgi.variables(path)))
        return sock

    def hold(self, number: int) -> socket.socket:
        """A request that holds a thread until the file `go<number>` is there."""
        sock = self.ask(f"{self.run}/app.sock", f"/hold?{self.run}/go{number}")
        self.until((self.run / f"go{number}.in").exists, "a request that holds its worker")
        return sock

    def version(self) -> str:
        """What serves."""
        return self.get().body.decode().partition(" ")[0]

    def stats(self) -> Any:
        """The statistics."""
        return read_stats(f"{self.run}/stats.sock")

    def pids(self) -> set[int]:
        """Process ids of the workers that accept."""
        return {worker["pid"] for worker in self.stats()["workers"] if worker["pid"] and worker["accepting"]}

    def total(self, key: str) -> int:
        """The sum of a number of the workers."""
        return sum(worker[key] for worker in self.stats()["workers"])

    def templates(self) -> set[int]:
        """Children of the master that are no workers."""
        return set(children_of(self.server.pid)) - {worker["pid"] for worker in self.stats()["workers"]}

    # ---- what is awaited ---------------------------------------------------------------------------------------------

    def until(self, condition: Callable[[], bool], what: str, patience: float = PATIENCE) -> None:
        """Wait for what the server tells nobody about.  Raises TimeoutError."""
        end = time.monotonic() + patience
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(f"{what} did not come within {patience} s\n{self.server.text()}")
            time.sleep(0.02)

    def until_version(self, version: str) -> None:
        """Wait until this is the code that answers: an old worker that is told to leave may take one more request."""
        self.until(lambda: self.version() == version, f"the code of {version}")

    def until_replaced(self, before: set[int], workers: int = 2) -> set[int]:
        """Wait until `workers` workers accept and none of them is of `before`; the new ones."""

        def replaced() -> bool:
            now = self.pids()
            return len(now) == workers and now.isdisjoint(before)

        self.until(replaced, f"{workers} new workers")
        return self.pids()

    def until_refused(self, patience: float = PATIENCE) -> str:
        """Wait until the statistics tell of a reload that failed; the reason."""
        self.until(lambda: self.stats().get("last_reload", {}).get("ok") == 0, "the failure of a reload", patience)
        reason: str = self.stats()["last_reload"]["error"]
        return reason


class Watch:
    """Looks at the statistics all the while, in a thread: which workers there were, and how few of them accepted."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.pids: set[int] = set()
        self.fewest = sys.maxsize
        self.largest = 0
        self.looks = 0
        self.slowest = 0.0

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(0.02):
            began = time.monotonic()
            workers = self._site.stats()["workers"]
            self.slowest = max(self.slowest, time.monotonic() - began)
            accepting = [worker for worker in workers if worker["pid"] and worker["accepting"]]
            self.looks += 1
            self.fewest = min(self.fewest, len(accepting))
            self.largest = max([self.largest, *(worker["rss"] for worker in workers)])
            self.pids |= {worker["pid"] for worker in accepting}
