"""A service manager for tests, with systemd's protocol: it holds sockets, passes them on, keeps descriptors, listens.

No systemd is needed: sd_listen_fds(3) and sd_notify(3) say all there is to it.
"""

import os
import select
import socket
import sys
import time
from array import array
from collections.abc import Callable, Mapping
from pathlib import Path

from harness.processes import PATIENCE, Process, session_pids, wait_gone
from harness.server import APPS

SPACE = socket.CMSG_SPACE(16 * array("i").itemsize)


class Manager:
    """Starts uncork in `run`; `held` are its own sockets by name, `stored` the descriptors that the server left."""

    def __init__(self, run: Path) -> None:
        self.run = run
        self.held: dict[str, socket.socket] = {}
        self.stored: dict[str, int] = {}
        # Every message, as its lines, in order.
        self.heard: list[list[str]] = []
        self.processes: list[Process] = []
        self._notify = self._socket("notify", socket.SOCK_DGRAM)
        self._passing = self._socket("passing", socket.SOCK_STREAM)
        self._passing.listen()

    def _socket(self, name: str, kind: socket.SocketKind) -> socket.socket:
        sock = socket.socket(socket.AF_UNIX, kind)
        sock.bind(str(self.run / name))
        os.chmod(self.run / name, 0o666)  # as /run/systemd/notify: the server may have become somebody else
        sock.settimeout(PATIENCE)
        return sock

    def hold(self, name: str, sock: socket.socket, address: str | tuple[str, int]) -> socket.socket:
        """Listen, as a socket unit does."""
        sock.bind(address)
        sock.listen(128)
        self.held[name] = sock
        return sock

    def launch(self, *args: str, cwd: Path = APPS, env: Mapping[str, str] | None = None) -> Process:
        """Start uncork with `args` and everything that is held and stored."""
        activate = (sys.executable, "-m", "harness.activate", str(self.run / "passing"))
        path = os.pathsep.join([str(APPS.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
        process = Process(
            [*activate, sys.executable, "-m", "uncork", *args],
            cwd,
            self.run / f"server{len(self.processes)}.log",
            {"NOTIFY_SOCKET": str(self.run / "notify"), "PYTHONPATH": path, **(env or {})},
        )
        self.processes.append(process)
        names = [*self.held, *self.stored]
        fds = [*(sock.fileno() for sock in self.held.values()), *self.stored.values()]
        client, _ = self._passing.accept()
        with client:
            socket.send_fds(client, [":".join(names).encode() or b"\n"], fds)
        return process

    def start(self, *args: str, cwd: Path = APPS, env: Mapping[str, str] | None = None) -> Process:
        """Launch uncork and wait until it is ready."""
        process = self.launch(*args, cwd=cwd, env=env)
        self.wait(lambda lines: "READY=1" in lines, process)
        return process

    def wait(self, wanted: Callable[[list[str]], bool], process: Process, patience: float = PATIENCE) -> list[str]:
        """The next message that is `wanted`.  Raises AssertionError if the process ends first."""
        end = time.monotonic() + patience
        poll = select.poll()
        poll.register(self._notify, select.POLLIN)
        pidfd = os.pidfd_open(process.pid)
        poll.register(pidfd, select.POLLIN)
        try:
            while ready := {fd for fd, _ in poll.poll(max(0.0, end - time.monotonic()) * 1000)}:
                if self._notify.fileno() not in ready:
                    break
                lines = self._hear()
                if wanted(lines):
                    return lines
        finally:
            os.close(pidfd)
        raise AssertionError(f"it never said so:\n{self.heard}\n{process.text()}")

    def listen(self) -> None:
        """Hear everything that was said by now."""
        poll = select.poll()
        poll.register(self._notify, select.POLLIN)
        while poll.poll(0):
            self._hear()

    def _hear(self) -> list[str]:
        data, ancillary, _, _ = self._notify.recvmsg(65536, SPACE)
        fds = array("i")
        for _, _, payload in ancillary:
            fds.frombytes(payload)
        lines = data.decode().splitlines()
        self.heard.append(lines)
        values = dict(line.split("=", 1) for line in lines)
        if values.get("FDSTORE") == "1":
            (fd,) = fds
            self.stored[values["FDNAME"]] = fd
        else:
            assert not fds
        if values.get("FDSTOREREMOVE") == "1":
            fd = self.stored.pop(values["FDNAME"], -1)
            if fd >= 0:
                os.close(fd)
        return lines

    def kill(self, process: Process, patience: float = PATIENCE) -> None:
        """`kill -9` of the master; wait until nothing of it is left."""
        everybody = session_pids(process.pid)
        process.popen.kill()
        process.wait()
        for pid in everybody:
            wait_gone(pid, patience)
        assert session_pids(process.pid) == []

    def close(self) -> None:
        """End every server, then let go of what is held."""
        try:
            for process in self.processes:
                process.close()
        finally:
            for fd in self.stored.values():
                os.close(fd)
            for sock in (*self.held.values(), self._notify, self._passing):
                sock.close()
