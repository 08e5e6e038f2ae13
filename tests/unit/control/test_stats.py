"""The statistics: the tree that monitoring programs read, key by key."""

import json
from collections.abc import Iterator, Mapping
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uncork.control.stats import (
    MASK,
    SECRET_VARS,
    AppFacts,
    ServerFacts,
    SocketFacts,
    WorkerFacts,
    lines,
    render,
    snapshot_vars,
    tree,
)
from uncork.protocol.uwsgi import encode
from uncork.scoreboard.board import Scoreboard
from uncork.scoreboard.cells import CoreCells
from uncork.scoreboard.ledger import Ledger
from uncork.scoreboard.schema import SNAPSHOT_SIZE, WorkerCell

# The keys as uWSGI 2.0.30 prints them, in its order (core/master_utils.c); what it prints only under options that this
# server does not have is left out.
TOP = [
    *("version", "listen_queue", "listen_queue_errors", "signal_queue", "load", "pid", "uid", "gid", "cwd"),
    *("locks", "sockets", "workers"),
]
LOCKS = ["user 0", "signal", "filemon", "timer", "rbtimer", "cron", "rpc", "snmp"]
SOCKET = ["name", "proto", "queue", "max_queue", "shared", "can_offload"]
WORKER = [
    *("id", "pid", "accepting", "requests", "delta_requests", "exceptions", "harakiri_count", "signals"),
    *(
        "signal_queue",
        "status",
        "rss",
        "vsz",
        "running_time",
        "last_spawn",
        "respawn_count",
        "tx",
        "avg_rt",
        "log_lost",
    ),
    *("apps", "cores"),
]
APP = ["id", "modifier1", "mountpoint", "startup_time", "requests", "exceptions", "chdir"]
CORE = [
    *("id", "requests", "static_requests", "routed_requests", "offloaded_requests", "write_errors", "read_errors"),
    *("in_request", "vars", "req_info"),
]

VARS = {
    "REQUEST_METHOD": "GET",
    "PATH_INFO": "/caf\xe9",
    "HTTP_COOKIE": "session=1",
    "HTTP_AUTHORIZATION": "Basic eA==",
}

Tree = dict[str, object]


@pytest.fixture
def board() -> Iterator[Scoreboard]:
    """Two workers of two threads, two apps; there are two slots for each worker, and worker N is in slot N."""
    made = Scoreboard(slots=4, cores=2, apps=2)
    yield made
    made.close()


def facts(board: Scoreboard, ledger: Ledger | None = None, **worker: int | str) -> ServerFacts:
    """A server with two sockets, two apps and the workers of `board`; `worker` says more of worker 1."""
    ledger = ledger or Ledger()
    values: dict[str, int | str] = {"wid": 1, "slot": 1, "pid": 4711, "status": "idle", "respawns": 1, **worker}
    return ServerFacts(
        version="1.2.3",
        pid=4242,
        uid=1000,
        gid=100,
        cwd="/srv/app",
        monotonic=500.0,
        epoch=1_700_000_000.75,
        sockets=[SocketFacts("127.0.0.1:7777", 3, 100), SocketFacts("/run/app.sock", 2, 128)],
        workers=[
            WorkerFacts(board=board, ledger=ledger, **values),  # type: ignore[arg-type]
            WorkerFacts(wid=2, slot=2, pid=4712, status="idle", respawns=3, board=board, ledger=ledger),
        ],
        apps=[AppFacts(0, "", 1, "/srv/app"), AppFacts(1, "/bbb", 0, "/srv/app")],
    )


def serve(board: Scoreboard, slot: int, core: int, *requests: tuple[int, int, int, bool]) -> None:
    """Thread `core` of the worker in `slot` serves requests: (app, microseconds, bytes, whether the app raised)."""
    pen = CoreCells(board, slot, core)
    for app, duration, sent, failed in requests:
        pen.begin(1, b"")
        pen.end(app, duration, sent, failed)


