"""The port that nginx serves."""

import os
import socket

import pytest

from uncork.errors import ListenError
from uncork.stack import port
from uncork.stack.port import numeric_host, open_port, ports_to_try


def test_which_ports_are_tried() -> None:
    """A port that was asked for is the only one; otherwise the default and its successors."""
    assert list(ports_to_try(80)) == [80]
    assert list(ports_to_try(0)) == [0]
    assert list(ports_to_try(None))[:2] == [8000, 8001]


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("", "0.0.0.0"),
        ("*", "0.0.0.0"),
        ("::1", "::1"),
        ("[::1]", "::1"),
        ("localhost", "127.0.0.1"),
    ],
)
def test_hosts_become_addresses(host: str, address: str) -> None:
    """nginx is given numbers, and IPv4 where a name has both."""
    assert numeric_host(host) == address


@pytest.mark.parametrize("host", ["a" * 300, "a..b"])
def test_an_unknown_host_is_refused(host: str) -> None:
    """The option and its value stand in the sentence."""
    with pytest.raises(ListenError, match=f"--host {host}: "):
        numeric_host(host)


def test_the_next_free_port_is_taken_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who holds the default port is named, and the port that is used instead."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        default = taken.getsockname()[1]
        monkeypatch.setattr(port, "DEFAULT_PORT", default)
        opened = open_port("127.0.0.1", None)
        with opened.bound.sock as sock:
            chosen = sock.getsockname()[1]

    assert default < chosen <= default + port.SPARE_PORTS
    assert opened.note.startswith(f"{default} is taken by pid {os.getpid()} (")
    assert opened.note.endswith(f": taking {chosen}")


def test_a_port_that_was_asked_for_is_not_exchanged() -> None:
    """It is refused with the name of whoever holds it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        with pytest.raises(ListenError, match=rf"127\.0\.0\.1:{number}.*in use by pid {os.getpid()} \("):
            open_port("127.0.0.1", number)


def test_a_free_port_needs_no_note() -> None:
    """The kernel's choice is what was asked for with 0; nginx needs the socket non-blocking."""
    opened = open_port("127.0.0.1", 0)
    with opened.bound.sock as sock:
        assert not sock.getblocking()
    assert opened.note == ""
