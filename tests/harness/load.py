"""A load of plain GET requests over HTTP keep-alive connections, in a process of its own.

    python -m harness.load PORT PATH REQUESTS CONNECTIONS

prints one JSON object: how many answers had which status, and how many connections broke.  Bounded by its own count; it
stops by itself, or when a line arrives on its standard input.
"""

import json
import os
import select
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parent.parent


class Load:
    """The load as a child process; `stop()` ends it early."""

    def __init__(self, port: int, path: str, requests: int, connections: int) -> None:
        self.popen = subprocess.Popen(
            [sys.executable, "-m", "harness.load", str(port), path, str(requests), str(connections)],
            cwd=TESTS,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(TESTS)},
        )

    def result(self, patience: float = 110.0) -> dict[str, Any]:
        """The counts: {"status": {"200": n, ...}, "broken": n, "slowest": seconds}."""
        # Not communicate(): it would close the standard input first, and that ends the load.
        self.popen.wait(patience)
        return self.stop()

    def stop(self) -> dict[str, Any]:
        """End the load after the answers that are under way; the counts so far."""
        output, _ = self.popen.communicate(b"stop\n", timeout=30)
        counts: dict[str, Any] = json.loads(output)
        return counts


class Client:
    """One keep-alive connection, reopened whenever it breaks or the server closes it."""

    def __init__(self, port: int, request: bytes) -> None:
        self.port = port
        self.request = request
        self.sock = socket.create_connection(("127.0.0.1", port))
        self.buffer = b""
        self.sent = 0.0

    def send(self) -> None:
        """Ask once more."""
        self.sent = time.monotonic()
        self.sock.sendall(self.request)

    def reopen(self) -> None:
        """Begin anew on a fresh connection."""
        self.sock.close()
        self.buffer = b""
        self.sock = socket.create_connection(("127.0.0.1", self.port))

    def receive(self) -> tuple[str, bool]:
        """(status, whether the connection ends) of the answer once it is complete, ("", False) before.

        Raises ConnectionError if the connection broke.
        """
        data = self.sock.recv(65536)
        if not data:
            raise ConnectionResetError("closed in the middle of an answer")
        self.buffer += data
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return "", False
        lowered = head.lower()
        at = lowered.find(b"content-length: ")
        length = int(lowered[at + 16 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(body) < length:
            return "", False
        self.buffer = b""
        return head[9:12].decode(), b"connection: close" in lowered


def run(port: int, path: str, requests: int, connections: int) -> dict[str, Any]:
    """The load itself."""
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    epoll = select.epoll()
    epoll.register(0, select.EPOLLIN)
    clients: dict[int, Client] = {}
    statuses: Counter[str] = Counter()
    broken = 0
    slowest = 0.0
    left = requests

    def begin(client: Client) -> None:
        nonlocal left
        left -= 1
        clients[client.sock.fileno()] = client
        epoll.register(client.sock.fileno(), select.EPOLLIN)
        client.send()

    def end(client: Client) -> None:
        epoll.unregister(client.sock.fileno())
        del clients[client.sock.fileno()]

    for _ in range(min(connections, requests)):
        begin(Client(port, request))
    while clients:
        for fd, _ in epoll.poll():
            if fd == 0:
                left = 0
                epoll.unregister(0)
                continue
            client = clients[fd]
            try:
                status, closing = client.receive()
            except ConnectionError:
                broken, status, closing = broken + 1, "", True
            if not status and not closing:
                continue
            if status:
                statuses[status] += 1
                slowest = max(slowest, time.monotonic() - client.sent)
            if left <= 0:
                end(client)
                client.sock.close()
            elif closing:
                end(client)
                client.reopen()
                begin(client)
            else:
                left -= 1
                client.send()
    return {"status": dict(statuses), "broken": broken, "slowest": slowest}


if __name__ == "__main__":
    print(json.dumps(run(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))))
