"""What the server adds to a head: add-header everywhere, Date and Connection where HTTP is spoken."""

import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from uncork.worker.connection import Connection
from uncork.wsgi.response import Ending, Response

Wires = Callable[[], AbstractContextManager[tuple[Connection, socket.socket]]]
DATE = rb"Date: (Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (?P<month>[A-Z][a-z]{2}) \d{4} \d\d:\d\d:\d\d GMT\r\n"


@pytest.fixture
def wire(open_wire: Wires) -> Iterator[tuple[Connection, socket.socket]]:
    """(the server's end, the client's end)."""
    with open_wire() as (connection, peer):
        yield connection, peer


def head(wire: tuple[Connection, socket.socket], ending: Ending, *headers: tuple[str, str]) -> tuple[bytes, Response]:
    """What is sent for these headers."""
    response = Response(wire[0], "HTTP/1.1", False, ending)
    response.start_response("200 OK", headers)
    response.send_head()
    return wire[1].recv(65536), response


def test_nothing_on_a_uwsgi_socket(wire: tuple[Connection, socket.socket]) -> None:
    """nginx has a Date of its own."""
    sent, response = head(wire, Ending(), ("A", "b"))
    assert sent == b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n"
    assert (response.headers, response.head_size) == (1, len(sent))


def test_lines_of_the_configuration(wire: tuple[Connection, socket.socket]) -> None:
    """Behind the application's, as they are, and counted."""
    sent, response = head(wire, Ending(("X-One: 1", "connection:close")), ("A", "b"))
    assert sent == b"HTTP/1.1 200 OK\r\nA: b\r\nX-One: 1\r\nconnection:close\r\n\r\n"
    assert (response.headers, response.head_size) == (3, len(sent))


def test_date_and_connection(wire: tuple[Connection, socket.socket]) -> None:
    """Both are the server's to say on an HTTP socket; what the configuration says of the connection is not so."""
    sent, response = head(wire, Ending(("X-One: 1", "Connection: Keep-Alive"), http=True), ("A", "b"))
    assert re.fullmatch(rb"HTTP/1.1 200 OK\r\nA: b\r\n" + DATE + rb"X-One: 1\r\nConnection: close\r\n\r\n", sent), sent
    assert (response.headers, response.head_size) == (4, len(sent))


@pytest.mark.parametrize("name", ["Date", "date", "DATE"])
def test_date_of_the_application(wire: tuple[Connection, socket.socket], name: str) -> None:
    """There is one Date; other headers may end in that word."""
    ending = Ending(http=True)
    sent, response = head(wire, ending, (name, "today"))
    assert sent == f"HTTP/1.1 200 OK\r\n{name}: today\r\nConnection: close\r\n\r\n".encode()
    assert response.headers == 2
    sent, response = head(wire, ending, ("X-Date", "today"))
    assert re.search(rb"\r\n" + DATE, sent)
    assert response.headers == 3


def test_date_of_the_configuration(wire: tuple[Connection, socket.socket]) -> None:
    """It is one as well."""
    sent, _ = head(wire, Ending(("Date: today",), http=True))
    assert sent == b"HTTP/1.1 200 OK\r\nDate: today\r\nConnection: close\r\n\r\n"


def test_date_goes_on(wire: tuple[Connection, socket.socket], monkeypatch: pytest.MonkeyPatch) -> None:
    """It is that of the moment, made once a second."""
    ending = Ending(http=True)
    for now, shown in ((0.9, b"00:00:00"), (0.99, b"00:00:00"), (59.0, b"00:00:59")):
        monkeypatch.setattr(time, "time", lambda now=now: now)
        assert b"Date: Thu, 01 Jan 1970 " + shown + b" GMT\r\n" in head(wire, ending)[0]


def test_fail_with_a_detail(wire: tuple[Connection, socket.socket]) -> None:
    """What is said instead of the status, with its length."""
    response = Response(wire[0], "HTTP/1.1", False)
    assert response.fail("500 Internal Server Error", "über\n")
    assert wire[1].recv(65536).endswith(b"Content-Length: 6\r\n\r\n\xc3\xbcber\n")
