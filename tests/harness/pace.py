"""A load of GET requests at a constant rate, in a process of its own.

    python -m harness.pace PORT PATH RATE COUNT [fresh]

Every request has its time beforehand, and its wait counts from that time: a server that stalls is not asked less often
because of it, so the slowest answer is the wait of somebody who came in the middle of the stall.  Requests go over
keep-alive connections, as many as it takes; `fresh` opens one for each request.  Bounded by its own count; it stops by
itself, or when a line arrives on its standard input.  Prints a line once the first answer is there, and one JSON object
at the end.
"""

import json
import os
import select
import socket
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

TESTS = Path(__file__).resolve().parent.parent

# Connections at a time: below the worker_connections of the nginx in front, which needs two for each.
CONNECTIONS = 400
# How long an answer may take before the request counts as unanswered, in seconds.
PATIENCE = 10.0
# Failures told one by one.
TOLD = 20


@dataclass(frozen=True)
class Paced:
    """What a load saw.  `failures`: (seconds since the start, a status or what broke) of the first few.

    `slowest` and `slowest_at` are seconds, `late` by how much the load itself was behind its schedule at worst.
    """

    status: Mapping[str, int]
    broken: int
    slowest: float
    slowest_at: float
    late: float
    failures: Sequence[tuple[float, str]]

    @property
    def answered(self) -> int:
        """Requests with an answer of 200."""
        return self.status.get("200", 0)

    @property
    def failed(self) -> int:
        """Requests with any other answer, or none."""
        return self.broken + sum(self.status.values()) - self.answered

    def __str__(self) -> str:
        return (
            f"{self.answered} answered, {self.failed} failed {list(self.failures)}, "
            f"slowest {self.slowest * 1000:.0f} ms at {self.slowest_at:.2f} s, "
            f"the load itself {self.late * 1000:.0f} ms late"
        )


class Pace:
    """The load as a child process; it is under way once this returns, and ends with the `with` block at the latest."""

    def __init__(self, port: int, path: str, rate: int, count: int = 100_000, fresh: bool = False) -> None:
        self.popen = subprocess.Popen(
            [sys.executable, "-m", "harness.pace", str(port), path, str(rate), str(count), *(["fresh"] * fresh)],
            cwd=TESTS,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), *filter(None, [os.getenv("PYTHONPATH")])])},
        )
        assert self.popen.stdout is not None
        self._first = self.popen.stdout.readline()
        self._result: Paced | None = None

    def __enter__(self) -> "Pace":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._result is None:
            self.popen.kill()
            self.popen.communicate()

    def stop(self) -> Paced:
        """End the load after the answers that are under way; what it saw."""
        if self._result is None:
            output, _ = self.popen.communicate(b"stop\n", timeout=PATIENCE + 10)
            seen: dict[str, Any] = json.loads(output)
            seen["failures"] = [(float(at), str(what)) for at, what in seen["failures"]]
            self._result = Paced(**seen)
        return self._result


@dataclass
class Client:
    """A connection and the request that it carries, due at `due` (0.0 while it is idle)."""

    sock: socket.socket
    due: float = 0.0
    sent: bool = False
    buffer: bytes = b""

    def answer(self) -> tuple[str, bool]:
        """(status, whether the connection ends) of the answer once it is complete, ("", False) before.

        Raises ConnectionError if the connection broke.
        """
        data = self.sock.recv(65536)
        if not data:
            raise ConnectionResetError("closed")
        self.buffer += data
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        lowered = head.lower()
        if not found or len(body) < _content_length(lowered):
            return "", False
        self.buffer = b""
        return head[9:12].decode(), b"connection: close" in lowered


def _content_length(head: bytes) -> int:
    at = head.find(b"content-length: ")
    return int(head[at + 16 :].split(b"\r\n", 1)[0]) if at >= 0 else 0