def begin(board: Scoreboard, slot: int, core: int, packet: bytes, started: int = 499_000_000) -> None:
    """Thread `core` of `slot` begins a request at `started` (monotonic microseconds) and stays in it."""
    CoreCells(board, slot, core).begin(started, packet)


def workers(values: Mapping[str, object]) -> list[Tree]:
    """The rows of the workers."""
    return cast(list[Tree], values["workers"])


def cores(worker: Tree) -> list[Tree]:
    """The rows of a worker's threads."""
    return cast(list[Tree], worker["cores"])


def leaves(value: object) -> Iterator[object]:
    """Everything in a tree that is neither an object nor a list."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner)
    else:
        yield value


# ---- the shape -------------------------------------------------------------------------------------------------------


def test_keys_and_their_order(board: Scoreboard) -> None:
    """Every object has exactly uWSGI's keys, in uWSGI's order, idle or in a request."""
    begin(board, 1, 0, encode(VARS))
    values = tree(facts(board))
    assert list(values) == TOP
    assert [list(lock) for lock in cast(list[Tree], values["locks"])] == [[name] for name in LOCKS]
    assert [list(sock) for sock in cast(list[Tree], values["sockets"])] == [SOCKET, SOCKET]
    assert [list(worker) for worker in workers(values)] == [WORKER, WORKER]
    for worker in workers(values):
        assert [list(app) for app in cast(list[Tree], worker["apps"])] == [APP, APP]
        assert [list(core) for core in cores(worker)] == [CORE, CORE]
    assert [list(cast(Tree, core["req_info"])) for core in cores(workers(values)[0])] == [["request_start"], []]


def test_keys_without_cores(board: Scoreboard) -> None:
    """With stats-no-cores the threads are left out, and nothing else."""
    values = tree(facts(board), cores=False)
    assert [list(worker) for worker in workers(values)] == [WORKER[:-1], WORKER[:-1]]


def test_numbers_are_integers(board: Scoreboard) -> None:
    """Readers that decode into integers never meet a float, a flag or a null."""
    serve(board, 1, 0, (0, 333, 1000, False), (1, 10, 5, True))
    begin(board, 1, 1, encode(VARS))
    decoded = json.loads(render(tree(facts(board)), minified=False))
    for values in (tree(facts(board)), tree(facts(board, pid=0, status="cheap")), decoded):
        found = list(leaves(values))
        assert len(found) > 100
        assert {type(leaf) for leaf in found} == {int, str}


def test_the_servers_own_facts(board: Scoreboard) -> None:
    """The top says who the server is and how many connections wait on all its sockets."""
    values = tree(facts(board))
    assert {key: values[key] for key in TOP[:9]} == {
        "version": "1.2.3",
        "listen_queue": 5,
        "listen_queue_errors": 0,
        "signal_queue": 0,
        "load": 5,
        "pid": 4242,
        "uid": 1000,
        "gid": 100,
        "cwd": "/srv/app",
    }
    assert cast(list[Tree], values["sockets"])[1] == dict(
        zip(SOCKET, ["/run/app.sock", "uwsgi", 2, 128, 0, 0], strict=True)
    )


def test_what_this_server_adds_comes_last(board: Scoreboard) -> None:
    """A key that uWSGI does not have stands behind all of its own."""
    made = facts(board)
    values = tree(ServerFacts("1", 1, 0, 0, "/", 0.0, 0.0, extra={"last_reload": {"ok": 1}}, workers=made.workers))
    assert list(values) == [*TOP, "last_reload"]


def test_a_server_that_comes_up() -> None:
    """Without workers the lists are empty, not null: readers walk them."""
    values = tree(ServerFacts("1", 1, 0, 0, "/", 0.0, 0.0))
    assert values["workers"] == []
    assert values["sockets"] == []


@pytest.mark.parametrize("minified", [True, False])
def test_rendering(board: Scoreboard, minified: bool) -> None:
    """Both forms are the same JSON; one has no white space between values, the other tabs and lines."""
    values = tree(facts(board))
    text = render(values, minified)
    assert json.loads(text) == values
    assert list(json.loads(text)) == TOP
    if minified:
        assert not any(space in text for space in (b"\n", b"\t", b": ", b", "))
    else:
        assert text.startswith(b'{\n\t"version": "1.2.3",\n\t"listen_queue": 5,')
        assert text.endswith(b"\n}\n")


# ---- workers ---------------------------------------------------------------------------------------------------------


def test_numbers_of_a_worker(board: Scoreboard) -> None:
    """A worker's numbers are the sums of its threads; avg_rt is the mean of those that served."""
    serve(board, 1, 0, (0, 400, 1000, False), (1, 600, 500, True))
    serve(board, 1, 1, (0, 100, 250, False))
    pen = CoreCells(board, 1, 1)
    pen.read_error()
    pen.write_error()
    pen.write_error()
    row = board.worker_row(1)
    board.cells[row + WorkerCell.LAST_SPAWN] = 1_600_000_000
    board.cells[row + WorkerCell.SIGNALS] = 2
    board.cells[row + WorkerCell.RSS] = 30_000_000
    board.cells[row + WorkerCell.VSZ] = 90_000_000
    board.cells[row + WorkerCell.ACCEPTING] = 1
    del pen
    worker = workers(tree(facts(board, respawns=4)))[0]
    # Each thread counts avg_rt as uWSGI does, (avg + last) / 2 from 0: 400 at last in one, 50 in the other.
    assert {key: worker[key] for key in WORKER[:17]} == {
        "id": 1,
        "pid": 4711,
        "accepting": 1,
        "requests": 3,
        "delta_requests": 3,
        "exceptions": 1,
        "harakiri_count": 0,
        "signals": 2,
        "signal_queue": 0,
        "status": "idle",
        "rss": 30_000_000,
        "vsz": 90_000_000,
        "running_time": 1100,
        "last_spawn": 1_600_000_000,
        "respawn_count": 4,
        "tx": 1750,
        "avg_rt": 225,
    }
    assert [(core["requests"], core["read_errors"], core["write_errors"]) for core in cores(worker)] == [
        (2, 0, 0),
        (1, 1, 2),
    ]
    assert [(app["requests"], app["exceptions"]) for app in cast(list[Tree], worker["apps"])] == [(2, 0), (1, 1)]
    assert workers(tree(facts(board)))[1]["requests"] == 0


