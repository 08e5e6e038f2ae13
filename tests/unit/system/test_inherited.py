"""Listening sockets that were passed on: which are taken, and what is known of them.

Descriptors from 3 on have to be the sockets: every test takes them in a process of its own.
"""

import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from uncork.errors import ListenError
from uncork.system.address import Tcp, Unix
from uncork.system.inherited import adopt, count, store_name, take
from uncork.system.listen import Bound, bind
from uncork.system.process import fork

pytestmark = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")


def passed(fds: Sequence[int], act: Callable[[], None], stdin: int = -1) -> None:
    """Run `act` in a process that was started with copies of `fds` from 3 on; it fails the test if it raises."""

    def main() -> int:
        high = [os.dup2(fd, 200 + place) for place, fd in enumerate(fds)]
        for place, fd in enumerate(high):
            os.dup2(fd, 3 + place)
        os.closerange(200, 200 + len(high))
        if stdin >= 0:
            os.dup2(stdin, 0)
        act()
        return 42

    _, status = os.waitpid(fork(main), 0)
    assert os.waitstatus_to_exitcode(status) == 42


def environ(number: str | int, names: str = "", pid: int | None = None) -> dict[str, str]:
    """What a service manager sets for process `pid`, this one by default."""
    return {
        "LISTEN_PID": str(os.getpid() if pid is None else pid),
        "LISTEN_FDS": str(number),
        "LISTEN_FDNAMES": names,
        "PATH": "/bin",
    }


@pytest.fixture
def sockets(tmp_path: Path) -> Iterator[list[socket.socket]]:
    """A socket file, an abstract name, IPv4 and IPv6, all listening."""
    with ExitStack() as stack:
        found = []
        for family, name in (
            (socket.AF_UNIX, str(tmp_path / "s")),
            (socket.AF_UNIX, f"\0uncork-test-inherited-{os.getpid()}"),
            (socket.AF_INET, ("127.0.0.1", 0)),
            (socket.AF_INET6, ("::1", 0)),
        ):
            sock = stack.enter_context(socket.socket(family))
            sock.bind(name)
            sock.listen(8)
            found.append(sock)
        yield found


def test_what_was_passed_is_taken_with_its_address(sockets: list[socket.socket], tmp_path: Path) -> None:
    """Ready for the server: non-blocking, without Nagle, and closed for every program that the app starts."""

    def act() -> None:
        variables = environ(4)
        assert count(variables, os.getpid()) == 4
        bound, lines = take(variables, os.getpid())
        assert lines == []
        assert [str(one.address) for one in bound] == [
            str(tmp_path / "s"),
            f"@uncork-test-inherited-{os.getppid()}",
            f"127.0.0.1:{sockets[2].getsockname()[1]}",
            f"[::1]:{sockets[3].getsockname()[1]}",
        ]
        assert [one.sock.fileno() for one in bound] == [3, 4, 5, 6]
        for one in bound:
            assert (one.inherited, one.inode) == (True, 0)
            assert not one.sock.getblocking()
            assert not one.sock.get_inheritable()
        assert bound[2].sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert variables == {"PATH": "/bin"}

    passed([sock.fileno() for sock in sockets], act)


def test_what_was_passed_to_another_process_is_not_ours(sockets: list[socket.socket]) -> None:
    """A parent of ours was started with it; its variables go no further."""

    def act() -> None:
        for variables in (
            environ(4, pid=os.getppid()),
            {"LISTEN_FDS": "4"},
            {"LISTEN_PID": str(os.getpid())},
            {"LISTEN_PID": "", "LISTEN_FDS": "4"},
            {},
        ):
            assert count(variables, os.getpid()) == 0
            assert take(variables, os.getpid()) == ((), [])
            assert not [name for name in variables if name.startswith("LISTEN_")]

    passed([sock.fileno() for sock in sockets], act)


@pytest.mark.parametrize("number", ["", "0", "-1", "x", "1x", "²", " 1"])
def test_a_number_that_is_none_passes_nothing(sockets: list[socket.socket], number: str) -> None:
    """Nothing is guessed."""
    passed([sockets[0].fileno()], lambda: _nothing(number))


def _nothing(number: str) -> None:
    assert count(environ(number), os.getpid()) == 0
    assert take(environ(number), os.getpid()) == ((), [])


def test_more_than_there_is_passes_what_there_is(sockets: list[socket.socket]) -> None:
    """However large the number; it is not counted up to."""

    def act() -> None:
        os.closerange(4, 1000)
        assert count(environ("9" * 5000), os.getpid()) == 1
        bound, lines = take(environ("9" * 5000), os.getpid())
        assert len(bound) == 1
        assert lines == []
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(4)  # nothing is left of looking

    passed([sockets[0].fileno()], act)


def test_what_is_no_listening_stream_socket_is_left_alone(sockets: list[socket.socket]) -> None:
    """A pipe, a datagram socket, a connection: said, and not served."""
    read, write = os.pipe()
    one, other = socket.socketpair()
    with one, other, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams, socket.socket() as idle:

        def act() -> None:
            assert count(environ(5), os.getpid()) == 1
            bound, lines = take(environ(5), os.getpid())
            assert [one.sock.fileno() for one in bound] == [6]
            assert lines == [
                f"descriptor {fd} was passed and is no listening stream socket: ignored" for fd in (3, 4, 5, 7)
            ]
            assert not any(os.get_inheritable(fd) for fd in (3, 4, 5, 7))

        passed([read, datagrams.fileno(), one.fileno(), sockets[0].fileno(), idle.fileno()], act)
    os.close(read)
    os.close(write)


