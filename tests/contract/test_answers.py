"""The answer on the wire: status line, headers, body, and the end of the connection."""

from urllib.parse import urlencode

import pytest

from contract.doors import Door, exhausted
from harness.uwsgi import receive, variables


@pytest.mark.uwsgi
@pytest.mark.parametrize("protocol", ["HTTP/1.0", "HTTP/1.1", "HTTP/2.0"])
def test_status_line_echoes_the_protocol(door: Door, protocol: str) -> None:
    """The status line begins with SERVER_PROTOCOL as it was received."""
    assert door.get("/hello", SERVER_PROTOCOL=protocol).status == f"{protocol} 200 OK"


@pytest.mark.uwsgi
def test_status_line_of_an_empty_protocol(door: Door) -> None:
    """An empty SERVER_PROTOCOL is none."""
    assert door.get("/hello", SERVER_PROTOCOL="").status == "HTTP/1.0 200 OK"


@pytest.mark.uwsgi
def test_status_line_without_a_protocol(door: Door) -> None:
    """Without SERVER_PROTOCOL the status line begins with HTTP/1.0."""
    sent = variables("/hello")
    del sent["SERVER_PROTOCOL"]
    assert door.exchange(door.encode(sent)).status == "HTTP/1.0 200 OK"


def test_head_is_the_applications_own(door: Door) -> None:
    """Headers keep the application's order, spelling and duplicates; nothing is added."""
    assert door.get("/headers").raw == (
        b"HTTP/1.1 200 Well Done\r\n"
        b"x-lower: 1\r\nSet-Cookie: b=2\r\nContent-Type: text/plain\r\nX-UPPER: one  two\r\nSet-Cookie: a=1\r\n"
        b"X-Latin: caf\xe9\r\nX-Empty: \r\n\r\n"
        b"body"
    )


@pytest.mark.parametrize(
    ("line", "sent"),
    [
        ("200", "200 OK"),
        ("404", "404 Not Found"),
        ("503", "503 Service Unavailable"),
        ("299", "299 Unknown"),
        ("200 ok", "200 ok"),
        ("299 Fine By Me", "299 Fine By Me"),
    ],
)
def test_reason(door: Door, line: str, sent: str) -> None:
    """A bare code gets its reason, and a reason stays as the application wrote it."""
    assert door.get(f"/status?{urlencode({'line': line})}").status == f"HTTP/1.1 {sent}"


def test_one_request_per_connection(door: Door) -> None:
    """The connection is closed after one answer, whatever else the peer sends on it."""
    packet = door.encode(variables("/hello"))
    with door.connect() as sock:
        sock.sendall(packet + packet)
        # No shutdown: it is the server that ends the connection.
        assert receive(sock).raw.count(b"hello\n") == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/hello", b"hello\n"),
        ("/empty", b""),
        ("/parts", b"one two"),
        ("/bytes", b"bare bytes"),
        ("/nones", b"one two"),
        ("/write", b"one two three"),
        ("/size?n=1000000", b"x" * 1_000_000),
    ],
)
def test_body(door: Door, path: str, body: bytes) -> None:
    """Every kind of iterable, and write(), arrive whole and in order; None in an iterable is skipped."""
    answer = door.get(path)
    assert (answer.code, answer.body, answer.reset) == (200, body, False)


def test_none_in_a_list(door: Door) -> None:
    """None is skipped in a list, too."""
    assert door.get("/nones-in-list").body == b"one two"


REPLACED = b"HTTP/1.1 503 Try Later\r\nContent-Type: text/plain\r\nX-Second: 2\r\n\r\nreplaced"


@pytest.mark.differs("exc_info")
def test_new_head_before_the_first_byte(door: Door) -> None:
    """start_response() with exc_info replaces a head that has not gone out, whole and without a trace."""
    assert door.get("/exc-info-before?line=200+OK").raw == REPLACED


@pytest.mark.differs("exc_info")
@pytest.mark.parametrize("line", ["204+No+Content", "304+Not+Modified"])
def test_body_of_a_new_head(door: Door, line: str) -> None:
    """Whether an answer has a body is decided by the status that goes out, not by one that was replaced."""
    assert door.get(f"/exc-info-before?line={line}").raw == REPLACED


def test_new_head_after_the_first_byte(door: Door) -> None:
    """start_response() with exc_info raises once the head is out: the answer breaks off."""
    mark = door.mark()
    answer = door.get("/exc-info-after")
    assert answer.raw == b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nfirst"
    assert "RuntimeError: the detail" in door.log(mark)


@pytest.mark.differs("bodiless")
@pytest.mark.parametrize("path", ["/hello", "/bytes", "/nones", "/write", "/size?n=1000000"])
def test_head_request(door: Door, path: str) -> None:
    """HEAD gets the head that GET gets, and no body."""
    whole = door.get(path).raw
    assert door.get(path, method="HEAD").raw == whole[: whole.index(b"\r\n\r\n") + 4]


@pytest.mark.differs("bodiless")
@pytest.mark.parametrize("line", ["204 No Content", "304 Not Modified"])
def test_status_without_a_body(door: Door, line: str) -> None:
    """204 and 304 send no body, even if the application returns one."""
    answer = door.get(f"/status?{urlencode({'line': line})}")
    assert answer.raw == f"HTTP/1.1 {line}\r\nContent-Type: text/plain\r\n\r\n".encode()


def test_answer_to_a_client_that_sends_no_more(door: Door) -> None:
    """A peer that shuts its sending side down after the request gets its answer."""
    with door.connect() as sock:
        sock.sendall(door.encode(variables("/size?n=300000")))
        answer = exhausted(sock)
    assert (answer.code, len(answer.body)) == (200, 300_000)
