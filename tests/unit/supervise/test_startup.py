"""What a server opens before it serves, and that a start that fails leaves nothing of it behind."""

import errno
import os
import signal
import socket
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.rights import AS_ROOT, FOR_OTHERS
from uncork.config.options.daemon import Daemon
from uncork.config.options.hooks import Hooks
from uncork.config.options.logging import Logging
from uncork.config.options.processes import Processes
from uncork.config.options.sockets import Sockets
from uncork.config.options.stats import Stats
from uncork.config.settings import Settings
from uncork.errors import UncorkError
from uncork.supervise import startup
from uncork.supervise.sockets import STATS_MODE
from uncork.supervise.startup import become, start, titles
from uncork.system.address import Tcp
from uncork.system.listen import Bound
from uncork.system.privileges import Moment
from uncork.system.process import fork, handle_signals
from uncork.system.proctitle import Titles


@pytest.fixture(autouse=True)
def mask() -> Iterator[None]:
    """A start leaves signals blocked, for the role to hear."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    yield
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory that the server is started in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def settings(directory: Path) -> Settings:
    """A socket for requests, one for the statistics, a pidfile."""
    return Settings(
        sockets=Sockets(socket=("app.sock", "127.0.0.1:0")),
        processes=Processes(pidfile="app.pid"),
        stats=Stats(stats="stats.sock"),
    )


def test_start_and_finish(settings: Settings, directory: Path) -> None:
    """Everything is open in the order given and answers; `finish` with vacuum takes it all away again."""
    started = start(settings)
    assert started.origin == str(directory)
    assert str(started.bound[0].address) == "app.sock"
    assert (directory / "app.pid").read_text() == f"{os.getpid()}\n"
    assert started.stats is not None
    for bound in (*started.bound, started.stats):
        with socket.socket(bound.sock.family) as client:
            client.connect(bound.sock.getsockname())
    started.finish(vacuum=True)
    assert os.listdir(directory) == []


def test_finish_without_vacuum(settings: Settings, directory: Path) -> None:
    """Without vacuum the files stay, as with uWSGI."""
    start(settings).finish(vacuum=False)
    assert sorted(os.listdir(directory)) == ["app.pid", "app.sock", "stats.sock"]


@pytest.mark.parametrize(("chmod", "mode"), [(None, STATS_MODE), (0o600, 0o600)])
def test_mode_of_the_stats_socket(settings: Settings, directory: Path, chmod: int | None, mode: int) -> None:
    """The statistics are for user and group, unless chmod-socket says otherwise."""
    started = start(replace(settings, sockets=Sockets(chmod_socket=chmod)))
    assert stat.S_IMODE(os.stat(directory / "stats.sock").st_mode) == mode
    started.finish(vacuum=True)


def test_a_socket_in_use_leaves_nothing_behind(settings: Settings, directory: Path) -> None:
    """When the last socket cannot be had, the first one and the pidfile are gone again; the other server's are not."""
    with socket.socket(socket.AF_UNIX) as other:
        other.bind("stats.sock")
        other.listen()
        with pytest.raises(UncorkError, match=r"stats\.sock"):
            start(settings)
        assert os.listdir(directory) == ["stats.sock"]
        with socket.socket(socket.AF_UNIX) as client:
            client.connect("stats.sock")


def test_a_pidfile_of_before_stays(settings: Settings, directory: Path) -> None:
    """A start that fails does not touch the pidfile of the server that runs."""
    (directory / "app.pid").write_text("4711\n")
    with pytest.raises(UncorkError):
        start(replace(settings, processes=Processes(pidfile="app.pid", chdir="missing")))
    assert (directory / "app.pid").read_text() == "4711\n"


def test_a_directory_that_does_not_exist(settings: Settings, directory: Path) -> None:
    """An error names the option and the path."""
    with pytest.raises(UncorkError, match=r"^chdir = missing: no such file or directory$"):
        start(replace(settings, processes=Processes(chdir="missing")))
    assert os.listdir(directory) == []


def test_an_unknown_owner_leaves_nothing_behind(settings: Settings, directory: Path) -> None:
    """A socket that cannot be given to its owner is not left for the wrong one."""
    with pytest.raises(UncorkError, match="chown-socket"):
        start(replace(settings, sockets=Sockets(socket=("app.sock",), chown_socket="no-such-user")))
    assert os.listdir(directory) == []


