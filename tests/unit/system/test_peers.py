"""Who may speak uwsgi over TCP."""

import pytest

from uncork.system.peers import CACHE_SIZE, Peers


@pytest.mark.parametrize(
    ("host", "admitted"),
    [
        ("127.0.0.1", True),
        ("127.255.255.254", True),
        ("::1", True),
        ("10.0.0.1", True),
        ("10.255.255.255", True),
        ("172.16.0.1", True),
        ("172.31.255.255", True),
        ("192.168.1.1", True),
        ("169.254.1.1", True),
        ("fe80::1", True),
        ("fe80::1%eth0", True),
        ("fd00::1", True),
        ("::ffff:127.0.0.1", True),
        ("::ffff:192.168.1.1", True),
        ("172.15.255.255", False),
        ("172.32.0.1", False),
        ("11.0.0.1", False),
        ("9.255.255.255", False),
        ("192.167.255.255", False),
        ("8.8.8.8", False),
        ("100.64.0.1", False),
        ("2600::1", False),
        ("::ffff:8.8.8.8", False),
    ],
)
def test_loopback_and_private_networks_are_admitted_and_nobody_else(host: str, admitted: bool) -> None:
    """Of both families, and for IPv4 in the form that an IPv6 socket shows it; the answer stays the same."""
    peers = Peers([])

    assert [peers.admits(host) for _ in range(3)] == [admitted] * 3


@pytest.mark.parametrize(
    ("host", "admitted"),
    [
        ("8.8.8.8", True),
        ("8.8.8.9", False),
        ("9.9.9.200", True),
        ("9.9.10.1", False),
        ("::ffff:9.9.9.1", True),
        ("2600:1::5", True),
        ("2600:2::5", False),
        ("127.0.0.1", True),
    ],
)
def test_allow_from_names_more_of_them(host: str, admitted: bool) -> None:
    """Networks, single addresses, and networks whose host bits are not zero."""
    assert Peers(["8.8.8.8", "9.9.9.9/24", "2600:1::/32"]).admits(host) == admitted


def test_everybody_can_be_allowed() -> None:
    """Whoever writes it has said it."""
    peers = Peers(["0.0.0.0/0", "::/0"])

    assert peers.admits("8.8.8.8")
    assert peers.admits("2600::1")


def test_a_scan_from_everywhere_changes_no_answer() -> None:
    """More addresses than are remembered: the answers stay right."""
    peers = Peers(["8.0.0.0/16"])
    hosts = [f"8.{high}.{number >> 8}.{number & 255}" for number in range(CACHE_SIZE) for high in (0, 1)]

    assert all(peers.admits(host) == (host.split(".")[1] == "0") for _ in range(2) for host in hosts)
