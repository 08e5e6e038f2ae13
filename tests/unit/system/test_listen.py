"""Listening sockets: what is stale is taken over, what is alive is left alone, and who may connect is said."""

import contextlib
import errno
import os
import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from uncork.errors import ListenError
from uncork.system.address import Address, Tcp, Unix
from uncork.system.listen import (
    SOMAXCONN_FILE,
    Bound,
    Permissions,
    _why_not_unix,
    bind,
    check_backlog,
    owner_ids,
    queue,
    stop_newcomers,
    who_may_connect,
)

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
NOBODY = 65534


@contextlib.contextmanager
def listening(address: Address, backlog: int = 16, permissions: Permissions | None = None) -> Iterator[Bound]:
    """A bound address, closed again; its file stays."""
    bound = bind(address, backlog, permissions or Permissions())
    with bound.sock:
        yield bound


def connects(path: str) -> bool:
    """Whether somebody listens."""
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(path) == 0


# ---- unix sockets


def test_a_socket_file_is_made_and_listens(tmp_path: Path) -> None:
    """It is non-blocking, and knows its own file."""
    path = str(tmp_path / "s")
    with listening(Unix(path)) as bound:
        assert connects(path)
        assert not bound.sock.getblocking()
        assert (bound.address, bound.inode) == (Unix(path), os.lstat(path).st_ino)


@pytest.mark.parametrize("mode", [0o600, 0o660, 0o666, 0o777, 0o000])
def test_chmod_socket_is_obeyed_whatever_the_umask(tmp_path: Path, mode: int) -> None:
    """The permission bits of the file are those of the option."""
    path = str(tmp_path / "s")
    before = os.umask(0o077)
    try:
        with listening(Unix(path), permissions=Permissions(mode=mode)):
            assert stat.S_IMODE(os.stat(path).st_mode) == mode
    finally:
        os.umask(before)


def test_without_chmod_socket_the_umask_decides(tmp_path: Path) -> None:
    """As in uWSGI."""
    path = str(tmp_path / "s")
    before = os.umask(0o027)
    try:
        with listening(Unix(path)):
            assert stat.S_IMODE(os.stat(path).st_mode) == 0o750
    finally:
        os.umask(before)


@AS_ROOT
@pytest.mark.parametrize(
    ("owner", "expected"),
    [("nobody", (NOBODY, 0)), (":65534", (0, NOBODY)), ("65534:65534", (NOBODY, NOBODY)), ("nobody:0", (NOBODY, 0))],
)
def test_chown_socket_is_obeyed(tmp_path: Path, owner: str, expected: tuple[int, int]) -> None:
    """User, group or both; what is not named stays."""
    path = str(tmp_path / "s")
    with listening(Unix(path), permissions=Permissions(mode=0o660, owner=owner)):
        status = os.stat(path)
    assert ((status.st_uid, status.st_gid), stat.S_IMODE(status.st_mode)) == (expected, 0o660)


def test_a_live_server_is_left_alone_and_named(tmp_path: Path) -> None:
    """The error says who it is; the file and the server behind it are untouched."""
    path = str(tmp_path / "s")
    with listening(Unix(path)) as first:
        inode = os.lstat(path).st_ino
        with pytest.raises(ListenError, match=rf"^socket {path}: it is in use by pid {os.getpid()} \(.*\) \(stop that"):
            bind(Unix(path), 16)

        assert os.lstat(path).st_ino == inode
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
            first.sock.accept()[0].close()


def test_a_server_whose_queue_is_full_is_alive(tmp_path: Path) -> None:
    """It is busy, and its file is not taken away."""
    path = str(tmp_path / "s")
    with listening(Unix(path), backlog=0), contextlib.ExitStack() as stack:
        while True:
            client = stack.enter_context(socket.socket(socket.AF_UNIX))
            client.setblocking(False)
            try:
                client.connect(path)
            except BlockingIOError:
                break
        with pytest.raises(ListenError, match="in use"):
            bind(Unix(path), 16)

        assert os.path.exists(path)


