"""Listening sockets that go on under new settings."""

import os
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from uncork.system.address import Address, Tcp, Unix
from uncork.system.keep import adjust, serves
from uncork.system.listen import Bound, Permissions, bind, queue
from uncork.system.process import fork

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
Listen = Callable[[Address], Bound]


@pytest.fixture
def listen() -> Iterator[Listen]:
    """A function that binds an address; closed at the end."""
    with ExitStack() as stack:

        def start(address: Address) -> Bound:
            bound = bind(address, 16, Permissions(mode=0o600))
            stack.callback(bound.sock.close)
            return bound

        yield start


def passed(bound: Bound) -> Bound:
    """The same as somebody else's: only what the kernel says of it is known."""
    name = bound.sock.getsockname()
    return Bound(bound.sock, Tcp(name[0], name[1]) if isinstance(name, tuple) else Unix(name), inherited=True)


def test_an_address_asked_for_again_is_the_same(listen: Listen, tmp_path: Path) -> None:
    """Even where the kernel chose the port, and where the name means several addresses."""
    for address in (Tcp("127.0.0.1", 0), Tcp("localhost", 0), Tcp("", 0), Tcp("::1", 0), Unix(str(tmp_path / "s"))):
        bound = listen(address)
        assert serves(bound, address)
        assert serves(bound, bound.address)
        assert not serves(bound, Tcp("127.0.0.1", 1))
        assert not serves(bound, Unix("other"))


@pytest.mark.parametrize(
    ("bound", "asked"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.1", "localhost"),
        ("", ""),
        ("", "0.0.0.0"),
        ("0.0.0.0", ""),
        ("::1", "::1"),
        ("::1", "0:0:0:0:0:0:0:1"),
        ("::", "::"),
    ],
)
def test_a_tcp_socket_of_somebody_else_is_known_by_its_address(listen: Listen, bound: str, asked: str) -> None:
    """However it is written; another port is another place."""
    there = passed(listen(Tcp(bound, 0)))
    assert isinstance(there.address, Tcp)
    assert serves(there, Tcp(asked, there.address.port))
    assert not serves(there, Tcp(asked, there.address.port ^ 1))
    assert not serves(there, Tcp(asked, 0))


@pytest.mark.parametrize(
    ("bound", "asked"),
    [("127.0.0.1", ""), ("", "127.0.0.1"), ("::1", "127.0.0.1"), ("127.0.0.1", "::1"), ("::", ""), ("::1", "")],
)
def test_an_address_beside_it_is_another(listen: Listen, bound: str, asked: str) -> None:
    """Every address is not one of them, and IPv6 is not IPv4."""
    there = passed(listen(Tcp(bound, 0)))
    assert isinstance(there.address, Tcp)
    assert not serves(there, Tcp(asked, there.address.port))


def test_a_socket_for_both_families_serves_a_bare_port() -> None:
    """systemd's `ListenStream=3031` binds [::] for both; `socket = :3031` means that one."""
    with socket.socket(socket.AF_INET6) as sock:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind(("::", 0))
        sock.listen()
        port = sock.getsockname()[1]
        there = Bound(sock, Tcp("::", port), inherited=True)
        assert serves(there, Tcp("", port))
        assert serves(there, Tcp("0.0.0.0", port))
        assert serves(there, Tcp("::", port))
        assert not serves(there, Tcp("127.0.0.1", port))


def test_a_name_that_nobody_knows_is_nowhere(listen: Listen) -> None:
    """It is bound later, and refused then."""
    there = passed(listen(Tcp("127.0.0.1", 0)))
    assert isinstance(there.address, Tcp)
    assert not serves(there, Tcp("no such host", there.address.port))


