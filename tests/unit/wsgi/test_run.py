"""The application is called, its result is carried to the client, and close() is called once."""

import io
import re
import socket
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from wsgiref.validate import validator

import pytest

from uncork.worker.connection import Connection
from uncork.wsgi.environ import Environ, complete
from uncork.wsgi.errors import ReadError, WriteError
from uncork.wsgi.filewrapper import FileWrapper
from uncork.wsgi.input import Input
from uncork.wsgi.response import BadResponse, Response
from uncork.wsgi.run import Application, run

Wires = Callable[[], AbstractContextManager[tuple[Connection, socket.socket]]]
StartResponse = Callable[..., Callable[[bytes], None]]

PACKET = 1 << 20
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"
TEXT = [("Content-Type", "text/plain")]
BASE: Environ = {
    "wsgi.version": (1, 0),
    "wsgi.errors": sys.stderr,
    "wsgi.run_once": False,
    "wsgi.multithread": False,
    "wsgi.multiprocess": True,
    "wsgi.file_wrapper": FileWrapper,
}


class Exchange:
    """One request to `app` over an open wire; `variables` come on top of what nginx always sends."""

    def __init__(self, connection: Connection, peer: socket.socket, body: bytes = b"", **variables: str) -> None:
        self.connection = connection
        self.peer = peer
        self.environ: Environ = {
            "REQUEST_METHOD": "GET",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "PATH_INFO": "/",
            "QUERY_STRING": "",
            "CONTENT_LENGTH": str(len(body)) if body else "",
            **variables,
        }
        complete(self.environ, BASE, Input(connection, body, len(body)))
        self.response = Response(connection, "HTTP/1.1", self.environ["REQUEST_METHOD"] == "HEAD")

    def run(self, app: Application) -> list[bytes]:
        """What the client gets, one element for each write of the server."""
        run(app, self.environ, self.response)
        return self.sent()

    def sent(self) -> list[bytes]:
        """What has been sent."""
        self.connection.end_output()
        return list(iter(lambda: self.peer.recv(PACKET), b""))


class Result:
    """An iterable that counts how often it is closed; `chunks` may raise."""

    def __init__(self, chunks: Iterable[Any]) -> None:
        self.closed = 0
        self._chunks = iter(chunks)

    def __iter__(self) -> Iterator[Any]:
        return self._chunks

    def close(self) -> None:
        """PEP 3333: called once, whatever happened."""
        self.closed += 1


def returning(result: Any, status: str = "200 OK", headers: list[tuple[str, str]] = TEXT) -> Application:
    """An application that starts a response and returns `result`."""

    def app(environ: Environ, start_response: StartResponse) -> Any:
        start_response(status, headers)
        return result

    return app


# ---- applications that keep every rule, under the validator of the standard library