def test_a_stale_socket_file_is_replaced(tmp_path: Path) -> None:
    """A server that died without tidying up does not keep its successor from starting."""
    path = str(tmp_path / "s")
    with listening(Unix(path)):
        pass
    assert not connects(path)

    with listening(Unix(path)) as bound:
        assert connects(path)
        assert os.lstat(path).st_ino == bound.inode


@pytest.mark.parametrize("kind", ["file", "directory", "fifo", "link to a socket", "dangling link", "empty file"])
def test_what_is_no_socket_is_refused_and_untouched(tmp_path: Path, kind: str) -> None:
    """Nothing but a socket file is ever removed, and no link is followed."""
    path = tmp_path / "s"
    with contextlib.ExitStack() as stack:
        if kind == "file":
            path.write_text("precious")
        elif kind == "empty file":
            path.touch()
        elif kind == "directory":
            path.mkdir()
        elif kind == "fifo":
            os.mkfifo(path)
        else:
            if kind == "link to a socket":
                stack.enter_context(listening(Unix(str(tmp_path / "other"))))
            path.symlink_to(tmp_path / "other")
        before = os.lstat(path)
        with pytest.raises(ListenError, match=rf"^socket {path}: the path exists and is not a socket \(remove it"):
            bind(Unix(str(path)), 16)

        assert os.lstat(path) == before


def test_a_path_below_no_directory_is_explained(tmp_path: Path) -> None:
    """The directory is named."""
    with pytest.raises(ListenError, match=rf"directory {tmp_path}/no/such does not exist \(create it"):
        bind(Unix(f"{tmp_path}/no/such/s"), 16)


def test_a_path_that_is_too_long_is_explained(tmp_path: Path) -> None:
    """The kernel's limit is 107 bytes."""
    with pytest.raises(ListenError, match=r"too long for a socket \(107 bytes"):
        bind(Unix(f"{tmp_path}/{'x' * 108}"), 16)


def test_a_relative_path_starts_in_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what is in its way is found as well."""
    monkeypatch.chdir(tmp_path)
    with listening(Unix("s")) as bound:
        assert connects(str(tmp_path / "s"))
        with pytest.raises(ListenError, match="in use"):
            bind(Unix("s"), 16)
        assert bound.remove()


@pytest.mark.parametrize(
    "owner",
    [
        "no-such-user",
        "root:no-such-group",
        ":no-such-group",
    ],
)
def test_an_unknown_owner_is_refused(tmp_path: Path, owner: str) -> None:
    """The option and the name are in the message."""
    with pytest.raises(ListenError, match=f"^chown-socket = {owner}: .*no-such"):
        bind(Unix(str(tmp_path / "s")), 16, Permissions(owner=owner))


def test_a_failure_leaves_no_socket_file_behind(tmp_path: Path) -> None:
    """What was made for a server that cannot start is gone again."""
    with pytest.raises(ListenError):
        bind(Unix(str(tmp_path / "s")), 16, Permissions(owner="no-such-user"))

    assert not (tmp_path / "s").exists()


def test_an_abstract_name_needs_no_file() -> None:
    """It is gone with its socket; while it is held, its holder is named."""
    address = Unix(f"@uncork-test-listen-{os.getpid()}")
    with listening(address) as bound:
        with pytest.raises(ListenError, match=rf"^socket {address}: it is in use by pid {os.getpid()} "):
            bind(address, 16)
        assert bound.inode == 0
        assert not bound.remove()
        assert not os.path.lexists(address.path)
    with listening(address):
        pass


def test_remove_takes_its_own_file_and_no_other(tmp_path: Path) -> None:
    """By the inode it knows whether somebody has put another in its place."""
    path = str(tmp_path / "s")
    with listening(Unix(path)) as bound:
        pass
    os.rename(path, tmp_path / "moved")
    assert not bound.remove()
    Path(path).write_text("another")
    assert not bound.remove()
    assert Path(path).read_text() == "another"
    os.rename(tmp_path / "moved", path)
    assert bound.remove()
    assert not os.path.exists(path)
    assert not bound.remove()


# ---- TCP


@pytest.mark.parametrize(
    ("host", "family"),
    [("127.0.0.1", socket.AF_INET), ("", socket.AF_INET), ("localhost", socket.AF_INET), ("::1", socket.AF_INET6)],
)
def test_a_port_chosen_by_the_kernel_is_filled_in(host: str, family: socket.AddressFamily) -> None:
    """The address says where the socket really is."""
    with listening(Tcp(host, 0)) as bound:
        assert isinstance(bound.address, Tcp)
        assert bound.sock.family == family
        assert (bound.address.host, bound.address.port) == (host, bound.sock.getsockname()[1])
        assert not bound.sock.getblocking()
        assert not bound.remove()
        socket.create_connection((host or "127.0.0.1", bound.address.port)).close()


def test_small_chunks_do_not_wait_for_one_another() -> None:
    """Accepted connections have Nagle's algorithm switched off."""
    with listening(Tcp("127.0.0.1", 0)) as bound, socket.create_connection(bound.sock.getsockname()):
        accepted, _ = bound.sock.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.mark.parametrize("host", ["127.0.0.1", "", "0.0.0.0"])
