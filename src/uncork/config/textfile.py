"""The text of a file that a configuration names.

Runs in: the process that reads the configuration.  Opens for reading only, reads a bounded amount, and waits a bounded
time for what is no plain file, so that a named pipe without a writer cannot hold a start for ever.
"""

import os
import select
import stat
import sys
import time
from functools import cache

# Far more than any configuration: it stops a file that is a device.
_LARGEST_FILE = 4 * 1024 * 1024
# How long, in seconds, a pipe such as the shell's <(command) may take, and what it has if nobody may wait.
PATIENCE = 10.0
AT_ONCE = 0.0

STDIN = "-"


def read_text(path: str, patience: float = PATIENCE) -> str:
    """The text of a file, bytes that are not UTF-8 kept as surrogates (PEP 383); `-` is standard input.

    What is no plain file has `patience` seconds to come to its end.  Raises OSError, and ValueError where the path can
    be none or the file is too large.
    """
    return _standard_input() if path == STDIN else _decoded(_content(path, patience))


def why(error: OSError | ValueError) -> str:
    """What went wrong with a file, in words."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


@cache
def _standard_input() -> str:
    """Read once: a reload needs the text again, and it comes only once."""
    return _decoded(sys.stdin.buffer.read(_LARGEST_FILE + 1))


def _decoded(content: bytes) -> str:
    if len(content) > _LARGEST_FILE:
        raise ValueError(f"it is larger than {_LARGEST_FILE // (1024 * 1024)} MiB")
    return content.decode("utf-8", "surrogateescape")


def _content(path: str, patience: float) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if stat.S_ISREG(os.fstat(fd).st_mode):
            with open(fd, "rb", closefd=False) as file:
                return file.read(_LARGEST_FILE + 1)
        return _from_pipe(fd, patience)
    finally:
        os.close(fd)


def _from_pipe(fd: int, patience: float) -> bytes:
    """What comes until the end, or until it is too much.  Raises OSError: also TimeoutError."""
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    end = time.monotonic() + patience
    content = bytearray()
    while len(content) <= _LARGEST_FILE:
        if not poll.poll(max(0, end - time.monotonic()) * 1000):
            raise TimeoutError(None, f"nothing came {f'within {patience:g} s' if patience else 'at once'}")
        try:
            data = os.read(fd, 65536)
        except BlockingIOError:
            continue
        if not data:
            break
        content += data
    return bytes(content)
