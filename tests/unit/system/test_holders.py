"""Who holds an address, asked about sockets of this very process."""

import os
import socket
from pathlib import Path

import pytest

from uncork.system.holders import COMMAND_LENGTH, Holder, who_holds_tcp, who_holds_unix


@pytest.mark.parametrize(
    ("bound", "family", "asked"),
    [
        ("127.0.0.1", socket.AF_INET, "127.0.0.1"),
        ("127.0.0.1", socket.AF_INET, "0.0.0.0"),
        ("0.0.0.0", socket.AF_INET, "127.0.0.1"),
        ("0.0.0.0", socket.AF_INET, "localhost"),
        ("::1", socket.AF_INET6, "::1"),
        ("::ffff:127.0.0.1", socket.AF_INET6, "127.0.0.1"),
    ],
)
def test_the_listener_that_is_in_the_way_is_named(bound: str, family: socket.AddressFamily, asked: str) -> None:
    """Whoever listens where the asked address would bind is reported with pid and command."""
    with socket.socket(family) as listener:
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind((bound, 0))
        listener.listen()
        holder = who_holds_tcp(asked, listener.getsockname()[1])

    assert holder is not None
    assert holder.pid == os.getpid()
    assert "python" in holder.command
    assert len(holder.command) <= COMMAND_LENGTH


def test_another_address_of_the_machine_is_not_in_the_way() -> None:
    """A listener on 127.0.0.1 does not keep anybody from 127.0.0.2."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert who_holds_tcp("127.0.0.2", listener.getsockname()[1]) is None


def test_a_port_that_is_bound_and_does_not_listen_has_no_holder() -> None:
    """Only listeners are in the way; a free port has no holder."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))

        assert who_holds_tcp("127.0.0.1", bound.getsockname()[1]) is None


@pytest.mark.parametrize("name", ["app.sock", "with two spaces.sock"])
def test_the_holder_of_a_unix_socket_is_named(tmp_path: Path, name: str) -> None:
    """A bound socket file leads to its process, whatever characters its path has."""
    path = str(tmp_path / name)
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(path)
        holder = who_holds_unix(path)

    assert holder is not None
    assert holder.pid == os.getpid()
    assert who_holds_unix(path) is None


def test_the_holder_of_an_abstract_socket_is_named() -> None:
    """Abstract names are asked for with @."""
    name = f"uncork-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(f"\0{name}")

        assert who_holds_unix(f"@{name}") is not None


def test_a_holder_reads_as_part_of_a_sentence() -> None:
    """Messages say `in use by pid 7 (nginx: master process)`."""
    assert str(Holder(7, "nginx: master process")) == "pid 7 (nginx: master process)"
