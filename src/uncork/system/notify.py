"""Tell whoever started us how we are (sd_notify(3)).

Runs in: master, or the single process.  Without NOTIFY_SOCKET in the environment it does nothing.
"""

import os
import socket
from array import array
from collections.abc import Sequence


def notify(*lines: str, fds: Sequence[int] = ()) -> None:
    """Send assignments such as `READY=1` in one datagram, and descriptors with it (FDSTORE=1).

    Never raises: a deaf service manager is not our failure.
    """
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path:
        return
    address = "\0" + path[1:] if path.startswith("@") else path
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            # Not socket.send_fds(): Python 3.11's passes the address over.
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", fds))] if fds else []
            sock.sendmsg(["\n".join(lines).encode()], rights, 0, address)
    except OSError:
        pass
