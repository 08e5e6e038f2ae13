"""One answer: what start_response() takes and refuses, and what of it reaches the client."""

import io
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from uncork.worker.connection import Connection
from uncork.wsgi.errors import WriteError
from uncork.wsgi.filewrapper import FileWrapper
from uncork.wsgi.response import GATHER_SIZE, MAX_HEAD_SIZE, BadResponse, ExcInfo, Response

Wires = Callable[[], AbstractContextManager[tuple[Connection, socket.socket]]]

# The largest packet that a test's peer takes in at once.
PACKET = 1 << 20
OK_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"
HEADERS = [("Content-Type", "text/plain")]


def sent(connection: Connection, peer: socket.socket) -> list[bytes]:
    """Everything that was sent, one element for each write."""
    connection.end_output()
    return list(iter(lambda: peer.recv(PACKET), b""))


def test_the_head_is_what_the_application_said_and_nothing_more(open_wire: Wires) -> None:
    """Order, spelling and repetition of headers are kept; the status line echoes the protocol; nothing is added."""
    headers = [("x-b", "2"), ("Set-Cookie", "a=1"), ("X-A", ""), ("Set-Cookie", "b=\xfc")]
    with open_wire() as (connection, peer):
        response = Response(connection, "HTTP/2.0", False)
        response.start_response("299 So so", headers)
        response.send_head()

        assert sent(connection, peer) == [
            b"HTTP/2.0 299 So so\r\nx-b: 2\r\nSet-Cookie: a=1\r\nX-A: \r\nSet-Cookie: b=\xfc\r\n\r\n"
        ]
    assert (response.status, response.headers, response.body_size) == ("299", 4, 0)


@pytest.mark.parametrize(
    ("status", "line"),
    [
        ("200", b"200 OK"),
        ("200 ", b"200 OK"),
        ("404", b"404 Not Found"),
        ("299", b"299 Unknown"),
        ("200 Fine", b"200 Fine"),
        ("500 \xfcble Sache", b"500 \xfcble Sache"),
    ],
)
def test_a_bare_code_gets_its_reason(open_wire: Wires, status: str, line: bytes) -> None:
    """As in uWSGI; a reason that the application gives is kept."""
    with open_wire() as (connection, peer):
        response = Response(connection, "HTTP/1.1", False)
        response.start_response(status, [])
        response.send_head()

        assert sent(connection, peer) == [b"HTTP/1.1 " + line + b"\r\n\r\n"]
    assert response.status == status[:3]


@pytest.mark.parametrize(
    "status",
    [
        200, None, b"200 OK", ("200", "OK"), "", "20", "OK", "2x0 OK", " 200 OK", "-20 OK",
        "200 OK\r\nX: y", "200 OK\n", "200 O\rK", "200 O\0K", "200 \u20ac", "\u0662\u0660\u0660 OK",
        "200 " + "x" * MAX_HEAD_SIZE,
        "\xb2\xb2\xb2 OK", "2000 OK", "2000", "200OK", "200\tOK", "200-OK",
    ],
)  # fmt: skip
def test_a_status_that_is_none_is_refused(open_wire: Wires, status: Any) -> None:
    """Nothing of it reaches the client, and the response can still be replaced by an error."""
    with open_wire() as (connection, peer):
        response = Response(connection, "HTTP/1.1", False)
        with pytest.raises(BadResponse):
            response.start_response(status, HEADERS)

        assert not response.head_sent
        assert response.fail()
        assert sent(connection, peer)[0].startswith(b"HTTP/1.1 500 Internal Server Error\r\n")


@pytest.mark.parametrize(
    "header",
    [
        ("X", 1), ("X", None), ("X", b"y"), (b"X", "y"), (1, "y"), (None, None),
        ("X", "y\r\nSet-Cookie: evil=1"), ("X", "y\r\n"), ("X", "y\n"), ("X", "\ny"), ("X", "y\r"), ("X", "a\rb"),
        ("X", "a\0b"), ("X\r\nY", "z"), ("X\n", "z"), ("X\r", "z"), ("X\0", "z"),
        ("X", "\u20ac"), ("\u20ac", "x"), ("X", "y" * MAX_HEAD_SIZE),
        ("X", "y", "z"), ("X",), (), None, 5, "X: y",
    ],
)  # fmt: skip
@pytest.mark.parametrize("before", [[], HEADERS], ids=["alone", "after a good one"])
def test_a_header_that_is_none_is_refused(open_wire: Wires, before: list[Any], header: Any) -> None:
    """Header injection stops here (CVE-2020-5247 and its kin): the whole head is refused, nothing of it is sent."""
    with open_wire() as (connection, peer):
        response = Response(connection, "HTTP/1.1", False)
        with pytest.raises(BadResponse):
            response.start_response("200 OK", [*before, header])

        assert not response.head_sent
        assert response.fail()
        assert sent(connection, peer)[0].startswith(b"HTTP/1.1 500 Internal Server Error\r\n")