def test_the_numbers_of_a_worker_go_on_when_it_is_replaced(board: Scoreboard) -> None:
    """All that was counted in its earlier lives, in whichever slot, is added; delta_requests is of this life alone."""
    ledger = Ledger()
    serve(board, 3, 0, (0, 100, 1000, True), (1, 100, 1000, False))
    serve(board, 3, 1, (1, 100, 1000, True))
    pen = CoreCells(board, 3, 1)
    pen.read_error()
    pen.write_error()
    board.cells[board.worker_row(3) + WorkerCell.SIGNALS] = 3
    ledger.absorb(board, 3, 1)
    serve(board, 1, 1, (0, 50, 10, False))
    board.cells[board.worker_row(1) + WorkerCell.SIGNALS] = 1
    del pen

    worker, other = workers(tree(facts(board, ledger, respawns=2)))

    expected = {"requests": 4, "delta_requests": 1, "exceptions": 2, "signals": 4, "running_time": 350, "tx": 3010}
    assert {key: worker[key] for key in expected} == expected
    assert [(core["requests"], core["read_errors"], core["write_errors"]) for core in cores(worker)] == [
        (2, 0, 0),
        (2, 1, 1),
    ]
    assert [(app["requests"], app["exceptions"]) for app in cast(list[Tree], worker["apps"])] == [(2, 1), (2, 1)]
    assert (other["requests"], other["tx"], other["signals"]) == (0, 0, 0)


