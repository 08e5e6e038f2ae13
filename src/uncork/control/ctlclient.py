"""Find the servers of this machine and ask them: the other end of `ctlserver`.

Runs in: the command line process.  A server is known by its control socket; which process listens there, and whose it
is, the kernel says and not the name (unix(7), SO_PEERCRED).
"""

import json
import os
import select
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

from uncork.control.commands import BY_VERB
from uncork.errors import UncorkError
from uncork.system import controlsocket
from uncork.system.pidfd import owner_of, writes_to, wrote
from uncork.system.pidfile import Named

# What connecting, and a question that is answered at once, may take, in seconds.
PATIENCE = 5.0
# The same where several are asked one after the other: one that hangs, or plays dead, must not hold up the rest.
HURRY = 1.0
# The statistics of thousands of threads.
ANSWER_SIZE = 64 * 1024 * 1024
# How often, in seconds, whoever looks on is told that it goes on.
SLICE = 0.2

Answer = dict[str, object]


class CtlError(UncorkError):
    """A server could not be found, or did not answer."""


@dataclass(frozen=True, slots=True)
class Server:
    """A process with a control socket."""

    name: bytes
    pid: int
    uid: int

    @property
    def trusted(self) -> bool:
        """Whether what it says may be believed: root believes the kernel, everybody else root and themselves."""
        me = os.geteuid()
        return me == 0 or self.uid in {0, me}


def servers() -> list[Server]:
    """Every process that listens at a control socket, as far as it can be seen from here; by pid."""
    found = []
    for name in controlsocket.names():
        try:
            sock, credentials = controlsocket.connect(name, HURRY)
        except OSError:
            continue  # it has ended meanwhile
        sock.close()
        if credentials.pid > 0:
            found.append(Server(name, credentials.pid, credentials.uid))
    return sorted(found, key=lambda server: server.pid)


def server_with(pid: int) -> Server | None:
    """The server whose master is the process `pid`."""
    return next((server for server in servers() if server.pid == pid), None)


def ask(
    server: Server, verb: str, seconds: float = PATIENCE, waiting: Callable[[float], None] = lambda _: None
) -> Answer:
    """What the server answers to `verb`.  `waiting` hears from time to time how long it has taken.  Raises CtlError."""
    if not server.trusted:
        raise CtlError(f"pid {server.pid} is a server of another user (uid {server.uid})")
    began = time.monotonic()
    try:
        sock, credentials = controlsocket.connect(server.name, min(PATIENCE, seconds))
    except OSError as error:
        raise CtlError(f"pid {server.pid} does not answer: {str(error).lower()}") from None
    with sock:
        if credentials.pid != server.pid:
            raise CtlError(f"pid {server.pid} has ended")
        data = _conversation(sock, verb, server.pid, began + seconds, lambda: waiting(time.monotonic() - began))
    try:
        answer = json.loads(data)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise CtlError(f"pid {server.pid} ended before it answered")
    return answer


def _conversation(sock: socket.socket, verb: str, pid: int, end: float, waiting: Callable[[], None]) -> bytes:
    """Send the request; the line that comes back, which may be cut off."""
    received = bytearray()
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    try:
        try:
            sock.sendall(json.dumps({"verb": verb}).encode() + b"\n")
        except BrokenPipeError:
            pass  # it has said already why it does not listen
        # To the end of the line and not of the connection: a server that refuses to read resets it after its answer.
        while not received.endswith(b"\n") and len(received) <= ANSWER_SIZE:
            left = end - time.monotonic()
            if left <= 0:
                if verb not in BY_VERB:
                    raise CtlError(f"pid {pid} does not answer (a stopped process goes on with: kill -CONT {pid})")
                raise CtlError(f"pid {pid} has not come to an end with {verb} in time; it goes on with it")
            if not poll.poll(min(left, SLICE) * 1000):
                waiting()
                continue
            part = sock.recv(65536)
            if not part:
                break
            received += part
    except OSError as error:
        raise CtlError(f"pid {pid} ended before it answered ({str(error.strerror).lower()})") from None
    return bytes(received)


def why_not(path: str, named: Named, server: Server | None) -> str:
    """Why the process that the pidfile at `path` names is not the server that wrote it, or "" if it is.

    `server` is the one with this pid, None if the process has no control socket.
    """
    pid = named.pid
    uid = owner_of(pid)
    if named.owner not in {0, os.geteuid(), uid}:
        # Whoever may write the file shall not aim at processes of others.
        return f"the file belongs to uid {named.owner}, and pid {pid} to uid {uid}"
    if server is None:
        # A server without a master, or one in another network namespace, keeps its pidfile open.
        return "" if writes_to(pid, named.device, named.inode) else "it is not the server that wrote this file"
    if wrote(pid, named.written) or _lists(server, path):
        return ""
    return "it began after this file was written, and does not know it"


def _lists(server: Server, path: str) -> bool:
    """Whether the server says that this is one of its pidfiles: what the clock was set to meanwhile does not matter."""
    try:
        return is_named(ask(server, "status"), path, ("pidfiles",))
    except CtlError:
        return False


# What of the answer to `status` is a name that the server can be found by.
NAMES = ("config", "fifos", "pidfiles", "sockets", "stats")


def is_named(status: Answer, target: str, keys: tuple[str, ...] = NAMES) -> bool:
    """Whether `target`, a path or an address, is among the names of a server."""
    for key in keys:
        value = status.get(key)
        for name in value if isinstance(value, list) else [value]:
            if isinstance(name, str) and name and (name == target or _same_file(name, target) or _meets(name, target)):
                return True
    return False


def _same_file(name: str, target: str) -> bool:
    try:
        return os.path.samefile(name, target)
    except (OSError, ValueError):
        return False


def _meets(name: str, target: str) -> bool:
    """Whether a connection to host:port `target` arrives at a server that listens on every address, `name`."""
    host, colon, port = name.rpartition(":")
    return bool(colon) and host in {"", "0.0.0.0", "[::]"} and target.rpartition(":")[1:] == (":", port)  # noqa: S104
