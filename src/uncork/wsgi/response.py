"""One request's answer: start_response(), write(), the head, and what may still be done when things go wrong.

Runs in: worker (compiled by mypyc).  PEP 3333, "The start_response() Callable".
On a uwsgi socket the answer is an HTTP head and body as they are (uWSGI proto/base.c): the status line echoes
SERVER_PROTOCOL, headers keep the application's order and spelling, nothing is added but what option `add-header` says.
On an HTTP socket, where no nginx does it, Date and Connection stand behind them.
"""

import time
from collections.abc import Callable
from http import HTTPStatus
from types import TracebackType
from typing import Any, Final

from uncork.protocol.httpanswer import http_date
from uncork.wsgi.filewrapper import FileWrapper
from uncork.wsgi.wire import Wire

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]

# uWSGI's response-headers-limit (core/init.c): what nginx would hardly take either.
MAX_HEAD_SIZE: Final = 65535
# From this size on, copying head and body together costs more than a gathering write.
GATHER_SIZE: Final = 16384

_REASONS: Final = {str(status.value): status.phrase for status in HTTPStatus}
_BODILESS: Final = frozenset({"204", "304"})


class Ending:
    """What stands behind the application's headers: `extra` lines as they are, and for `http` those of the server.

    `added` is how many headers the last head got.
    """

    def __init__(self, extra: tuple[str, ...] = (), http: bool = False) -> None:
        # Each request has a connection of its own so far: whatever somebody wants to add, it ends.
        lines = [line for line in extra if not line.lower().startswith("connection:")] if http else list(extra)
        if http:
            lines.append("Connection: close")
        self._text = "".join([f"\r\n{line}" for line in lines]) + "\r\n\r\n"
        self._lines = len(lines)
        self._dates = http and "\r\ndate:" not in self._text.lower()
        self._second = -1
        self._dated = ""
        self.added = self._lines

    def complete(self, head: str) -> str:
        """The whole head; with a Date, where that is the server's to say (RFC 9110, 6.6.1), unless it has one."""
        if not self._dates:
            return head + self._text
        if "\r\ndate:" in head.lower():
            self.added = self._lines
            return head + self._text
        second = int(time.time())
        if second != self._second:
            self._dated = f"\r\nDate: {http_date(second)}{self._text}"
            self._second = second
        self.added = self._lines + 1
        return head + self._dated


# Where nothing is to be added.
PLAIN: Final = Ending()


class BadResponse(Exception):
    """The application broke PEP 3333 or HTTP in a way that must not reach the client; the message says how."""


