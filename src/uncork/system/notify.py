"""Tell whoever started us how we are (sd_notify(3)).

Runs in: master, or the single process.  Without NOTIFY_SOCKET in the environment it does nothing.
"""

import os
import socket


def notify(*lines: str) -> None:
    """Send assignments such as `READY=1` in one datagram.  Never raises: a deaf service manager is not our failure."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path:
        return
    address = "\0" + path[1:] if path.startswith("@") else path
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.sendto("\n".join(lines).encode(), address)
    except OSError:
        pass
