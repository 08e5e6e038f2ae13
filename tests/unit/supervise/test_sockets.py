"""The sockets of a configuration, at a start and at a reload: what is kept is the very same socket."""

import os
import socket
import stat
from array import array
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from uncork.config.options.processes import Processes
from uncork.config.options.sockets import Sockets
from uncork.config.options.stats import Stats
from uncork.config.settings import Settings
from uncork.errors import UncorkError
from uncork.supervise.sockets import STATS_MODE, Opened, close_others, close_unwanted, describe, open_sockets, settle
from uncork.system.address import Tcp, Unix
from uncork.system.listen import Bound, queue
from uncork.system.process import fork

pytestmark = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory that relative paths start in; nobody is notified."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    return tmp_path


Open = Callable[..., Opened]


@pytest.fixture
def opened() -> Iterator[Open]:
    """`open_sockets`, with everything closed at the end."""
    with ExitStack() as stack:

        def start(settings: Settings, at_hand: Opened | tuple[Bound, ...] = ()) -> Opened:
            found = open_sockets(settings, at_hand)
            for bound in found.every:
                stack.callback(bound.sock.close)
            return found

        yield start


def wanted(*sockets: str, stats: str | None = None, **options: object) -> Settings:
    """A configuration with these sockets."""
    return Settings(sockets=Sockets(socket=sockets, **options), stats=Stats(stats=stats))  # type: ignore[arg-type]


def answers(bound: Bound) -> bool:
    """Whether a new client gets into its queue."""
    with socket.socket(bound.sock.family) as client:
        name = bound.address.kernel_name if isinstance(bound.address, Unix) else bound.sock.getsockname()
        return client.connect_ex(name) == 0


def names(opened: Opened) -> list[str]:
    """The addresses."""
    return [str(bound.address) for bound in opened.every]


# ---- at a reload


def test_the_same_configuration_keeps_the_very_same_sockets(opened: Open) -> None:
    """Whoever waits in a queue goes on waiting; ports chosen by the kernel stay."""
    settings = wanted("app.sock", "127.0.0.1:0", "127.0.0.1:0", "@uncork-test-sockets", stats="stats.sock")
    first = opened(settings)
    second = opened(settings, first)
    assert second == first
    assert settle(first.every, second, settings) == []
    assert describe(second, first.every) == []
    assert all(answers(bound) for bound in second.every)


def test_sockets_are_added_and_given_up(opened: Open, directory: Path) -> None:
    """What is kept is the same, in the order of the new configuration; what is given up takes nobody any more."""
    first = opened(wanted("a.sock", "b.sock", "127.0.0.1:0", stats="stats.sock"))
    settings = wanted("c.sock", "b.sock", stats="127.0.0.1:0")
    second = opened(settings, first)
    assert names(second)[:2] == ["c.sock", "b.sock"]
    assert second.requests[1] is first.requests[1]
    assert all(answers(bound) for bound in first.every), "nothing changes before the new ones serve"

    assert [line.partition(" fd ")[0] for line in describe(second, first.every)[:1]] == [
        "uwsgi socket 0 bound to UNIX address c.sock"
    ]
    assert settle(first.every, second, settings) == []
    assert all(answers(bound) for bound in second.every)
    assert [bound.sock.fileno() == -1 for bound in first.every] == [True, False, True, True]
    assert sorted(os.listdir(directory)) == ["a.sock", "b.sock", "c.sock", "stats.sock"]


def test_vacuum_removes_what_is_given_up(opened: Open, directory: Path) -> None:
    """A file in its place that is not ours stays, and is named."""
    first = opened(wanted("a.sock", "b.sock", "c.sock"))
    (directory / "b.sock").unlink()
    (directory / "b.sock").write_text("another")
    settings = replace(wanted("c.sock"), processes=Processes(vacuum=True))
    lines = settle(first.every, opened(settings, first), settings)
    assert lines == [
        "VACUUM: unix socket a.sock removed.",
        "VACUUM WARNING: unix socket b.sock changed inode. Skip removal",
    ]
    assert sorted(os.listdir(directory)) == ["b.sock", "c.sock"]


