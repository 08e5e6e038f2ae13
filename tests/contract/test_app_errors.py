"""What an application does wrong costs one request: never a detail on the wire, always a reason in the log."""

from urllib.parse import urlencode

import pytest

from contract.doors import Door, token
from harness.uwsgi import Answer

SECRET = "the detail that no client may see"
# The whole answer to what must not be answered.
BODY = b"Internal Server Error\n"
FAILED = b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/plain\r\nContent-Length: 22\r\n\r\n" + BODY


def check_traceback(log: str, error: str) -> None:
    """`log` has the traceback of `error`."""
    assert "Traceback (most recent call last):" in log
    assert error in log


@pytest.mark.differs("app error")
@pytest.mark.parametrize("path", ["/raise", "/raise-after-start?line=200+OK", "/counted?case=fails-first&token=x"])
def test_error_before_the_head(door: Door, path: str) -> None:
    """An app that raises before anything was sent gives 500 without a detail, and its traceback is in the log."""
    mark, pid = door.mark(), door.worker()
    assert door.get(path).raw == FAILED
    check_traceback(door.log(mark), f"RuntimeError: {SECRET}")
    assert door.worker() == pid


@pytest.mark.differs("app error")
def test_error_for_head(door: Door) -> None:
    """500 in answer to HEAD has no body either."""
    assert door.get("/raise", method="HEAD").raw == FAILED.removesuffix(BODY)


@pytest.mark.differs("app error")
@pytest.mark.parametrize("line", ["204 No Content", "304 Not Modified"])
def test_error_after_a_bodiless_status(door: Door, line: str) -> None:
    """500 has the body that its Content-Length announces, whatever status the app began with."""
    assert door.get(f"/raise-after-start?{urlencode({'line': line})}").raw == FAILED


def test_error_after_the_head(door: Door) -> None:
    """An app that raises in the middle of its answer breaks it off; its traceback is in the log."""
    mark, pid = door.mark(), door.worker()
    answer = door.get("/raise-later")
    assert answer.raw == b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\n\r\nfirst"
    check_traceback(door.log(mark), f"RuntimeError: {SECRET}")
    assert door.worker() == pid


@pytest.mark.differs("cut")
@pytest.mark.parametrize("path", ["/raise-later", "/exc-info-after", "/counted?case=fails-later&token=x"])
def test_broken_answer_is_no_complete_one(door: Door, path: str) -> None:
    """Where the socket can tell, an answer that broke off ends in a reset, and a complete one does not."""
    assert door.get(path).reset == door.tcp
    assert not door.get("/hello").reset


@pytest.mark.differs("app error")
@pytest.mark.parametrize("what", ["SystemExit", "KeyboardInterrupt", "GeneratorExit"])
def test_exit_in_a_request(door: Door, what: str) -> None:
    """An app that calls sys.exit(), or raises anything else that is no Exception, gets 500 and ends nothing."""
    mark, pid = door.mark(), door.worker()
    assert door.get(f"/exit?what={what}").raw == FAILED
    check_traceback(door.log(mark), f"{what}: {SECRET}")
    assert door.worker() == pid


def bad_head(door: Door, place: str, name: str) -> Answer:
    """The answer of the app that puts `name` into the `place` of its head."""
    return door.get(f"/bad-head?{urlencode({'case': f'{name} in the {place}'})}")


@pytest.mark.differs("bad response")
@pytest.mark.parametrize("name", ["CR", "LF", "NUL", "CRLF"])
@pytest.mark.parametrize("place", ["status", "name", "value"])
def test_control_character_in_a_head(door: Door, place: str, name: str) -> None:
    """CR, LF or NUL anywhere in a head gives 500, and nothing of that head is sent."""
    mark = door.mark()
    assert bad_head(door, place, name).raw == FAILED
    check_traceback(door.log(mark), "a status or header contains CR, LF or NUL")


@pytest.mark.differs("bad response")
def test_hundred_bad_heads(door: Door) -> None:
    """A hundred such heads are a hundred answers by the same worker."""
    pid = door.worker()
    assert {bad_head(door, "value", "CRLF").raw for _ in range(100)} == {FAILED}
    assert door.worker() == pid


@pytest.mark.differs("bad response")
@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ("a str in a list", "str"),
        ("a str among chunks", "str"),
        ("two str in a list", "str"),
        ("a number", "int"),
        ("nothing", "NoneType"),
        ("no start_response", "before it called start_response()"),
        ("start_response twice", "a second time"),
        ("a status of bytes", "b'200 OK' as status"),
        ("no status", "'OK' as status"),
        ("a header of bytes", "b'X'"),
        ("a header of three", "expected a pair of strings"),
        ("a header beyond latin-1", "outside latin-1"),
    ],
)
def test_bad_call(door: Door, case: str, reason: str) -> None:
    """What PEP 3333 does not allow gives 500; the log says what it was, and nothing of it is sent."""
    mark, pid = door.mark(), door.worker()
    assert door.get(f"/bad-call?{urlencode({'case': case})}").raw == FAILED
    check_traceback(door.log(mark), reason)
    assert door.worker() == pid


@pytest.mark.uwsgi
@pytest.mark.differs("log escapes")
def test_error_of_a_forged_path(door: Door) -> None:
    """The log of an error stays true when the request's path carries line ends and terminal escapes."""
    word = token()
    mark = door.mark()
    assert door.get("/raise", REQUEST_URI=f"/raise?{word}\nforged line\r\x1b[2J").code == 500
    door.request_line(word)
    log = door.log(mark)
    assert "forged line" not in log.split("\n")
    assert "\x1b" not in log
    assert "\r" not in log