TEXTS = st.text(st.sampled_from("ab :\r\n\0\xfc\x85\u2028"), max_size=12)


@given(TEXTS, st.lists(st.tuples(TEXTS, TEXTS), max_size=4))
@example("", [("a", "b\r\n"), ("c", "\r\nd")])
@settings(deadline=None, max_examples=300)
def test_a_head_has_as_many_lines_as_it_has_headers(
    open_wire: Wires, reason: str, headers: list[tuple[str, str]]
) -> None:
    """No text of an application can begin a line of its own or end the head."""
    with open_wire() as (connection, peer):
        response = Response(connection, "HTTP/1.1", False)
        try:
            response.start_response(f"200 {reason}", headers)
        except BadResponse:
            return
        response.send_head()
        head = sent(connection, peer)[0]

    assert head.endswith(b"\r\n\r\n")
    assert b"\0" not in head
    lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    assert lines[1:] == [f"{name}: {value}".encode("latin-1") for name, value in headers]
    assert not any(b"\r" in line or b"\n" in line for line in lines)


def test_a_head_of_exactly_the_limit_is_sent(open_wire: Wires) -> None:
    """The limit is uWSGI's response-headers-limit, everything counted."""
    room = MAX_HEAD_SIZE - len(b"HTTP/1.1 200 OK\r\nX: \r\n\r\n")
    with open_wire() as (connection, peer):
        response = Response(connection, "HTTP/1.1", False)
        response.start_response("200 OK", [("X", "y" * room)])
        response.send_head()

        assert len(sent(connection, peer)[0]) == MAX_HEAD_SIZE
        with pytest.raises(BadResponse, match=str(MAX_HEAD_SIZE + 1)):
            Response(connection, "HTTP/1.1", False).start_response("200 OK", [("X", "y" * (room + 1))])


def test_headers_may_be_any_iterable(open_wire: Wires) -> None:
    """A generator of lists does as well as a list of tuples."""
    with open_wire() as (connection, peer):
        response = Response(connection, "HTTP/1.1", False)
        response.start_response("200 OK", (list(header) for header in HEADERS))
        response.write(b"x")

        assert sent(connection, peer) == [OK_HEAD + b"x"]


def raised(key: str) -> tuple[KeyError, ExcInfo]:
    """An exception, and sys.exc_info() as an application has it in its except clause."""
    empty: dict[str, int] = {}
    try:
        empty[key]
    except KeyError as error:
        return error, (type(error), error, error.__traceback__)
    raise AssertionError(key)


def test_start_response_cannot_be_called_twice(open_wire: Wires) -> None:
    """PEP 3333: only an exc_info allows it; the first head stays."""
    with open_wire() as (connection, peer):
        response = Response(connection, "HTTP/1.1", False)
        response.start_response("200 OK", HEADERS)
        with pytest.raises(RuntimeError, match="second time without exc_info"):
            response.start_response("404 Not Found", [])
        response.write(b"x")

        assert sent(connection, peer) == [OK_HEAD + b"x"]


def test_exc_info_replaces_a_head_that_is_not_out(open_wire: Wires) -> None:
    """An error page takes the place of what was begun, completely."""
    with open_wire() as (connection, peer):
        response = Response(connection, "HTTP/1.1", False)
        response.start_response("200 OK", [("X-Gone", "1"), *HEADERS])
        response.start_response("503 Later", [("Retry-After", "9")], raised("x")[1])
        response.write(b"sorry")

        assert sent(connection, peer) == [b"HTTP/1.1 503 Later\r\nRetry-After: 9\r\n\r\nsorry"]
    assert (response.status, response.headers) == ("503", 1)


