"""The head of an HTTP/1.x request, and how its body is framed: strict reading (RFC 9112), CGI variables (RFC 3875).

    find_end        where the head ends, once it has arrived; what can be no head is refused as soon as that shows
    decode_head     the variables of a whole head, and how its body is framed
    head_vars       what of a head is shown to whoever watches

Runs in: worker (compiled by mypyc), tests and diagnosis.  Must not: touch a socket, a clock or a log.

By hand, because a head is here as a whole before anybody looks at it: a few searches over all of it find each forbidden
character at once, where a parser that calls back for every header would cost more than all that happens here.  What is
refused raises `HeadError`, nothing else.
"""

import re
from typing import Any, Final

END: Final = b"\r\n\r\n"

# As in protocol.uwsgi and wsgi.environ: more digits than any length has.
MAX_LENGTH_DIGITS: Final = 18
# Longer than any registered method (RFC 9110, 16.1.1: UPDATEREDIRECTREF has 17).
MAX_METHOD: Final = 32
# Spellings of header names that are remembered, and how long one of them may be: what clients invent must not make it
# grow without bound.
MAX_KNOWN: Final = 1024
MAX_KNOWN_NAME: Final = 64

# What may stand in no line of a head: all control characters but TAB, and the CR and LF that end the lines.
CONTROLS: Final = bytes([*range(9), 0x0B, 0x0C, *range(0x0E, 0x20), 0x7F])
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_TOKEN_BYTES: Final = b"!#$%&'*+.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-"
# RFC 3986, 3.2.2, without what browsers and proxies read in different ways; host names of containers have `_`.
_HOST: Final = re.compile(r"([A-Za-z0-9._~!$&'()*+;=-]+|\[[0-9A-Fa-fv:.]+\])(?::([0-9]{0,5}))?")
MAX_PORT: Final = 65535
_VERSION: Final = re.compile(r"HTTP/[0-9]\.[0-9]")
# What follows a % in a path, and its character; a NUL is nothing that a path may hold.
_ESCAPES: Final[dict[str, str]] = {
    first + second: chr(int(first + second, 16))
    for first in "0123456789abcdefABCDEF"
    for second in "0123456789abcdefABCDEF"
    if first + second != "00"
}
# Whoever sends one of these twice means to be understood in two ways.
_ONCE: Final = frozenset({"HTTP_HOST", "CONTENT_LENGTH", "CONTENT_TYPE"})
# Header name as it came -> key of the environ; "" for one that is left out.  A client's Proxy header would become
# HTTP_PROXY, which libraries read as a setting (CVE-2016-5385).
_keys: dict[str, str] = {"Proxy": "", "proxy": "", "PROXY": ""}
# Those that nobody shall crowd out.
_USUAL: Final = (
    "Accept", "Accept-Charset", "Accept-Encoding", "Accept-Language", "Authorization", "Cache-Control", "Connection",
    "Content-Length", "Content-Type", "Cookie", "DNT", "Expect", "Forwarded", "Host", "If-Match", "If-Modified-Since",
    "If-None-Match", "If-Range", "If-Unmodified-Since", "Keep-Alive", "Max-Forwards", "Origin", "Pragma", "Priority",
    "Range", "Referer", "Sec-Ch-Ua", "Sec-Ch-Ua-Mobile", "Sec-Ch-Ua-Platform", "Sec-Fetch-Dest", "Sec-Fetch-Mode",
    "Sec-Fetch-Site", "Sec-Fetch-User", "Sec-GPC", "TE", "Traceparent", "Tracestate", "Transfer-Encoding", "Upgrade",
    "Upgrade-Insecure-Requests", "User-Agent", "Via", "X-CSRF-Token", "X-CSRFToken", "X-Forwarded-For",
    "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Proto", "X-Real-Ip", "X-Request-Id",
    "X-Requested-With",
)  # fmt: skip