class Schedule:
    """The load itself."""

    def __init__(self, port: int, path: str, rate: int, count: int, fresh: bool) -> None:
        self.port = port
        close = "Connection: close\r\n" if fresh else ""
        self.request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{close}\r\n".encode()
        self.epoll = select.epoll()
        self.epoll.register(0, select.EPOLLIN)
        self.clients: dict[int, Client] = {}
        self.idle: list[Client] = []
        self.start = time.monotonic()
        # Times of requests that are still to come, and of those that wait for a connection.
        self.times = deque(self.start + number / rate for number in range(count))
        self.waiting: deque[float] = deque()
        self.statuses: Counter[str] = Counter()
        self.failures: list[tuple[float, str]] = []
        self.broken = 0
        self.slowest = self.slowest_at = self.late = 0.0
        self.told = False

    def run(self) -> dict[str, Any]:
        """Until the last answer is there."""
        while self.times or self.waiting or any(client.due for client in self.clients.values()):
            for fd, event in self.epoll.poll(self._patience()):
                if fd == 0:
                    self.times.clear()
                    self.epoll.unregister(0)
                elif fd in self.clients:
                    self._event(self.clients[fd], event)
            self._send_due()
            self._give_up()
        return {
            "status": dict(self.statuses),
            "broken": self.broken,
            "slowest": self.slowest,
            "slowest_at": self.slowest_at,
            "late": self.late,
            "failures": self.failures[:TOLD],
        }

    def _patience(self) -> float:
        return min(0.5, max(0.0, self.times[0] - time.monotonic())) if self.times else 0.5

    def _send_due(self) -> None:
        now = time.monotonic()
        while self.times and self.times[0] <= now:
            self.late = max(self.late, now - self.times[0])
            self.waiting.append(self.times.popleft())
        while self.waiting and (self.idle or len(self.clients) < CONNECTIONS):
            self._send(self.waiting.popleft())

    def _send(self, due: float) -> None:
        client = self.idle.pop() if self.idle else self._open()
        client.due = due
        if client.sent:
            self._write(client)

    def _open(self) -> Client:
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex(("127.0.0.1", self.port))
        client = Client(sock)
        self.clients[sock.fileno()] = client
        self.epoll.register(sock.fileno(), select.EPOLLOUT)
        return client

    def _write(self, client: Client) -> None:
        try:
            client.sock.send(self.request)
        except OSError as error:
            self._fail(client, type(error).__name__)

    def _event(self, client: Client, event: int) -> None:
        try:
            if not client.sent and not event & select.EPOLLERR:
                client.sent = True
                self.epoll.modify(client.sock.fileno(), select.EPOLLIN)
                self._write(client)
                return
            status, closing = client.answer()
        except OSError as error:
            self._fail(client, type(error).__name__)
            return
        if status:
            self._count(client, status)
            if closing:
                self._close(client)
            else:
                self.idle.append(client)

    def _count(self, client: Client, status: str) -> None:
        now = time.monotonic()
        self.statuses[status] += 1
        if now - client.due > self.slowest:
            self.slowest, self.slowest_at = now - client.due, client.due - self.start
        if status != "200":
            self.failures.append((round(now - self.start, 3), status))
        client.due = 0.0
        if not self.told:
            self.told = True
            print("under way", flush=True)

    def _fail(self, client: Client, what: str) -> None:
        """The connection broke; that counts if it carried a request."""
        if client.due:
            self.broken += 1
            self.failures.append((round(time.monotonic() - self.start, 3), what))
        if client in self.idle:
            self.idle.remove(client)
        self._close(client)

    def _give_up(self) -> None:
        oldest = time.monotonic() - PATIENCE
        for client in [client for client in self.clients.values() if client.due and client.due < oldest]:
            self._fail(client, "no answer")

    def _close(self, client: Client) -> None:
        del self.clients[client.sock.fileno()]
        client.sock.close()


if __name__ == "__main__":
    seen = Schedule(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), "fresh" in sys.argv[5:]).run()
    print(json.dumps(seen))