def test_a_listening_standard_input_is_taken_too(sockets: list[socket.socket]) -> None:
    """As uWSGI does; what the app starts must not find the socket as its input."""

    def act() -> None:
        assert count({}, os.getpid()) == 1
        (bound,), lines = take({}, os.getpid())
        assert (lines, bound.inherited, bound.sock.fileno() > 2) == ([], True, True)
        assert bound.address == Tcp("127.0.0.1", sockets[2].getsockname()[1])
        assert os.path.samestat(os.fstat(0), os.stat(os.devnull))
        assert os.get_inheritable(0)

    passed([], act, stdin=sockets[2].fileno())


def test_a_standard_input_that_is_a_connection_stays() -> None:
    """Some tools start programs with one; so does a test run."""
    one, other = socket.socketpair()
    with one, other:

        def act() -> None:
            assert count({}, os.getpid()) == 0
            assert take({}, os.getpid()) == ((), [])
            assert os.path.samestat(os.fstat(0), os.fstat(one.fileno()))

        passed([], act, stdin=one.fileno())


def test_what_comes_back_from_the_store_is_ours_again(tmp_path: Path) -> None:
    """By its name: the file of the socket is known as ours, so that vacuum removes it at the end."""
    path = str(tmp_path / "s: with ünusual chars")
    ours = bind(Unix(path), 8)
    port = bind(Tcp("127.0.0.1", 0), 8)
    names = [store_name(ours), store_name(port)]
    for name in names:
        assert name.isascii()
        assert name.isprintable()
        assert ":" not in name

    def act() -> None:
        (first, second, third), _ = take(environ(3, ":".join((*names, "app.socket"))), os.getpid())
        assert (first.address, first.inode, first.inherited) == (ours.address, ours.inode, False)
        assert (second.address, second.inode, second.inherited) == (port.address, 0, False)
        assert (third.address, third.inode, third.inherited) == (port.address, 0, True)
        assert first.remove()

    with ours.sock, port.sock:
        passed([ours.sock.fileno(), port.sock.fileno(), port.sock.fileno()], act)
    assert not os.path.exists(path)


@pytest.mark.parametrize("name", ["uncork", "uncork.", "uncork.x.y", "uncork.-1.y", "app.socket", "unknown", ""])
def test_other_names_are_somebody_elses(sockets: list[socket.socket], name: str) -> None:
    """Names of socket units, and what a unit may have called like us."""

    def act() -> None:
        (bound,), _ = take(environ(1, name), os.getpid())
        assert (bound.inherited, bound.inode) == (True, 0)

    passed([sockets[0].fileno()], act)


def test_fewer_names_than_sockets(sockets: list[socket.socket]) -> None:
    """The ones without a name are somebody else's."""

    def act() -> None:
        bound, _ = take(environ(2, "uncork.0.x"), os.getpid())
        assert [one.inherited for one in bound] == [False, True]

    passed([sockets[2].fileno(), sockets[3].fileno()], act)


def test_two_sockets_have_two_names(tmp_path: Path) -> None:
    """One of them is given up by its name alone; no name is longer than systemd takes."""
    sock = socket.socket()
    long = "/ü" * 53
    bounds = [
        Bound(sock, Tcp("127.0.0.1", 80)),
        Bound(sock, Tcp("127.0.0.1", 81)),
        Bound(sock, Unix("127.0.0.1%3A80")),
        Bound(sock, Unix("/run/a"), 1),
        Bound(sock, Unix("/run/a"), 2),
        Bound(sock, Unix(long), 3),
    ]
    sock.close()
    names = [store_name(bound) for bound in bounds]
    assert len(set(names)) == len(bounds)
    assert max(map(len, names)) <= 255


def test_a_descriptor_is_taken_by_its_number(sockets: list[socket.socket]) -> None:
    """`socket = fd://4`."""

    def act() -> None:
        bound = adopt("fd://4")
        assert (bound.sock.fileno(), bound.inherited) == (4, True)
        assert bound.address == Tcp("127.0.0.1", sockets[2].getsockname()[1])
        assert not bound.sock.getblocking()

    passed([sockets[0].fileno(), sockets[2].fileno()], act)


@pytest.mark.parametrize("value", ["fd://", "fd://x", "fd://-4", "fd://0", "fd://2", "fd://99999999999999", "fd://²"])
def test_a_number_of_no_descriptor_is_refused(value: str) -> None:
    """The value is in the message."""
    with pytest.raises(ListenError, match=rf"^socket {value}: expected fd:// and a number of 3 or more$"):
        adopt(value)


def test_a_descriptor_without_a_socket_is_refused() -> None:
    """It stays open: it is not ours to close."""
    read, write = os.pipe()
    for fd in (read, write):
        with pytest.raises(ListenError, match=f"^socket fd://{fd}: no listening stream socket was passed"):
            adopt(f"fd://{fd}")
        os.close(fd)
    with pytest.raises(ListenError, match=r"^socket fd://999: "):
        adopt("fd://999")
