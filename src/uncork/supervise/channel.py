"""The words between the master and one generation: a pair of sockets, one JSON object a packet.

The master holds one end; the template and, inherited from it, all its workers hold the other.  The master writes to the
template only (workers never read), and everybody below writes to the master.  When the master dies its end closes, and
that is how everybody below learns of it.

Runs in: master, template, workers.
"""

import json
import socket
from dataclasses import asdict, dataclass
from typing import get_args

# Far more than a message ever has; SOCK_SEQPACKET cuts off what does not fit.
PACKET_SIZE = 131072
# A reason travels in one packet with room to spare; its beginning says most.
REASON_SIZE = 8192


@dataclass(frozen=True, slots=True)
class Loaded:
    """Template to master: the applications are imported.  `apps`: (mountpoint, whole seconds it took) of each."""

    apps: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Failed:
    """Template to master: the applications cannot be imported; the log has said why.

    `files` are those that whoever mends it is going to change, as far as it can be told.
    """

    reason: str
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Forked:
    """Template to master: the process `pid` is to become the worker of slot `slot`."""

    slot: int
    pid: int


@dataclass(frozen=True, slots=True)
class ForkFailed:
    """Template to master: the system gives no further process for slot `slot`."""

    slot: int
    reason: str


@dataclass(frozen=True, slots=True)
class Ready:
    """Worker to master: it accepts connections.  `apps` as in Loaded."""

    slot: int
    pid: int
    apps: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class WorkerFailed:
    """Worker to master: it cannot get ready, and ends.  `files` as in Failed."""

    slot: int
    pid: int
    reason: str
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Spent:
    """Worker to master: it has done enough and would like to be replaced; it serves until then."""

    slot: int
    pid: int
    reason: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """Worker to master: it was told to leave and takes nobody new; it finishes what it has."""

    slot: int
    pid: int


@dataclass(frozen=True, slots=True)
class Modified:
    """Worker to master: a file of the application has changed (py-autoreload)."""

    path: str


@dataclass(frozen=True, slots=True)
class ForkWorker:
    """Master to template: fork worker `wid` for slot `slot`; with `probe` it has to answer a request first."""

    slot: int
    wid: int
    probe: bool


@dataclass(frozen=True, slots=True)
class ReopenLog:
    """Master to template: the log file was renamed or removed; open it by its name again."""


@dataclass(frozen=True, slots=True)
class Leave:
    """Master to template: no worker will be asked for any more."""


@dataclass(frozen=True, slots=True)
class Noise:
    """What is none of these: the application has written into a descriptor that it was not given."""


FromBelow = Loaded | Failed | Forked | ForkFailed | Ready | WorkerFailed | Spent | Stopped | Modified
FromMaster = ForkWorker | ReopenLog | Leave
Message = FromBelow | FromMaster
_KINDS: dict[str, type[Message]] = {kind.__name__: kind for kind in get_args(Message)}


def encode(message: Message) -> bytes:
    """One packet."""
    return json.dumps([type(message).__name__, asdict(message)], ensure_ascii=False).encode(errors="backslashreplace")


def packed_size(text: str) -> int:
    """Bytes that a text takes in a packet, with what stands between it and the next."""
    return len(json.dumps(text, ensure_ascii=False).encode(errors="backslashreplace")) + 2


def decode(packet: bytes) -> Message | Noise:
    """The message in a packet that `encode` made; Noise for any other."""
    try:
        return _decode(packet)
    except (ValueError, TypeError, KeyError, RecursionError):
        return Noise()


def _decode(packet: bytes) -> Message | Noise:
    name, fields = json.loads(packet)
    if not all(isinstance(fields.get(key, 0), int) for key in ("slot", "pid", "wid")):
        return Noise()
    if "files" in fields:
        fields["files"] = tuple(fields["files"])
    if "apps" in fields:
        fields["apps"] = tuple((mountpoint, took) for mountpoint, took in fields["apps"])
    return _KINDS[name](**fields)


class Channel:
    """One end."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock

    @classmethod
    def pair(cls) -> tuple["Channel", "Channel"]:
        """(the master's end, the generation's end)."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        return cls(ours), cls(theirs)

    def fileno(self) -> int:
        """For selectors and epoll."""
        return self.sock.fileno()

    def send(self, message: Message) -> bool:
        """Send; False if nobody listens any more, nobody reads so that the queue is full, or it fits no packet."""
        packet = encode(message)
        if len(packet) > PACKET_SIZE:
            return False
        try:
            self.sock.send(packet)
        except OSError:
            return False
        return True

    def receive(self) -> Message | Noise | None:
        """The next message, None at the end: the other side is gone.

        In the master it raises BlockingIOError while there is none.
        """
        try:
            packet = self.sock.recv(PACKET_SIZE)
        except ConnectionError:
            # The other side went away with words of ours unread; that is told once, before its own last words.
            packet = self.sock.recv(PACKET_SIZE)
        return decode(packet) if packet else None

    def close(self) -> None:
        """Close this end."""
        self.sock.close()