class HeadError(Exception):
    """A request that is refused with `status`; the message is the reason, `offending` the bytes that are wrong."""

    def __init__(self, status: int, reason: str, offending: bytes) -> None:
        super().__init__(reason)
        self.status = status
        self.offending = offending


class Framing:
    """How the body comes: `length` bytes, or `chunked`; `expects` if the client waits for 100 (Continue)."""

    def __init__(self, length: int, chunked: bool, expects: bool) -> None:
        self.length = length
        self.chunked = chunked
        self.expects = expects


# ---- is it all there ---------------------------------------------------------------------------------------------


def find_end(data: bytes, seen: int, limit: int) -> int:
    """Where the head at the beginning of `data` ends, -1 while it does not; `seen` bytes were looked at before.

    Raises HeadError for a head of more than `limit` bytes (option `buffer-size`), and for what will never be one.
    """
    end = data.find(END, seen - 3 if seen > 3 else 0, limit)
    if end >= 0:
        return end + 4
    _check_beginning(data, seen)
    if len(data) < limit:
        return -1
    if data.find(b"\r\n", 0, limit) < 0:
        raise HeadError(414, f"the request line has more than {limit} bytes (see buffer-size)", data[:64])
    raise HeadError(431, f"the head has more than {limit} bytes (see buffer-size)", data[:64])


def _check_beginning(data: bytes, seen: int) -> None:
    """Refuse what can be no head of HTTP, judged by as much as there is."""
    first = data[:1]
    if first not in _TOKEN_BYTES and data != b"\r":  # b"" is in every bytes
        if data.startswith(b"\x16\x03"):
            raise HeadError(400, "a client speaks TLS to this HTTP socket", data[:16])
        if first == b"\0":
            raise HeadError(400, "a client speaks uwsgi to this HTTP socket (in nginx use proxy_pass here)", data[:16])
        raise HeadError(400, "a request begins with its method", data[:16])
    line_end = data.find(b"\r\n")
    if line_end >= 0 and line_end >= seen - 1:
        _split(data[:line_end].decode("latin-1"))
    start = seen - 1 if seen > 0 and data[seen - 1 : seen] == b"\r" else seen
    if data.count(b"\n", start) != data.count(b"\r\n", start):
        raise HeadError(400, "a line ends without CR", data[:64])


# ---- the head ----------------------------------------------------------------------------------------------------


def decode_head(data: bytes, end: int, environ: dict[str, Any], max_headers: int) -> Framing:
    """Decode the head `data[:end]` into `environ`, as CGI names it; how its body is framed.

    PATH_INFO is decoded, REQUEST_URI and QUERY_STRING are as they came.  Text is latin-1 (PEP 3333).  `environ` is
    empty: what is in it would be taken for a header of the client's.  Raises HeadError.
    """
    lines = data[: end - 4].decode("latin-1").split("\r\n")
    count = len(lines)
    if data.count(b"\n", 0, end) != count + 1 or data.count(b"\r", 0, end) != count + 1:
        raise HeadError(400, "CR or LF stands alone", _line_with(lines, "\r", "\n"))
    if len(data[:end].translate(None, CONTROLS)) != end:
        raise HeadError(400, "a control character", _line_with(lines, *CONTROLS.decode("latin-1")))
    if count - 1 > max_headers:
        raise HeadError(431, f"{count - 1} headers (max {max_headers}; see max-vars)", data[:64])
    method, target, protocol = _split(lines[0])
    environ["REQUEST_METHOD"] = method
    environ["SERVER_PROTOCOL"] = protocol
    environ["REQUEST_URI"] = target
    for index in range(1, count):
        _decode_header(lines[index], environ)
    host: str | None = environ.get("HTTP_HOST")
    if host is None:
        if protocol == "HTTP/1.1":
            raise HeadError(400, "no Host header", _bytes(lines[0]))
    elif host != "" and not _is_host(host):
        raise HeadError(400, "Host is no name of a host", _bytes(host))
    _decode_target(target, method, environ)
    return _framing(protocol, environ)


