"""The request log: uWSGI's line to the letter, one line for each request, and which requests have one."""

import re
import time

import pytest

from contract.doors import Door, token
from harness.uwsgi import Answer, variables

SERVED = ("--module", "contract:application")
# uWSGI's default line (core/logging.c); what a test knows goes in by format().
LINE = (
    r"\[pid: {pid}\|app: 0\|req: (?P<request>\d+)/(?P<total>\d+)\] {address} \({user}\) "
    r"\{{(?P<vars>\d+) vars in {size} bytes\}} \[(?P<time>.{{24}})\] {method} {uri} => generated {body} bytes "
    r"in \d+ {unit} \({protocol} {status}\) {headers} headers in {head} bytes "
    r"\((?P<switches>\d+) switches on core (?P<core>[01])\)"
)


def logged(
    door: Door,
    path: str = "/headers",
    unit: str = "msecs",
    address: str = "127.0.0.1",
    method: str = "GET",
    **extra: str,
) -> re.Match[str]:
    """The line of one request, all of it compared with what was sent and received."""
    word, pid = token(), door.worker()
    sent = variables(f"{path}?{word}", method, **extra)
    packet = door.encode(sent)
    answer = door.exchange(packet)
    expected = LINE.format(
        pid=pid,
        address=re.escape(address),
        user=re.escape(sent.get("REMOTE_USER", "")),
        size=len(packet) - 4,
        method=method,
        # The log has the path's bytes as they came.
        uri=re.escape(sent["REQUEST_URI"].encode("latin-1").decode()),
        body=len(answer.body),
        unit=unit,
        protocol=re.escape(answer.status.split()[0]),
        status=answer.code,
        headers=len(answer.headers),
        head=len(answer.raw) - len(answer.body),
    )
    line = door.request_line(word)
    found = re.fullmatch(expected, line)
    assert found is not None, f"{line}\nis not\n{expected}"
    time.strptime(found["time"], "%a %b %d %H:%M:%S %Y")
    return found


@pytest.mark.uwsgi
@pytest.mark.parametrize(
    ("path", "extra"),
    [
        ("/headers", {}),
        ("/empty", {}),
        ("/nothing", {"REMOTE_USER": "somebody", "SERVER_PROTOCOL": "HTTP/2.0"}),
        ("/size?n=100000&", {"HTTP_X_FORWARDED_FOR": "192.0.2.1"}),
        ("/digest", {"method": "POST"}),
        ("/caf\xc3\xa9", {}),
    ],
)
def test_line(door: Door, path: str, extra: dict[str, str]) -> None:
    """A request is one line in uWSGI's form, with its true numbers."""
    logged(door, path, **extra)


@pytest.mark.uwsgi
def test_requests_are_counted(door: Door) -> None:
    """Every line counts one request more, of the worker and of the server."""
    lines = [logged(door) for _ in range(3)]
    if door.threads:
        # Its second thread may still be writing the line of a request that was answered before.
        assert int(lines[0]["total"]) < int(lines[1]["total"]) < int(lines[2]["total"])
        return
    # `logged` asks for the worker's pid before each.
    for kind in ("request", "total"):
        first = int(lines[0][kind])
        assert [int(line[kind]) for line in lines] == [first, first + 2, first + 4]


@pytest.mark.uwsgi
def test_variables_are_counted(door: Door) -> None:
    """As in uWSGI, a variable counts twice: its name and its value."""
    assert int(logged(door)["vars"]) == 2 * len(variables())


@pytest.mark.uwsgi
@pytest.mark.differs("app error")
@pytest.mark.parametrize("path", ["/raise", "/bad-head?case=CR+in+the+value&"])
def test_line_of_an_error(door: Door, path: str) -> None:
    """A request that failed has its line, with the status that was sent."""
    logged(door, path)


# Everything that ends a line, moves a cursor or colours a terminal, and what is harmless.
HOSTILE = "a\nb\rc\x00d\x1b[31me\x7ff\x85g\x0bh\xe9"
ESCAPED = r"a\x0ab\x0dc\x00d\x1b[31me\x7ff\x85g\x0bh"


@pytest.mark.uwsgi
@pytest.mark.differs("log escapes")
@pytest.mark.parametrize("name", ["REQUEST_URI", "REMOTE_USER", "REMOTE_ADDR", "REQUEST_METHOD"])
def test_control_characters(door: Door, name: str) -> None:
    """Control characters in what a client sent are shown as \\xNN: a line stays one line."""
    word = token()
    mark = door.mark()
    sent = variables(f"/hello?{word}")
    sent[name] = f"/{word}{HOSTILE}"
    door.exchange(door.encode(sent))
    assert ESCAPED in door.request_line(word)
    assert not set("\r\0\x1b\x7f\x85\x0b") & set(door.log(mark))


