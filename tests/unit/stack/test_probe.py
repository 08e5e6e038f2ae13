"""Whether an answer through nginx came from the app."""

import pytest

from uncork.nginx.site import Listen
from uncork.stack.probe import from_app, request_head


@pytest.mark.parametrize(
    ("head", "answer"),
    [
        (b"HTTP/1.1 200 OK\r\nServer: nginx\r\n\r\n", True),
        (b"HTTP/1.1 404 NOT FOUND\r\n\r\n", True),
        (b"HTTP/1.1 500 Internal Server Error\r\n\r\n", True),
        (b"HTTP/1.1 503 Busy\r\nRetry-After: 1\r\n\r\n", True),
        (b"HTTP/1.1 502 Bad Gateway\r\nX-Uncork-Unavailable: 1\r\n\r\n", False),
        (b"HTTP/1.1 504 Timeout\r\nServer: nginx\r\nx-uncork-unavailable: 1\r\n\r\n", False),
        (b"HTTP/1.1\r\n\r\n", False),
        (b"garbage", False),
    ],
)
def test_who_answered(head: bytes, answer: bool) -> None:
    """Any answer of the app is one, its own 503 too; nginx's page in its place is marked."""
    assert from_app(head) is answer


def test_the_request_names_the_address() -> None:
    """The app sees the host that people will use, and who asked."""
    head = request_head(Listen("::1", 8000), "/bbb/")

    assert head.startswith(b"HEAD /bbb/ HTTP/1.1\r\nHost: [::1]:8000\r\nUser-Agent: uncork-up\r\n")
    assert head.endswith(b"\r\nConnection: close\r\n\r\n")
