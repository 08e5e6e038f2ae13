"""`uncork check` as a program: what it says is what a start then does."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from e2e.conftest import Serve
from harness import uwsgi
from harness.corpus import NO_CORPUS, corpus_files

GOOD = "[uwsgi]\nsocket = app.sock\nmodule = blog\nenv = TOKEN=hunter2\nneed-app = true\n"
APP = "def application(environ, start_response):\n    start_response('200 OK', [])\n    return [b'blog']\n"


def uncork(*args: str, cwd: Path, text: str = "") -> subprocess.CompletedProcess[str]:
    """Run uncork with `args` and `text` on its standard input, to its end."""
    return subprocess.run(
        [sys.executable, "-m", "uncork", *args],
        cwd=cwd,
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def checked(*args: str, cwd: Path, text: str = "") -> Any:
    """The JSON of a check, whose exit status is the one that it names."""
    done = uncork("check", "--json", *args, cwd=cwd, text=text)
    said = json.loads(done.stdout)

    assert done.stderr == ""
    assert done.returncode == said["summary"]["exit"]
    return said


def test_what_is_fine_starts(serve: Serve, run: Path) -> None:
    """A file without errors and warnings, whose app can be loaded, starts and answers."""
    (run / "app.ini").write_text(GOOD)
    (run / "blog.py").write_text(APP)
    said = checked("app.ini", "--app", cwd=run)
    assert said["summary"]["exit"] == 0
    assert "hunter2" not in json.dumps(said)

    serve("app.ini", cwd=run)
    assert uwsgi.get(f"{run}/app.sock").body == b"blog"


@pytest.mark.parametrize("line", ["processes = four", "strict = true\nharakari = 1", "include = app.ini"])
def test_what_would_not_start_does_not(run: Path, line: str) -> None:
    """A start refuses what the check calls an error, in the same words."""
    (run / "app.ini").write_text(f"{GOOD}{line}\n")
    (run / "blog.py").write_text(APP)
    said = checked("app.ini", cwd=run)
    start = uncork("--ini=app.ini", cwd=run)

    assert said["summary"]["exit"] == 2
    assert start.returncode == 1
    assert all(error in start.stderr for error in said["summary"]["errors"])


def test_what_is_missing_here(run: Path) -> None:
    """What another machine may have is a warning; a start here refuses it, and with --here so does the check."""
    (run / "app.ini").write_text(f"{GOOD}chdir = gone\n")

    assert checked("app.ini", cwd=run)["summary"]["exit"] == 1
    (error,) = checked("app.ini", "--here", cwd=run)["summary"]["errors"]
    assert error in uncork("app.ini", cwd=run).stderr


def test_standard_input(run: Path) -> None:
    """`-` is a file that comes from a pipe; its app can be tried, too."""
    (run / "blog.py").write_text(APP)
    said = checked("-", "--app", cwd=run, text=GOOD)

    assert said["summary"]["exit"] == 0
    assert [option["name"] for option in said["options"]] == ["socket", "module", "env", "need-app"]
    assert said["app"].startswith("loaded in ")


def test_nothing_is_touched(run: Path) -> None:
    """A check without --app imports nothing and makes nothing."""
    (run / "app.ini").write_text(
        f"{GOOD}logto = app.log\npidfile = app.pid\nmaster-fifo = fifo\nexit = 7\niprint = hello\n"
    )
    (run / "blog.py").write_text("open('imported', 'w').close()\n")
    uncork("check", "app.ini", cwd=run)

    assert {path.name for path in run.iterdir()} == {"app.ini", "blog.py"}


def test_a_terminal_has_colours_and_a_pipe_has_none(run: Path) -> None:
    """The same text, so that it can be kept in a file."""
    (run / "app.ini").write_text(GOOD)
    command = [sys.executable, "-m", "uncork", "check", "app.ini"]
    ours, theirs = pty.openpty()
    try:
        with open(theirs, "wb", buffering=0) as terminal:
            subprocess.run(command, cwd=run, stdout=terminal, timeout=60, check=True)
            shown = os.read(ours, 65536)
    finally:
        os.close(ours)

    assert "\x1b" not in uncork("check", "app.ini", cwd=run).stdout
    assert b"\x1b[" in shown


@pytest.mark.skipif(not corpus_files(), reason=NO_CORPUS)
def test_corpus(tmp_path: Path) -> None:
    """No real configuration has an error, and nine of ten use nothing that is not supported."""
    files = corpus_files()
    done = subprocess.run(
        [sys.executable, "-m", "uncork", "check", "--json", *map(str, files)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    said = json.loads(done.stdout)

    assert len(said) == len(files)
    assert {one["file"]: one["summary"]["errors"] for one in said if one["summary"]["errors"]} == {}
    unsupported = {
        one["file"]: [option["name"] for option in one["options"] if option["status"] == "unsupported"] for one in said
    }
    without = [file for file, names in unsupported.items() if not names]
    assert len(without) >= 0.9 * len(files), {file: names for file, names in unsupported.items() if names}
