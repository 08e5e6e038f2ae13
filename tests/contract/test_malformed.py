"""What arrives on a uwsgi socket and is no request: closed without an answer, and nobody else notices."""

import random
import re

import pytest

from contract.doors import Door, exhausted
from harness.uwsgi import Answer, connect, receive, variables
from uncork.protocol.uwsgi import encode

LIMIT = 4096
pytestmark = [
    pytest.mark.serves("--module", "contract:application", "--buffer-size", str(LIMIT)),
    pytest.mark.uwsgi,
]


def packet(block: bytes, modifier1: int = 0) -> bytes:
    """A packet around `block`."""
    return bytes([modifier1]) + len(block).to_bytes(2, "little") + b"\0" + block


def item(text: bytes) -> bytes:
    """`text` with its length before it."""
    return len(text).to_bytes(2, "little") + text


def padded(size: int) -> bytes:
    """A request for /hello whose block has `size` bytes."""
    whole = encode(variables("/hello", HTTP_X_PADDING=""))
    return encode(variables("/hello", HTTP_X_PADDING="x" * (size - (len(whole) - 4))))


def numbered(count: int) -> bytes:
    """A request for /hello with `count` variables."""
    sent = variables("/hello")
    return encode(sent | {f"V{number}": "" for number in range(count - len(sent))})


def send(door: Door, data: bytes) -> Answer:
    """What comes back for `data`, after which the client sends no more."""
    with door.connect() as sock:
        sock.sendall(data)
        return exhausted(sock)


GOOD = encode(variables("/hello"))

# What a client sends, and what the one line in the log says of it.
MALFORMED: dict[str, tuple[bytes, str]] = {
    "header cut off": (GOOD[:3], "broke off after 3 bytes"),
    "block cut off": (GOOD[:-1], f"broke off after {len(GOOD) - 1} bytes"),
    "only a header": (GOOD[:4], "broke off after 4 bytes"),
    "key length cut off": (packet(GOOD[4:] + b"\1"), "malformed uwsgi packet: a key's length is cut off"),
    "key runs over": (packet(GOOD[4:] + b"\5\0ab"), "malformed uwsgi packet: a key runs past the block"),
    "no value": (packet(GOOD[4:] + item(b"KEY")), "malformed uwsgi packet: a key runs past the block"),
    "value runs over": (packet(GOOD[4:] + item(b"KEY") + b"\xff\xffab"), "malformed uwsgi packet: a value runs past"),
    "null key": (packet(GOOD[4:] + item(b"") + item(b"value")), "malformed uwsgi packet: a key is empty"),
    "too large": (padded(LIMIT + 1), f"invalid request block size: {LIMIT + 1} (max {LIMIT}"),
    "largest of all": (padded(65535), f"invalid request block size: 65535 (max {LIMIT}"),
    "too many variables": (numbered(129), "malformed uwsgi packet: 129 variables (max 128"),
    "empty": (packet(b""), "empty uwsgi request"),
    "modifier 1": (packet(GOOD[4:], 1), "modifier1 1 is not served"),
    "spooler": (packet(GOOD[4:], 17), "modifier1 17 is not served"),
    "ping": (packet(b"", 100), "modifier1 100 is not served"),
    "signal": (packet(b"", 110), "modifier1 110 is not served"),
    "cache": (packet(item(b"key"), 111), "modifier1 111 is not served"),
    "rpc": (packet(item(b"function"), 173), "modifier1 173 is not served"),
    "HTTP GET": (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "a client speaks HTTP to this uwsgi socket"),
    "HTTP POST": (b"POST /form HTTP/1.0\r\n\r\n", "a client speaks HTTP to this uwsgi socket"),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "a client speaks HTTP to this uwsgi socket"),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500), "a client speaks TLS to this uwsgi socket"),
    "length is no number": (encode(variables(CONTENT_LENGTH="abc")), "CONTENT_LENGTH is not a whole number"),
    "length is signed": (encode(variables(CONTENT_LENGTH="-1")), "CONTENT_LENGTH is not a whole number"),
    "two lengths": (encode(variables(CONTENT_LENGTH="5, 6")), "CONTENT_LENGTH is not a whole number"),
    "CR and LF in the protocol": (encode(variables(SERVER_PROTOCOL="HTTP/1.1\r\nX: 1")), "SERVER_PROTOCOL contains"),
    "NUL in the protocol": (encode(variables(SERVER_PROTOCOL="HTTP/1.1\0")), "SERVER_PROTOCOL contains"),
}


@pytest.mark.differs("malformed")
@pytest.mark.parametrize("name", MALFORMED)
def test_malformed(door: Door, name: str) -> None:
    """What is no request is closed without an answer and is one line in the log; the next request is fine."""
    data, reason = MALFORMED[name]
    pid, mark = door.worker(), door.mark()
    assert send(door, data).raw == b""
    complaints = door.complaints(mark)
    assert len(complaints) == 1
    assert reason in complaints[0]
    assert door.worker() == pid


@pytest.mark.parametrize("name", ["key runs over", "no value", "null key", "too large", "too many variables", "empty"])
def test_malformed_is_not_answered(door: Door, name: str) -> None:
    """What neither server takes for a request is closed without an answer, and the next request is fine."""
    pid = door.worker()
    assert send(door, MALFORMED[name][0]).raw == b""
    assert door.worker() == pid


@pytest.mark.differs("malformed")
def test_random_bytes(door: Door) -> None:
    """Two hundred clients that send noise get no answer, and end no worker; each is at most one line in the log."""
    noise = random.Random(3333)
    pid, mark = door.worker(), door.mark()
    for _ in range(200):
        assert send(door, noise.randbytes(noise.randrange(1, 200))).raw == b""
    complaints = door.complaints(mark)
    assert len(complaints) == 200
    assert all(re.match(r"malformed uwsgi packet|uwsgi request from|a client speaks", line) for line in complaints)
    assert door.worker() == pid


@pytest.mark.differs("malformed")
def test_hostile_bytes_in_the_log(door: Door) -> None:
    """What a client sent is shown in the log, but cannot write there."""
    mark = door.mark()
    send(door, b"\x01\x00\x00\nforged\r\x1b[2J")
    assert len(door.complaints(mark)) == 1
    assert not {"\x1b", "\r"} & set(door.log(mark))


def test_connection_without_a_byte(door: Door) -> None:
    """A client that connects and leaves is nobody's business: not a line in the log."""
    pid, mark = door.worker(), door.mark()
    for _ in range(5):
        assert send(door, b"").raw == b""
        connect(door.address).close()
    assert door.worker() == pid
    assert door.complaints(mark) == []


@pytest.mark.parametrize("data", [padded(LIMIT), numbered(128)], ids=["block", "variables"])
def test_at_the_limits(door: Door, data: bytes) -> None:
    """A block of exactly buffer-size bytes, and one of 128 variables, are served."""
    assert door.exchange(data).body == b"hello\n"


@pytest.mark.differs("malformed")
def test_malformed_among_good(door: Door) -> None:
    """A good request is served while malformed ones come on other connections, and while one of them is half here."""
    with door.connect() as half:
        half.sendall(GOOD[:20])
        for data, _ in MALFORMED.values():
            with door.connect() as bad, door.connect() as good:
                bad.sendall(data)
                good.sendall(GOOD)
                assert receive(good).body == b"hello\n"
        half.sendall(GOOD[20:])
        assert receive(half).body == b"hello\n"
