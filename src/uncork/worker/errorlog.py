"""Lines about what went wrong with a connection or a request; `requestlog` has those about every request.

Runs in: worker.  Whatever a client sent, it cannot break a line or move a cursor: control characters leave as \\xNN.
"""

import sys

from uncork.system import logwriter
from uncork.wsgi.environ import Environ


def request_line(environ: Environ) -> str:
    """`GET /path` for a log line about a request."""
    uri = environ.get("REQUEST_URI") or environ.get("PATH_INFO", "?")
    return f"{environ.get('REQUEST_METHOD', '?')} {uri}"


def say(text: str) -> None:
    """One line to the log; control characters in it are escaped."""
    say_block(printable(text))


def say_block(text: str) -> None:
    """Lines to the log in one write, so that those of other processes do not come in between."""
    try:
        sys.stderr.flush()
    except Exception:  # noqa: BLE001 - the application may have put anything in its place
        pass
    logwriter.say(text)


def printable(text: str) -> str:
    """`text` with everything that could move a cursor or end a line written as \\xNN (or \\uNNNN)."""
    if text.isprintable():
        return text
    pieces: list[str] = []
    for character in text:
        if character.isprintable():
            pieces.append(character)
        else:
            code = ord(character)
            pieces.append(f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}")
    return "".join(pieces)