def test_who_waits_in_a_queue_that_is_given_up_is_still_served(opened: Open) -> None:
    """The old workers have the socket too; nobody gets in behind their backs."""
    first = opened(wanted("a.sock", "b.sock"))
    with socket.socket(fileno=os.dup(first.requests[0].sock.fileno())) as workers, socket.socket(socket.AF_UNIX) as one:
        one.connect("a.sock")
        settings = wanted("b.sock")
        settle(first.every, opened(settings, first), settings)
        workers.accept()[0].close()
        with socket.socket(socket.AF_UNIX) as late:
            assert late.connect_ex("a.sock") != 0


def test_a_reload_that_fails_changes_nothing(opened: Open, directory: Path) -> None:
    """What it opened is closed again; what serves is as it was, mode and backlog included."""
    first = opened(wanted("a.sock", "127.0.0.1:0", chmod_socket=0o600))
    with socket.socket(socket.AF_UNIX) as other:
        other.bind("other.sock")
        other.listen()
        with pytest.raises(UncorkError, match=r"other\.sock: it is in use"):
            opened(wanted("new.sock", "a.sock", "other.sock", chmod_socket=0o666, listen=7), first)
    assert sorted(os.listdir(directory)) == ["a.sock", "other.sock"]
    assert all(answers(bound) for bound in first.every)
    assert stat.S_IMODE(os.stat("a.sock").st_mode) == 0o600
    assert queue(first.requests[1].sock)[1] == 100


def test_an_unknown_owner_refuses_the_reload(opened: Open) -> None:
    """Although no socket is opened: once the new generation serves it is too late."""
    first = opened(wanted("a.sock"))
    with pytest.raises(UncorkError, match=r"^chown-socket = no-such-user: "):
        opened(wanted("a.sock", chown_socket="no-such-user"), first)
    assert answers(first.requests[0])


def test_a_reload_that_fails_later_is_undone(opened: Open, directory: Path) -> None:
    """Broken code: the new sockets are closed and removed, the others were never touched."""
    first = opened(wanted("a.sock", stats="stats.sock"))
    second = opened(wanted("a.sock", "b.sock", "127.0.0.1:0"), first)
    assert close_unwanted(second.every, first.every, vacuum=True) == ["VACUUM: unix socket b.sock removed."]
    assert sorted(os.listdir(directory)) == ["a.sock", "stats.sock"]
    assert all(answers(bound) for bound in first.every)
    assert [bound.sock.fileno() == -1 for bound in second.every] == [False, True, True]


def test_what_is_kept_takes_on_the_new_settings(opened: Open) -> None:
    """Modes of both kinds, and the backlog."""
    first = opened(wanted("a.sock", "127.0.0.1:0", stats="stats.sock", chmod_socket=0o600))
    for settings, mode, stats_mode in (
        (wanted("a.sock", "127.0.0.1:0", stats="stats.sock", chmod_socket=0o666, listen=7), 0o666, 0o666),
        (wanted("a.sock", "127.0.0.1:0", stats="stats.sock", listen=9), 0o666, STATS_MODE),
    ):
        second = opened(settings, first)
        assert settle(first.every, second, settings) == []
        assert stat.S_IMODE(os.stat("a.sock").st_mode) == mode
        assert stat.S_IMODE(os.stat("stats.sock").st_mode) == stats_mode
        assert queue(second.requests[1].sock)[1] == settings.sockets.listen


def test_a_socket_file_that_somebody_removed_is_made_anew(opened: Open) -> None:
    """A reload brings the server back within reach."""
    settings = wanted("a.sock")
    first = opened(settings)
    os.unlink("a.sock")
    second = opened(settings, first)
    settle(first.every, second, settings)
    assert second.requests[0] is not first.requests[0]
    assert answers(second.requests[0])
    assert first.requests[0].sock.fileno() == -1


def test_the_same_address_twice_is_refused(opened: Open, directory: Path) -> None:
    """One socket at hand stands for one of them."""
    first = opened(wanted("a.sock"))
    for old in (Opened(), first):
        with pytest.raises(UncorkError, match=r"a\.sock: it is in use"):
            opened(wanted("a.sock", "a.sock"), old)
    assert os.listdir(directory) == ["a.sock"]


