"""The two ways in which a connection fails the request on it.

Runs in: worker.  Plain Python beside the compiled `wire`: mypyc has no native subclasses of OSError.
"""


class ReadError(OSError):
    """The client sent less body than it announced: it went away, or stalled beyond the socket timeout."""


class WriteError(OSError):
    """The client cannot be written to any more: it went away, or stalled beyond the socket timeout."""
