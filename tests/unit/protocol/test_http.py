"""Heads of HTTP requests: what they become, and what is refused instead of guessed at."""

import contextlib
import re
from typing import Any

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uncork.protocol import http
from uncork.protocol.http import END, HeadError, decode_head, decode_path, find_end, head_vars
from uncork.protocol.httpanswer import chunk_size, refusal

LIMIT = 65535
GET = b"GET / HTTP/1.1\r\nHost: a\r\n"


def decoded(head: bytes, max_headers: int = 128) -> tuple[dict[str, Any], tuple[int, bool, bool]]:
    """The environ of a whole head, and (length, chunked, expects) of its body."""
    environ: dict[str, Any] = {}
    end = find_end(head, 0, LIMIT)
    assert end == head.index(END) + 4
    framing = decode_head(head, end, environ, max_headers)
    return environ, (framing.length, framing.chunked, framing.expects)


def refused(head: bytes, **limits: int) -> HeadError:
    """Why a head is refused."""
    with pytest.raises(HeadError) as raised:
        decoded(head, **limits)
    assert raised.value.status in (400, 413, 414, 431, 501, 505)
    return raised.value


def headers(*lines: bytes, line: bytes = b"GET / HTTP/1.1", host: bytes = b"Host: a\r\n") -> bytes:
    """A head with these header lines."""
    return line + b"\r\n" + host + b"".join(header + b"\r\n" for header in lines) + b"\r\n"


# ---- what a head becomes


def test_variables() -> None:
    """CGI's names; the path decoded, everything else as it came."""
    head = (
        b"POST /a%20b/caf%c3%A9?q=%20&r HTTP/1.1\r\nHost: example.org:8000\r\nContent-Type: text/plain\r\n"
        b"Content-Length: 12\r\nX-Forwarded-Proto:https\r\naccept: \t a/b  \t\r\nX-Empty:\r\nX-Latin: \xe9\r\n\r\nbody"
    )
    environ, framing = decoded(head)
    assert environ == {
        "REQUEST_METHOD": "POST",
        "REQUEST_URI": "/a%20b/caf%c3%A9?q=%20&r",
        "PATH_INFO": "/a b/caf\xc3\xa9",
        "QUERY_STRING": "q=%20&r",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "example.org:8000",
        "CONTENT_TYPE": "text/plain",
        "CONTENT_LENGTH": "12",
        "HTTP_X_FORWARDED_PROTO": "https",
        "HTTP_ACCEPT": "a/b",
        "HTTP_X_EMPTY": "",
        "HTTP_X_LATIN": "\xe9",
    }
    assert framing == (12, False, False)


def test_http_1_0_needs_no_host() -> None:
    """Nothing but a request line is enough."""
    environ, framing = decoded(b"GET / HTTP/1.0\r\n\r\n")
    assert environ == {
        "REQUEST_METHOD": "GET",
        "REQUEST_URI": "/",
        "PATH_INFO": "/",
        "QUERY_STRING": "",
        "SERVER_PROTOCOL": "HTTP/1.0",
    }
    assert framing == (0, False, False)


@pytest.mark.parametrize(
    ("lines", "key", "value"),
    [
        ([b"X-A: 1", b"x-a: 2", b"X-A:"], "HTTP_X_A", "1, 2, "),
        ([b"Cookie: a=1", b"cookie: b=2"], "HTTP_COOKIE", "a=1; b=2"),
    ],
)
def test_repeated_headers_become_one(lines: list[bytes], key: str, value: str) -> None:
    """In their order, as RFC 9110 joins them; cookies with their own sign."""
    assert decoded(headers(*lines))[0][key] == value


@pytest.mark.parametrize("line", [b"X_Forwarded_For: 1", b"Content_Length: 5", b"Proxy: http://evil", b"pRoXy: x"])
def test_headers_that_would_pass_for_others_are_left_out(line: bytes) -> None:
    """Names with an underscore, and Proxy (CVE-2016-5385); every time, not only the first."""
    for _ in range(2):
        assert decoded(headers(line)) == decoded(headers())