def test_a_port_in_use_is_refused_with_its_holder(host: str) -> None:
    """Whichever of the two takes every address."""
    with listening(Tcp("127.0.0.1", 0)) as bound:
        address = Tcp(host, bound.sock.getsockname()[1])
        with pytest.raises(
            ListenError, match=rf"^socket {address}: the port is in use by pid {os.getpid()} \(.*choose another port\)$"
        ):
            bind(address, 16)


def test_ipv4_and_ipv6_do_not_stand_in_each_others_way() -> None:
    """`[::]:PORT` is every IPv6 address and no IPv4 one, whatever the system's default is."""
    with listening(Tcp("", 0)) as bound, listening(Tcp("::", bound.sock.getsockname()[1])):
        pass


def test_a_port_just_left_can_be_taken_again() -> None:
    """Connections of the server before (TIME_WAIT) are in nobody's way."""
    with listening(Tcp("127.0.0.1", 0)) as bound:
        name = bound.sock.getsockname()
        with socket.create_connection(name) as client:
            accepted, _ = bound.sock.accept()
            accepted.close()
            client.recv(1)
    with listening(Tcp("127.0.0.1", name[1])):
        pass


def test_an_address_of_another_machine_is_refused() -> None:
    """One that this machine does not have (TEST-NET-1)."""
    with pytest.raises(ListenError, match=r"^socket 192\.0\.2\.1:0: "):
        bind(Tcp("192.0.2.1", 0), 16)


def test_the_queue_of_a_tcp_socket_is_counted() -> None:
    """(waiting, limit) from the kernel; other sockets have no such numbers."""
    with listening(Tcp("127.0.0.1", 0), backlog=7) as bound, contextlib.ExitStack() as stack:
        assert queue(bound.sock) == (0, 7)
        for _ in range(3):
            stack.enter_context(socket.create_connection(bound.sock.getsockname()))
        assert queue(bound.sock) == (3, 7)
        bound.sock.accept()[0].close()
        assert queue(bound.sock) == (2, 7)


def test_a_unix_socket_has_no_countable_queue(tmp_path: Path) -> None:
    """uWSGI's statistics show zeros too."""
    with listening(Unix(str(tmp_path / "s"))) as bound:
        assert queue(bound.sock) == (0, 0)


# ---- the end


ANYWHERE = ["unix", "abstract", "127.0.0.1", "::1"]

# The kernel's TCP_SYN_SENT (include/net/tcp_states.h), first byte of TCP_INFO: nobody has answered yet.
SYN_SENT = 2


def somewhere(kind: str, tmp_path: Path) -> Address:
    """An address of each kind."""
    if kind == "unix":
        return Unix(str(tmp_path / "s"))
    return Unix(f"@uncork-test-door-{os.getpid()}") if kind == "abstract" else Tcp(kind, 0)


