"""The control socket: a name in the kernel and no file, so that it needs no directory and leaves nothing behind.

Runs in: master (listens), and the command line process (looks for it).

The name is `uncork/ctl/PID/RANDOM`.  The random part keeps two servers apart that have the same pid in containers with
one network, and a stranger from taking the name first.  Nobody believes the pid in it: the kernel says who listens.
"""

import os
import socket
import struct
from collections.abc import Iterator

from uncork.system.credentials import Credentials, peer_credentials

PREFIX = "uncork/ctl/"

# Commands that wait to be heard; there is hardly ever more than one.
BACKLOG = 64

# In /proc/net/unix a socket that listens has this flag (the kernel's __SO_ACCEPTCON).
_LISTENS = 0x10000


def listen() -> socket.socket | None:
    """A control socket of this process; None where there can be none, for a server serves without it.

    The kernel shows whoever connects the pid and the user that this process has now.
    """
    sock = None
    try:
        sock = socket.socket(socket.AF_UNIX)
        sock.bind(f"\0{PREFIX}{os.getpid()}/{os.urandom(8).hex()}")
        sock.listen(BACKLOG)
        sock.setblocking(False)
    except OSError:
        if sock is not None:
            sock.close()
        return None
    return sock


def names() -> Iterator[bytes]:
    """The kernel's name of every control socket in this network namespace (proc(5), net/unix)."""
    prefix = b"@" + PREFIX.encode()
    try:
        with open("/proc/net/unix", "rb") as file:
            next(file, None)  # the heading
            for line in file:
                columns = line.rstrip(b"\n").split(None, 7)
                if len(columns) == 8 and columns[7].startswith(prefix) and int(columns[3], 16) & _LISTENS:
                    yield b"\0" + columns[7][1:]
    except OSError:
        return


def connect(name: bytes, patience: float) -> tuple[socket.socket, Credentials]:
    """A connection to the control socket `name`, and who listens there.  Raises OSError, TimeoutError among them.

    `patience`: seconds that connecting, and later each send and receive, may take.
    """
    sock = socket.socket(socket.AF_UNIX)
    try:
        # A full queue makes connect() wait, which settimeout() knows nothing of (unix(7)).
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _timeval(patience))
        sock.connect(name)
        sock.settimeout(patience)
        return sock, peer_credentials(sock)
    except BaseException:
        sock.close()
        raise


def _timeval(seconds: float) -> bytes:
    """struct timeval (socket(7))."""
    return struct.pack("ll", int(seconds), int(seconds % 1 * 1_000_000))
