"""The request's body: CONTENT_LENGTH bytes, however they arrive."""

import hashlib
import random

import pytest

from contract.doors import Door, exhausted, until
from harness.uwsgi import receive, variables
from uncork.protocol.uwsgi import encode


def random_bytes(count: int) -> bytes:
    """The same bytes in every run."""
    return random.Random(count).randbytes(count)


def summary(body: bytes) -> str:
    """What the application says of `body`."""
    return f"{len(body)} {hashlib.sha256(body).hexdigest()}"


@pytest.mark.parametrize("size", [0, 1, 4096, 65536, 5_000_000])
def test_body_arrives(door: Door, size: int) -> None:
    """A body of any size reaches the application byte for byte."""
    body = random_bytes(size)
    assert door.post("/digest", body).body.decode() == summary(body)


def test_read_without_a_size(door: Door) -> None:
    """read() gives the whole body, and then nothing."""
    body = random_bytes(200_000)
    assert door.post("/read-all", body).body == body


def test_no_content_length(door: Door) -> None:
    """Without CONTENT_LENGTH there is no body to read."""
    sent = variables("/digest", "POST")
    del sent["CONTENT_LENGTH"]
    assert door.exchange(door.encode(sent)).body.decode() == summary(b"")


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        ("/read-all", b"12\n34"),
        ("/read-first?n=3", b"12\n|34"),
        ("/digest", summary(b"12\n34").encode()),
        ("/lines", repr([b"12\n", b"34"]).encode()),
    ],
)
def test_what_goes_beyond_the_length(door: Door, path: str, seen: bytes) -> None:
    """Bytes beyond CONTENT_LENGTH are not shown to the application, however it reads."""
    assert door.exchange(door.encode(variables(path, "POST", CONTENT_LENGTH="5")) + b"12\n34567\n89").body == seen


@pytest.mark.parametrize("size", [1, 7])
def test_many_writes(door: Door, size: int) -> None:
    """A request that arrives in tiny pieces is the same request."""
    body = random_bytes(300)
    packet = door.encode(variables("/digest", "POST", CONTENT_LENGTH="300")) + body
    with door.connect() as sock:
        for start in range(0, len(packet), size):
            sock.sendall(packet[start : start + size])
        assert receive(sock).body.decode() == summary(body)


@pytest.mark.uwsgi
def test_two_writes_at_every_place(door: Door) -> None:
    """A request may be divided anywhere."""
    packet = encode({"PATH_INFO": "/read-all", "CONTENT_LENGTH": "3"}) + b"abc"
    for place in range(1, len(packet)):
        with door.connect() as sock:
            sock.sendall(packet[:place])
            sock.sendall(packet[place:])
            assert receive(sock).body == b"abc", f"divided at {place}"


def test_no_read_waits_for_more_than_it_asked_for(door: Door) -> None:
    """read(n) returns once n bytes are there: the client may wait for an answer before it sends the rest."""
    with door.connect() as sock:
        sock.sendall(door.encode(variables("/read-first?n=5", "POST", CONTENT_LENGTH="10")) + b"12345")
        assert until(sock, b"|").endswith(b"\r\n\r\n12345|")
        sock.sendall(b"67890")
        assert until(sock, b"67890") == b"67890"


def test_lines(door: Door) -> None:
    """readline() and iteration give lines with their ends, the last one as it is."""
    body = b"one\n\n" + b"long" * 20_000 + b"\r\nlast"
    wanted = repr([b"one\n", b"\n", b"long" * 20_000 + b"\r\n", b"last"])
    assert door.post("/lines", body).body.decode() == wanted


def test_body_that_breaks_off(door: Door) -> None:
    """A client that leaves in the middle of its body costs its own request: the application gets an OSError."""
    mark, pid = door.mark(), door.worker()
    with door.connect() as sock:
        sock.sendall(door.encode(variables("/digest", "POST", CONTENT_LENGTH="1000")) + b"x" * 10)
        # uWSGI sends nothing for an app that raises; a client of HTTP is told that it is its own mistake.
        assert exhausted(sock).code == (0 if door.oracle else 400 if door.http else 500)
    if door.http:
        assert [line for line in door.complaints(mark) if line.startswith("read error: ")] == door.complaints(mark)
    else:
        assert "Error: " in door.log(mark)
        assert "Traceback" in door.log(mark)
    assert door.worker() == pid
