"""The statistics: the JSON tree that uwsgitop and its like read (uWSGI core/master_utils.c, core/stats.c).

Pure: facts and scoreboards in, text out.  Every number is an integer and every flag 0 or 1, because readers written in
Go decode into int; times are microseconds.  Cookies and credentials of running requests are masked.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from uncork.protocol.http import head_vars
from uncork.protocol.uwsgi import HEADER_SIZE, block_size
from uncork.scoreboard.board import Scoreboard
from uncork.scoreboard.ledger import Ledger
from uncork.scoreboard.schema import AppCell, CoreCell, WorkerCell

# Variables of a request whose values identify or admit somebody.
SECRET_VARS = frozenset({"HTTP_COOKIE", "HTTP_AUTHORIZATION", "HTTP_PROXY_AUTHORIZATION", "HTTP_X_API_KEY"})
MASK = "***"
# No modifier1 that is served is larger, and no address begins with anything smaller.
_LAST_MODIFIER = 32

# uWSGI's locks, which this server does not need; readers expect the keys.
_LOCKS = ("user 0", "signal", "filemon", "timer", "rbtimer", "cron", "rpc", "snmp")

HTTP_HEAD = (
    b"HTTP/1.0 200 OK\r\nConnection: close\r\nAccess-Control-Allow-Origin: *\r\nContent-Type: application/json\r\n\r\n"
)


@dataclass(frozen=True, slots=True)
class SocketFacts:
    """A listening socket: connections that wait in its queue, how many may, and what is spoken there."""

    name: str
    queue: int
    max_queue: int
    proto: str = "uwsgi"


@dataclass(frozen=True, slots=True)
class AppFacts:
    """A loaded application; `startup_time` in whole seconds."""

    number: int
    mountpoint: str
    startup_time: int
    chdir: str


@dataclass(frozen=True, slots=True)
class WorkerFacts:
    """What the master knows of worker `wid`; `pid` is 0 while there is none.

    `board` is where it writes, in slot `slot`; `ledger` has what its earlier lives had counted.  `harakiris` are the
    requests that took too long.
    """

    wid: int
    slot: int
    pid: int
    status: str
    respawns: int
    board: Scoreboard
    ledger: Ledger
    harakiris: int = 0


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """Everything that the statistics are made of.  `monotonic` and `epoch` are now, in seconds."""

    version: str
    pid: int
    uid: int
    gid: int
    cwd: str
    monotonic: float
    epoch: float
    sockets: Sequence[SocketFacts] = ()
    workers: Sequence[WorkerFacts] = ()
    apps: Sequence[AppFacts] = ()
    extra: Mapping[str, object] = field(default_factory=dict)


def tree(facts: ServerFacts, cores: bool = True, unsafe_vars: bool = False) -> dict[str, object]:
    """The whole tree, keys in uWSGI's order.  `cores` False leaves the threads out (stats-no-cores)."""
    waiting = sum(sock.queue for sock in facts.sockets)
    return {
        "version": facts.version,
        "listen_queue": waiting,
        "listen_queue_errors": 0,
        "signal_queue": 0,
        "load": waiting,
        "pid": facts.pid,
        "uid": facts.uid,
        "gid": facts.gid,
        "cwd": facts.cwd,
        "locks": [{name: 0} for name in _LOCKS],
        "sockets": [
            {
                "name": sock.name,
                "proto": sock.proto,
                "queue": sock.queue,
                "max_queue": sock.max_queue,
                "shared": 0,
                "can_offload": 0,
            }
            for sock in facts.sockets
        ],
        "workers": [_worker(worker, facts, cores, unsafe_vars) for worker in facts.workers],
        **facts.extra,
    }


def render(values: Mapping[str, object], minified: bool) -> bytes:
    """The tree as uWSGI prints it: tabs and newlines unless `minified`; valid JSON whatever a request contains."""
    if minified:
        return json.dumps(values, separators=(",", ":")).encode()
    return json.dumps(values, indent="\t").encode() + b"\n"


def _worker(worker: WorkerFacts, facts: ServerFacts, cores: bool, unsafe_vars: bool) -> dict[str, object]:
    board, slot, wid, ledger = worker.board, worker.slot, worker.wid, worker.ledger
    row = board.worker(slot)
    core_rows = [_with_earlier(board.core(slot, core), ledger.core(wid, core)) for core in range(board.cores)]
    served = sum(board.requests(slot, core) for core in range(board.cores))
    earlier = sum(ledger.served(wid, core) for core in range(board.cores))
    busy = any(core[CoreCell.IN_REQUEST] for core in core_rows)
    rates = [core[CoreCell.AVG_RT] for core in core_rows if core[CoreCell.AVG_RT]]
    values: dict[str, object] = {
        "id": wid,
        "pid": worker.pid,
        "accepting": int(bool(worker.pid) and bool(row[WorkerCell.ACCEPTING])),
        "requests": earlier + served,
        "delta_requests": served,
        "exceptions": sum(core[CoreCell.EXCEPTIONS] for core in core_rows),
        "harakiri_count": worker.harakiris,
        "signals": ledger.signals(wid) + row[WorkerCell.SIGNALS],
        "signal_queue": 0,
        "status": "busy" if busy and worker.status == "idle" else worker.status,
        "rss": row[WorkerCell.RSS],
        "vsz": row[WorkerCell.VSZ],
        "running_time": sum(core[CoreCell.RUNNING_TIME] for core in core_rows),
        "last_spawn": row[WorkerCell.LAST_SPAWN],
        "respawn_count": worker.respawns,
        "tx": sum(core[CoreCell.TX] for core in core_rows),
        "avg_rt": sum(rates) // len(rates) if rates else 0,
        "log_lost": row[WorkerCell.LOG_LOST],
        "apps": [_app(worker, app) for app in facts.apps],
    }
    if cores:
        values["cores"] = [_core(worker, number, row, facts, unsafe_vars) for number, row in enumerate(core_rows)]
    return values


