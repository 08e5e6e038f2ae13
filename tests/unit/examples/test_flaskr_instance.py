"""The example's instance folder: made once, whole and private, by however many processes."""

import fcntl
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from types import ModuleType

import pytest

# Four, as the example's uwsgi.ini has workers.
PROCESSES = 4

# Everything slow is imported before the go, so that all processes reach the instance folder together.
WORKER = """
import re, sys
import flask.testing, werkzeug.security
print("ready", flush=True)
sys.stdin.readline()
import flaskr
client = flaskr.app.test_client()
token = re.search('name="csrf_token" value="([^"]+)"', client.get("/auth/signup").text)[1]
form = {"csrf_token": token, "username": sys.argv[1], "password": "pour it slowly"}
assert client.post("/auth/signup", data=form).status_code == 302
print(flaskr.app.secret_key)
"""


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def start(example: Path, instance: Path, name: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, name],
        cwd=example,
        env={"FLASKR_INSTANCE": str(instance), "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_processes_that_start_together(example: Path, tmp_path: Path) -> None:
    """Four processes that meet an empty folder at once agree on one key and one database, and leave no draft behind."""
    instance = tmp_path / "instance"
    names = [f"member-{number}" for number in range(PROCESSES)]
    workers = [start(example, instance, name) for name in names]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    keys = [worker.communicate()[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0] * PROCESSES
    assert len(set(keys)) == 1
    assert len(keys[0].strip()) == 64
    with closing(sqlite3.connect(instance / "flaskr.sqlite")) as database:
        assert sorted(name for (name,) in database.execute("SELECT name FROM member")) == names
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    files = {path.name: mode(path) for path in instance.iterdir()}
    assert files == {"flaskr.sqlite": 0o600, "secret_key": 0o600, "lock": 0o600}
    assert mode(instance) == 0o700


def test_the_key_outlives_a_restart(flaskr: ModuleType, tmp_path: Path) -> None:
    """Sessions stay valid over a restart: the key is read again, not made anew."""
    keys = [flaskr.create_app({"INSTANCE": tmp_path}).secret_key for _ in range(2)]
    assert keys[0] == keys[1] == (tmp_path / "secret_key").read_text()


def test_a_given_key_is_used(flaskr: ModuleType, tmp_path: Path) -> None:
    """Who brings a key of their own gets no second one in the folder."""
    assert flaskr.create_app({"INSTANCE": tmp_path, "SECRET_KEY": "given"}).secret_key == "given"
    assert not (tmp_path / "secret_key").exists()


@pytest.mark.parametrize("content", ["", "abc"])
def test_a_damaged_key_is_refused(flaskr: ModuleType, tmp_path: Path, content: str) -> None:
    """A key that is too short to be safe stops the start, with the file and what to do."""
    path = tmp_path / "secret_key"
    path.write_text(content)
    with pytest.raises(ValueError, match=rf"^{path}: {len(content)} characters \(expected 64\); delete the file"):
        flaskr.create_app({"INSTANCE": tmp_path})
    assert path.read_text() == content


def test_a_folder_that_cannot_be_made(flaskr: ModuleType, tmp_path: Path) -> None:
    """A place where nothing can be written stops the start with a note which setting to change."""
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file") as caught:
        flaskr.create_app({"INSTANCE": tmp_path / "file" / "instance"})
    assert "FLASKR_INSTANCE" in caught.value.__notes__[0]


def test_nobody_fills_the_same_file_meanwhile(flaskr: ModuleType, tmp_path: Path) -> None:
    """While one process fills a file, the folder's lock keeps every other from beginning."""

    def fill(draft: Path) -> None:
        with open(tmp_path / "lock", "rb") as lock, pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        draft.write_text("whole")

    flaskr.instance.create_once(tmp_path / "file", fill)
    assert (tmp_path / "file").read_text() == "whole"


def test_who_comes_second_takes_what_is_there(
    flaskr: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that another process made while this one waited for the lock is not made again."""
    path = tmp_path / "file"
    locked = flaskr.instance.locked

    @contextmanager
    def locked_after_another(folder: Path) -> Iterator[None]:
        path.write_text("theirs")
        with locked(folder):
            yield

    monkeypatch.setattr(flaskr.instance, "locked", locked_after_another)
    flaskr.instance.create_once(path, lambda draft: draft.write_text("ours"))
    assert path.read_text() == "theirs"


def test_a_draft_that_fails_leaves_nothing(flaskr: ModuleType, tmp_path: Path) -> None:
    """When a file cannot be filled, neither half of it nor its draft stays, and the next one may try."""

    def fail(draft: Path) -> None:
        draft.write_text("half")
        raise OSError(28, "no space left on device")

    path = tmp_path / "file"
    with suppress(OSError):
        flaskr.instance.create_once(path, fail)
    assert [entry.name for entry in tmp_path.iterdir()] == ["lock"]
    flaskr.instance.create_once(path, lambda draft: draft.write_text("whole"))
    flaskr.instance.create_once(path, fail)
    assert path.read_text() == "whole"


def test_a_planted_link_is_not_followed(flaskr: ModuleType, tmp_path: Path) -> None:
    """A link where the lock should be stops the start, and what it points to is not touched."""
    target = tmp_path / "elsewhere"
    (tmp_path / "lock").symlink_to(target)
    with pytest.raises(OSError, match="lock"):
        flaskr.instance.create_once(tmp_path / "file", lambda draft: draft.write_text("x"))
    assert not target.exists()


def test_settings_come_from_the_environment(
    flaskr: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FLASKR_ variables are settings, and what create_app is given wins over them."""
    monkeypatch.setenv("FLASKR_INSTANCE", str(tmp_path / "here"))
    monkeypatch.setenv("FLASKR_POSTS_PER_PAGE", "7")
    monkeypatch.setenv("FLASKR_MAX_CONTENT_LENGTH", "1000")
    app = flaskr.create_app({"MAX_CONTENT_LENGTH": 2000})
    assert app.instance_path == str(tmp_path / "here")
    assert app.config["POSTS_PER_PAGE"] == 7
    assert app.config["MAX_CONTENT_LENGTH"] == 2000
