"""The request log: uWSGI's line, one line whatever a client sends, and which requests get one."""

import os
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from uncork.system import logwriter
from uncork.system.logwriter import LogWriter
from uncork.worker.requestlog import Clock, Exchange, LogFilter, RequestLog

# Local noon, whatever the time zone of this machine is.
NOON = time.mktime((2025, 10, 11, 12, 0, 0, 0, 0, -1))
NO_MEMORY = (0, 0)
EXAMPLE = (
    "[pid: 7|app: 0|req: 1/1] 127.0.0.1 () {34 vars in 395 bytes} [Sat Oct 11 12:00:00 2025] "
    "GET / => generated 11 bytes in 0 msecs (HTTP/1.1 200) 1 headers in 44 bytes (1 switches on core 0)"
)


def exchange(**environ: str) -> Exchange:
    """The request of uWSGI's example line, with more variables."""
    made = Exchange(0)
    made.pid = 7
    made.app = 0
    made.request = made.total = 1
    made.environ = {"REMOTE_ADDR": "127.0.0.1", "REQUEST_METHOD": "GET", "REQUEST_URI": "/", **environ}
    made.vars = 34
    made.packet_size = 395
    made.started = NOON + 0.9
    made.duration = 999
    made.protocol = "HTTP/1.1"
    made.status = "200"
    made.headers = 1
    made.head_size = 44
    made.body_size = 11
    return made


def test_the_default_line_is_uwsgis() -> None:
    """To the letter: programs read it."""
    assert RequestLog(False, False, False, None).line(exchange(), NO_MEMORY) == EXAMPLE


def test_every_number_of_the_line_has_its_own_place() -> None:
    """Process, application, counters, sizes, time, core and user, all different."""
    made = exchange(REMOTE_USER="ann", REMOTE_ADDR="::1", REQUEST_METHOD="POST", REQUEST_URI="/a?b=c")
    made.pid, made.app, made.request, made.total, made.core = 10, 11, 12, 13, 14
    made.vars, made.packet_size, made.headers, made.head_size, made.body_size = 15, 16, 17, 18, 19
    made.duration, made.protocol, made.status = 20_999, "HTTP/2.0", "404"

    assert RequestLog(False, False, False, None).line(made, NO_MEMORY) == (
        "[pid: 10|app: 11|req: 12/13] ::1 (ann) {15 vars in 16 bytes} [Sat Oct 11 12:00:00 2025] "
        "POST /a?b=c => generated 19 bytes in 20 msecs (HTTP/2.0 404) 17 headers in 18 bytes (1 switches on core 14)"
    )


def test_log_micros_counts_in_microseconds() -> None:
    """Another word and another unit, nothing else."""
    line = RequestLog(True, False, False, None).line(exchange(), NO_MEMORY)

    assert line == EXAMPLE.replace("0 msecs", "999 micros")


def test_a_response_by_sendfile_says_so() -> None:
    """uWSGI puts it where the space before the parenthesis is."""
    made = exchange()
    made.by_sendfile = True

    assert RequestLog(False, False, False, None).line(made, NO_MEMORY) == EXAMPLE.replace(
        "msecs (HTTP", "msecs via sendfile() (HTTP"
    )


def test_memory_report_stands_before_the_line() -> None:
    """Bytes and whole megabytes, address space first."""
    line = RequestLog(False, False, True, None).line(exchange(), (5 * 2**20 + 1, 7 * 2**20 - 1))

    assert line == "{address space usage: 7340031 bytes/6MB} {rss usage: 5242881 bytes/5MB} " + EXAMPLE


@pytest.mark.parametrize(
    ("forwarded", "header", "shown"),
    [
        (False, {"HTTP_X_FORWARDED_FOR": "192.0.2.7"}, "127.0.0.1"),
        (True, {"HTTP_X_FORWARDED_FOR": "192.0.2.7"}, "192.0.2.7"),
        (True, {}, "127.0.0.1"),
    ],
)
def test_log_x_forwarded_for_shows_the_client_that_the_header_names(
    forwarded: bool, header: dict[str, str], shown: str
) -> None:
    """Only where the option asks for it: anybody can send the header."""
    line = RequestLog(False, forwarded, False, None).line(exchange(**header), NO_MEMORY)

    assert line == EXAMPLE.replace("127.0.0.1", shown)


def test_a_request_of_which_little_is_known_gets_a_line_too() -> None:
    """A peer that sends neither method nor path leaves empty places."""
    made = exchange()
    made.environ = {}

    assert RequestLog(False, False, False, None).line(made, NO_MEMORY) == EXAMPLE.replace(
        "127.0.0.1 ()", " ()"
    ).replace("GET / =>", "  =>")


def test_the_line_is_written_to_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    """In one piece with its newline."""
    RequestLog(False, False, False, None).write(exchange(), NO_MEMORY)

    assert capfd.readouterr() == ("", EXAMPLE + "\n")


def test_the_line_goes_where_lines_of_requests_go(capfd: pytest.CaptureFixture[str]) -> None:
    """Option `req-logger`: another descriptor than that of everything else."""
    read, write = os.pipe()
    RequestLog(False, False, False, None, LogWriter(write)).write(exchange(), NO_MEMORY)
    os.close(write)
    with open(read, encoding="utf-8") as file:
        assert file.read() == EXAMPLE + "\n"

    assert capfd.readouterr() == ("", "")


