"""Slow and stubborn clients: who stalls holds nobody up, and who sends what nobody reads still gets its answer."""

import socket
from contextlib import ExitStack
from threading import Thread

import pytest

from contract.doors import Door
from harness.uwsgi import Answer, receive, variables

STALLED = 200


@pytest.mark.differs("stalled clients")
@pytest.mark.parametrize("place", [0, 2, 4, 100], ids=["silent", "in the header", "behind the header", "in the block"])
def test_stalled_clients_hold_nobody_up(door: Door, place: int) -> None:
    """A request is served at once while 200 clients stall in their heads; they are served when they go on."""
    packet = door.encode(variables("/hello", HTTP_X_LONG="x" * 100))
    with ExitStack() as stack:
        stalled = []
        for number in range(STALLED):
            stalled.append(stack.enter_context(door.connect()))
            stalled[-1].sendall(packet[:place])
            # Connections are accepted in their order: this keeps the kernel's queue (100) from overflowing.
            if number % 50 == 49:
                assert door.get("/hello").body == b"hello\n"
        # Nobody was given up for it.
        for sock in stalled:
            sock.sendall(packet[place:])
        assert [receive(sock).body for sock in stalled] == [b"hello\n"] * STALLED


def duplex(sock: socket.socket, data: bytes) -> Answer:
    """The answer to `data`, read while it is sent, as nginx does.  Raises what sending raises."""
    errors: list[OSError] = []

    def send() -> None:
        try:
            sock.sendall(data)
        except OSError as error:
            errors.append(error)

    sender = Thread(target=send)
    sender.start()
    try:
        answer = receive(sock)
    finally:
        sender.join()
    if errors:
        raise errors[0]
    return answer


def unread(door: Door, path: str, size: int) -> Answer:
    """The answer of `path`, which does not read its body of `size` bytes."""
    with door.connect() as sock:
        return duplex(sock, door.encode(variables(path, "POST", CONTENT_LENGTH=str(size))) + b"x" * size)


@pytest.mark.differs("linger")
@pytest.mark.parametrize(("path", "size"), [("/hello", 6), ("/size?n=200000", 200_000)])
def test_unread_body(door: Door, path: str, size: int) -> None:
    """A client whose body of 300 kB is not read gets the whole answer, twenty times, and never a reset."""
    for _ in range(20):
        answer = unread(door, path, 300_000)
        assert (answer.code, len(answer.body), answer.reset) == (200, size, False)


@pytest.mark.differs("linger")
def test_large_unread_body(door: Door) -> None:
    """The same for 20 MB, and while it is read away others are served."""
    pid = door.worker()
    answer = unread(door, "/hello", 20_000_000)
    assert (answer.code, answer.body, answer.reset) == (200, b"hello\n", False)
    with door.connect() as sock:
        sock.sendall(door.encode(variables("/hello", "POST", CONTENT_LENGTH="20000000")) + b"x" * 100_000)
        assert door.worker() == pid


@pytest.mark.differs("linger")
def test_unread_body_of_an_error(door: Door) -> None:
    """500 reaches a client whose body was not read, too."""
    answer = unread(door, "/raise", 300_000)
    assert (answer.code, answer.body, answer.reset) == (500, b"Internal Server Error\n", False)


@pytest.mark.differs("linger")
def test_answer_ends_before_the_body_does(door: Door) -> None:
    """A client that still sends sees the end of its answer: the server does not wait for the rest."""
    with door.connect() as sock:
        sock.sendall(door.encode(variables("/hello", "POST", CONTENT_LENGTH="1000000")) + b"x" * 10)
        answer = receive(sock)
        assert (answer.code, answer.body, answer.reset) == (200, b"hello\n", False)
        sock.sendall(b"x" * 999_990)