def is_token(text: str) -> bool:
    """Whether it may be the name of a header (RFC 9110, 5.6.2)."""
    return _TOKEN.fullmatch(text) is not None


def _is_host(text: str) -> bool:
    """Whether it is a name or an address, with a port behind it or without one."""
    found = _HOST.fullmatch(text)
    return found is not None and int(found[2] or "0") <= MAX_PORT


def _bytes(text: str) -> bytes:
    """What is shown of a line."""
    return text.encode("latin-1")[:128]


def _line_with(lines: list[str], *characters: str) -> bytes:
    """The first line with one of them."""
    for line in lines:
        for character in characters:
            if character in line:
                return _bytes(line)
    return b""


def _split(line: str) -> list[str]:
    """Method, target and version of a request line.  Raises HeadError."""
    parts = line.split(" ")
    if line.startswith("PROXY "):
        raise HeadError(
            400, "a proxy speaks the PROXY protocol to this HTTP socket (it is to be switched off)", _bytes(line)
        )
    if len(parts) != 3:
        raise HeadError(400, "the request line is not a method, a target and a version", _bytes(line))
    method = parts[0]
    if len(method) > MAX_METHOD or _TOKEN.fullmatch(method) is None:
        raise HeadError(400, "the method is no token", _bytes(line))
    version = parts[2]
    if version != "HTTP/1.1" and version != "HTTP/1.0":
        if _VERSION.fullmatch(version) is None:
            raise HeadError(400, "no version of HTTP", _bytes(line))
        raise HeadError(505, "HTTP/1.1 and 1.0 are served", _bytes(line))
    if method == "CONNECT":
        raise HeadError(501, "this is no proxy", _bytes(line))
    return parts


def _decode_header(line: str, environ: dict[str, Any]) -> None:
    name, colon, value = line.partition(":")
    key = _keys.get(name)
    if key is None or colon == "":
        key = _key(name, colon, line)
    if key == "":
        return
    value = value.strip(" \t")
    if key not in environ:
        environ[key] = value
    elif key in _ONCE:
        raise HeadError(400, f"a second {name}", _bytes(line))
    else:
        # RFC 9110, 5.3; RFC 9113, 8.2.3 has the sign for cookies.
        environ[key] = f"{environ[key]}{'; ' if key == 'HTTP_COOKIE' else ', '}{value}"


def _key(name: str, colon: str, line: str) -> str:
    """The environ's key for a header name that is not known yet, "" for one to leave out.  Raises HeadError."""
    if line.startswith((" ", "\t")):
        raise HeadError(400, "a folded header", _bytes(line))
    if colon == "":
        raise HeadError(400, "a header without a colon", _bytes(line))
    if _TOKEN.fullmatch(name) is None:
        raise HeadError(400, "the name of a header is no token", _bytes(line))
    key = name.upper().replace("-", "_")
    if "_" in name or key == "PROXY":
        # `X_Forwarded_For` would be taken for `X-Forwarded-For` (nginx leaves such names out as well).
        key = ""
    elif key != "CONTENT_LENGTH" and key != "CONTENT_TYPE":
        key = "HTTP_" + key
    if len(name) <= MAX_KNOWN_NAME and len(_keys) < MAX_KNOWN:
        _keys[name] = key
    return key


for _name in _USUAL:
    for _spelling in (_name, _name.lower()):
        _key(_spelling, ":", _spelling)