def test_exc_info_after_the_head_is_raised_again(open_wire: Wires) -> None:
    """It is too late for an error page: the very exception comes back, with its traceback."""
    error, info = raised("x")
    with open_wire() as (connection, peer):
        response = Response(connection, "HTTP/1.1", False)
        response.start_response("200 OK", HEADERS)
        response.write(b"begun")
        with pytest.raises(KeyError) as caught:
            response.start_response("500 Oops", [], info)

        assert sent(connection, peer) == [OK_HEAD + b"begun"]
    assert caught.value is error
    assert "raised" in [entry.name for entry in caught.traceback]


def test_write_is_what_start_response_returns(open_wire: Wires) -> None:
    """The imperative way of PEP 3333: the head leaves with the first bytes, and each write leaves at once."""
    with open_wire() as (connection, peer):
        response = Response(connection, "HTTP/1.1", False)
        write = response.start_response("200 OK", HEADERS)
        write(b"")
        assert not response.head_sent
        write(b"one")
        assert peer.recv(PACKET) == OK_HEAD + b"one"
        write(b"two")
        assert peer.recv(PACKET) == b"two"

    assert (response.head_size, response.body_size) == (len(OK_HEAD), 6)


@pytest.mark.parametrize("size", [1, GATHER_SIZE - 1, GATHER_SIZE, GATHER_SIZE + 1, 100_000])
def test_head_and_first_bytes_leave_in_one_write(open_wire: Wires, size: int) -> None:
    """Whether they are copied together or gathered by the kernel, the peer gets them as one."""
    with open_wire() as (connection, peer):
        response = Response(connection, "HTTP/1.1", False)
        response.start_response("200 OK", HEADERS)
        response.write(b"x" * size)

        assert sent(connection, peer) == [OK_HEAD + b"x" * size]
    assert response.body_size == size


@pytest.mark.parametrize("data", ["text", None, 5, bytearray(b"x"), memoryview(b"x"), [b"x"]])
def test_only_bytes_can_be_written(open_wire: Wires, data: Any) -> None:
    """PEP 3333 knows byte strings only; the message says what came instead."""
    with open_wire() as (connection, peer):
        response = Response(connection, "HTTP/1.1", False)
        response.start_response("200 OK", HEADERS)
        with pytest.raises(BadResponse, match=type(data).__name__):
            response.write(data)

        assert sent(connection, peer) == []


def test_a_body_before_start_response_is_refused(open_wire: Wires) -> None:
    """There is no head to send, so nothing is sent."""
    with open_wire() as (connection, peer):
        response = Response(connection, "HTTP/1.1", False)
        with pytest.raises(BadResponse, match=r"before it called start_response\(\)"):
            response.write(b"x")
        with pytest.raises(BadResponse):
            response.send_head()

        assert sent(connection, peer) == []


@pytest.mark.parametrize(
    ("head_only", "status"), [(True, "200 OK"), (False, "204 No Content"), (False, "304 Not Modified"), (False, "204")]
)
def test_a_response_without_a_body_sends_the_head_alone(
    open_wire: Wires, tmp_path: Path, head_only: bool, status: str
) -> None:
    """For HEAD, 204 and 304 whatever the application writes stays here (RFC 9110, 6.4.1); its headers are kept."""
    (tmp_path / "file").write_bytes(b"content")
    with open_wire() as (connection, peer), (tmp_path / "file").open("rb") as file:
        response = Response(connection, "HTTP/1.1", head_only)
        response.start_response(status, [("Content-Length", "11")])
        response.write(b"hello")
        response.write(b" world")
        assert response.send_file(FileWrapper(file))
        response.send_head()

        (head,) = sent(connection, peer)
    assert head.endswith(b"\r\nContent-Length: 11\r\n\r\n")
    assert (response.body_size, response.by_sendfile) == (0, False)


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_an_error_page_in_place_of_a_bodiless_answer_has_its_body(open_wire: Wires, status: str) -> None:
    """Content-Length and body belong together, or the client waits for what never comes."""
    with open_wire() as (connection, peer):
        response = Response(connection, "HTTP/1.1", False)
        response.start_response(status, [])

        assert response.fail()
        assert b"".join(sent(connection, peer)).endswith(b"\r\n\r\nInternal Server Error\n")