def test_a_file_that_took_the_place_of_a_socket_is_left_and_named(
    settings: Settings, directory: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Vacuum removes what the server made, and says what it leaves."""
    started = start(settings)
    (directory / "app.sock").unlink()
    (directory / "app.sock").write_text("another")
    started.finish(vacuum=True)
    assert os.listdir(directory) == ["app.sock"]
    assert "VACUUM WARNING: unix socket app.sock changed inode. Skip removal\n" in capfd.readouterr().err


def test_sockets_that_were_passed_are_served(settings: Settings, capfd: pytest.CaptureFixture[str]) -> None:
    """In place of a bind, and said."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        address = Tcp("127.0.0.1", sock.getsockname()[1])
        passed = Bound(sock, address, inherited=True)
        started = start(replace(settings, sockets=Sockets(socket=("app.sock", str(address)))), (passed,))
        assert started.bound[1] is passed
        assert f"uwsgi socket 1 inherited INET address {address} fd " in capfd.readouterr().err
        started.finish(vacuum=True)


def test_a_reload_may_have_other_sockets(settings: Settings) -> None:
    """Everything else stays as it is."""
    started = start(settings)
    after = started.with_sockets(started.opened._replace(stats=None))
    assert (after.bound, after.stats, after.pidfiles) == (started.bound, None, started.pidfiles)
    started.finish(vacuum=True)


def test_whoever_waits_is_told_through_what_was_started(settings: Settings) -> None:
    """And without anybody who waits nothing happens."""
    told: list[str] = []
    started = start(settings, ready=lambda: told.append("ready"))
    started.ready()
    assert told == ["ready"]
    started.finish(vacuum=True)
    quiet = start(settings)
    quiet.ready()
    quiet.finish(vacuum=True)


@FOR_OTHERS
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.parametrize(
    ("options", "chown", "sockets_of", "after"),
    [
        (Daemon(), None, 65534, 65534),
        (Daemon(drop_after_init=True), None, 0, 65534),
        (Daemon(), "54321", 54321, 65534),
        (Daemon(master_as_root=True), None, 0, 0),
        (Daemon(drop_after_apps=True), None, 0, 0),
    ],
)
def test_roots_rights_go_in_uwsgis_order(
    directory: Path, options: Daemon, chown: str | None, sockets_of: int, after: int
) -> None:
    """Before the sockets unless something needs root for them; later ones are left to whoever imports the app."""
    directory.chmod(0o777)
    settings = Settings(
        sockets=Sockets(socket=("app.sock",), chown_socket=chown),
        processes=Processes(uid="65534", gid="65534"),
        daemon=options,
    )

    def main() -> int:
        started = start(settings)
        assert os.stat("app.sock").st_uid == sockets_of
        assert os.geteuid() == after
        if options.master_as_root:
            become(settings, Moment.AFTER_APPS)
            assert os.geteuid() == 0
            become(settings, Moment.BEFORE_APPS)
        else:
            become(settings, Moment.AFTER_APPS)
        assert os.getresuid() == (65534,) * 3
        started.bound[0].sock.close()
        return 42

    _, status = os.waitpid(fork(main), 0)
    assert os.waitstatus_to_exitcode(status) == 42


@AS_ROOT
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_user_who_cannot_read_python_is_named(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It lies below /root, say: nothing that is imported later would be found."""
    hidden = tmp_path / "os.py"
    hidden.touch(0o600)
    monkeypatch.setattr(os, "__file__", str(hidden))

    def main() -> int:
        with pytest.raises(UncorkError, match=r"^uid = 65534: this user may not read Python itself \("):
            become(replace(settings, processes=Processes(uid="65534")), Moment.BEFORE_SOCKETS)
        return 42

    _, status = os.waitpid(fork(main), 0)
    assert os.waitstatus_to_exitcode(status) == 42


def test_an_identity_that_cannot_be_had_leaves_nothing_behind(settings: Settings, directory: Path) -> None:
    """Whenever it would be needed: a slip is told before anything is opened."""
    wrong = replace(settings, processes=Processes(uid="no-such-user"))
    for chown in (None, f"{os.getuid()}"):
        for options in (Daemon(), Daemon(drop_after_apps=True)):
            with pytest.raises(UncorkError, match=r"^uid = no-such-user: "):
                start(replace(wrong, sockets=Sockets(socket=("app.sock",), chown_socket=chown), daemon=options))
            assert os.listdir(directory) == []


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_server_in_the_background_has_a_log_to_rotate(directory: Path, settings: Settings) -> None:
    """That of daemonize, unless logto names another."""

    def main() -> int:
        for logging, name in ((Logging(), "daemon.log"), (Logging(logto="other.log"), "other.log")):
            for options in (Daemon(daemonize="daemon.log"), Daemon(daemonize2="daemon.log")):
                started = start(replace(settings, daemon=options, logging=logging))
                assert started.log is not None
                assert started.log.path == str(directory / name)
                started.finish(vacuum=True)
        return 42

    _, status = os.waitpid(fork(main), 0)
    assert os.waitstatus_to_exitcode(status) == 42


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (Daemon(), None),
        (Daemon(auto_procname=True), Titles()),
        (Daemon(procname="app"), Titles(every="app")),
        (Daemon(procname_master="boss"), Titles(master_only="boss")),
        (Daemon(procname_prefix="x-", procname_append="-y"), Titles(prefix="x-", suffix="-y")),
        (Daemon(procname_prefix_spaced="x"), Titles(prefix="x ")),
    ],
)
def test_any_option_about_names_switches_them_on(options: Daemon, expected: Titles | None) -> None:
    """As in uWSGI; without one the processes are called what they are."""
    assert titles(Settings(daemon=options)) == expected


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_signal_at_the_wrong_moment_waits(settings: Settings) -> None:
    """The role hears it, once it has its handlers: nothing of the start is left behind by it."""

    def main() -> int:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM, signal.SIGHUP))
        started = start(settings)
        came: list[int] = []
        for number in (signal.SIGTERM, signal.SIGHUP):
            os.kill(os.getpid(), number)
        handle_signals(dict.fromkeys((signal.SIGTERM, signal.SIGHUP), lambda number, _: came.append(number)))
        started.finish(vacuum=True)
        return 42 if sorted(came) == [signal.SIGHUP, signal.SIGTERM] else 1

    assert os.waitstatus_to_exitcode(os.waitpid(fork(main), 0)[1]) == 42


def test_no_further_descriptor(settings: Settings, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ends the start with a sentence, and leaves nothing."""

    def refuse(*_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(startup, "open_sockets", refuse)
    with pytest.raises(UncorkError, match=r"^the server cannot start: too many open files$"):
        start(settings)
    assert os.listdir(directory) == []


def test_a_reload_may_end_otherwise(settings: Settings, directory: Path) -> None:
    """What is to be done at the end is what the last reload has read."""
    started = start(replace(settings, hooks=Hooks(hook_as_user_atexit=("create:old",))))
    started.with_hooks(replace(settings, hooks=Hooks(hook_as_user_atexit=("create:new",)))).finish(vacuum=True)
    assert os.listdir(directory) == ["new"]