def _framing(protocol: str, environ: dict[str, Any]) -> Framing:
    """How the body is framed (RFC 9112, 6): what could be read in two ways is refused."""
    expect: str = environ.get("HTTP_EXPECT", "")
    expects = expect != "" and expect.lower() == "100-continue" and protocol == "HTTP/1.1"
    coding: str | None = environ.get("HTTP_TRANSFER_ENCODING")
    text: str | None = environ.get("CONTENT_LENGTH")
    if coding is None:
        length = 0
        if text is not None:
            length = _length(text)
            if text.startswith("0"):
                # Some read an octal number there.
                environ["CONTENT_LENGTH"] = str(length)
        return Framing(length, False, expects)
    if text is not None:
        raise HeadError(400, "Content-Length beside Transfer-Encoding", _bytes(f"{text} and {coding}"))
    if protocol == "HTTP/1.0":
        raise HeadError(400, "HTTP/1.0 has no Transfer-Encoding", _bytes(coding))
    codings = [part.strip(" \t") for part in coding.lower().split(",")]
    if codings[-1] != "chunked" or codings.count("chunked") != 1:
        raise HeadError(400, "Transfer-Encoding does not end in one chunked", _bytes(f"Transfer-Encoding: {coding}"))
    if len(codings) > 1:
        raise HeadError(501, "no other Transfer-Encoding than chunked is read", _bytes(coding))
    return Framing(0, True, expects)


def _length(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise HeadError(400, "Content-Length is not a whole number", _bytes(f"Content-Length: {text}"))
    digits = text.lstrip("0")
    if len(digits) > MAX_LENGTH_DIGITS:
        raise HeadError(413, "nobody sends so much", _bytes(text))
    return int(digits or "0")


# ---- the target --------------------------------------------------------------------------------------------------


def _decode_target(target: str, method: str, environ: dict[str, Any]) -> None:
    """PATH_INFO and QUERY_STRING, and the host of an absolute target (RFC 9112, 3.2)."""
    if "#" in target or "\t" in target:
        raise HeadError(400, "no such character in a target", _bytes(target))
    path, mark, query = target.partition("?")
    if not target.startswith("/"):
        if target == "*" and method == "OPTIONS":
            environ["PATH_INFO"] = ""
            environ["QUERY_STRING"] = ""
            return
        scheme, separator, rest = path.partition("://")
        if separator == "" or scheme.lower() not in ("http", "https"):
            raise HeadError(400, "the target is no path", _bytes(target))
        host, slash, path = rest.partition("/")
        if not _is_host(host):
            raise HeadError(400, "the target names no host", _bytes(target))
        environ["HTTP_HOST"] = host
        path = "/" + path if slash else "/"
        # As if it had been asked for like that: what makes links of it must not find a host in it.
        environ["REQUEST_URI"] = path + mark + query
    environ["PATH_INFO"] = decode_path(path)
    environ["QUERY_STRING"] = query


def decode_path(path: str) -> str:
    """`path` without its dot segments and escapes, in this order, as in uWSGI: `/a/../%2e%2e/b%20c` is `/../b c`.

    Raises HeadError for a % without two digits behind it, and for %00.
    """
    if "/." in path:
        path = _without_dots(path)
    if "%" not in path:
        return path
    pieces = path.split("%")
    for index in range(1, len(pieces)):
        piece = pieces[index]
        character = _ESCAPES.get(piece[:2])
        if character is None:
            raise HeadError(400, "no such escape in a path", _bytes("%" + piece[:2]))
        pieces[index] = character + piece[2:]
    return "".join(pieces)


def _without_dots(path: str) -> str:
    """RFC 3986, 5.2.4."""
    found: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            if found:
                found.pop()
        elif segment != ".":
            found.append(segment)
    if segments[-1] in (".", ".."):
        found.append("")
    return "/" + "/".join(found)


# ---- for whoever watches -----------------------------------------------------------------------------------------


def head_vars(data: bytes) -> list[tuple[str, str]]:
    """CGI names and values in the beginning of a head that was decoded, as they came; what is cut off is left out."""
    lines = data.partition(END)[0].decode("latin-1").split("\r\n")
    if END not in data:
        lines.pop()
    if not lines:
        return []
    method, _, rest = lines[0].partition(" ")
    target, _, protocol = rest.partition(" ")
    found = [("REQUEST_METHOD", method), ("REQUEST_URI", target), ("SERVER_PROTOCOL", protocol)]
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        key = _key(name, colon, line) if _TOKEN.fullmatch(name) and colon else ""
        if key:
            found.append((key, value.strip(" \t")))
    return found