def test_the_error_page_for_a_head_request_has_no_body(open_wire: Wires) -> None:
    """HEAD stays HEAD, whatever replaces what."""
    with open_wire() as (connection, peer):
        response = Response(connection, "HTTP/1.1", True)
        response.start_response("204 No Content", [])

        assert response.fail()
        assert b"".join(sent(connection, peer)).endswith(b"\r\nContent-Length: 22\r\n\r\n")


@pytest.mark.parametrize("status", ["504 Gateway Timeout", "503 Service Unavailable"])
def test_fail_answers_another_status(open_wire: Wires, status: str) -> None:
    """With its reason as body, and of the right length; what was begun is forgotten just the same."""
    with open_wire() as (connection, peer):
        response = Response(connection, "HTTP/1.0", False)
        response.start_response("200 OK", [("X-Secret", "1")])

        assert response.fail(status)
        head, _, body = b"".join(sent(connection, peer)).partition(b"\r\n\r\n")
        assert head.splitlines() == [
            f"HTTP/1.0 {status}".encode(),
            b"Content-Type: text/plain",
            f"Content-Length: {len(body)}".encode(),
        ]
        assert body == status[4:].encode() + b"\n"
        assert response.status == status[:3]


def test_fail_answers_500_and_tells_nothing(open_wire: Wires) -> None:
    """Whatever was begun is forgotten: no header and no detail of it reaches the client."""
    with open_wire() as (connection, peer):
        response = Response(connection, "HTTP/1.0", False)
        response.start_response("200 OK", [("X-Secret", "1")])

        assert response.fail()
        (answer,) = sent(connection, peer)
    assert answer == (
        b"HTTP/1.0 500 Internal Server Error\r\nContent-Type: text/plain\r\nContent-Length: 22\r\n\r\n"
        b"Internal Server Error\n"
    )
    assert response.status == "500"


def test_fail_does_nothing_once_the_head_is_out(open_wire: Wires) -> None:
    """An error page in the middle of another page helps nobody."""
    with open_wire() as (connection, peer):
        response = Response(connection, "HTTP/1.1", False)
        response.start_response("200 OK", HEADERS)
        response.write(b"begun")

        assert not response.fail()
        assert sent(connection, peer) == [OK_HEAD + b"begun"]


def test_a_file_leaves_by_sendfile_from_where_it_stands(open_wire: Wires, tmp_path: Path) -> None:
    """tell() is respected; the head goes before, the log learns of it."""
    (tmp_path / "file").write_bytes(b"0123456789")
    with open_wire() as (connection, peer), (tmp_path / "file").open("rb") as file:
        file.read(4)
        response = Response(connection, "HTTP/1.1", False)
        response.start_response("200 OK", HEADERS)

        assert response.send_file(FileWrapper(file))
        assert b"".join(sent(connection, peer)) == OK_HEAD + b"456789"
    assert (response.by_sendfile, response.body_size, response.head_size) == (True, 6, len(OK_HEAD))


def test_a_file_that_cannot_be_sent_leaves_the_response_untouched(open_wire: Wires) -> None:
    """The caller iterates it then, and the head still goes with the first bytes."""
    with open_wire() as (connection, peer):
        response = Response(connection, "HTTP/1.1", False)
        response.start_response("200 OK", HEADERS)

        assert not response.send_file(FileWrapper(io.BytesIO(b"x")))
        assert not response.head_sent
        assert sent(connection, peer) == []


WAYS_TO_SEND: dict[str, Callable[[Response, FileWrapper], object]] = {
    "write": lambda response, _: response.write(b"x"),
    "write much": lambda response, _: response.write(b"x" * GATHER_SIZE),
    "send_head": lambda response, _: response.send_head(),
    "send_file": lambda response, wrapper: response.send_file(wrapper),
    "fail": lambda response, _: response.fail(),
}


@pytest.mark.parametrize("way", WAYS_TO_SEND)
def test_a_client_that_is_gone_is_a_write_error(open_wire: Wires, tmp_path: Path, way: str) -> None:
    """Every way of sending says so with the same OSError."""
    (tmp_path / "file").write_bytes(b"content")
    with open_wire() as (connection, peer), (tmp_path / "file").open("rb") as file:
        peer.close()
        response = Response(connection, "HTTP/1.1", False)
        response.start_response("200 OK", HEADERS)
        with pytest.raises(WriteError):
            WAYS_TO_SEND[way](response, FileWrapper(file))
    assert issubclass(WriteError, OSError)