def echo(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """The request's body, line by line."""
    body: Iterable[bytes] = environ["wsgi.input"]
    start_response("200 OK", TEXT)
    return iter(body)


def empty(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Nothing."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "0")])
    return [b""]


def writing(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """The imperative way, and an iterable after it."""
    write = start_response("200 OK", TEXT)
    write(b"one ")
    write(b"two ")
    return [b"three"]


def late(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
    """A generator calls start_response when its first chunk is asked for."""
    start_response("200 OK", TEXT)
    yield b"late"


def replaced(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """An error page after all."""
    start_response("200 OK", TEXT)
    try:
        environ["no such key"]
    except KeyError:
        start_response("500 Oops", TEXT, sys.exc_info())
    return [b"sorry"]


def file(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """A file through wsgi.file_wrapper."""
    assert environ["wsgi.file_wrapper"] is FileWrapper
    start_response("200 OK", TEXT)
    return FileWrapper(io.BytesIO(b"abcdef"), 4)


def bodiless(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """No content."""
    start_response("204 No Content", [])
    return []


def reading(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Every method of wsgi.input and wsgi.errors."""
    body = environ["wsgi.input"]
    start_response("200 OK", TEXT)
    environ["wsgi.errors"].flush()
    return [body.read(1), body.readline(), *body.readlines(), body.read(5)]


@pytest.mark.parametrize(
    ("app", "answer"),
    [
        (echo, HEAD + b"first\nsecond"),
        (reading, HEAD + b"first\nsecond"),
        (empty, HEAD.replace(b"\r\n\r\n", b"\r\nContent-Length: 0\r\n\r\n")),
        (writing, HEAD + b"one two three"),
        (late, HEAD + b"late"),
        (replaced, HEAD.replace(b"200 OK", b"500 Oops") + b"sorry"),
        (file, HEAD + b"abcdef"),
        (bodiless, b"HTTP/1.1 204 No Content\r\n\r\n"),
    ],
)
@pytest.mark.parametrize("mount", [{}, {"SCRIPT_NAME": "/bbb"}, {"HTTPS": "on"}], ids=["root", "mounted", "https"])
def test_the_standards_own_validator_finds_nothing(
    open_wire: Wires, app: Application, answer: bytes, mount: dict[str, str]
) -> None:
    """Environ, input, start_response, iteration and close() are as PEP 3333 wants them."""
    with open_wire() as (connection, peer):
        exchange = Exchange(connection, peer, b"first\nsecond", REQUEST_METHOD="POST", **mount)

        assert b"".join(exchange.run(validator(app))) == answer


def test_the_validator_would_find_something() -> None:
    """The test above can fail: an environ that lacks a key of PEP 3333 does not pass."""
    with pytest.raises(AssertionError):
        validator(returning([b"x"]))({"REQUEST_METHOD": "GET"}, lambda *_: lambda _: None)


# ---- what leaves, and when


def test_a_list_leaves_in_one_write(open_wire: Wires) -> None:
    """Nobody can tell its chunks apart, so head and all of it are one packet."""
    with open_wire() as (connection, peer):
        assert Exchange(connection, peer).run(returning([b"a", b"", b"b", b"c"])) == [HEAD + b"abc"]
    with open_wire() as (connection, peer):
        assert Exchange(connection, peer).run(returning((b"a", b"b"))) == [HEAD + b"ab"]


def test_a_generator_leaves_chunk_by_chunk(open_wire: Wires) -> None:
    """Each chunk is with the client before the next one is asked for, the head with the first."""
    with open_wire() as (connection, peer):

        def app(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
            start_response("200 OK", TEXT)
            yield b"one"
            assert peer.recv(PACKET) == HEAD + b"one"
            yield b"two"
            assert peer.recv(PACKET) == b"two"
            yield b"three"

        exchange = Exchange(connection, peer)

        assert exchange.run(app) == [b"three"]
        assert exchange.response.body_size == len(b"onetwothree")


def test_empty_chunks_do_not_send_the_head(open_wire: Wires) -> None:
    """PEP 3333: until the first non-empty chunk the application may still change its mind."""

    def app(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        start_response("200 OK", TEXT)
        yield b""
        yield b""
        try:
            environ["no such key"]
        except KeyError:
            start_response("404 Gone", TEXT, sys.exc_info())
        yield b"x"

    with open_wire() as (connection, peer):
        assert Exchange(connection, peer).run(app) == [HEAD.replace(b"200 OK", b"404 Gone") + b"x"]


def test_none_in_an_iterable_is_skipped(open_wire: Wires) -> None:
    """As in uWSGI: applications yield it while they wait."""
    with open_wire() as (connection, peer):
        assert Exchange(connection, peer).run(returning(iter([None, b"a", None, b"b"]))) == [HEAD + b"a", b"b"]


@pytest.mark.parametrize("chunks", [[None, b"a", None, b"b"], (None, b"ab"), [None]])
def test_none_in_a_list_is_skipped(open_wire: Wires, chunks: Any) -> None:
    """A list is an iterable like any other."""
    with open_wire() as (connection, peer):
        answer = b"".join(Exchange(connection, peer).run(returning(chunks)))

    assert answer == HEAD + b"".join(chunk for chunk in chunks if chunk)


def test_bytes_are_sent_as_they_are(open_wire: Wires) -> None:
    """Not PEP 3333, but uWSGI takes them and so do applications."""
    with open_wire() as (connection, peer):
        assert Exchange(connection, peer).run(returning(b"plain")) == [HEAD + b"plain"]


@pytest.mark.parametrize(
    "result",
    [
        lambda: "text",
        lambda: ["text"],
        lambda: iter(["text"]),
        lambda: iter([5]),
        lambda: iter([bytearray(b"x")]),
        lambda: ["two", "texts"],
        lambda: [b"bytes", "text"],
        lambda: [bytearray(b"not"), bytearray(b"bytes")],
    ],
)
def test_anything_but_bytes_is_a_bad_response(open_wire: Wires, result: Callable[[], Any]) -> None:
    """The message says what came; the client gets nothing of it."""
    with open_wire() as (connection, peer):
        exchange = Exchange(connection, peer)
        with pytest.raises(BadResponse, match="expected bytes"):
            run(returning(result()), exchange.environ, exchange.response)

        assert exchange.sent() == []


EMPTY: list[Callable[[], Any]] = [
    list,
    lambda: (),
    lambda: [b""],
    lambda: [b"", b""],
    lambda: iter([]),
    lambda: iter([b"", None]),
    lambda: b"",
]


@pytest.mark.parametrize("result", [*EMPTY, lambda: [b"x"], lambda: iter([b"x"])])
def test_without_start_response_there_is_no_response(open_wire: Wires, result: Callable[[], Any]) -> None:
    """An application that forgot it is told so; nothing is sent."""
    with open_wire() as (connection, peer):
        exchange = Exchange(connection, peer)
        with pytest.raises(BadResponse, match=re.escape("start_response()")):
            run(lambda environ, start_response: result(), exchange.environ, exchange.response)

        assert exchange.sent() == []


@pytest.mark.parametrize("result", EMPTY)
def test_an_empty_body_still_sends_the_head(open_wire: Wires, result: Callable[[], Any]) -> None:
    """However the application says that there is no body."""
    with open_wire() as (connection, peer):
        assert Exchange(connection, peer).run(returning(result())) == [HEAD]


@pytest.mark.parametrize(
    ("method", "status"), [("HEAD", "200 OK"), ("GET", "204 No Content"), ("GET", "304 Not Modified")]
)
def test_a_bodiless_answer_is_run_to_its_end(open_wire: Wires, method: str, status: str) -> None:
    """For HEAD, 204 and 304 the application is iterated and closed as ever, and only the head leaves."""
    head = f"HTTP/1.1 {status}\r\n\r\n".encode()
    result = Result([b"a", b"b"])
    for returned in (result, [b"a", b"b"], b"ab"):
        with open_wire() as (connection, peer):
            exchange = Exchange(connection, peer, REQUEST_METHOD=method)

            assert exchange.run(returning(returned, status, [])) == [head]
            assert exchange.response.body_size == 0
    assert result.closed == 1
    assert list(result) == []


# ---- close()


def failing(chunks: list[Any], error: BaseException) -> Iterator[Any]:
    """Yield `chunks`, then raise."""
    yield from chunks
    raise error


@pytest.mark.parametrize(
    ("chunks", "error"),
    [
        ([b"a", b"b"], None),
        ([], None),
        ([b"a", RuntimeError("x")], RuntimeError),
        ([RuntimeError("x")], RuntimeError),
        ([b"a", SystemExit(1)], SystemExit),
        ([b"a", KeyboardInterrupt()], KeyboardInterrupt),
        ([b"a", GeneratorExit()], GeneratorExit),
        ([b"a", ReadError("gone")], ReadError),
        ([b"a", "text"], BadResponse),
        (["text"], BadResponse),
    ],
)
def test_close_is_called_exactly_once(open_wire: Wires, chunks: list[Any], error: type[BaseException] | None) -> None:
    """On success, when the application raises, and when it breaks the rules; what it raised comes through."""
    *good, last = chunks or [None]
    result = Result(failing(good, last) if isinstance(last, BaseException) else chunks)
    with open_wire() as (connection, peer):
        exchange = Exchange(connection, peer)
        if error is None:
            exchange.run(returning(result))
        else:
            with pytest.raises(error):
                run(returning(result), exchange.environ, exchange.response)

    assert result.closed == 1


def test_close_is_called_when_the_client_is_gone(open_wire: Wires) -> None:
    """A chunk that cannot be sent ends the iteration and closes the result."""
    asked = []
    with open_wire() as (connection, peer):

        def chunks() -> Iterator[bytes]:
            for number in range(9):
                asked.append(number)
                if number == 2:
                    peer.close()
                yield b"x"

        result = Result(chunks())
        exchange = Exchange(connection, peer)
        with pytest.raises(WriteError):
            run(returning(result), exchange.environ, exchange.response)

    assert result.closed == 1
    assert asked == [0, 1, 2]


def test_close_is_called_without_start_response(open_wire: Wires) -> None:
    """An application that never started a response is closed too."""
    result = Result([])
    with open_wire() as (connection, peer):
        exchange = Exchange(connection, peer)
        with pytest.raises(BadResponse):
            run(lambda environ, start_response: result, exchange.environ, exchange.response)

    assert result.closed == 1


def test_what_close_raises_comes_through(open_wire: Wires) -> None:
    """It is a fault of the application like any other; the answer is out by then."""

    class Broken(Result):
        def close(self) -> None:
            super().close()
            raise RuntimeError("in close")

    result = Broken([b"x"])
    with open_wire() as (connection, peer):
        exchange = Exchange(connection, peer)
        with pytest.raises(RuntimeError, match="in close"):
            run(returning(result), exchange.environ, exchange.response)

        assert exchange.sent() == [HEAD + b"x"]
    assert result.closed == 1


def test_an_application_that_raises_sends_nothing(open_wire: Wires) -> None:
    """What happened before the first chunk leaves the way free for an error page."""

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", TEXT)
        raise LookupError("x")

    with open_wire() as (connection, peer):
        exchange = Exchange(connection, peer)
        with pytest.raises(LookupError):
            run(app, exchange.environ, exchange.response)

        assert not exchange.response.head_sent
        assert exchange.sent() == []


# ---- wsgi.file_wrapper


def test_a_real_file_leaves_by_sendfile_and_is_closed(open_wire: Wires, tmp_path: Path) -> None:
    """From tell() on; the application never has to read it."""
    (tmp_path / "page").write_bytes(b"0123456789")
    page = (tmp_path / "page").open("rb")
    page.seek(3)
    with open_wire() as (connection, peer):
        exchange = Exchange(connection, peer)

        assert b"".join(exchange.run(returning(FileWrapper(page)))) == HEAD + b"3456789"
        assert (exchange.response.by_sendfile, exchange.response.body_size) == (True, 7)
    assert page.closed


def test_an_empty_file_sends_the_head(open_wire: Wires, tmp_path: Path) -> None:
    """There is nothing for sendfile to do."""
    (tmp_path / "page").touch()
    with open_wire() as (connection, peer):
        assert Exchange(connection, peer).run(returning(FileWrapper((tmp_path / "page").open("rb")))) == [HEAD]


def test_a_file_in_memory_is_iterated_and_closed(open_wire: Wires) -> None:
    """From tell() on as well, in blocks of the size the application chose."""
    page = io.BytesIO(b"0123456789")
    page.seek(3)
    with open_wire() as (connection, peer):
        exchange = Exchange(connection, peer)

        assert exchange.run(returning(FileWrapper(page, 4))) == [HEAD + b"3456", b"789"]
        assert (exchange.response.by_sendfile, exchange.response.body_size) == (False, 7)
    assert page.closed


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified", "200 OK"])
def test_a_file_is_closed_where_no_body_is_sent(open_wire: Wires, tmp_path: Path, status: str) -> None:
    """HEAD, 204 and 304 for a file send the head and leave no descriptor open."""
    (tmp_path / "page").write_bytes(b"0123456789")
    page = (tmp_path / "page").open("rb")
    with open_wire() as (connection, peer):
        exchange = Exchange(connection, peer, REQUEST_METHOD="HEAD")

        assert exchange.run(returning(FileWrapper(page), status, [])) == [f"HTTP/1.1 {status}\r\n\r\n".encode()]
    assert page.closed


def test_a_wrapped_file_that_a_middleware_iterates_is_an_ordinary_iterable(open_wire: Wires) -> None:
    """Only the wrapper itself, returned as it is, is a file to the server (PEP 3333)."""
    page = io.BytesIO(b"abcd")
    with open_wire() as (connection, peer):
        upper = (block.upper() for block in FileWrapper(page, 2))

        assert Exchange(connection, peer).run(returning(upper)) == [HEAD + b"AB", b"CD"]
