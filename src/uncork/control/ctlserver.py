"""The control socket: one command a connection, one line of JSON each way; the answer comes with the outcome.

Runs in: master, whose loop calls it; nothing here blocks.  Asked with `{"verb": "reload"}`, it answers for example
`{"ok": true, "verb": "reload", "pid": 4711, "workers": 4, "seconds": 0.8, "error": ""}` once the reload is over.  Heard
are root and the user of the server, nobody else (unix(7), SO_PEERCRED).

    accept                   refuse strangers
      _read                  one line
        _answer_query        status, stats
        _obey                ask the master; AT_ONCE is answered now, a stop too, anything else by `settle`
          _send              write, then close
"""

import json
import os
import selectors
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from uncork.control.commands import BY_COMMAND, BY_VERB, Command, Outcome
from uncork.control.waiters import Waiters
from uncork.system.credentials import peer_credentials
from uncork.system.spare import SpareDescriptor

# Clients at a time: whoever deploys has one or two.
MAX_CLIENTS = 64
# What a client gets, in seconds, to say what it wants, and again to take the answer.
CLIENT_TIME = 5.0
# A verb and its quotes.
REQUEST_SIZE = 4096

Produce = Callable[[], Mapping[str, object]]


def running(workers: object) -> int:
    """How many of the rows of `status` are workers that there are: a cheap one has no pid."""
    rows = workers if isinstance(workers, list) else []
    return sum(not isinstance(row, dict) or bool(row.get("pid", True)) for row in rows)


@dataclass(slots=True, eq=False)
class _Client:
    """`deadline` is None while it waits for an outcome, `pending` what is still to be sent."""

    sock: socket.socket
    deadline: float | None
    received: bytearray = field(default_factory=bytearray)
    verb: str = ""
    asked: float = 0.0
    pending: memoryview = field(default_factory=lambda: memoryview(b""))


