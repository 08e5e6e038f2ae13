"""Options of the sockets that requests arrive on, and of reading a request."""

from uncork.config.kinds import FLAG, NEEDED_ADDRESSES, Mode, NetworkList, Text, TextList
from uncork.config.option import group, option
from uncork.config.quantities import IN_BYTES, IN_SECONDS, Integer, SixteenBit


@group
class Sockets:
    """Where the server listens, who may connect, and how large the head of a request may be."""

    socket: tuple[str, ...] = option(
        "socket",
        "uwsgi-socket",
        short="s",
        kind=NEEDED_ADDRESSES,
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
        kind=Integer(),
        default=100,
        unit="connections",
        help="how many connections the kernel may queue per socket",
    )
    # uWSGI's 4096 turns large cookies into a 502; 65535 is the most that the protocol can carry.
    buffer_size: int = option(
        "buffer-size",
        short="b",
        kind=SixteenBit(minimum=1, zero=65535, scale=IN_BYTES),
        default=65535,
        unit="bytes",
        help="largest head of a request: its variables with their lengths; more than 65535 means 65535",
    )
    max_vars: int = option(
        "max-vars",
        short="v",
        kind=Integer(minimum=1, zero=64),
        default=64,
        unit="variables",
        help="half of how many variables a request may carry (uWSGI counts a name and its value as two)",
    )
    socket_timeout: int = option(
        "socket-timeout",
        short="z",
        kind=Integer(minimum=1, zero=1, scale=IN_SECONDS),
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
    # ---- of TCP ------------------------------------------------------------------------------------------------------

    so_keepalive: bool = option(
        "so-keepalive",
        kind=FLAG,
        default=False,
        help="let the kernel find out whether clients are still there (SO_KEEPALIVE)",
    )
    reuse_port: bool = option(
        "reuse-port",
        kind=FLAG,
        default=False,
        help="share TCP ports with other servers that ask for it too (SO_REUSEPORT)",
    )
    freebind: bool = option(
        "freebind",
        kind=FLAG,
        default=False,
        help="listen at addresses that this machine does not have yet (IP_FREEBIND)",
    )
    socket_sndbuf: int = option(
        "socket-sndbuf",
        kind=Integer(scale=IN_BYTES),
        default=0,
        unit="bytes",
        help="size of the kernel's buffer for what a client has still to take (SO_SNDBUF)",
    )
    socket_rcvbuf: int = option(
        "socket-rcvbuf",
        kind=Integer(scale=IN_BYTES),
        default=0,
        unit="bytes",
        help="size of the kernel's buffer for what a client has sent (SO_RCVBUF)",
    )
    tcp_fast_open: int = option(
        "tcp-fast-open",
        "tcp-fastopen",
        kind=Integer(),
        default=0,
        unit="connections",
        help="take requests along with new TCP connections, so many of them at a time (TCP_FASTOPEN)",
    )
    shared_socket: tuple[str, ...] = option(
        "shared-socket",
        "undeferred-shared-socket",
        kind=NEEDED_ADDRESSES,
        default=(),
        acts=False,
        help="open a socket before root's rights are given up; socket = =0 would name the first",
    )
    map_socket: tuple[str, ...] = option(
        "map-socket",
        kind=TextList("SOCKET:WORKERS", "SOCKET:WORKER,WORKER"),
        default=(),
        acts=False,
        help="give a socket to some workers only, all by their numbers",
    )
