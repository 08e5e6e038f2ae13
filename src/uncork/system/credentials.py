"""Who is at the other end of a unix socket, as the kernel says (unix(7), SO_PEERCRED).

Runs in: master, and in the command line process that talks to it.
"""

import socket
import struct
from typing import NamedTuple

# struct ucred: three ints.
_UCRED = struct.Struct("3i")


class Credentials(NamedTuple):
    """A process as it was when it connected, or when it began to listen.

    `pid` is 0 for one that cannot be seen from here (another pid namespace).
    """

    pid: int
    uid: int
    gid: int


def peer_credentials(sock: socket.socket) -> Credentials:
    """The process behind the connected unix socket `sock`.  Raises OSError."""
    return Credentials(*_UCRED.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)))