class CtlServer:
    """Serves on the listening socket `sock`.

    `ask` tells the master a command; `describe` gives what `status` answers, with `pid`, `workers` (a list) and
    `paused`; `statistics` gives what `stats` answers.
    """

    def __init__(
        self,
        selector: selectors.BaseSelector,
        sock: socket.socket,
        ask: Callable[[Command], None],
        describe: Produce,
        statistics: Produce,
    ) -> None:
        self._selector = selector
        self._spare = SpareDescriptor()
        self._sock = sock
        self._ask = ask
        self._queries: Mapping[str, Produce] = {"status": describe, "stats": lambda: {"stats": statistics()}}
        self._describe = describe
        self._clients: dict[socket.socket, _Client] = {}
        self._waiters: Waiters[_Client] = Waiters()
        # Why a command that is answered at once could not be carried out.
        self._errors: dict[Command, str] = {}
        self._stopping = False
        selector.register(sock, selectors.EVENT_READ, self._accept)

    # ---- what the master says ----------------------------------------------------------------------------------------

    def reload_began(self) -> None:
        """The configuration is being read for a reload: it answers everybody who has asked for one by now."""
        self._waiters.reload_began()

    def settle(self, command: Command, error: str = "") -> None:
        """What `command` began has ended, with `error` if it failed.

        For a command that is answered at once only an error need be told, before `ask` returns.
        """
        outcome = BY_COMMAND[command].outcome
        if outcome is Outcome.AT_ONCE:
            self._errors[command] = error
        for client in self._waiters.ended(outcome, not error):
            self._answer(client, error)

    def stopping(self) -> None:
        """The server stops: nothing else that was asked for will come to its end."""
        self._stopping = True
        for client in self._waiters.everybody():
            self._answer(client, "the server stops")

    def close(self) -> None:
        """Close every socket.  Runs in: the master at its end, and each child right after its fork."""
        for sock in self._clients:
            sock.close()
        self._clients.clear()
        self._spare.close()
        self._sock.close()

    # ---- clients -----------------------------------------------------------------------------------------------------

    def _accept(self) -> None:
        sock = self._spare.accept(self._sock)
        if sock is None:
            return
        sock.setblocking(False)
        self._sweep()
        client = _Client(sock, time.monotonic() + CLIENT_TIME)
        self._clients[sock] = client
        self._selector.register(sock, selectors.EVENT_READ, lambda: self._read(client))
        refusal = self._refusal(sock)
        if refusal:
            self._refuse(client, refusal)

    def _refusal(self, sock: socket.socket) -> str:
        """Why this client is not heard, or ""."""
        try:
            uid = peer_credentials(sock).uid
        except OSError:
            return "the kernel does not say who you are"
        if uid not in {0, os.geteuid()}:
            return f"only root and the user of this server (uid {os.geteuid()}) are heard"
        if len(self._clients) > MAX_CLIENTS:
            return f"{MAX_CLIENTS} others are talking to this server"
        return ""

    def _read(self, client: _Client) -> None:
        if client.sock not in self._clients:
            return  # let go in this very turn of the loop
        try:
            data = client.sock.recv(REQUEST_SIZE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(client)  # nobody is there to hear the answer
        elif not client.verb:  # more than one line is nobody's business
            client.received += data
            line, end, _ = client.received.partition(b"\n")
            if end:
                self._request(client, bytes(line))
            elif len(client.received) > REQUEST_SIZE:
                self._refuse(client, f"a request has {REQUEST_SIZE} bytes at most")

    def _request(self, client: _Client, line: bytes) -> None:
        try:
            request = json.loads(line)
        except (ValueError, RecursionError):
            request = None
        verb = request.get("verb") if isinstance(request, dict) else None
        if not isinstance(verb, str) or not verb:
            self._refuse(client, 'expected one line of JSON such as {"verb": "reload"}')
            return
        client.verb, client.asked = verb, time.monotonic()
        if verb in self._queries:
            self._send(client, {"ok": True, "verb": verb, "error": "", **self._queries[verb]()})
        elif verb in BY_VERB:
            self._obey(client, verb)
        else:
            self._refuse(client, f"{verb[:40]!r} is no verb of this server")

    def _obey(self, client: _Client, verb: str) -> None:
        row = BY_VERB[verb]
        if self._stopping and row.outcome is not Outcome.END:
            self._answer(client, "the server stops")
            return
        if row.command is Command.PAUSE and bool(self._describe()["paused"]) == (verb == "pause"):
            self._answer(client, "", unchanged=True)
            return
        client.deadline = None
        if row.outcome not in {Outcome.AT_ONCE, Outcome.END}:
            # Before the master hears of it, for the outcome may come at once.
            self._waiters.add(client, row.outcome)
            self._ask(row.command)
            return
        self._errors.pop(row.command, None)
        self._ask(row.command)
        self._answer(client, self._errors.pop(row.command, ""))

    # ---- answers -----------------------------------------------------------------------------------------------------

    def _answer(self, client: _Client, error: str, unchanged: bool = False) -> None:
        """What has become of the command of `client`."""
        facts = self._describe()
        workers = facts["workers"]
        answer = {
            "ok": not error,
            "verb": client.verb,
            "pid": facts["pid"],
            "workers": running(workers),
            "seconds": round(time.monotonic() - client.asked, 3),
            "error": error,
        }
        self._send(client, {**answer, "unchanged": True} if unchanged else answer)

    def _refuse(self, client: _Client, error: str) -> None:
        self._send(client, {"ok": False, "verb": client.verb, "error": error})

    def _send(self, client: _Client, answer: Mapping[str, object]) -> None:
        if client.sock not in self._clients:
            return  # it left while the master did what it had asked for
        client.pending = memoryview(json.dumps(answer).encode() + b"\n")
        client.deadline = time.monotonic() + CLIENT_TIME
        self._selector.modify(client.sock, selectors.EVENT_WRITE, lambda: self._write(client))
        self._write(client)

    def _write(self, client: _Client) -> None:
        if client.sock not in self._clients:
            return  # let go in this very turn of the loop
        try:
            while client.pending:
                client.pending = client.pending[client.sock.send(client.pending) :]
        except BlockingIOError:
            return
        except OSError:
            pass
        self._drop(client)

    def _sweep(self) -> None:
        now = time.monotonic()
        for client in list(self._clients.values()):
            if client.deadline is not None and client.deadline < now:
                self._drop(client)

    def _drop(self, client: _Client) -> None:
        self._waiters.forget(client)
        self._selector.unregister(client.sock)
        del self._clients[client.sock]
        client.sock.close()
