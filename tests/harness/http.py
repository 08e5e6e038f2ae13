"""A client of HTTP that speaks like the one of the uwsgi protocol: the same variables, as a head of HTTP."""

from collections.abc import Mapping

from harness.uwsgi import Answer, variables

# What a head does not say: the server does, or nginx in its place.
_SERVERS = frozenset(name for name in variables() if not name.startswith("HTTP_"))


def encode(sent: Mapping[str, str]) -> bytes:
    """The head of a request with these variables; one that is no header of HTTP becomes one of its name."""
    protocol = sent.get("SERVER_PROTOCOL", "HTTP/1.1")
    target = sent.get("REQUEST_URI") or sent["PATH_INFO"]
    lines = [f"{sent.get('REQUEST_METHOD', 'GET')} {target} {protocol}"]
    if "HTTP_HOST" not in sent:
        lines.append("Host: localhost")
    shown = [name for name in ("CONTENT_LENGTH", "CONTENT_TYPE") if sent.get(name)]
    lines += [f"{_header(name)}: {sent[name]}" for name in (*shown, *(name for name in sent if name not in _SERVERS))]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _header(name: str) -> str:
    return name.removeprefix("HTTP_").replace("_", "-").title()


def own(answer: Answer) -> Answer:
    """What of an answer is the application's: without the two headers that are the server's, which must be there."""
    head, found, body = answer.raw.partition(b"\r\n\r\n")
    if not found:
        return answer
    *lines, date, connection = head.split(b"\r\n")
    assert date.startswith(b"Date: "), head
    assert connection == b"Connection: close", head
    return Answer(b"\r\n".join(lines) + b"\r\n\r\n" + body, answer.reset)