@pytest.mark.parametrize("kind", ANYWHERE)
def test_after_the_last_call_who_waits_is_served_and_nobody_new_gets_in(tmp_path: Path, kind: str) -> None:
    """With a full queue: every connection in it is accepted and answered, none is reset, and then there is nobody."""
    backlog = 4
    with listening(somewhere(kind, tmp_path), backlog) as bound, contextlib.ExitStack() as stack:
        name = bound.sock.getsockname()
        # One more than the backlog fits (listen(2) on Linux).
        clients = [stack.enter_context(socket.socket(bound.sock.family)) for _ in range(backlog + 1)]
        for number, client in enumerate(clients):
            client.connect(name)
            client.sendall(b"%d" % number)

        assert stop_newcomers(bound)

        late = stack.enter_context(socket.socket(bound.sock.family))
        late.setblocking(False)
        result = late.connect_ex(name)
        for number in range(len(clients)):
            connection = stack.enter_context(bound.sock.accept()[0])
            assert connection.recv(9) == b"%d" % number
            connection.sendall(b"answer %d" % number)
            connection.close()
        # There would be room for this one.
        later = stack.enter_context(socket.socket(bound.sock.family))
        later.setblocking(False)
        results = {result, later.connect_ex(name)}
        with pytest.raises(BlockingIOError):
            bound.sock.accept()
        if isinstance(bound.address, Tcp):
            assert results == {errno.EINPROGRESS}
            for client in (late, later):
                assert client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == SYN_SENT
                assert client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
        else:
            assert results == {errno.ECONNREFUSED}
        bound.sock.close()
        for number, client in enumerate(clients):
            assert (client.recv(99), client.recv(1)) == (b"answer %d" % number, b"")


@pytest.mark.parametrize("kind", ANYWHERE)
def test_the_last_call_disturbs_no_connection_that_was_accepted_before(tmp_path: Path, kind: str) -> None:
    """Bytes go both ways afterwards, and the end is orderly."""
    with listening(somewhere(kind, tmp_path)) as bound, socket.socket(bound.sock.family) as client:
        client.connect(bound.sock.getsockname())
        connection, _ = bound.sock.accept()
        with connection:
            assert stop_newcomers(bound)
            client.sendall(b"question")
            assert connection.recv(99) == b"question"
            connection.sendall(b"answer")
        assert (client.recv(99), client.recv(1)) == (b"answer", b"")


@pytest.mark.parametrize("kind", ANYWHERE)
def test_the_queue_of_an_inherited_socket_is_its_holders(tmp_path: Path, kind: str) -> None:
    """Whoever comes now waits for the next server."""
    with listening(somewhere(kind, tmp_path)) as bound, socket.socket(bound.sock.family) as client:
        assert not stop_newcomers(Bound(bound.sock, bound.address, inherited=True))
        client.connect(bound.sock.getsockname())
        bound.sock.accept()[0].close()


@pytest.mark.parametrize("kind", ANYWHERE)
def test_a_closed_socket_has_no_newcomers_to_stop(tmp_path: Path, kind: str) -> None:
    """That is said, and is no failure."""
    with listening(somewhere(kind, tmp_path)) as bound:
        pass
    assert not stop_newcomers(bound)


# ---- the rest


@pytest.mark.parametrize(("number", "sentence"), [(errno.EROFS, "read-only"), (errno.ENOSPC, "no space is left")])
def test_a_file_system_that_takes_no_file_is_named(number: int, sentence: str) -> None:
    """With what to do about it."""
    text = _why_not_unix(OSError(number, os.strerror(number)), Unix("/srv/s"))
    assert sentence in text
    assert "choose a path below /run" in text