def test_the_average_is_that_of_this_life(board: Scoreboard) -> None:
    """That of the one before is shown until a thread has served something itself: an average cannot be added up."""
    ledger = Ledger()
    serve(board, 3, 0, (0, 400, 1, False))
    ledger.absorb(board, 3, 1)
    assert workers(tree(facts(board, ledger)))[0]["avg_rt"] == 200
    serve(board, 1, 0, (0, 1000, 1, False))
    assert workers(tree(facts(board, ledger)))[0]["avg_rt"] == 500


def test_nothing_of_the_present_is_carried_on(board: Scoreboard) -> None:
    """A request that the dead worker was in, its memory and its deadline are not those of its replacement."""
    ledger = Ledger()
    CoreCells(board, 3, 0, limit=1).begin(1, encode(VARS))
    row = board.worker_row(3)
    for cell in (WorkerCell.RSS, WorkerCell.VSZ, WorkerCell.LAST_SPAWN, WorkerCell.ACCEPTING):
        board.cells[row + cell] = 9
    ledger.absorb(board, 3, 1)
    worker = workers(tree(facts(board, ledger)))[0]
    keys = ("status", "rss", "vsz", "last_spawn", "accepting")
    assert [worker[key] for key in keys] == ["idle", 0, 0, 0, 0]
    assert [core["vars"] for core in cores(worker)] == [[], []]


def test_requests_that_took_too_long(board: Scoreboard) -> None:
    """harakiri_count is what the master has counted."""
    assert workers(tree(facts(board, harakiris=3)))[0]["harakiri_count"] == 3


@pytest.mark.parametrize(
    ("status", "pid", "in_request", "shown"),
    [
        ("idle", 4711, False, "idle"),
        ("idle", 4711, True, "busy"),
        ("pause", 4711, False, "pause"),
        ("pause", 4711, True, "pause"),
        ("cheap", 0, False, "cheap"),
    ],
)
def test_status(board: Scoreboard, status: str, pid: int, in_request: bool, shown: str) -> None:
    """A worker with a request in any thread is busy, else idle; paused ones and empty slots say so."""
    if in_request:
        begin(board, 1, 1, b"")
    worker = workers(tree(facts(board, status=status, pid=pid)))[0]
    assert worker["status"] == shown


def test_accepting(board: Scoreboard) -> None:
    """A worker accepts once it says so, and never without a process, whatever the dead one wrote last."""
    assert workers(tree(facts(board)))[0]["accepting"] == 0
    board.cells[board.worker_row(1) + WorkerCell.ACCEPTING] = 1
    assert workers(tree(facts(board)))[0]["accepting"] == 1
    assert workers(tree(facts(board, pid=0)))[0]["accepting"] == 0


# ---- running requests ------------------------------------------------------------------------------------------------


def test_a_running_request(board: Scoreboard) -> None:
    """A thread in a request shows its variables, closed by an empty string, and since when (epoch seconds)."""
    begin(board, 1, 1, encode({"REQUEST_METHOD": "GET", "PATH_INFO": "/slow"}), started=490_000_000)
    idle, busy = cores(workers(tree(facts(board)))[0])
    assert (busy["in_request"], busy["vars"]) == (1, ["REQUEST_METHOD=GET", "PATH_INFO=/slow", ""])
    assert busy["req_info"] == {"request_start": 1_699_999_990}
    assert (idle["in_request"], idle["vars"], idle["req_info"]) == (0, [], {})


def test_a_request_that_is_over(board: Scoreboard) -> None:
    """Nothing is told of a request once it is answered."""
    begin(board, 1, 0, encode(VARS))
    serve(board, 1, 0, (0, 1, 1, False))
    core = cores(workers(tree(facts(board), unsafe_vars=True))[0])[0]
    assert (core["in_request"], core["vars"], core["req_info"]) == (0, [], {})


def test_secrets_are_masked(board: Scoreboard) -> None:
    """What identifies or admits somebody is not shown, unless stats-unsafe-vars asks for it."""
    variables = {name: f"secret of {name}" for name in sorted(SECRET_VARS)} | {"REMOTE_ADDR": "10.0.0.1"}
    begin(board, 1, 0, encode(variables))
    safe = render(tree(facts(board)), minified=True)
    assert b"secret" not in safe
    assert all(f"{name}={MASK}".encode() in safe for name in SECRET_VARS)
    assert b"REMOTE_ADDR=10.0.0.1" in safe
    unsafe = render(tree(facts(board), unsafe_vars=True), minified=True)
    assert all(f"{name}=secret of {name}".encode() in unsafe for name in SECRET_VARS)


