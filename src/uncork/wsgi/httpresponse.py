"""An answer on an HTTP socket, where no nginx stands between the application and the client (RFC 9110, RFC 9112).

Runs in: worker (compiled by mypyc).  What would break the client's reading of the answer becomes 500 before anything of
it is sent, or is left out; the body has as many bytes as its Content-Length says, or fewer if there are no more.
"""

from typing import Any, Final

from uncork.protocol.http import MAX_LENGTH_DIGITS, is_token
from uncork.wsgi.response import BadResponse, Ending, ExcInfo, Response, is_status
from uncork.wsgi.wire import Wire

# What every status line begins with, whatever the client speaks (RFC 9110, 6.2).
HTTP: Final = "HTTP/1.1"
# Of a connection, which is the server's (RFC 9110, 7.6.1; PEP 3333, "Other HTTP Features").
_HOP_BY_HOP: Final = frozenset(
    {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
)
# Kinds of headers.
_PLAIN: Final = 1
_LENGTH: Final = 2
_DROPPED: Final = 3
# Names that were looked at.  An application may make them up, so neither their number nor their size is left to it.
_MAX_KNOWN: Final = 1024
_MAX_KNOWN_NAME: Final = 64
_kinds: dict[str, int] = {}


class HttpResponse(Response):
    """The answer to one request over `wire`; the rest is as in Response."""

    def __init__(self, wire: Wire, head_only: bool, ending: Ending) -> None:
        super().__init__(wire, HTTP, head_only, ending)
        # Whether the application had more body than its Content-Length says.
        self.excess = False

    def start_response(self, status: Any, headers: Any, exc_info: ExcInfo | None = None) -> Any:
        """See Response.start_response.

        Raises BadResponse for an interim status, a name that is no token and for a Content-Length that cannot be.
        """
        if not self.head_sent and isinstance(status, str) and is_status(status):
            if status < "2":
                raise BadResponse(f"start_response() got {status!r} as status (the server's to send, not the app's)")
            headers = _permitted(headers, status[:3])
        return super().start_response(status, headers, exc_info)

    def write(self, data: Any) -> None:
        """See Response.write.  Raises BadResponse behind the last byte that Content-Length has room for."""
        if self._length < 0 or self._head_only or not isinstance(data, bytes):
            super().write(data)
            return
        room = self._length - self.body_size
        if len(data) <= room:
            super().write(data)
            return
        self.excess = True
        if room > 0:
            super().write(data[:room])
        else:
            self.send_head()
        # To ask for the rest would be no use, and it may have no end.
        self.complete = True
        raise BadResponse("the application has more body than its Content-Length says")

    def discrepancy(self) -> str:
        """What is wrong with the length of an answer that is out, fit for a log line; "" for nothing."""
        if self.excess:
            return f"more body than its Content-Length, {self._length}: the rest was cut off"
        if self._length < 0 or self._head_only or self.body_size >= self._length:
            return ""
        return f"{self.body_size} bytes of body (Content-Length: {self._length})"


def _permitted(headers: Any, code: str) -> list[Any]:
    """`headers` without those that are not the application's to send.  Raises BadResponse."""
    kept: list[Any] = []
    length = ""
    for header in headers:
        try:
            name, value = header
        except (TypeError, ValueError):
            return [header]  # Response says what is wrong with it
        if not isinstance(name, str) or not isinstance(value, str):
            return [header]
        kind = _kinds.get(name, 0)
        if kind == 0:
            kind = _kind(name)
        if kind == _PLAIN:
            kept.append(header)
        elif kind == _LENGTH:
            digits = _digits(value)
            if length == "":
                length = digits
                # RFC 9110, 8.6
                if code != "204":
                    kept.append((name, digits))
            elif digits != length:
                raise BadResponse(f"two values of Content-Length: {length} and {digits}")
    return kept


def _kind(name: str) -> int:
    """What is done with headers of this name.  Raises BadResponse."""
    if "\r" in name or "\n" in name or "\0" in name:
        return _PLAIN  # Response refuses it, as wherever it stands
    if not is_token(name):
        raise BadResponse(f"header name {name!r} is no token (RFC 9110, 5.1); nothing of the answer was sent")
    lower = name.lower()
    kind = _LENGTH if lower == "content-length" else _DROPPED if lower in _HOP_BY_HOP else _PLAIN
    if len(name) <= _MAX_KNOWN_NAME and len(_kinds) < _MAX_KNOWN:
        _kinds[name] = kind
    return kind


def _digits(value: str) -> str:
    text = value.strip(" \t")
    if not (text.isascii() and text.isdigit()) or len(text) > MAX_LENGTH_DIGITS:
        raise BadResponse(f"Content-Length: {value!r} (expected a whole number)")
    return str(int(text))