class Response:
    """The answer to one request over `wire`.

    `protocol` is what the status line begins with, `head_only` whether the method is HEAD: the body is then taken from
    the application and not sent, as for 204 and 304 (RFC 9110, 6.4.1).  `ending` is not shared between threads.
    """

    def __init__(self, wire: Wire, protocol: str, head_only: bool, ending: Ending = PLAIN) -> None:
        self._wire = wire
        self._ending = ending
        self._protocol = protocol
        self._is_head = head_only
        # Whether the answer ends with its head; decided anew by every start_response().
        self._head_only = head_only
        # The encoded head, empty until start_response() was called.
        self._head = b""
        self.head_sent = False
        # For the request log: status code, number of headers, bytes of head and of body, and whether sendfile was used.
        self.status = ""
        self.headers = 0
        self.head_size = 0
        self.body_size = 0
        self.by_sendfile = False
        # All of the answer has been sent: what fails from here on is no business of the client's.
        self.complete = False
        # The Content-Length that the application gave, -1 for none.
        self._length = -1

    def start_response(self, status: Any, headers: Any, exc_info: ExcInfo | None = None) -> Callable[[Any], None]:
        """PEP 3333's callable: `status` such as "200 OK", `headers` an iterable of (name, value) strings.

        Nothing is taken for granted of what an application passes.
        Raises BadResponse for a status that is no status, a header that is not two strings, and CR, LF or NUL anywhere;
        the exception of `exc_info` if the head is out already; RuntimeError if called twice without `exc_info`.
        """
        if exc_info is not None:
            if self.head_sent:
                raise exc_info[1].with_traceback(exc_info[2])
        elif self._head:
            raise RuntimeError("start_response() was called a second time without exc_info (PEP 3333)")
        if not isinstance(status, str) or not is_status(status):
            raise BadResponse(f"start_response() got {status!r} as status (expected such as '200 OK')")
        code = status[:3]
        # As in uWSGI, a bare code gets its reason from the table.
        line = f"{code} {_REASONS.get(code, 'Unknown')}" if len(status) <= 4 else status
        lines = [f"{self._protocol} {line}"]
        length = -1
        for header in headers:
            try:
                name, value = header
            except (TypeError, ValueError):
                raise BadResponse(f"header {header!r} (expected a pair of strings)") from None
            if not isinstance(name, str) or not isinstance(value, str):
                raise BadResponse(f"header {name!r}: {value!r} (expected two strings)")
            lines.append(f"{name}: {value}")
            if len(name) == 14 and name.lower() == "content-length" and value.isascii() and value.isdigit():
                length = int(value)
        text = "\r\n".join(lines)
        # One scan for each forbidden character instead of one for each header: the only CR and LF are our own.
        if text.count("\n") != len(lines) - 1 or text.count("\r") != len(lines) - 1 or "\0" in text:
            raise BadResponse("a status or header contains CR, LF or NUL; nothing of it was sent")
        try:
            head = self._ending.complete(text).encode("latin-1")
        except UnicodeEncodeError:
            raise BadResponse("a status or header contains characters outside latin-1 (PEP 3333)") from None
        if len(head) > MAX_HEAD_SIZE:
            raise BadResponse(f"the response's head has {len(head)} bytes (max {MAX_HEAD_SIZE})")
        self._head = head
        self.status = code
        self._length = length
        self.headers = len(lines) - 1 + self._ending.added
        self._head_only = self._is_head or code in _BODILESS
        return self.write

    def write(self, data: Any) -> None:
        """Send `data`, and the head before it if that has not gone yet.  An empty `data` sends nothing at all.

        Raises BadResponse if start_response() was not called or `data` is not bytes, WriteError if the client is gone.
        """
        if not isinstance(data, bytes):
            raise BadResponse(f"the application returned {type(data).__name__} (expected bytes)")
        if len(data) == 0:
            return
        if self.head_sent:
            if not self._head_only:
                self._wire.send(data)
                self.body_size += len(data)
            return
        if self._head_only:
            self.send_head()
            return
        head = self._take_head()
        if len(data) < GATHER_SIZE:
            self._wire.send(head + data)
        else:
            self._wire.send_two(head, data)
        self.body_size += len(data)

    def _take_head(self) -> bytes:
        """The head, counted as sent."""
        if not self._head:
            raise BadResponse("the application sent a body before it called start_response()")
        self.head_sent = True
        self.head_size = len(self._head)
        return self._head

    def send_head(self) -> None:
        """Send the head if it has not gone yet: the end of a response without a body."""
        if not self.head_sent:
            self._wire.send(self._take_head())

    def send_file(self, wrapper: FileWrapper) -> bool:
        """Send what `wrapper` holds by sendfile; False if that is not possible and it must be iterated.

        What goes beyond the file's end at this moment is not sent.  Raises WriteError.
        """
        span = wrapper.span()
        if span is None:
            return False
        self.send_head()
        if not self._head_only:
            # PEP 3333: until the end of the file, or until Content-Length bytes are sent.
            count = span[2] if self._length < 0 else min(span[2], self._length)
            self.body_size += self._wire.send_file(span[0], span[1], count)
            self.by_sendfile = True
        return True

    def fail(self, status: str = "500 Internal Server Error", detail: str = "") -> bool:
        """Answer `status` if nothing has been sent yet, without any but this detail; False if it is too late for that.

        Raises WriteError.
        """
        if self.head_sent:
            return False
        self._head = b""
        body = (detail or status[4:] + "\n").encode("utf-8", "backslashreplace")
        self.start_response(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
        self.write(body)
        return True


def is_status(status: str) -> bool:
    """Whether `status` is three ASCII digits, alone or with a space behind them (RFC 9112, 4)."""
    code = status[:3]
    return len(code) == 3 and code.isascii() and code.isdigit() and (len(status) == 3 or status[3] == " ")
