"""Hear from the server that it is ready: the receiving end of sd_notify(3).

Runs in: the process of `uncork up`.  Readiness is told by the server itself, so nobody has to guess or sleep.
"""

import os
import socket

# sd_notify messages are a few short lines.
DATAGRAM_BYTES = 4096


def parse(datagram: bytes) -> dict[str, str]:
    """The `NAME=value` lines of one message, as sd_notify(3) describes them; a line without `=` is passed over."""
    pairs = (line.partition("=") for line in datagram.decode(errors="replace").splitlines())
    return {name: value for name, equals, value in pairs if equals}


class NotifySocket:
    """A datagram socket at `path`, whose directory only we and the children may enter.  Close it when done."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            self._socket.bind(path)
            os.chmod(path, 0o600)
        except OSError:
            self._socket.close()
            raise

    def fileno(self) -> int:
        """The descriptor to wait on."""
        return self._socket.fileno()

    def receive(self) -> list[dict[str, str]]:
        """Every message that has arrived by now."""
        messages = []
        while True:
            try:
                messages.append(parse(self._socket.recv(DATAGRAM_BYTES)))
            except BlockingIOError:
                return messages

    def close(self) -> None:
        """Stop listening and remove the socket file."""
        self._socket.close()
        try:
            os.unlink(self.path)
        except FileNotFoundError:
            pass
