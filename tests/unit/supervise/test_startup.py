"""What a server opens before it serves, and that a start that fails leaves nothing of it behind."""

import os
import socket
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from uncork.config.options.processes import Processes
from uncork.config.options.sockets import Sockets
from uncork.config.options.stats import Stats
from uncork.config.settings import Settings
from uncork.errors import UncorkError
from uncork.supervise.startup import STATS_MODE, start


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