@pytest.mark.parametrize(
    ("path", "becomes"),
    [
        ("/", "/"),
        ("//a//b", "//a//b"),
        ("/a+b", "/a+b"),
        ("/%41%7e%2F%2f", "/A~//"),
        ("/%e2%82%ac", "/\xe2\x82\xac"),
        ("/\xe9", "/\xe9"),
        ("/%2541", "/%41"),
        ("/a/./b", "/a/b"),
        ("/a/../b", "/b"),
        ("/../../b", "/b"),
        ("/a/b/..", "/a/"),
        ("/a/.", "/a/"),
        ("/a/.b/..c/...", "/a/.b/..c/..."),
        ("/%2e%2e/x", "/../x"),
        ("/a/%2e/b", "/a/./b"),
    ],
)
def test_paths(path: str, becomes: str) -> None:
    """Dot segments go, then escapes are decoded, once: as in uWSGI."""
    assert decode_path(path) == becomes


@pytest.mark.parametrize(
    ("target", "host", "uri", "path", "query"),
    [
        (b"http://example.org/a%20b?c=d", "example.org", "/a%20b?c=d", "/a b", "c=d"),
        (b"HTTPS://Example.org:8443", "Example.org:8443", "/", "/", ""),
        (b"http://example.org?c", "example.org", "/?c", "/", "c"),
        (b"http://example.org/?", "example.org", "/?", "/", ""),
        (b"http://[::1]:80/a?b://c", "[::1]:80", "/a?b://c", "/a", "b://c"),
    ],
)
def test_absolute_targets(target: bytes, host: str, uri: str, path: str, query: str) -> None:
    """The host of the target counts, whatever Host says (RFC 9112, 3.2.2), and is no part of REQUEST_URI."""
    environ, _ = decoded(headers(line=b"GET " + target + b" HTTP/1.1"))
    assert (environ["HTTP_HOST"], environ["PATH_INFO"], environ["QUERY_STRING"]) == (host, path, query)
    assert environ["REQUEST_URI"] == uri


def test_asterisk() -> None:
    """OPTIONS may ask for the server itself."""
    assert decoded(headers(line=b"OPTIONS * HTTP/1.1"))[0]["PATH_INFO"] == ""


@pytest.mark.parametrize(
    "host", [b"", b"a", b"a:0", b"a:65535", b"a_b.c-d:80", b"127.0.0.1:", b"[::1]:8080", b"xn--bcher-kva.example"]
)
def test_hosts(host: bytes) -> None:
    """What names a host is taken as it is."""
    assert decoded(headers(host=b"Host: " + host + b"\r\n"))[0]["HTTP_HOST"] == host.decode()


@pytest.mark.parametrize(
    ("lines", "framing"),
    [
        ([b"Content-Length: 0"], (0, False, False)),
        ([b"Content-Length: 000000000000000000000000012"], (12, False, False)),
        ([b"Content-Length: 00"], (0, False, False)),
        ([b"Transfer-Encoding: chunked"], (0, True, False)),
        ([b"Transfer-Encoding: Chunked "], (0, True, False)),
        ([b"Content-Length: 1", b"Expect: 100-Continue"], (1, False, True)),
        ([b"Transfer-Encoding: chunked", b"Expect: 100-continue"], (0, True, True)),
        ([b"Expect: something"], (0, False, False)),
    ],
)
def test_framing(lines: list[bytes], framing: tuple[int, bool, bool]) -> None:
    """How long the body is, and whether its client waits."""
    assert decoded(headers(*lines))[1] == framing


def test_a_length_has_one_spelling() -> None:
    """Nobody behind us may take it for an octal number."""
    assert decoded(headers(b"Content-Length: 010"))[0]["CONTENT_LENGTH"] == "10"


def test_expect_of_http_1_0_is_nothing() -> None:
    """A client of HTTP/1.0 knows no 100."""
    assert decoded(b"GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n")[1] == (0, False, False)


# ---- what is refused

