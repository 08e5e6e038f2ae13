"""logformat: every variable, and what is none."""

import time

import pytest

from uncork.system.process import memory_usage
from uncork.worker.logformat import VARIABLES, compile_format
from uncork.worker.requestlog import Exchange

NOON = time.mktime((2025, 10, 11, 12, 0, 0, 0, 0, -1))


def exchange() -> Exchange:
    """A request in which every value differs from every other."""
    made = Exchange(3)
    made.pid, made.wid, made.app = 1001, 4, 5
    made.environ = {
        "REQUEST_URI": "/page?q=1",
        "REQUEST_METHOD": "PATCH",
        "REMOTE_USER": "ann",
        "REMOTE_ADDR": "192.0.2.9",
        "HTTP_HOST": "example.org",
        "HTTP_USER_AGENT": "curl/8",
        "HTTP_REFERER": "http://example.org/",
        "CONTENT_LENGTH": "77",
        "HTTP_COOKIE": "a=b",
    }
    made.vars, made.packet_size, made.modifier1, made.modifier2 = 18, 321, 30, 6
    made.started, made.duration = NOON + 0.25, 2_345_678
    made.protocol, made.status, made.headers = "HTTP/1.1", "418", 8
    made.head_size, made.body_size = 100, 23
    made.write_error = True
    return made


ZONE = time.strftime("%z", time.localtime(NOON))
EXPECTED = {
    "uri": "/page?q=1",
    "method": "PATCH",
    "user": "ann",
    "addr": "192.0.2.9",
    "host": "example.org",
    "uagent": "curl/8",
    "referer": "http://example.org/",
    "cl": "77",
    "proto": "HTTP/1.1",
    "status": "418",
    "rsize": "23",
    "hsize": "100",
    "size": "123",
    "headers": "8",
    "micros": "2345678",
    "msecs": "2345",
    "secs": "2.345678",
    "time": str(int(NOON)),
    "tmsecs": f"{int(NOON)}250",
    "tmicros": f"{int(NOON)}250000",
    "ctime": "Sat Oct 11 12:00:00 2025",
    "ltime": f"11/Oct/2025:12:00:00 {ZONE}",
    "ftime": f"11/Oct/2025:12:00:00 {ZONE}",
    "pid": "1001",
    "wid": "4",
    "core": "3",
    "switches": "1",
    "vars": "18",
    "pktsize": "321",
    "modifier1": "30",
    "modifier2": "6",
    "werr": "1",
    "rerr": "0",
    "ioerr": "1",
}
# Their values are those of the moment, or of this process.
LIVE = {"epoch", "rss", "vsz", "rssM", "vszM"}


def test_every_variable_has_a_test() -> None:
    """The tables here and there name the same variables."""
    assert set(VARIABLES) == EXPECTED.keys() | LIVE


@pytest.mark.parametrize("name", EXPECTED)
def test_a_variable_shows_its_own_value(name: str) -> None:
    """Each differs from the others, save ftime, which is ltime under another name."""
    assert compile_format(f"%({name})")(exchange()) == EXPECTED[name]


@pytest.mark.parametrize("environ", [{}, {"CONTENT_LENGTH": ""}])
def test_the_length_of_no_body_is_zero(environ: dict[str, str]) -> None:
    """cl is a number in every line, as in uWSGI's."""
    made = Exchange(0)
    made.environ = dict(environ)

    assert compile_format("%(cl)")(made) == "0"


def test_the_moment_and_the_memory_are_live() -> None:
    """epoch is the time of writing; memory is that of this process, in bytes and in whole megabytes."""
    before = int(time.time())
    epoch, rss, vsz, rss_m, vsz_m = compile_format("%(epoch) %(rss) %(vsz) %(rssM) %(vszM)")(exchange()).split()

    assert before <= int(epoch) <= time.time()
    assert 0 < int(rss) < int(vsz)
    assert int(rss) % 4096 == 0
    assert abs(int(rss) - memory_usage()[0]) < 64 << 20
    assert int(rss_m) <= int(rss) + (64 << 20) >> 20
    assert int(vsz_m) >= int(rss_m)


def test_read_and_write_errors_add_up() -> None:
    """ioerr counts both."""
    made = exchange()
    made.read_error = True

    assert compile_format("%(werr)%(rerr)%(ioerr)")(made) == "112"


def test_var_shows_any_variable_of_the_request() -> None:
    """`var.NAME` is NAME of the packet."""
    assert compile_format("%(var.HTTP_COOKIE) %(var.REMOTE_ADDR)")(exchange()) == "a=b 192.0.2.9"


@pytest.mark.parametrize("name", ["nosuch", "", "var.NOSUCH", "var.", "metric.x", "URI", " uri"])
def test_what_is_no_variable_becomes_a_dash(name: str) -> None:
    """As in uWSGI, so that the columns of a line stay where they are."""
    assert compile_format(f"a %({name}) b")(exchange()) == "a - b"


@pytest.mark.parametrize("name", ["uri", "method", "user", "addr", "host", "uagent", "referer", "proto", "status"])
def test_an_empty_variable_becomes_a_dash(name: str) -> None:
    """A request that lacks it, or sends it empty."""
    made = Exchange(0)

    assert compile_format(f"[%({name})]")(made) == "[-]"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", ""),
        ("no variable", "no variable"),
        ("%(method)", "PATCH"),
        ("%(method)%(status)", "PATCH418"),
        ('%(addr) - %(user) "%(method) %(uri) %(proto)" %(status)', '192.0.2.9 - ann "PATCH /page?q=1 HTTP/1.1" 418'),
        ("100% (%(status)) %d %%", "100% (418) %d %%"),
        ("%(method", "%(method"),
        ("{}%s\\n", "{}%s\\n"),
    ],
)
def test_everything_else_of_the_format_is_literal(text: str, line: str) -> None:
    """Only %(...) is looked at."""
    assert compile_format(text)(exchange()) == line


def test_values_are_not_read_as_formats() -> None:
    """A client that sends %(pid) sees nothing of it expanded."""
    made = exchange()
    made.environ["REQUEST_URI"] = "/%(pid)"

    assert compile_format("%(uri)")(made) == "/%(pid)"
