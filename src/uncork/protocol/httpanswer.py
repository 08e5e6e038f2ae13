"""The line before each chunk of a body (RFC 9112, 7.1), and what the server says by itself: refusals, the date.

Runs in: worker (compiled by mypyc), tests and diagnosis.  Must not: touch a socket, a clock or a log.
"""

import time
from typing import Final

from uncork.protocol.http import CONTROLS, HeadError

# Sixteen digits hold any 64-bit number.
MAX_CHUNK_DIGITS: Final = 16

REASONS: Final = {
    400: "Bad Request",
    408: "Request Timeout",
    413: "Content Too Large",
    414: "URI Too Long",
    431: "Request Header Fields Too Large",
    501: "Not Implemented",
    505: "HTTP Version Not Supported",
}

_HEX_DIGITS: Final = b"0123456789abcdefABCDEF"
_FORBIDDEN: Final = CONTROLS + b"\r\n"
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def chunk_size(line: bytes) -> int:
    """The size that the line before a chunk, without its CR and LF, announces; extensions are ignored (RFC 9112, 7.1).

    Raises HeadError.
    """
    digits, extension, _ = line.partition(b";")
    if extension:
        digits = digits.rstrip(b" \t")
    if not 0 < len(digits) <= MAX_CHUNK_DIGITS or digits.strip(_HEX_DIGITS) or not is_clean(line):
        raise HeadError(400, "malformed chunk", line[:64])
    return int(digits, 16)


def is_clean(line: bytes) -> bool:
    """Whether no control character but TAB is in it."""
    return len(line.translate(None, _FORBIDDEN)) == len(line)


def refusal(status: int, epoch: float, request: bytes) -> bytes:
    """The whole answer to a `request`, of which the beginning suffices, that is refused at `epoch` seconds."""
    reason = REASONS[status]
    # RFC 9110, 9.3.2
    body = "" if request.startswith(b"HEAD ") else f"{reason}\n"
    return (
        f"HTTP/1.1 {status} {reason}\r\nContent-Type: text/plain\r\nContent-Length: {len(reason) + 1}\r\n"
        f"Date: {http_date(epoch)}\r\nConnection: close\r\n\r\n{body}"
    ).encode()


def http_date(epoch: float) -> str:
    """Such as `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, 5.6.7), whatever the locale."""
    now = time.gmtime(epoch)
    return (
        f"{_DAYS[now.tm_wday]}, {now.tm_mday:02} {_MONTHS[now.tm_mon - 1]} {now.tm_year} "
        f"{now.tm_hour:02}:{now.tm_min:02}:{now.tm_sec:02} GMT"
    )
