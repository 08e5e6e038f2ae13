"""A descriptor in reserve: without one, a connection that cannot be accepted would be announced for ever.

Runs in: master.
"""

import errno
import os
import socket

_NONE_LEFT = frozenset({errno.EMFILE, errno.ENFILE})


class SpareDescriptor:
    """Held open until there is no other; shared by the sockets of one process."""

    def __init__(self) -> None:
        self._fd = self._open()

    def _open(self) -> int:
        try:
            return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return -1

    def accept(self, sock: socket.socket) -> socket.socket | None:
        """The next connection; None if there is none, or if it had to be turned away for want of a descriptor."""
        try:
            return sock.accept()[0]
        except OSError as error:
            if error.errno in _NONE_LEFT:
                self._turn_away(sock)
            return None

    def _turn_away(self, sock: socket.socket) -> None:
        self.close()
        try:
            sock.accept()[0].close()
        except OSError:
            pass
        self._fd = self._open()

    def close(self) -> None:
        """Give it back."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