def test_a_socket_does_not_change_what_it_is_for(opened: Open) -> None:
    """Old workers may still take requests from it: the statistics get one of their own, or the reload is refused."""
    first = opened(wanted("127.0.0.1:0", "a.sock", stats="stats.sock"))
    second = opened(wanted("a.sock", stats="127.0.0.1:0"), first)
    assert second.stats is not first.requests[0]
    for settings in (wanted("127.0.0.1:0", stats="a.sock"), wanted("stats.sock")):
        with pytest.raises(UncorkError, match="it is in use"):
            opened(settings, first)


# ---- what others hold


@pytest.fixture
def passed() -> Iterator[tuple[Bound, ...]]:
    """Two sockets of somebody else, as they are when they were passed on."""
    with socket.socket() as port, socket.socket(socket.AF_UNIX) as file:
        port.bind(("127.0.0.1", 0))
        file.bind("passed.sock")
        os.chmod("passed.sock", 0o600)
        for sock in (port, file):
            sock.listen(8)
        yield (
            Bound(port, Tcp("127.0.0.1", port.getsockname()[1]), inherited=True),
            Bound(file, Unix("passed.sock"), inherited=True),
        )


def test_what_was_passed_is_used_where_it_is_asked_for(opened: Open, passed: tuple[Bound, ...]) -> None:
    """In the order of the configuration, with a fresh socket among them; the statistics can have one too."""
    settings = wanted("a.sock", str(passed[0].address), stats="passed.sock")
    found = opened(settings, passed)
    assert found.requests[1] is passed[0]
    assert found.stats is passed[1]
    assert names(found) == ["a.sock", str(passed[0].address), "passed.sock"]
    without = opened(wanted("a.sock"), found)
    assert without.requests == found.requests, "the socket of the statistics does not take requests after a reload"


def test_what_was_passed_and_nobody_names_is_served_too(opened: Open, passed: tuple[Bound, ...]) -> None:
    """As uWSGI does, with other sockets and without; and after every reload."""
    assert opened(wanted(), passed).requests == passed
    first = opened(wanted("a.sock"), passed)
    assert first.requests[1:] == passed
    second = opened(wanted("127.0.0.1:0"), first)
    assert second.requests[1:] == passed
    lines = describe(second, first.requests[:1])
    assert lines[1] == f"uwsgi socket 1 inherited INET address {passed[0].address} fd {passed[0].sock.fileno()}"
    assert lines[2] == f"uwsgi socket 2 inherited UNIX address passed.sock fd {passed[1].sock.fileno()}"
    assert lines[3].startswith("passed.sock has mode 0600, ")


def test_what_was_passed_is_never_shut_removed_or_changed(
    opened: Open, passed: tuple[Bound, ...], directory: Path
) -> None:
    """Its holder passes it to the next server: our end is only closed."""
    settings = replace(wanted("passed.sock", chmod_socket=0o666), processes=Processes(vacuum=True))
    found = opened(settings, passed)
    (line,) = settle(passed, found, settings)
    assert "chmod-socket = 666: passed.sock stays as it is, it belongs to whoever passed it" in line
    with ExitStack() as stack:
        holders = [stack.enter_context(socket.socket(fileno=os.dup(bound.sock.fileno()))) for bound in passed]
        assert close_unwanted(found.every, (), vacuum=True) == []
        for holder in holders:
            with socket.socket(holder.family) as client:
                client.connect(holder.getsockname())
                holder.accept()[0].close()
        assert stat.S_IMODE(os.stat("passed.sock").st_mode) == 0o600
        assert os.listdir(directory) == ["passed.sock"]


def test_a_descriptor_is_asked_for_by_its_number(opened: Open, passed: tuple[Bound, ...]) -> None:
    """`socket = fd://N`, whether it was announced or not; a reload finds it again."""
    settings = wanted(f"fd://{passed[1].sock.fileno()}", f"fd://{passed[0].sock.fileno()}")
    assert opened(settings, passed).requests == passed[::-1]
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        settings = wanted(f"fd://{os.dup(other.fileno())}")
        first = opened(settings)
        assert first.requests[0].inherited
        assert opened(settings, first).requests[0] is first.requests[0]


def test_a_failure_leaves_what_was_passed_open(opened: Open, passed: tuple[Bound, ...]) -> None:
    """Also what was asked for by number."""
    fd = os.dup(passed[0].sock.fileno())
    with pytest.raises(UncorkError):
        opened(wanted("passed.sock", f"fd://{fd}", "/no/such/directory/s"), passed)
    os.close(fd)
    assert all(answers(bound) for bound in passed)