def test_a_line_that_cannot_be_written_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """And raises nothing: the request is answered, whatever happens to its line."""
    losses = logwriter.Losses()
    monkeypatch.setattr(logwriter, "losses", losses)
    with open("/dev/full", "wb") as full:
        log = RequestLog(False, False, False, None, LogWriter(full.fileno()))
        for _ in range(3):
            log.write(exchange(), NO_MEMORY)

    assert losses.lines == 3


def test_a_format_replaces_the_line(capfd: pytest.CaptureFixture[str]) -> None:
    """And is held to one line like the default."""
    RequestLog(False, False, False, lambda made: f"{made.status}\n{made.pid}").write(exchange(), NO_MEMORY)

    assert capfd.readouterr().err == "200\\x0a7\n"


LATIN_1 = st.text(st.characters(max_codepoint=255), max_size=30)


@given(uri=LATIN_1, user=LATIN_1, address=LATIN_1, method=LATIN_1, agent=LATIN_1, protocol=LATIN_1)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_that_a_client_sends_makes_a_second_line(
    capfdbinary: pytest.CaptureFixture[bytes],
    uri: str,
    user: str,
    address: str,
    method: str,
    agent: str,
    protocol: str,
) -> None:
    """Control characters leave escaped, in the default line and in a format; all else leaves as the bytes it was."""
    made = exchange(
        REQUEST_URI=uri, REMOTE_USER=user, REMOTE_ADDR=address, REQUEST_METHOD=method, HTTP_USER_AGENT=agent
    )
    made.protocol = protocol
    for form in (None, lambda made: "".join(map(str, made.environ.values()))):
        RequestLog(False, False, False, form).write(made, NO_MEMORY)
        written = capfdbinary.readouterr().err.decode("latin-1")

        assert written.endswith("\n")
        assert written[:-1].isprintable()
        assert len(written.splitlines()) == 1


def test_characters_beyond_latin_1_do_not_lose_the_line(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """A format's own text may hold them."""
    RequestLog(False, False, False, lambda _: "\u20ac \xfc").write(exchange(), NO_MEMORY)

    assert capfdbinary.readouterr().err == b"\\u20ac \xfc\n"


@pytest.mark.parametrize(
    ("wanted", "status", "size", "duration", "logged"),
    [
        ({"disabled": False}, "200", 5, 0, True),
        ({}, "200", 5, 0, False),
        ({}, "404", 0, 10**9, False),
        ({"client_errors": True}, "404", 5, 0, True),
        ({"client_errors": True}, "499", 5, 0, True),
        ({"client_errors": True}, "500", 5, 0, False),
        ({"client_errors": True}, "240", 5, 0, False),
        ({"server_errors": True}, "503", 5, 0, True),
        ({"server_errors": True}, "404", 5, 0, False),
        ({"server_errors": True}, "", 5, 0, False),
        ({"zero": True}, "200", 0, 0, True),
        ({"zero": True}, "200", 1, 0, False),
        ({"slow": 100}, "200", 5, 100_000, True),
        ({"slow": 100}, "200", 5, 99_999, False),
        ({"slow": 0}, "200", 5, 0, False),
        ({"big": 1000}, "200", 1000, 0, True),
        ({"big": 1000}, "200", 999, 0, False),
        ({"big": 0}, "200", 9, 0, False),
        ({"client_errors": True, "big": 10}, "200", 11, 0, True),
        ({"disabled": False, "client_errors": True}, "200", 5, 0, True),
    ],
)
def test_the_filter_lets_pass_what_any_rule_asks_for(
    wanted: dict[str, Any], status: str, size: int, duration: int, logged: bool
) -> None:
    """With disable-logging only the rules count, and each of them suffices."""
    rules: dict[str, Any] = {
        "disabled": True,
        "client_errors": False,
        "server_errors": False,
        "zero": False,
        "slow": 0,
        "big": 0,
    }
    log_filter = LogFilter(**{**rules, "sendfile": False, "broken": False, **wanted})
    made = exchange()
    made.status, made.body_size, made.duration = status, size, duration

    assert log_filter.wants(made) == logged


@pytest.mark.parametrize(
    ("rule", "mark"), [("sendfile", "by_sendfile"), ("broken", "read_error"), ("broken", "write_error")]
)
def test_the_filter_knows_how_an_answer_went_out(rule: str, mark: str) -> None:
    """Files that the kernel sent, and clients that went away, have rules of their own."""
    off: Any = {"disabled": True, "client_errors": False, "server_errors": False, "zero": False, "slow": 0, "big": 0}
    made = exchange()
    setattr(made, mark, True)

    assert LogFilter(**{**off, "sendfile": False, "broken": False, rule: True}).wants(made)
    assert not LogFilter(**off, sendfile=False, broken=False).wants(made)


def test_the_clock_tells_every_second_anew() -> None:
    """It remembers a second's text, and no longer; time may also go back."""
    clock = Clock()

    for now in (NOON, NOON + 0.99, NOON + 1, NOON + 3600, NOON - 1, 0.0):
        assert clock.ctime(now) == time.ctime(int(now))
