"""The end of a connection whose answer is out: at once, by a reset, or when the client has stopped sending.

Runs in: worker (compiled by mypyc).  Must not: know what the answer was.
"""

import os
import time
from typing import Final

from uncork.worker.connection import UNWANTED, Connection
from uncork.worker.loop import Loop

# How long, in seconds, the rest of an unread body is read away so that the answer is not lost to a reset (nginx, too,
# lingers for 5 s of silence; as our client it hangs up by itself once it has the answer).
LINGER_TIME: Final = 5.0
# The same in all, where the client is not nginx: it is silence that is limited to LINGER_TIME then.
LINGER_LONGEST: Final = 30.0
# Reads for one lingering client before others get their turn.
LINGER_READS: Final = 64


def end(loop: Loop, connection: Connection, unread: int, http: bool) -> None:
    """Close; `unread` -1: cut short; 0: plainly; more: when so many bytes of the body have been read away."""
    if unread == 0 and not (http and connection.may_lose()):
        connection.close()
    elif unread < 0:
        connection.cut()
    else:
        connection.end_output()
        connection.lingering = True
        connection.head = b""
        if http:
            connection.latest = time.monotonic() + LINGER_LONGEST
        loop.park(connection, LINGER_TIME)


def linger(loop: Loop, connection: Connection) -> None:
    """Read away what still comes of a body that the application did not want."""
    if connection.latest > 0.0 and not loop.stopping:
        # It still sends, and a browser shows no answer before it has sent all of its file.
        connection.deadline = min(time.monotonic() + LINGER_TIME, connection.latest)
    try:
        for _ in range(LINGER_READS):
            if len(os.read(connection.fd, UNWANTED)) == 0:
                connection.close()
                return
    except BlockingIOError:
        pass
    except OSError:
        connection.close()
        return
    loop.park(connection, LINGER_TIME)