def _with_earlier(row: Sequence[int], earlier: Sequence[int]) -> list[int]:
    """A thread's row, with what the same thread of the worker's earlier lives had counted."""
    total = [now + before for now, before in zip(row, earlier, strict=True)]
    total[CoreCell.AVG_RT] = row[CoreCell.AVG_RT] or earlier[CoreCell.AVG_RT]
    return total


def _app(worker: WorkerFacts, app: AppFacts) -> dict[str, object]:
    rows = [worker.board.app(worker.slot, core, app.number) for core in range(worker.board.cores)]
    rows.append(worker.ledger.app(worker.wid, app.number))
    return {
        "id": app.number,
        "modifier1": 0,
        "mountpoint": app.mountpoint,
        "startup_time": app.startup_time,
        "requests": sum(row[AppCell.REQUESTS] for row in rows),
        "exceptions": sum(row[AppCell.EXCEPTIONS] for row in rows),
        "chdir": app.chdir,
    }


def _core(
    worker: WorkerFacts, number: int, row: Sequence[int], facts: ServerFacts, unsafe_vars: bool
) -> dict[str, object]:
    values: dict[str, object] = {
        "id": number,
        "requests": worker.ledger.served(worker.wid, number) + worker.board.requests(worker.slot, number),
        "static_requests": 0,
        "routed_requests": 0,
        "offloaded_requests": 0,
        "write_errors": row[CoreCell.WRITE_ERRORS],
        "read_errors": row[CoreCell.READ_ERRORS],
        "in_request": int(bool(row[CoreCell.IN_REQUEST])),
        "vars": [],
        "req_info": {},
    }
    if row[CoreCell.IN_REQUEST]:
        values["vars"] = [*snapshot_vars(worker.board.snapshot(worker.slot, number), unsafe_vars), ""]
        started = facts.epoch - (facts.monotonic - row[CoreCell.STARTED] / 1_000_000)
        values["req_info"] = {"request_start": int(started)}
    return values


def snapshot_vars(packet: bytes, unsafe: bool = False) -> list[str]:
    """`KEY=VALUE` of each variable in the beginning of a packet, or of a head of HTTP; what is cut off is left out.

    Values of SECRET_VARS are masked unless `unsafe` (stats-unsafe-vars).
    """
    if packet and packet[0] > _LAST_MODIFIER:
        # A head of HTTP, and in front of it a line with the client's address.
        peer, _, head = packet.partition(b"\n")
        found_there = [("REMOTE_ADDR", peer.decode("latin-1")), *head_vars(head)]
        return [_shown(key, value, unsafe) for key, value in found_there]
    found: list[str] = []
    position = HEADER_SIZE
    # What follows the block is the request's body, and nobody's business.
    packet = packet[: HEADER_SIZE + block_size(packet)] if len(packet) >= HEADER_SIZE else b""
    while (item := _item(packet, position)) is not None:
        key, position = item
        item = _item(packet, position)
        if item is None:
            break
        value, position = item
        found.append(_shown(key, value, unsafe))
    return found


def _shown(key: str, value: str, unsafe: bool) -> str:
    return f"{key}={value if unsafe or key not in SECRET_VARS else MASK}"


def _item(packet: bytes, position: int) -> tuple[str, int] | None:
    """(text, position behind it) of the length-prefixed item at `position`, None if it is not all there."""
    start = position + 2
    if start > len(packet):
        return None
    end = start + int.from_bytes(packet[position:start], "little")
    if end > len(packet):
        return None
    return packet[start:end].decode("latin-1"), end


def lines(facts: ServerFacts) -> list[str]:
    """The workers as lines for the log (FIFO `s`, SIGUSR1)."""
    found: list[str] = []
    for worker in facts.workers:
        row = _worker(worker, facts, cores=False, unsafe_vars=False)
        found.append(
            f"worker {worker.wid} (pid: {worker.pid}) {row['status']}: {row['requests']} requests, "
            f"{row['exceptions']} exceptions, {row['tx']} bytes sent, average {row['avg_rt']} us, "
            f"{row['respawn_count']} starts"
        )
    return found
