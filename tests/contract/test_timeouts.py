"""`socket-timeout`: how long a client may stall before it is given up."""

import pytest

from contract.doors import Door
from harness.uwsgi import receive, variables

pytestmark = [
    pytest.mark.serves("--module", "contract:application", "--socket-timeout", "1"),
    pytest.mark.differs("stalled clients"),
]


def test_stalled_in_the_head(door: Door) -> None:
    """A client that stalls in its head is closed without an answer but HTTP's 408, and is one line in the log."""
    mark = door.mark()
    with door.connect() as sock:
        sock.sendall(door.encode(variables("/hello"))[:30])
        assert receive(sock).code == (408 if door.http else 0)
    assert [line for line in door.complaints(mark) if "timed out: 30 bytes of its head came" in line]
    assert len(door.complaints(mark)) == 1


def test_stalled_in_the_body(door: Door) -> None:
    """A client that stalls in its body, while the app reads it, gets 500, or HTTP's 408; the log says why."""
    mark = door.mark()
    with door.connect() as sock:
        sock.sendall(door.encode(variables("/digest", "POST", CONTENT_LENGTH="1000")) + b"x")
        assert receive(sock).code == (408 if door.http else 500)
    assert "timed out waiting for the request's body" in door.log(mark)


def test_stalled_while_it_is_answered(door: Door) -> None:
    """A client that takes nothing of its answer is given up: the worker goes on, and the log says why."""
    mark, pid = door.mark(), door.worker()
    with door.connect() as sock:
        sock.sendall(door.encode(variables("/size?n=50000000")))
        door.server.process.wait_for_log("timed out: the client takes nothing any more")
        assert len(door.complaints(mark)) == 1
    assert door.worker() == pid