@pytest.mark.uwsgi
@pytest.mark.serves(*SERVED, "--log-micros", "--log-x-forwarded-for")
def test_variants_of_the_line(door: Door) -> None:
    """log-micros gives the time in microseconds, log-x-forwarded-for the client that a proxy named."""
    logged(door, unit="micros", address="192.0.2.1, 198.51.100.2", HTTP_X_FORWARDED_FOR="192.0.2.1, 198.51.100.2")
    logged(door, unit="micros")


# Variables of `logformat`: the name, and what the line has in its place for the request of `formatted`.
FIELDS = {
    "uri": r"/parts\?.*",
    "method": "POST",
    "user": "somebody",
    "addr": r"127\.0\.0\.1",
    "host": "localhost",
    "proto": r"HTTP/1\.1",
    "uagent": r'an "agent"',
    "referer": "-",
    "status": "200",
    "rsize": "7",
    "hsize": "45",
    "size": "52",
    "cl": "4",
    "headers": "1",
    "pktsize": "{size}",
    "vars": "{vars}",
    "modifier1": "0",
    "modifier2": "0",
    "wid": "1",
    "core": "[01]",
    "var.X_CUSTOM": "custom",
    "var.X_ABSENT": "-",
    "unknown": "-",
    "werr": "0",
    "rerr": "0",
    "ioerr": "0",
    "time": r"\d{{10}}",
    "epoch": r"\d{{10}}",
    "tmsecs": r"\d{{13}}",
    "tmicros": r"\d{{16}}",
    "ctime": r"\w{{3}} \w{{3}} [ \d]\d \d\d:\d\d:\d\d \d{{4}}",
    "ltime": r"\d\d/\w{{3}}/\d{{4}}:\d\d:\d\d:\d\d [+-]\d{{4}}",
    "ftime": r"\d\d/\w{{3}}/\d{{4}}:\d\d:\d\d:\d\d [+-]\d{{4}}",
    "micros": r"\d+",
    "msecs": r"\d+",
    "secs": r"\d+\.\d{{6}}",
}
FORMAT = "[pid: %(pid)|" + "".join(f"<{name}=%({name})>" for name in FIELDS) + "]"
with_format = pytest.mark.serves(*SERVED, "--logformat", FORMAT)


def formatted(door: Door) -> tuple[str, bytes, Answer]:
    """The line of a request in FORMAT, its packet, and its answer."""
    word = token()
    sent = variables(
        f"/parts?{word}",
        "POST",
        CONTENT_LENGTH="4",
        REMOTE_USER="somebody",
        HTTP_USER_AGENT='an "agent"',
        X_CUSTOM="custom",
    )
    packet = door.encode(sent)
    answer = door.exchange(packet + b"body")
    return door.request_line(word), packet, answer


@pytest.mark.uwsgi
@with_format
@pytest.mark.parametrize("name", FIELDS)
def test_format(door: Door, name: str) -> None:
    """logformat: every variable has uWSGI's value; what is unknown or empty is `-`."""
    line, packet, answer = formatted(door)
    assert (answer.code, answer.body) == (200, b"one two")
    expected = FIELDS[name].format(size=len(packet) - 4, vars=2 * 17)
    assert re.search(f"<{re.escape(name)}={expected}>", line), line


@with_format
def test_format_without_a_body(door: Door) -> None:
    """logformat: %(cl) is 0 for a request without a body."""
    word = token()
    door.get(f"/hello?{word}")
    assert "<cl=0>" in door.request_line(word)


@pytest.mark.uwsgi
@with_format
@pytest.mark.differs("log escapes")
def test_control_characters_in_a_format(door: Door) -> None:
    """Control characters stay escaped in a form of one's own, in headers as well."""
    word = token()
    door.get(f"/hello?{word}", HTTP_USER_AGENT=HOSTILE)
    assert f"<uagent={ESCAPED}" in door.request_line(word)


@pytest.mark.serves(*SERVED, "--disable-logging", "--log-5xx")
def test_only_server_errors(door: Door) -> None:
    """disable-logging with log-5xx logs what was answered with 5xx and nothing else."""
    quiet, loud = token(), token()
    for line in ("200", "304", "404", "499"):
        door.get(f"/status?line={line}&{quiet}")
    for line in ("500", "503", "599"):
        door.get(f"/status?line={line}&{loud}{line}")
        assert f"(HTTP/1.1 {line})" in door.request_line(loud + line)
    assert quiet not in door.server.text()


@pytest.mark.serves(*SERVED, "--disable-logging")
def test_no_logging(door: Door) -> None:
    """disable-logging alone logs no request, but still what goes wrong."""
    mark = door.mark()
    door.get("/hello")
    door.get("/raise")
    door.get("/hello")
    assert "RuntimeError: the detail" in door.log(mark)
    assert "[pid: " not in door.log(mark)
