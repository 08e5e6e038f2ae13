"""The epoll set that the threads of a worker share."""

import os
import signal
import socket
import threading
from collections.abc import Iterator

import pytest

from uncork.worker.connection import Connection
from uncork.worker.loop import Limits, Listener, Loop

# Seconds for a wait whose event is there already.
SOON = 30.0


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    """A listening socket."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        sock.setblocking(False)
        yield sock


@pytest.fixture
def loop(listening: socket.socket) -> Iterator[Loop]:
    """A loop over one listener that listens."""
    made = Loop([Listener(listening, "listener", None)], Limits(4096, 128, 4000))
    made.listen()
    yield made
    made.stop()
    made.epoll.close()
    for fd in (*made.ends, made._stop_write):
        os.close(fd)


@pytest.fixture
def pair() -> Iterator[tuple[Connection, socket.socket]]:
    """A connection and its client."""
    ours, client = socket.socketpair()
    ours.setblocking(False)
    connection = Connection(ours.detach(), "client", 4000)
    with client:
        yield connection, client
    connection.close()


def test_nothing_happens_for_as_long_as_one_is_patient(loop: Loop) -> None:
    """No event is -1."""
    assert loop.wait(0.0) == -1


def test_a_client_at_the_door_is_an_event_of_the_listener(loop: Loop, listening: socket.socket) -> None:
    """And stays one until it is accepted."""
    with socket.create_connection(listening.getsockname()):
        assert loop.wait(SOON) == listening.fileno()
        assert loop.wait(SOON) == listening.fileno()
        fd, _ = loop.listeners[listening.fileno()].accept()
        os.close(fd)
        assert loop.wait(0.0) == -1


def test_a_parked_connection_wakes_one_thread_once(loop: Loop, pair: tuple[Connection, socket.socket]) -> None:
    """Its event comes once until it is parked again, so that no two threads ever have it."""
    connection, client = pair
    for word in (b"one", b"two"):
        loop.park(connection, 60.0)
        assert loop.wait(0.0) == -1
        client.sendall(word)
        assert loop.wait(SOON) == connection.fd
        assert loop.parked.pop(connection.fd) is connection
        assert connection.receive(10) == word
        client.sendall(b"more")
        assert loop.wait(0.0) == -1
        assert connection.receive(10) == b"more"


def test_what_came_before_the_parking_wakes_too(loop: Loop, pair: tuple[Connection, socket.socket]) -> None:
    """Bytes that arrive between the last read and the parking are not slept over."""
    connection, client = pair
    client.sendall(b"early")
    loop.park(connection, 60.0)

    assert loop.wait(SOON) == connection.fd


def test_a_client_that_hangs_up_wakes_too(loop: Loop, pair: tuple[Connection, socket.socket]) -> None:
    """The end of a connection is an event like any other."""
    connection, client = pair
    loop.park(connection, 60.0)
    client.close()

    assert loop.wait(SOON) == connection.fd


def test_parking_again_does_not_prolong_the_time(loop: Loop, pair: tuple[Connection, socket.socket]) -> None:
    """A client that sends a byte now and then cannot stay for ever."""
    connection, _ = pair
    loop.park(connection, 60.0)
    deadline = connection.deadline
    assert deadline > 0
    loop.parked.pop(connection.fd)
    loop.park(connection, 3600.0)

    assert connection.deadline == deadline


def test_whose_time_is_over_is_given_up(
    loop: Loop, pair: tuple[Connection, socket.socket], capfd: pytest.CaptureFixture[str]
) -> None:
    """Its connection is closed and named, whatever else happens; a patient wait is cut short for it."""
    connection, client = pair
    connection.head = b"abc"
    loop.park(connection, -1.0)

    assert loop.wait(-1.0) == -1
    assert not loop.parked
    assert client.recv(1) == b""
    assert capfd.readouterr().err == "uwsgi request from client timed out: 3 bytes of its head came\n"


def test_a_lingering_connection_is_given_up_without_a_word(
    loop: Loop, pair: tuple[Connection, socket.socket], capfd: pytest.CaptureFixture[str]
) -> None:
    """Its answer was out long ago."""
    connection, client = pair
    connection.lingering = True
    loop.park(connection, -1.0)

    assert loop.wait(0.0) == -1
    assert client.recv(1) == b""
    assert capfd.readouterr().err == ""


def test_who_has_time_left_stays(loop: Loop, pair: tuple[Connection, socket.socket]) -> None:
    """A sweep takes only those whose deadline has passed."""
    connection, _ = pair
    loop.park(connection, 60.0)
    loop.wait(0.0)

    assert loop.parked == {connection.fd: connection}


def test_stop_wakes_every_thread_for_ever(loop: Loop) -> None:
    """The end is an event that does not go away."""
    loop.stop()

    assert loop.stopping
    for _ in range(3):
        assert loop.wait(SOON) in loop.ends


@pytest.mark.parametrize(("closed", "numbers"), [(0b00, []), (0b01, [0]), (0b10, [1]), (0b11, [0, 1]), (0b100, [])])
def test_where_a_stopping_worker_looks_once_more(
    loop: Loop, listening: socket.socket, closed: int, numbers: list[int]
) -> None:
    """A bit for each listener in the order of the sockets; the first word counts."""
    with socket.create_server(("127.0.0.1", 0)) as second:
        loop.listeners[second.fileno()] = Listener(second, "second", None)
        loop.epoll.register(second.fileno())
        loop.stop(closed)
        loop.stop(0b11)

        every = list(loop.listeners.values())
        assert loop.closed == [every[number] for number in numbers]
        assert every[0].fd == listening.fileno()
        loop.pause(True)


def test_a_stopping_worker_is_finished_when_nothing_is_left(loop: Loop, pair: tuple[Connection, socket.socket]) -> None:
    """Neither a queue to look at nor a connection whose request is still on its way."""
    connection, _ = pair
    loop.park(connection, 60.0)
    assert not loop.finished()
    ends = set(loop.ends)
    loop.stop(0b1)
    assert not loop.finished()
    loop.closed.clear()
    assert not loop.finished()
    # The end has been heard: who waits for the parked one now must not be woken by it for ever.
    assert loop.wait(0.0) == -1
    loop.parked.clear()
    assert loop.finished()
    for fd in ends:
        os.close(fd)


def test_pause_hides_the_listener(loop: Loop, listening: socket.socket) -> None:
    """Parked connections and the end are still events."""
    with socket.create_connection(listening.getsockname()):
        loop.pause(True)
        assert loop.wait(0.0) == -1
        loop.pause(False)
        assert loop.wait(SOON) == listening.fileno()
        loop.pause(True)
        loop.stop()
        assert loop.wait(SOON) in loop.ends


def test_threads_may_pause_and_resume_at_once(loop: Loop, listening: socket.socket) -> None:
    """A signal is acted on by the main thread and by one that waits: neither fails, and the last word counts."""
    failures: list[OSError] = []

    def toggle() -> None:
        try:
            for number in range(2000):
                loop.pause(number % 2 == 0)
        except OSError as error:
            failures.append(error)

    threads = [threading.Thread(target=toggle) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    loop.pause(False)
    with socket.create_connection(listening.getsockname()):
        assert loop.wait(SOON) == listening.fileno()


def test_signals_are_events_that_threads_act_on(loop: Loop) -> None:
    """What the interpreter writes to the descriptor reaches the one who acts, each number once, in a waiting thread."""
    heard: list[int] = []
    fd = loop.hear_signals(heard.append)
    os.write(fd, bytes([signal.SIGHUP, signal.SIGTSTP]))

    assert loop.wait(SOON) == -1
    assert heard == [signal.SIGHUP, signal.SIGTSTP]
    assert loop.wait(0.0) == -1
    assert len(heard) == 2
    os.close(fd)


def test_only_the_end_of_a_watched_channel_is_an_event(loop: Loop) -> None:
    """What the other end says is not for workers."""
    ours, theirs = socket.socketpair()
    loop.watch(ours.detach())
    theirs.sendall(b"hello")
    assert loop.wait(0.0) == -1
    theirs.close()

    assert loop.wait(SOON) in loop.ends