def test_a_socket_file_is_known_through_links_above_it(
    listen: Listen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Relative, absolute, or below a link such as /var/run."""
    (tmp_path / "run").mkdir()
    (tmp_path / "link").symlink_to("run")
    monkeypatch.chdir(tmp_path)
    there = passed(listen(Unix(str(tmp_path / "run" / "s"))))
    for path in ("run/s", "./link/../run/s", f"{tmp_path}/link/s"):
        assert serves(there, Unix(path))
    assert not serves(there, Unix("s"))
    assert not serves(there, Unix("@run/s"))


def test_an_abstract_name_is_only_itself(listen: Listen) -> None:
    """No path is looked up for it."""
    name = f"@uncork-test-keep-{os.getpid()}"
    there = listen(Unix(name))
    assert serves(replace(there, asked=None), Unix(name))
    assert not serves(there, Unix(name[1:]))


def test_a_socket_that_nobody_can_reach_serves_nowhere(listen: Listen, tmp_path: Path) -> None:
    """Its file was removed, or another server's stands there: a fresh one is needed."""
    address = Unix(str(tmp_path / "s"))
    there = listen(address)
    os.unlink(address.path)
    assert not serves(there, address)
    listen(address)
    assert not serves(there, address)


def test_a_new_backlog_takes_effect_at_once(listen: Listen) -> None:
    """Who waits already goes on waiting."""
    there = listen(Tcp("127.0.0.1", 0))
    with socket.create_connection(there.sock.getsockname()):
        assert adjust(there, 33, Permissions()) == []
        assert queue(there.sock) == (1, 33)
        there.sock.accept()[0].close()


def test_a_new_mode_takes_effect_at_once(listen: Listen, tmp_path: Path) -> None:
    """And without chmod-socket the mode stays as it is."""
    path = str(tmp_path / "s")
    there = listen(Unix(path))
    for asked, mode in ((None, 0o600), (0o660, 0o660), (0o666, 0o666), (None, 0o666)):
        assert adjust(there, 16, Permissions(mode=asked)) == []
        assert stat.S_IMODE(os.stat(path).st_mode) == mode


@AS_ROOT
def test_a_new_owner_takes_effect_at_once(listen: Listen, tmp_path: Path) -> None:
    """As long as the server still may give files away."""
    path = str(tmp_path / "s")
    there = listen(Unix(path))
    assert adjust(there, 16, Permissions(mode=0o660, owner="54321:54322")) == []
    status = os.stat(path)
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (54321, 54322, 0o660)


@AS_ROOT
def test_an_owner_that_cannot_be_changed_is_said(listen: Listen, tmp_path: Path) -> None:
    """The mode is changed nevertheless."""
    path = str(tmp_path / "s")
    tmp_path.chmod(0o755)
    there = bind(Unix(path), 16, Permissions(mode=0o600, owner="54321"))

    def main() -> int:
        os.chdir(tmp_path)
        os.setuid(54321)
        own = replace(there, address=Unix("s"))
        lines = adjust(own, 16, Permissions(mode=0o666, owner="0"))
        assert lines == [
            "chown-socket = 0: s stays as it is: operation not permitted (a restart as root would change it)"
        ]
        return 42

    with there.sock:
        _, status = os.waitpid(fork(main), 0)
    assert os.waitstatus_to_exitcode(status) == 42
    assert (os.stat(path).st_uid, stat.S_IMODE(os.stat(path).st_mode)) == (54321, 0o666)


def test_a_file_in_its_place_is_not_touched(listen: Listen, tmp_path: Path) -> None:
    """Somebody has put another socket there meanwhile, or a link."""
    path = tmp_path / "s"
    there = listen(Unix(str(path)))
    other = tmp_path / "other"
    other.write_text("precious")
    other.chmod(0o600)

    def refused() -> None:
        (line,) = adjust(there, 16, Permissions(mode=0o666))
        assert line.startswith(f"chmod-socket = 666: {path} stays as it is: ")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    os.replace(other, path)
    refused()
    os.replace(path, other)
    path.symlink_to(other)
    refused()


def test_an_unknown_owner_is_said(listen: Listen, tmp_path: Path) -> None:
    """Refused before, if it was unknown then: the server goes on."""
    (line,) = adjust(listen(Unix(str(tmp_path / "s"))), 16, Permissions(owner="no-such-user"))
    assert line.startswith("chown-socket = no-such-user: ")


def test_a_socket_of_somebody_else_is_left_as_it_is(listen: Listen, tmp_path: Path) -> None:
    """Its file and its backlog; who asked for another mode is told where to change it."""
    path = str(tmp_path / "s")
    there = passed(listen(Unix(path)))
    assert adjust(there, 16, Permissions(mode=0o600)) == []
    (line,) = adjust(there, 16, Permissions(mode=0o666))
    assert line.startswith(f"chmod-socket = 666: {path} stays as it is, it belongs to whoever passed it (")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    tcp = passed(listen(Tcp("127.0.0.1", 0)))
    assert adjust(tcp, 33, Permissions(mode=0o666)) == []
    assert queue(tcp.sock) == (0, 16)