def test_cookies_and_credentials_are_secrets() -> None:
    """The variables that hold a session or a password are among those that are masked."""
    assert {"HTTP_COOKIE", "HTTP_AUTHORIZATION", "HTTP_PROXY_AUTHORIZATION"} <= SECRET_VARS


def test_a_request_larger_than_its_snapshot(board: Scoreboard) -> None:
    """Of a huge request the first variables are shown; what the snapshot cuts off is left out, masked or not."""
    begin(board, 1, 0, encode({"PATH_INFO": "/", "HTTP_COOKIE": "x" * SNAPSHOT_SIZE, "HTTP_HOST": "a"}))
    assert cores(workers(tree(facts(board)))[0])[0]["vars"] == ["PATH_INFO=/", ""]


LATIN = st.text(st.characters(max_codepoint=255), max_size=40)
VARIABLES = st.dictionaries(LATIN.filter(bool), LATIN, max_size=8)


@given(VARIABLES, st.data())
def test_every_truncation_of_a_packet(variables: dict[str, str], data: st.DataObject) -> None:
    """Wherever a packet is cut off, the variables before the cut are shown as they were sent."""
    packet = encode(variables)
    shown = snapshot_vars(packet, unsafe=True)
    assert shown == [f"{key}={value}" for key, value in variables.items()]
    cut = data.draw(st.integers(0, len(packet)))
    part = snapshot_vars(packet[:cut], unsafe=True)
    assert part == shown[: len(part)]
    assert len(encode(dict(list(variables.items())[: len(part)]))) <= max(cut, 4)


@given(st.binary(max_size=300))
def test_any_bytes_are_shown_without_an_error(packet: bytes) -> None:
    """A snapshot that was caught half written is shown as far as it makes sense."""
    snapshot_vars(packet)


def test_the_body_is_not_shown() -> None:
    """What follows the block of variables is the request's body, and nobody's business."""
    packet = encode({"REQUEST_METHOD": "POST"})
    body = b"\x08\x00password\x06\x00secret"
    assert snapshot_vars(packet + body) == ["REQUEST_METHOD=POST"]


@given(VARIABLES)
def test_any_request_gives_valid_json(variables: dict[str, str]) -> None:
    """Whatever a client sends, the JSON stays JSON, in plain ASCII, and says what was sent."""
    board = Scoreboard(1, 1, 1)
    begin(board, 1, 0, encode(variables))
    made = ServerFacts("1", 1, 0, 0, "/", 0.0, 0.0, workers=[WorkerFacts(1, 1, 2, "idle", 1, board, Ledger())])
    texts = [render(tree(made, unsafe_vars=True), minified) for minified in (False, True)]
    board.close()
    for text in texts:
        assert text.isascii()
        shown = cores(workers(json.loads(text))[0])[0]["vars"]
        assert shown == [*(f"{key}={value}" for key, value in variables.items()), ""]


# ---- lines for the log -----------------------------------------------------------------------------------------------


def test_lines(board: Scoreboard) -> None:
    """The log gets a line for each worker, with the same numbers."""
    ledger = Ledger()
    serve(board, 4, 0, *[(0, 400, 0, False)] * 9)
    ledger.absorb(board, 4, 1)
    serve(board, 1, 0, (0, 400, 1000, True))
    begin(board, 1, 1, encode(VARS))
    assert lines(facts(board, ledger)) == [
        "worker 1 (pid: 4711) busy: 10 requests, 1 exceptions, 1000 bytes sent, average 200 us, 1 starts",
        "worker 2 (pid: 4712) idle: 0 requests, 0 exceptions, 0 bytes sent, average 0 us, 3 starts",
    ]
