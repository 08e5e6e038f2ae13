"""What PEP 3333 needs of a connection.

Runs in: worker (compiled by mypyc).  `worker.connection.Connection` is the wire over a socket; `wsgi.input.Continuing`
stands before one whose client waits for leave to send.
"""


class Wire:
    """One request's connection as the `wsgi` layer sees it.  Every method may block up to the socket timeout."""

    def receive(self, limit: int) -> bytes:
        """The next 1 to `limit` bytes of the body.  Raises ReadError when there will be none."""
        raise NotImplementedError

    def send(self, data: bytes) -> None:
        """Send all of `data`.  Raises WriteError."""
        raise NotImplementedError

    def send_two(self, first: bytes, second: bytes) -> None:
        """Send `first` and `second` in one write where the kernel takes them.  Raises WriteError."""
        raise NotImplementedError

    def send_file(self, fd: int, offset: int, count: int) -> int:
        """Send up to `count` bytes of the regular file `fd` from `offset`, without copying; how many were sent.

        Fewer only if the file ends earlier.  Raises WriteError.
        """
        raise NotImplementedError
