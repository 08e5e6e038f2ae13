"""The private directory of a stack."""

import os
import socket
import stat
from pathlib import Path

import pytest

from uncork.nginx.private import WorkerAccount
from uncork.stack.place import PlaceError, open_place, why_not_inside

OTHER = WorkerAccount("www-data", "www-data", os.geteuid() + 33, 33)


def mode(path: Path) -> int:
    """The permission bits of a path."""
    return stat.S_IMODE(path.stat().st_mode)


def test_it_is_inside_the_project_and_private(tmp_path: Path) -> None:
    """Only we may enter, git does not see it, and it starts empty whatever an earlier one left."""
    left = tmp_path / ".uncork" / "run" / "old"
    left.mkdir(parents=True, mode=0o755)
    with open_place(str(tmp_path), None) as place:
        assert (place.directory, place.note) == (str(tmp_path / ".uncork" / "run"), "")
        assert os.listdir(place.directory) == []
        assert mode(tmp_path / ".uncork") == mode(Path(place.directory)) == 0o700
        assert (tmp_path / ".uncork" / ".gitignore").read_text() == "*\n"


def test_files_have_exactly_their_mode(tmp_path: Path) -> None:
    """A file is made with the mode that was asked for, whatever the umask is, and never over another."""
    with open_place(str(tmp_path), None) as place:
        path = Path(place.write("a.conf", "é\n", 0o640))
        with pytest.raises(FileExistsError):
            place.write("a.conf", "", 0o640)

    assert path.read_text(encoding="utf-8") == "é\n"
    assert mode(path) == 0o640


def test_logs_stay_and_sockets_go(tmp_path: Path) -> None:
    """After the end the logs can be read; a socket without a server would mislead."""
    with open_place(str(tmp_path), None) as place, socket.socket(socket.AF_UNIX) as bound:
        bound.bind(place.path("app.sock"))
        place.write("error.log", "", 0o600)

    assert os.listdir(place.directory) == ["error.log"]


def test_one_stack_for_each_project(tmp_path: Path) -> None:
    """A second one is told where the first one is; after the first has ended, it may start."""
    with open_place(str(tmp_path), None) as place:
        place.announce("http://127.0.0.1:8000/")
        sentence = rf"this project is up already at http://127.0.0.1:8000/ \(pid {os.getpid()}\)"
        with pytest.raises(PlaceError, match=sentence), open_place(str(tmp_path), None):
            pass
    with open_place(str(tmp_path), None) as place:
        assert place.note == ""


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """`.uncork` that leads elsewhere is left alone, and so is what it leads to."""
    (tmp_path / "project").mkdir()
    (tmp_path / "victim").mkdir()
    (tmp_path / "project" / ".uncork").symlink_to(tmp_path / "victim")
    with open_place(str(tmp_path / "project"), None) as place:
        assert ".uncork cannot be used" in place.note
        assert os.listdir(tmp_path / "victim") == []


@pytest.mark.parametrize(
    ("run", "account", "reason"),
    [
        ("/srv/blog/.uncork/run", None, ""),
        ("/srv/blog/.uncork/run", WorkerAccount("me", "me", os.geteuid(), 1), ""),
        ("/srv/blog/.uncork/run", OTHER, "nginx's workers run as www-data and must reach the socket"),
        (f"/{'x' * 94}", None, ""),
        (f"/{'x' * 95}", None, "the path of the project is too long for a socket"),
        (
            "/srv/$blog/run",
            None,
            "'/srv/$blog/run' holds a $, which nginx always reads as the start of a variable: rename it",
        ),
    ],
)
def test_when_the_project_will_not_do(run: str, account: WorkerAccount | None, reason: str) -> None:
    """Each reason to go elsewhere is a sentence."""
    assert why_not_inside(run, account) == reason


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_project_that_cannot_be_written(tmp_path: Path) -> None:
    """The directory is made in the place for such and removed at the end; the note says where it is."""
    (tmp_path / "project").mkdir(mode=0o500)
    with open_place(str(tmp_path / "project"), None) as place:
        assert tmp_path not in Path(place.directory).parents
        assert place.note.endswith(f"(permission denied): logs and sockets are in {place.directory}")
        assert mode(Path(place.directory)) == 0o700

    assert not os.path.exists(place.directory)


def test_a_project_with_a_very_long_path(tmp_path: Path) -> None:
    """Sockets go where their path is short enough; afterwards nothing of them is left."""
    deep = tmp_path / ("x" * 100)
    deep.mkdir()
    with open_place(str(deep), None) as place, socket.socket(socket.AF_UNIX) as bound:
        assert place.note.startswith("the path of the project is too long for a socket: logs and sockets are in /")
        bound.bind(place.path("notify.sock"))

    assert not os.path.exists(place.directory)


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone gives nginx another account")
def test_nginx_may_reach_the_socket_and_list_nothing(tmp_path: Path) -> None:
    """Started by root, the directory is searchable for nginx's group and closed to everybody else."""
    with open_place(str(tmp_path), OTHER) as place:
        status = os.stat(place.directory)
        page = os.stat(place.write("page.html", "", 0o640))

        assert (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid) == (0o710, 0, 33)
        assert (stat.S_IMODE(page.st_mode), page.st_gid) == (0o640, 33)
        assert mode(Path(place.directory).parent) & 0o001