def test_a_passed_socket_without_a_file_is_said(opened: Open, passed: tuple[Bound, ...]) -> None:
    """Its holder has removed it: nobody can connect."""
    os.unlink("passed.sock")
    assert describe(opened(wanted(), passed))[-1] == "passed.sock does not exist any more: nobody can connect"


# ---- the descriptor store


class Store:
    """The service manager's end: what it was told, and the inodes of the sockets that came along."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def heard(self) -> list[tuple[list[str], list[int]]]:
        """Everything since the last time: (lines, inodes of the descriptors)."""
        found: list[tuple[list[str], list[int]]] = []
        while True:
            try:
                data, ancillary, _, _ = self._sock.recvmsg(4096, socket.CMSG_SPACE(64))
            except BlockingIOError:
                return found
            fds = array("i")
            for _, _, payload in ancillary:
                fds.frombytes(payload)
            found.append((data.decode().splitlines(), [os.fstat(fd).st_ino for fd in fds]))
            for fd in fds:
                os.close(fd)


@pytest.fixture
def store(directory: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A service manager that listens."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind("notify")
        sock.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(directory / "notify"))
        yield Store(sock)


def inode(bound: Bound) -> int:
    """Of the socket itself, by which it is known among descriptors."""
    return os.fstat(bound.sock.fileno()).st_ino


def test_every_socket_is_left_with_the_service_manager_once(opened: Open, store: Store) -> None:
    """Under a name of its own; a reload leaves the new ones, and takes back what it gives up."""
    settings = wanted("a.sock", "127.0.0.1:0", stats="stats.sock")
    first = opened(settings)
    settle((), first, settings)
    heard = store.heard()
    assert [lines[0] for lines, _ in heard] == ["FDSTORE=1"] * 3
    assert [inodes for _, inodes in heard] == [[inode(bound)] for bound in first.every]
    stored = [lines[1] for lines, _ in heard]
    assert len(set(stored)) == 3
    assert all(line.startswith("FDNAME=uncork.") for line in stored)

    settings = wanted("a.sock", "b.sock", stats="stats.sock")
    second = opened(settings, first)
    assert store.heard() == []
    settle(first.every, second, settings)
    removed, added = store.heard()
    assert removed == (["FDSTOREREMOVE=1", stored[1]], [])
    assert (added[0][0], added[1]) == ("FDSTORE=1", [inode(second.requests[1])])

    close_unwanted(second.every, (), vacuum=False)
    assert [lines[0] for lines, _ in store.heard()] == ["FDSTOREREMOVE=1"] * 3


def test_what_somebody_passed_is_not_left_again(opened: Open, store: Store, passed: tuple[Bound, ...]) -> None:
    """Its holder has it already."""
    settings = wanted()
    found = opened(settings, passed)
    settle(passed, found, settings)
    close_unwanted(found.every, (), vacuum=True)
    assert store.heard() == []


def test_what_comes_back_from_the_store_is_used_or_given_up(opened: Open, store: Store, directory: Path) -> None:
    """After a kill of the master: the queue goes on where an option asks for it, else it ends, and is vacuumed."""
    first = opened(wanted("a.sock", "b.sock"))
    back = tuple(replace(bound, asked=None, address=Unix(str(directory / str(bound.address)))) for bound in first.every)
    settings = replace(wanted("a.sock"), processes=Processes(vacuum=True))
    second = opened(settings, back)
    assert second.every == back[:1]
    assert settle(back, second, settings) == [f"VACUUM: unix socket {directory}/b.sock removed."]
    ((lines, _),) = store.heard()
    assert lines[0] == "FDSTOREREMOVE=1"
    assert "b.sock" in lines[1]
    assert answers(second.requests[0])


def test_a_new_generation_lets_go_of_what_it_does_not_serve(opened: Open) -> None:
    """In its own process: the old one still serves who waits there."""
    first = opened(wanted("a.sock", "b.sock", stats="stats.sock"))
    second = opened(wanted("b.sock"), first)

    def main() -> int:
        close_others(first.every, second.every)
        assert [bound.sock.fileno() == -1 for bound in first.every] == [True, False, True]
        return 42

    _, status = os.waitpid(fork(main), 0)
    assert os.waitstatus_to_exitcode(status) == 42
    assert all(answers(bound) for bound in first.every)
