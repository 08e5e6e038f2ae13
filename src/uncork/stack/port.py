"""Choose and open the address that nginx serves: the port that was asked for, or the first free one of ours.

Runs in: the process of `uncork up`, which keeps the socket open while nginx restarts, so that clients wait instead
of being refused.  nginx inherits it.
"""

import socket
from collections.abc import Sequence
from dataclasses import dataclass

from uncork.errors import ListenError
from uncork.system.address import Tcp
from uncork.system.holders import who_holds_tcp
from uncork.system.listen import Bound, bind

DEFAULT_PORT = 8000
# Ports tried after the default one; whoever runs more stacks than that on one machine names their ports.
SPARE_PORTS = 99

EVERY_ADDRESS = "0.0.0.0"  # noqa: S104 - only for who asks for it by name

# nginx's own NGX_LISTEN_BACKLOG on Linux (os/unix/ngx_linux_config.h).
BACKLOG = 511


@dataclass(frozen=True, slots=True)
class Opened:
    """The listening socket, and a note if its port is not the one to expect ("" if it is)."""

    bound: Bound
    note: str


def numeric_host(host: str) -> str:
    """The address of a host name, IPv4 if it has one; an address as it is; "" and "*" are every IPv4 address.

    Raises ListenError for a name that is not known.
    """
    name = EVERY_ADDRESS if host in ("", "*") else host.strip("[]")
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ListenError(f"--host {host}: {getattr(error, 'strerror', None) or 'not a host name'}") from None
    found.sort(key=lambda entry: entry[0] != socket.AF_INET)
    return str(found[0][4][0])


def ports_to_try(requested: int | None) -> Sequence[int]:
    """A port that was asked for is the only one (0: the kernel chooses); else the default and its successors."""
    return (requested,) if requested is not None else range(DEFAULT_PORT, DEFAULT_PORT + 1 + SPARE_PORTS)


def open_port(host: str, requested: int | None) -> Opened:
    """A listening socket on `host` (numeric).  Raises ListenError, which says who is in the way."""
    refusals = []
    for port in ports_to_try(requested):
        try:
            bound = bind(Tcp(host, port), BACKLOG)
        except ListenError as error:
            refusals.append(error)
            if isinstance(error.__context__, PermissionError):
                raise ListenError(f"--port {port}: ports below 1024 need root (choose 1024 or more)") from None
            continue
        return Opened(bound, _note(host, port) if refusals else "")
    raise refusals[0]


def _note(host: str, port: int) -> str:
    holder = who_holds_tcp(host, DEFAULT_PORT)
    return f"{DEFAULT_PORT} is taken{f' by {holder}' if holder else ''}: taking {port}"
