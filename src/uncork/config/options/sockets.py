"""Options of the sockets that requests arrive on, and of reading a request."""

from dataclasses import dataclass

from uncork.config.kinds import ADDRESSES, Integer, Mode, NetworkList, SixteenBit, Text
from uncork.config.option import option


@dataclass(frozen=True, slots=True)
class Sockets:
    """Where the server listens, who may connect, and how large the head of a request may be."""

    socket: tuple[str, ...] = option(
        "socket",
        "uwsgi-socket",
        short="s",
        kind=ADDRESSES,
        default=(),
        help="listen for the uwsgi protocol here: host:port, :port, a path, or @name for an abstract socket",
    )
    chmod_socket: int | None = option(
        "chmod-socket",
        "chmod",
        short="C",
        kind=Mode(),
        default=None,
        help="permissions of socket files; without a value everybody on the machine may connect (666)",
    )
    chown_socket: str | None = option(
        "chown-socket",
        kind=Text("OWNER", "user or user:group"),
        default=None,
        help="owner of socket files, as user or user:group",
    )
    listen: int = option(
        "listen",
        short="l",
        kind=Integer(minimum=1),
        default=100,
        unit="connections",
        help="how many connections the kernel may queue per socket",
    )
    # uWSGI's 4096 turns large cookies into a 502; 65535 is the most that the protocol can carry.
    buffer_size: int = option(
        "buffer-size",
        short="b",
        kind=SixteenBit(minimum=1),
        default=65535,
        unit="bytes",
        help="largest head of a request: its variables with their lengths; more than 65535 means 65535",
    )
    max_vars: int = option(
        "max-vars",
        short="v",
        kind=Integer(minimum=1),
        default=64,
        unit="variables",
        help="half of how many variables a request may carry (uWSGI counts a name and its value as two)",
    )
    socket_timeout: int = option(
        "socket-timeout",
        short="z",
        kind=Integer(minimum=1),
        default=4,
        unit="seconds",
        help="how long a client may stall while it sends or receives",
    )
    allow_from: tuple[str, ...] = option(
        "allow-from",
        kind=NetworkList(),
        default=(),
        own=True,
        help="networks that may speak the uwsgi protocol over TCP, beside loopback and private networks",
    )
