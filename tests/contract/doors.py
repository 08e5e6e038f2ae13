"""The doors that the contract is held at: every way into the server, and the real uWSGI beside them as oracle.

A promise is written once, against a `Door`.  Where Uncork differs from uWSGI on purpose the test is marked
`differs(topic)`, and `DIFFERS` says how; such a test runs at our own doors only.
"""

import itertools
import json
import os
import re
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness import http, uwsgi
from harness.server import Server, free_port, uwsgi_program
from uncork.protocol.uwsgi import encode

ORACLE = "oracle"
# Options of each door, the last of which takes its address: one worker everywhere, two threads at TCP, once without a
# master.
DOORS: dict[str, tuple[str, ...]] = {
    "uwsgi-unix": ("--master", "--socket"),
    "uwsgi-tcp": ("--master", "--threads", "2", "--socket"),
    "uwsgi-abstract": ("--socket",),
    "http-tcp": ("--master", "--threads", "2", "--http"),
    "http-unix": ("--master", "--http-socket"),
    "http-abstract": ("--protocol", "http", "--socket"),
    ORACLE: ("--need-app", "--socket"),
}

# What uWSGI does in the topics where we do otherwise.
DIFFERS = {
    "app error": "sends nothing and closes the connection when the app raises before its head is out",
    "bad response": "sends CR and LF in headers as they are, and skips what is not bytes",
    "bodiless": "sends the body of an answer to HEAD, and of 204 and 304",
    "cut": "ends an answer that broke off like a complete one",
    "dangerous variables": "loads the file, or sets what the peer says",
    "exc_info": "sends a replaced head without the body",
    "file position": "sends a file from its first byte, and nothing of one that a middleware iterates",
    "forwarded scheme": "believes X-Forwarded-Proto, whoever sent it",
    "linger": "closes while the body is still arriving, which resets the connection",
    "log escapes": "writes control characters of a request into its log as they are",
    "malformed": "waits for the rest, or serves other modifiers, and words its log otherwise",
    "missing keys": "leaves out what the peer did not send",
    "modifier 30": "leaves PATH_INFO as it is on Python 3",
    "no app": "lets the first mounted app serve what no mount point fits",
    "stalled clients": "holds a thread for each of them",
}

_numbers = itertools.count()
# A line of the request log: not what tests look for when they look for complaints.
_REQUEST = re.compile(r"\[pid: \d+\|")


def token() -> str:
    """A word that occurs nowhere else in the test run's logs."""
    return f"token-{os.getpid()}-{next(_numbers)}."


@dataclass(frozen=True)
class Door:
    """A running server, and the address of the one socket it serves."""

    name: str
    address: str
    server: Server

    @property
    def tcp(self) -> bool:
        """Whether the peer can see how a connection ended."""
        return ":" in self.address

    @property
    def http(self) -> bool:
        """Whether it speaks HTTP, and not uwsgi."""
        return self.name.startswith("http")

    @property
    def threads(self) -> bool:
        """Whether its worker has several threads."""
        return "--threads" in DOORS[self.name]

    @property
    def oracle(self) -> bool:
        """Whether it is the real uWSGI that answers."""
        return self.name == ORACLE

    def connect(self) -> socket.socket:
        """A connection; over TCP every send() leaves at once."""
        sock = uwsgi.connect(self.address)
        if self.tcp:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    def encode(self, variables: dict[str, str]) -> bytes:
        """A request with these variables, as this door wants it, without its body."""
        return http.encode(variables) if self.http else encode(variables)

    def own(self, answer: uwsgi.Answer) -> uwsgi.Answer:
        """What of an answer is the application's: HTTP has two headers of the server's."""
        return http.own(answer) if self.http else answer

    def exchange(self, packet: bytes) -> uwsgi.Answer:
        """The answer to `packet` as it is."""
        return self.own(uwsgi.exchange(self.address, packet))

    def get(self, path: str, method: str = "GET", **extra: str) -> uwsgi.Answer:
        """The answer to a request without a body."""
        return self.exchange(self.encode(uwsgi.variables(path, method, **extra)))

    def post(self, path: str, body: bytes, **extra: str) -> uwsgi.Answer:
        """The answer to a POST of `body`."""
        packet = self.encode(uwsgi.variables(path, "POST", CONTENT_LENGTH=str(len(body)), **extra))
        return self.own(uwsgi.send(self.address, packet, body))

    def worker(self) -> int:
        """Process id of the one worker, which has just shown that it serves."""
        pid: int = json.loads(self.get("/process").body)["pid"]
        return pid

    # ---- the log -----------------------------------------------------------------------------------------------------

    def mark(self) -> int:
        """Where the log ends now."""
        return self.server.process.log.stat().st_size

    def log(self, mark: int) -> str:
        """What was logged since `mark`."""
        with self.server.process.log.open("rb") as file:
            file.seek(mark)
            return file.read().decode(errors="replace")

    def complaints(self, mark: int) -> list[str]:
        """The lines since `mark` that are no request's."""
        return [line for line in self.log(mark).splitlines() if not _REQUEST.match(line)]

    def request_line(self, word: str) -> str:
        """The line of the request log with `word`: once it is there, all of that request is over."""
        found = re.compile(rf"^\[pid: .*{re.escape(word)}.*\n", re.MULTILINE)
        # The line ends in one write with its beginning, but other text of the same request may come before it.
        count = 1
        while (line := found.search(self.server.text())) is None:
            self.server.process.wait_for_log(word, count)
            count = self.server.text().count(word) + 1
        return line[0].removesuffix("\n")


@contextmanager
def opened(name: str, argv: Sequence[str], run: Path) -> Iterator[Door]:
    """The door `name` of a server started with `argv`, for as long as the context lasts; its files are in `run`."""
    address = {
        "tcp": f"127.0.0.1:{free_port()}",
        "abstract": f"@uncork-contract-{os.getpid()}-{next(_numbers)}",
    }.get(name.partition("-")[2], str(run / "s.sock"))
    command = [*DOORS[name], address, *argv]
    if name == ORACLE:
        server = Server(command, run, env={"CONTRACT_ORACLE": "1"}, program=uwsgi_program())
    else:
        server = Server(command, run)
    try:
        yield Door(name, address, server)
    finally:
        server.close()


def exhausted(sock: socket.socket) -> uwsgi.Answer:
    """The answer on `sock` after the client has said that it sends no more."""
    try:
        sock.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # the server has reset the connection already
    return uwsgi.receive(sock)


def until(sock: socket.socket, ending: bytes) -> bytes:
    """What arrives on `sock` up to `ending`; AssertionError if the connection ends before."""
    data = b""
    while not data.endswith(ending):
        piece = sock.recv(65536)
        assert piece, f"the connection ended after {data!r}"
        data += piece
    return data