def test_a_socket_file_that_is_gone_or_replaced_is_seen(tmp_path: Path) -> None:
    """Gone, nobody can reach the socket any more; replaced, the file is somebody else's."""
    path = str(tmp_path / "s")
    with listening(Unix(path)) as bound:
        assert (bound.reachable, bound.replaced) == (True, False)
        os.rename(path, tmp_path / "moved")
        assert (bound.reachable, bound.replaced) == (False, False)
        Path(path).write_text("another")
        assert (bound.reachable, bound.replaced) == (False, True)
    with listening(Tcp("127.0.0.1", 0)) as bound:
        assert (bound.reachable, bound.replaced) == (True, False)


def test_a_backlog_beyond_the_systems_limit_is_refused() -> None:
    """The kernel would cut it down silently; the message has the command that raises the limit."""
    limit = int(Path(SOMAXCONN_FILE).read_text())

    check_backlog(limit)
    with pytest.raises(
        ListenError, match=rf"^listen = {limit + 1}: the system allows {limit} \(.*net.core.somaxconn={limit + 1}\)$"
    ):
        check_backlog(limit + 1)


@pytest.mark.parametrize(
    ("owner", "expected"),
    [
        ("root", (0, -1)),
        ("root:root", (0, 0)),
        (":root", (-1, 0)),
        ("12345:54321", (12345, 54321)),
        ("0", (0, -1)),
        (":7", (-1, 7)),
        ("root:", (0, -1)),
    ],
)
def test_an_owner_is_user_group_or_both(owner: str, expected: tuple[int, int]) -> None:
    """Names or numbers; -1 leaves a part as it is (chown(2))."""
    assert owner_ids(owner) == expected


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may pass, as its parents do; tmp_path's are closed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        if not all(parent.stat().st_mode & stat.S_IXOTH for parent in folder.parents):
            pytest.skip("the folder for temporary files is closed to others")
        yield folder


@pytest.mark.parametrize(
    ("mode", "who"),
    [
        (0o666, "everybody"),
        (0o777, "everybody"),
        (0o660, "user {user} and group {group}"),
        (0o600, "user {user}"),
        (0o060, "group {group}"),
        (0o444, "only root"),
        (0o000, "only root"),
    ],
)
def test_who_may_connect_is_who_may_write(open_folder: Path, mode: int, who: str) -> None:
    """unix(7): write permission on the file; where not everybody has it, the line says what nginx needs."""
    path = str(open_folder / "s")
    with listening(Unix(path), permissions=Permissions(mode=mode, owner=f"{os.getuid()}:{os.getgid()}")):
        line = who_may_connect(path)

    owner, group = Path(open_folder).owner(), Path(open_folder).group()
    start = f"{path} has mode {mode:04o}, owner {owner}:{group}: {who.format(user=owner, group=group)} may connect"
    hint = " (nginx under another user needs chmod-socket = 660 and its group, or 666)"
    assert line == start + ("" if who == "everybody" else hint)


@pytest.mark.parametrize(
    ("mode", "who"), [(0o750, "user {user} and group {group}"), (0o700, "user {user}"), (0o744, "user {user}")]
)
def test_the_first_closed_directory_is_named(open_folder: Path, mode: int, who: str) -> None:
    """Search permission on every directory above is needed as well: the outermost one that lacks it is the cause."""
    closed = open_folder / "closed"
    inner = closed / "open" / "closed too"
    inner.mkdir(parents=True)
    os.chmod(closed, mode)
    os.chmod(inner, 0o700)
    path = str(inner / "s")
    with listening(Unix(path), permissions=Permissions(mode=0o666)):
        line = who_may_connect(path)

    who = who.format(user=closed.owner(), group=closed.group())
    assert line.endswith(f"everybody may connect, but directory {closed} (mode {mode:04o}) lets only {who} pass")


@AS_ROOT
def test_who_has_no_name_is_a_number(open_folder: Path) -> None:
    """A file of a user that was deleted, or of another container's."""
    path = str(open_folder / "s")
    with listening(Unix(path), permissions=Permissions(mode=0o660, owner="54321:54322")):
        assert "owner 54321:54322: user 54321 and group 54322 may connect" in who_may_connect(path)
