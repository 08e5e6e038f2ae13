"""Ask once, through nginx, whether the app answers.

Runs in: the process of `uncork up`.
"""

import asyncio
import http.client
import io

from uncork.nginx.site import UNAVAILABLE_HEADER, UNAVAILABLE_STATUSES, Listen

# A response head larger than this is not one.
HEAD_BYTES = 65536


def request_head(address: Listen, path: str) -> bytes:
    """The bytes that ask for `path`.  HEAD, because the page itself is not wanted; the log shows who asked."""
    return (
        f"HEAD {path} HTTP/1.1\r\nHost: {address}\r\nUser-Agent: uncork-up\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    ).encode()


def from_app(head: bytes) -> bool:
    """Whether a response head comes from the app, whatever it says, and not from nginx in its place."""
    first, _, rest = head.partition(b"\r\n")
    status = first.split(b" ", 2)[1:2]
    if not status or not status[0].isdigit():
        return False
    headers = http.client.parse_headers(io.BytesIO(rest))
    return int(status[0]) not in UNAVAILABLE_STATUSES or headers.get(UNAVAILABLE_HEADER) is None


async def app_answers(address: Listen, path: str) -> bool:
    """Send one request to nginx at `address`; whether the app answered it."""
    try:
        reader, writer = await asyncio.open_connection(address.host, address.port, limit=HEAD_BYTES)
    except OSError:
        return False
    try:
        writer.write(request_head(address, path))
        return from_app(await reader.readuntil(b"\r\n\r\n"))
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return False
    finally:
        writer.close()
