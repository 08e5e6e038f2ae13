"""A real server under test, uncork or (as oracle) the real uWSGI, started and awaited by notification."""

import json
import os
import select
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.processes import PATIENCE, Process

APPS = Path(__file__).resolve().parent.parent / "apps"
EXAMPLES = Path(__file__).resolve().parent.parent.parent / "examples"


class Notifications:
    """The service manager's end of sd_notify(3)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._sock.bind(str(path))
        self._sock.setblocking(False)
        self.seen: list[str] = []

    def wait(self, assignment: str, process: Process, patience: float = PATIENCE) -> None:
        """Wait for the next datagram with `assignment`; what came before it is in `seen`.

        Raises AssertionError if the process ends first.
        """
        end = time.monotonic() + patience
        poll = select.poll()
        poll.register(self._sock, select.POLLIN)
        pidfd = os.pidfd_open(process.pid)
        poll.register(pidfd, select.POLLIN)
        try:
            while True:
                ready = {fd for fd, _ in poll.poll(max(0.0, end - time.monotonic()) * 1000)}
                if self._sock.fileno() in ready:
                    lines = self._sock.recv(4096).decode().splitlines()
                    self.seen += lines
                    if assignment in lines:
                        return
                else:
                    why = "ended" if ready else f"said nothing for {patience} s"
                    raise AssertionError(f"{process.command} {why}, wanted {assignment}:\n{process.text()}")
        finally:
            os.close(pidfd)

    def forget(self) -> None:
        """Let go of what has come and nobody waited for."""
        try:
            while True:
                self._sock.recv(4096)
        except BlockingIOError:
            pass

    def close(self) -> None:
        """Close and remove the socket."""
        self._sock.close()
        self.path.unlink(missing_ok=True)


class Server:
    """uncork with `args`, serving once this returns."""

    def __init__(
        self,
        args: Sequence[str],
        run: Path,
        cwd: Path = APPS,
        env: Mapping[str, str] | None = None,
        program: Sequence[str] = (sys.executable, "-m", "uncork"),
    ) -> None:
        number = len(list(run.glob("notify*")))
        self.notifications = Notifications(run / f"notify{number}")
        self.process = Process(
            [*program, *args],
            cwd,
            run / f"server{number}.log",
            {"NOTIFY_SOCKET": str(self.notifications.path), **(env or {})},
        )
        try:
            self.wait("READY=1")
        except BaseException:
            self.close()
            raise

    def wait(self, assignment: str) -> None:
        """Wait until the server says `assignment` to its service manager."""
        self.notifications.wait(assignment, self.process)

    @property
    def pid(self) -> int:
        """Of the master."""
        return self.process.pid

    def text(self) -> str:
        """The log so far."""
        return self.process.text()

    def stats(self, address: str) -> Any:
        """The statistics at the unix socket or host:port `address`."""
        return read_stats(address)

    def close(self) -> None:
        """Stop it; nothing may be left."""
        self.notifications.close()
        self.process.close()


def read_stats(address: str) -> Any:
    """The JSON that a stats socket sends."""
    if ":" in address:
        host, _, port = address.rpartition(":")
        sock = socket.create_connection((host, int(port)), PATIENCE)
    else:
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(PATIENCE)
        sock.connect(address)
    with sock:
        data = b""
        while chunk := sock.recv(65536):
            data += chunk
    return json.loads(data)


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
    return port


def uwsgi_program() -> list[str]:
    """The command of the real uWSGI (the `pyuwsgi` package) on this interpreter."""
    return [os.path.join(os.path.dirname(sys.executable), "uwsgi"), "--binary-path", sys.executable]