REFUSED: dict[str, tuple[bytes, int, str]] = {
    "bare LF": (b"GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", 400, "CR or LF stands alone"),
    "bare CR": (headers(b"X: a\rb"), 400, "CR or LF stands alone"),
    "CR before CRLF": (headers(b"X: a\r"), 400, "CR or LF stands alone"),
    "NUL": (headers(b"X: a\0b"), 400, "a control character"),
    "DEL": (headers(b"X: a\x7fb"), 400, "a control character"),
    "escape": (headers(b"X: a\x1b[2J"), 400, "a control character"),
    "vertical tab": (headers(b"X:\x0bchunked"), 400, "a control character"),
    "NUL in the path": (headers(line=b"GET /a\0b HTTP/1.1"), 400, "a control character"),
    "folded": (headers(b"X: a", b" b"), 400, "a folded header"),
    "folded by TAB": (headers(b"X: a", b"\tb: c"), 400, "a folded header"),
    "folded at once": (headers(host=b" Host: a\r\n"), 400, "a folded header"),
    "blank before the colon": (headers(b"Content-Length : 5"), 400, "the name of a header is no token"),
    "TAB before the colon": (headers(b"Transfer-Encoding\t: chunked"), 400, "the name of a header is no token"),
    "no colon": (headers(b"nonsense"), 400, "a header without a colon"),
    "no name": (headers(b": value"), 400, "the name of a header is no token"),
    "name in latin-1": (headers(b"X-\xe9: a"), 400, "the name of a header is no token"),
    "brackets in a name": (headers(b"X(a): a"), 400, "the name of a header is no token"),
    "no Host": (headers(host=b""), 400, "no Host header"),
    "two Hosts": (headers(b"host: a"), 400, "a second host"),
    "two Hosts in one": (headers(host=b"Host: a, b\r\n"), 400, "Host is no name of a host"),
    "Host with a path": (headers(host=b"Host: a/b\r\n"), 400, "Host is no name of a host"),
    "Host with a user": (headers(host=b"Host: a@b\r\n"), 400, "Host is no name of a host"),
    "Host with a blank": (headers(host=b"Host: a b\r\n"), 400, "Host is no name of a host"),
    "Host with a port that is none": (headers(host=b"Host: a:b\r\n"), 400, "Host is no name of a host"),
    "Host that is only a port": (headers(host=b"Host: :80\r\n"), 400, "Host is no name of a host"),
    "Host with a port that is too large": (headers(host=b"Host: a:65536\r\n"), 400, "Host is no name of a host"),
    "Host with a huge port": (headers(host=b"Host: a:99999999999999\r\n"), 400, "Host is no name of a host"),
    "Host with an escape": (headers(host=b"Host: a%2eb\r\n"), 400, "Host is no name of a host"),
    "target that is only a port": (headers(line=b"GET http://:80/ HTTP/1.1"), 400, "the target names no host"),
    "bad Host of HTTP/1.0": (b"GET / HTTP/1.0\r\nHost: <a>\r\n\r\n", 400, "Host is no name of a host"),
    "two lengths": (headers(b"Content-Length: 1", b"Content-Length: 1"), 400, "a second Content-Length"),
    "two lengths in one": (headers(b"Content-Length: 1, 1"), 400, "Content-Length is not a whole number"),
    "no length": (headers(b"Content-Length:"), 400, "Content-Length is not a whole number"),
    "signed": (headers(b"Content-Length: +1"), 400, "Content-Length is not a whole number"),
    "negative": (headers(b"Content-Length: -1"), 400, "Content-Length is not a whole number"),
    "hexadecimal": (headers(b"Content-Length: 0x1"), 400, "Content-Length is not a whole number"),
    "underscore": (headers(b"Content-Length: 1_0"), 400, "Content-Length is not a whole number"),
    "superscript": (headers(b"Content-Length: \xb2"), 400, "Content-Length is not a whole number"),
    "endless": (headers(b"Content-Length: " + b"9" * 19), 413, "nobody sends so much"),
    "two types": (headers(b"Content-Type: a/b", b"Content-Type: c/d"), 400, "a second Content-Type"),
    "both": (headers(b"Content-Length: 1", b"Transfer-Encoding: chunked"), 400, "Content-Length beside"),
    "both, other order": (headers(b"Transfer-Encoding: chunked", b"content-length: 1"), 400, "Content-Length beside"),
    "chunked in 1.0": (b"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "HTTP/1.0 has no"),
    "twice chunked": (headers(b"Transfer-Encoding: chunked, chunked"), 400, "does not end in one chunked"),
    "two chunked": (headers(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"), 400, "does not end in one"),
    "chunked first": (headers(b"Transfer-Encoding: chunked, gzip"), 400, "does not end in one chunked"),
    "identity": (headers(b"Transfer-Encoding: identity"), 400, "does not end in one chunked"),
    "nearly chunked": (headers(b"Transfer-Encoding: xchunked"), 400, "does not end in one chunked"),
    "quoted": (headers(b'Transfer-Encoding: "chunked"'), 400, "does not end in one chunked"),
    "no coding": (headers(b"Transfer-Encoding:"), 400, "does not end in one chunked"),
    "gzip": (headers(b"Transfer-Encoding: gzip, chunked"), 501, "no other Transfer-Encoding"),
    "HTTP/0.9": (b"GET /\r\n\r\n", 400, "not a method, a target and a version"),
    "HTTP/2": (headers(line=b"GET / HTTP/2.0"), 505, "HTTP/1.1 and 1.0 are served"),
    "preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\n", 505, "HTTP/1.1 and 1.0 are served"),
    "HTTP/1.2": (headers(line=b"GET / HTTP/1.2"), 505, "HTTP/1.1 and 1.0 are served"),
    "HTTP/1.10": (headers(line=b"GET / HTTP/1.10"), 400, "no version of HTTP"),
    "http/1.1": (headers(line=b"GET / http/1.1"), 400, "no version of HTTP"),
    "no HTTP": (headers(line=b"GET / ICY/1.1"), 400, "no version of HTTP"),
    "two blanks": (headers(line=b"GET  / HTTP/1.1"), 400, "not a method, a target and a version"),
    "blank in the target": (headers(line=b"GET /a b HTTP/1.1"), 400, "not a method, a target and a version"),
    "blank at the end": (headers(line=b"GET / HTTP/1.1 "), 400, "not a method, a target and a version"),
    "TABs": (headers(line=b"GET\t/\tHTTP/1.1"), 400, "not a method, a target and a version"),
    "TAB in the target": (headers(line=b"GET /a\tb HTTP/1.1"), 400, "no such character in a target"),
    "method is no token": (headers(line=b"GE(T / HTTP/1.1"), 400, "the method is no token"),
    "long method": (headers(line=b"G" * 33 + b" / HTTP/1.1"), 400, "the method is no token"),
    "proxy": (headers(line=b"CONNECT a:443 HTTP/1.1"), 501, "this is no proxy"),
    "fragment": (headers(line=b"GET /a#b HTTP/1.1"), 400, "no such character in a target"),
    "relative": (headers(line=b"GET a HTTP/1.1"), 400, "the target is no path"),
    "only a query": (headers(line=b"GET ?a HTTP/1.1"), 400, "the target is no path"),
    "asterisk": (headers(line=b"GET * HTTP/1.1"), 400, "the target is no path"),
    "other scheme": (headers(line=b"GET ftp://a/ HTTP/1.1"), 400, "the target is no path"),
    "no host": (headers(line=b"GET http:///a HTTP/1.1"), 400, "the target names no host"),
    "user in the target": (headers(line=b"GET http://a@b/ HTTP/1.1"), 400, "the target names no host"),
    "escape cut off": (headers(line=b"GET /a%2 HTTP/1.1"), 400, "no such escape in a path"),
    "escape is none": (headers(line=b"GET /%zz HTTP/1.1"), 400, "no such escape in a path"),
    "escape of int()": (headers(line=b"GET /%+1 HTTP/1.1"), 400, "no such escape in a path"),
    "escaped NUL": (headers(line=b"GET /a%00 HTTP/1.1"), 400, "no such escape in a path"),
    "TLS": (b"\x16\x03\x01\x02\0\x01\0", 400, "a client speaks TLS to this HTTP socket"),
    "PROXY": (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" + GET + b"\r\n", 400, "a proxy speaks the PROXY protocol"),
    "uwsgi": (b"\0\x05\0\0\x01\0a\0\0", 400, "a client speaks uwsgi to this HTTP socket"),
    "blank before": (b" " + GET + b"\r\n", 400, "a request begins with its method|the method is no token|not a method"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    """What could be read in two ways is not read: a status, the reason, and the bytes that are wrong."""
    head, status, reason = REFUSED[name]
    error = refused(head)
    assert error.status == status
    assert re.search(reason, str(error))
    assert error.offending


@pytest.mark.parametrize("name", REFUSED)
def test_refused_however_it_arrives(name: str) -> None:
    """Byte by byte the same heads are refused, at their end at the latest."""
    head, _, _ = REFUSED[name]

    def arrive() -> None:
        for size in range(1, len(head) + 1):
            end = find_end(head[:size], size - 1, LIMIT)
            if end >= 0:
                decode_head(head[:size], end, {}, 128)

    with pytest.raises(HeadError):
        arrive()


@pytest.mark.parametrize(
    "beginning",
    [b"\x16\x03", b"\0", b"\n", b"GET /\r\n", b"GET / HTTP/2.0\r\n", b"GET / HTTP/1.1\r\nHost: a\n", b" GET"],
)
def test_what_will_be_no_head_is_refused_at_once(beginning: bytes) -> None:
    """Nobody waits for the rest of it."""
    with pytest.raises(HeadError):
        find_end(beginning, 0, LIMIT)


# ---- limits


def test_limits() -> None:
    """A head of exactly the limit is read; one byte more is 431, or 414 where the request line alone is too long."""
    head = headers(b"X: " + b"a" * 100)
    assert find_end(head, 0, len(head)) == len(head)
    for data, status in ((head, 431), (b"GET /" + b"a" * len(head), 414)):
        with pytest.raises(HeadError) as raised:
            find_end(data, 0, len(head) - 1)
        assert raised.value.status == status


def test_a_body_behind_the_head_does_not_count() -> None:
    """Only the head is limited."""
    head = headers()
    assert find_end(head + b"x" * 1000, 0, len(head)) == len(head)


def test_number_of_headers() -> None:
    """So many are read; one more is 431."""
    lines = [b"X-%d: a" % number for number in range(9)]
    assert decoded(headers(*lines), max_headers=10)
    assert refused(headers(*lines, b"Y: b"), max_headers=10).status == 431


def test_end_is_found_wherever_the_head_is_cut() -> None:
    """And not a byte earlier."""
    head = headers(b"X: y")
    for cut in range(1, len(head)):
        assert find_end(head[:cut], cut - 1, LIMIT) == -1
        assert find_end(head[:cut], 0, LIMIT) == -1
        assert find_end(head + b"body", cut, LIMIT) == len(head)


def test_seen_may_be_more_than_there_is() -> None:
    """Whoever has taken an empty line away in front; it is no fault."""
    assert find_end(b"", 1, LIMIT) == -1
    assert find_end(b"", 2, LIMIT) == -1
    assert find_end(b"G", 2, LIMIT) == -1


def test_invented_names_are_not_remembered_for_ever() -> None:
    """Neither their number nor their size is left to clients, and they crowd nobody out."""
    for number in range(2 * http.MAX_KNOWN):
        decoded(headers(b"X-%d: a" % number, b"Y-%d-" % number + b"y" * 5000 + b": b"))
    assert len(http._keys) <= http.MAX_KNOWN
    assert sum(map(len, http._keys)) <= http.MAX_KNOWN * http.MAX_KNOWN_NAME
    assert {"Host", "host", "Content-Length", "user-agent", "X-Forwarded-For"} <= http._keys.keys()


# ---- beside another parser


class Seen:
    """What llhttp makes of a request."""

    def __init__(self) -> None:
        self.url = b""
        self.headers: list[tuple[str, str]] = []
        self.complete = False

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.decode("latin-1"), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        self.complete = True


NAMES = st.sampled_from([b"X-A", b"x_b", b"Content-Length", b"Transfer-Encoding", b"Connection", b"X", b"Host", b" X"])
COLONS = st.sampled_from([b": ", b":", b":\t ", b" : ", b"", b"::"])
VALUES = st.sampled_from(
    [b"1", b"chunked", b"a b\tc", b"", b"\xff", b"1\r", b"\n 1", b"1\0", b"a, b", b"close", b"\x7f", b" 1 ", b"*"]
)
LINES = st.tuples(NAMES, COLONS, VALUES).map(b"".join)


def test_a_known_name_needs_its_colon() -> None:
    """A name that was seen before is no header by itself either."""
    decode_head(GET + b"X-Seen: 1" + END, len(GET) + 13, {}, 128)
    with pytest.raises(HeadError, match="a header without a colon"):
        decode_head(GET + b"X-Seen" + END, len(GET) + 10, {}, 128)


@given(st.lists(LINES, max_size=4))
def test_nothing_is_let_pass_that_llhttp_refuses(lines: list[bytes]) -> None:
    """Of random heads, those that are read say the same to llhttp, which Node.js and others read with."""
    head = GET + b"\r\n".join(lines) + END
    end = head.index(END) + 4
    head = head[:end]
    environ: dict[str, Any] = {}
    try:
        decode_head(head, find_end(head, 0, LIMIT), environ, 128)
    except HeadError:
        return
    seen = Seen()
    parser = httptools.HttpRequestParser(seen)
    parser.feed_data(head)
    assert seen.complete
    assert seen.url.decode() == environ["REQUEST_URI"]
    for name, value in seen.headers:
        if "_" not in name and name.lower() != "proxy":
            key = name.upper().replace("-", "_")
            whole = environ[key if key in ("CONTENT_LENGTH", "CONTENT_TYPE") else f"HTTP_{key}"]
            assert value.strip(" \t") in whole


@given(st.binary(max_size=300))
def test_noise_is_refused_and_never_a_fault(noise: bytes) -> None:
    """Whatever comes: a HeadError or an environ."""
    for data in (noise + END, GET + noise + END):
        with contextlib.suppress(HeadError):
            end = find_end(data, 0, LIMIT)
            assert end > 0
            decode_head(data, end, {}, 128)


# ---- chunks, and answers


@pytest.mark.parametrize(
    ("line", "size"),
    [(b"0", 0), (b"a", 10), (b"0001F", 31), (b"5;name=value", 5), (b"5 \t; x", 5), (b"f" * 16, 2**64 - 1)],
)
def test_chunk_sizes(line: bytes, size: int) -> None:
    """Hexadecimal; extensions are ignored."""
    assert chunk_size(line) == size


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b";",
        b"g",
        b"-1",
        b"+1",
        b"0x1",
        b"1_0",
        b" 1",
        b"1 ",
        b"1 1",
        b"1\n",
        b"1;\n",
        b"1;\rx",
        b"1;\0",
        b"1;\x1b[2J",
        b"1;\x7f",
        b"f" * 17,
    ],
)
def test_what_is_no_chunk_size(line: bytes) -> None:
    """Nothing that int() would take beyond it."""
    with pytest.raises(HeadError):
        chunk_size(line)


def test_refusal() -> None:
    """A whole answer, with the date in English, and the end of the connection."""
    head = (
        b"HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Type: text/plain\r\nContent-Length: 32\r\n"
        b"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nConnection: close\r\n\r\n"
    )
    assert refusal(431, 784111777.9, b"GET /") == head + b"Request Header Fields Too Large\n"
    assert refusal(431, 784111777.9, b"HEAD /") == head, "no body for HEAD"


def test_head_vars() -> None:
    """Whoever watches sees what has come, without what is cut off and without the body."""
    head = headers(b"Cookie: a=1", b"X_Y: z", b"Content-Length: 4", line=b"PUT /a?b HTTP/1.1")
    whole = [
        ("REQUEST_METHOD", "PUT"),
        ("REQUEST_URI", "/a?b"),
        ("SERVER_PROTOCOL", "HTTP/1.1"),
        ("HTTP_HOST", "a"),
        ("HTTP_COOKIE", "a=1"),
        ("CONTENT_LENGTH", "4"),
    ]
    assert head_vars(head + b"body: secret\r\n") == whole
    assert head_vars(head[:-6]) == whole[:-1]
    assert head_vars(b"GET /cut") == []
