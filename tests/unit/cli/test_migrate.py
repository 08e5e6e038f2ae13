"""The command line of `uncork migrate`: words, files, exit statuses."""

import os
import stat
from pathlib import Path

import pytest

from uncork.cli import verbs
from uncork.cli.verbs import run

OLD = "[uwsgi]\nworkers = 4\nmaster\n"


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of one's own, and no variables of gunicorn's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GUNICORN_CMD_ARGS", raising=False)
    return tmp_path


def test_it_is_a_verb() -> None:
    """`uncork migrate` is found by its name."""
    assert "migrate" in verbs.VERBS


def test_a_file_goes_to_standard_output(directory: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The new file alone, and status 0 where nothing is left to do."""
    (directory / "old.ini").write_text(OLD)

    assert run(["migrate", "old.ini"]) == 0
    out, err = capfd.readouterr()
    assert "; old.ini:2 workers = 4\nprocesses = 4\n" in out
    assert err == ""


@pytest.mark.parametrize(
    "words",
    [
        ["gunicorn", "-w", "4", "-b", ":80", "app:app"],
        ["--", "gunicorn", "-w", "4", "-b", ":80", "app:app"],
        ["--", "gunicorn -w 4 -b :80 app:app"],
        ["web: gunicorn -w 4 -b :80 app:app"],
        ["ExecStart=/srv/venv/bin/gunicorn -w 4 -b :80 app:app"],
        ["exec", "gunicorn", "-w4", "-b:80", "app:app"],
    ],
)
def test_a_command_line_in_each_form(capfd: pytest.CaptureFixture[str], words: list[str]) -> None:
    """Behind `--` or alone, as words or as a line; its options are not taken for those of this command."""
    assert run(["migrate", *words]) == 0
    out = capfd.readouterr().out
    assert "processes = 4\n" in out
    assert "http-socket = :80\n" in out


def test_what_is_left_to_do_is_said_and_told_by_the_status(capfd: pytest.CaptureFixture[str]) -> None:
    """One line each on standard error, status 1, and the file all the same."""
    assert run(["migrate", "gunicorn", "--statsd-host", "x:1", "app:app"]) == 1
    out, err = capfd.readouterr()
    assert "module = app:app\n" in out
    assert err.startswith("by hand: gunicorn --statsd-host x:1: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ([], "name a file or a command line"),
        (["nowhere.ini"], "nowhere.ini cannot be read: No such file or directory"),
        (["uvicorn", "app:app"], "that is ASGI"),
        (["-w", "4", "app:app"], "has to begin with its program"),
        (["nginx -g x"], "nginx is no server that can be migrated"),
        (["--", "gunicron", "app:app"], "gunicron is no server that can be migrated"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(capfd: pytest.CaptureFixture[str], words: list[str], why: str) -> None:
    """Status 2, nothing on standard output, and why."""
    assert run(["migrate", *words]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("uncork migrate: ")
    assert why in err
    assert "Traceback" not in err


def test_a_file_is_written_with_the_narrowest_mode(directory: Path) -> None:
    """0644, less what the umask takes; no more than the old file had, whose secrets may be in the new one."""
    (directory / "old.ini").write_text(OLD)
    os.chmod("old.ini", 0o640)

    assert run(["migrate", "old.ini", "-o", "new.ini"]) == 0
    assert stat.S_IMODE(os.stat("new.ini").st_mode) & ~0o640 == 0
    assert run(["migrate", "-o", "gunicorn.ini", "gunicorn", "app:app"]) == 0
    assert stat.S_IMODE(os.stat("gunicorn.ini").st_mode) & ~0o644 == 0


def test_what_is_there_stays_unless_it_is_forced(directory: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Without --force nothing is replaced; with it the file changes at once, and nothing else is left behind."""
    (directory / "old.ini").write_text(OLD)

    assert run(["migrate", "old.ini", "-o", "old.ini"]) == 2
    assert "old.ini is there already" in capfd.readouterr().err
    assert (directory / "old.ini").read_text() == OLD
    assert run(["migrate", "old.ini", "-o", "old.ini", "--force"]) == 0
    assert "processes = 4" in (directory / "old.ini").read_text()
    assert os.listdir(directory) == ["old.ini"]


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_no_link_is_followed(directory: Path, force: list[str]) -> None:
    """What a link in the place of the new file leads to is never written."""
    (directory / "old.ini").write_text(OLD)
    (directory / "precious").write_text("precious")
    (directory / "new.ini").symlink_to("precious")

    assert run(["migrate", "old.ini", "-o", "new.ini", *force]) == (0 if force else 2)
    assert (directory / "precious").read_text() == "precious"


def test_a_place_that_does_not_exist_is_said(directory: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A sentence, status 2."""
    (directory / "old.ini").write_text(OLD)

    assert run(["migrate", "old.ini", "-o", "no/where/new.ini"]) == 2
    assert "no/where/new.ini cannot be written: No such file or directory" in capfd.readouterr().err


def test_a_section_may_be_named(directory: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """As in `--ini FILE:SECTION`."""
    (directory / "old.ini").write_text("[uwsgi]\nmaster\n[small]\nworkers = 1\n")

    assert run(["migrate", "old.ini:small"]) == 0
    assert "[small]\n" in capfd.readouterr().out


def test_includes_are_flattened_when_asked_for(directory: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """--flatten puts the lines of other files in the place of what asks for them."""
    (directory / "old.ini").write_text("[uwsgi]\nini = base.ini\n")
    (directory / "base.ini").write_text(OLD)

    assert run(["migrate", "--flatten", "old.ini"]) == 0
    assert "; base.ini:2 workers = 4\nprocesses = 4\n" in capfd.readouterr().out


def test_bytes_that_are_no_text_stay_as_they_are(directory: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """A path may hold any byte, and comes out as it was."""
    (directory / "old.ini").write_bytes(b"[uwsgi]\nchdir = /srv/\xe9t\xe9\n")

    assert run(["migrate", "old.ini"]) == 0
    assert b"chdir = /srv/\xe9t\xe9\n" in capfdbinary.readouterr().out
