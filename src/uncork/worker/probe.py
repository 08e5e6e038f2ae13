"""Ask a worker for a page before it serves (option `probe`).

Runs in: worker, in its main thread, before it listens.  The request goes the whole way that those of nginx go,
through a pair of sockets instead of a listening one.
"""

import os
import socket
import threading
from collections.abc import Callable
from typing import Protocol

from uncork.config.options.reload import Probe
from uncork.errors import AppLoadError
from uncork.protocol.uwsgi import encode
from uncork.worker.connection import Connection


class Answerer(Protocol):
    """What is needed of worker.core.Core."""

    def enter_thread(self) -> None: ...

    def answer(self, connection: Connection) -> None: ...


def ask(core: Answerer, probe: Probe, late: Callable[[str], None]) -> None:
    """Have `core` answer a GET for the probe's path.  Raises AppLoadError if the answer is 500 or more, or none.

    If it takes too long, `late` is called with the reason, in another thread: it has to end the process.
    """
    path, _, query = probe.path.partition("?")
    packet = encode(
        {
            "REQUEST_METHOD": "GET",
            "REQUEST_URI": probe.path,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "SERVER_PROTOCOL": "HTTP/1.1",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_HOST": "localhost",
            "HTTP_USER_AGENT": "uncork-probe",
        }
    )
    ours, theirs = socket.socketpair()
    # Whatever the application has made the default (socket.setdefaulttimeout).
    ours.setblocking(True)
    theirs.setblocking(False)
    ours.sendall(packet)
    answer = bytearray()
    reader = threading.Thread(target=_read, args=(ours, answer), daemon=True)
    reader.start()
    reason = f"probe = {probe.path}: no answer within {probe.seconds} seconds"
    timer = threading.Timer(probe.seconds, late, (reason,))
    timer.daemon = True
    timer.start()
    core.enter_thread()
    core.answer(Connection(theirs.detach(), "probe", probe.seconds * 1000))
    timer.cancel()
    reader.join(probe.seconds)
    ours.close()
    status = bytes(answer[9:12]).decode("latin-1")
    if not status.isdigit():
        raise AppLoadError(f"probe = {probe.path}: no answer")
    if int(status) >= 500:
        raise AppLoadError(f"probe = {probe.path}: the answer is {status} (expected less than 500)")


def _read(sock: socket.socket, answer: bytearray) -> None:
    """Take the answer in; beyond its first line nobody looks at it."""
    while data := os.read(sock.fileno(), 65536):
        if len(answer) < 64:
            answer += data
