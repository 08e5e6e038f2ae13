"""`uncork check` as it is typed."""

import io
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from uncork.cli import verbs

Check = Callable[..., "Checked"]

APP = "def application(environ, start_response):\n    start_response('200 OK', [])\n    return [b'']\n"
GOOD = "[uwsgi]\nsocket = 127.0.0.1:0\nmodule = blog\n"


class Checked:
    """What it printed, and its exit status."""

    def __init__(self, capfd: pytest.CaptureFixture[str], *words: str) -> None:
        self.status = verbs.run(["check", *words])
        self.out, self.err = capfd.readouterr()

    @property
    def json(self) -> Any:
        """The JSON that it printed."""
        return json.loads(self.out)


@pytest.fixture(name="check_")
def check_fixture(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Check:
    """Types a command behind `uncork check`, in a directory of its own, without anything from the environment."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("UWSGI_")]:
        monkeypatch.delenv(name)
    return lambda *words: Checked(capfd, *words)


def test_fine(check_: Check, tmp_path: Path) -> None:
    """A configuration that is all right is a table and a sentence, and status 0."""
    (tmp_path / "app.ini").write_text(GOOD)
    checked = check_("app.ini")

    assert checked.status == 0
    assert checked.err == ""
    lines = checked.out.splitlines()
    assert lines[0] == "app.ini"
    assert re.fullmatch(r"  \S socket +127\.0\.0\.1:0 +app\.ini:2", lines[2])
    assert lines[-1] == "2 supported: would start"


def test_problems_stand_at_the_end(check_: Check, tmp_path: Path) -> None:
    """Behind the table stand the sentences by kind, each on a line of its own that begins with its place."""
    (tmp_path / "app.ini").write_text(GOOD + "processes = four\nharakari = 1\nchdir = gone\nuid = no such user\n")
    checked = check_("app.ini")
    _, table, errors, warnings, here, summary = checked.out.split("\n\n")

    assert checked.status == 2
    assert len(table.splitlines()) == 6
    assert errors.splitlines()[0] == "would not start"
    assert errors.splitlines()[1].startswith("app.ini:4: processes = four (")
    assert warnings.splitlines()[0] == "warnings"
    assert [line.partition(" ")[0] for line in warnings.splitlines()[1:]] == ["app.ini:5:"]
    assert here.splitlines()[0] == "on this machine"
    assert [line.partition(" ")[0] for line in here.splitlines()[1:]] == ["app.ini:6:", "app.ini:7:"]
    assert summary == "5 supported, 1 unknown: would not start\n"


def test_this_machine(check_: Check, tmp_path: Path) -> None:
    """What is missing here is a warning, and with --here an error."""
    (tmp_path / "app.ini").write_text(GOOD + "chdir = gone\n")
    checked = check_("app.ini")

    assert checked.status == 1
    assert checked.out.splitlines()[-1].endswith("would start on a machine that has what is missing here")
    assert check_("app.ini", "--here").status == 2


@pytest.mark.parametrize("line", ["hook-master-start = unix_signal:15 nobody_knows", "include = app.ini"])
def test_mistakes_of_a_start(check_: Check, tmp_path: Path, line: str) -> None:
    """What a start would refuse for what the file says is an error on any machine."""
    (tmp_path / "app.ini").write_text(f"{GOOD}{line}\n")
    assert check_("app.ini").status == 2


@pytest.mark.parametrize(
    "line", ["socket = 127.0.0.1:99999", "socket = http://127.0.0.1", "module = app.py", "cheaper = 5\nprocesses = 2"]
)
def test_mistakes_of_values(check_: Check, tmp_path: Path, line: str) -> None:
    """What can work nowhere is not laid to this machine."""
    (tmp_path / "app.ini").write_text(f"{GOOD}{line}\n")
    checked = check_("app.ini")
    assert checked.status == 2
    assert "on this machine" not in checked.out


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("", "needs a socket and an app from the command line"),
        ("[other]\nmodule = blog\n", "needs a socket and an app from the command line"),
        ("[uwsgi]\nmodule = blog\n", "needs a socket from the command line"),
        ("[uwsgi]\nsocket = :0\n", "needs an app from the command line"),
        ("[uwsgi]\nmodule = blog\nchdir = gone\n", "needs a socket from the command line"),
    ],
)
def test_incomplete(check_: Check, tmp_path: Path, text: str, verdict: str) -> None:
    """A file without an app or a socket may be one for a command line that adds them: a verdict of its own."""
    (tmp_path / "app.ini").write_text(text)
    checked = check_("app.ini")
    assert checked.status == 1
    assert checked.out.splitlines()[-1].endswith(f": {verdict}")
    said = check_("app.ini", "--json").json["summary"]
    assert said["missing"]
    assert not set(said["here"]) & {text for text in said["warnings"] if text.startswith("no ")}


def test_place_is_said_once(check_: Check, tmp_path: Path) -> None:
    """A file that is broken is named once in the sentence."""
    (tmp_path / "e.yaml").write_text("uwsgi:\n  a: [\n")
    (line,) = [line for line in check_("e.yaml").out.splitlines() if line.startswith("e.yaml:")]
    assert line.count("e.yaml") == 1


def test_json(check_: Check, tmp_path: Path) -> None:
    """JSON has each option and a summary."""
    (tmp_path / "app.ini").write_text(GOOD + "need-app\nthread = 4\n")
    checked = check_("app.ini", "--json")

    assert checked.status == 1
    assert set(checked.json) == {"file", "options", "summary"}
    assert checked.json["file"] == "app.ini"
    assert checked.json["options"][0] == {
        "name": "socket",
        "value": "127.0.0.1:0",
        "origin": "app.ini:2",
        "status": "supported",
        "reason": checked.json["options"][0]["reason"],
    }
    summary = checked.json["summary"]
    assert (summary["supported"], summary["accepted"], summary["unsupported"], summary["unknown"]) == (2, 1, 0, 1)
    assert summary["errors"] == []
    assert len(summary["warnings"]) == 1
    assert summary["exit"] == 1


def test_several_files(check_: Check, tmp_path: Path) -> None:
    """Several files are an array, and the worst decides the status."""
    (tmp_path / "app.ini").write_text(GOOD)
    checked = check_("app.ini", "gone.ini", "--json")

    assert checked.status == 2
    assert [one["file"] for one in checked.json] == ["app.ini", "gone.ini"]
    assert [one["summary"]["exit"] for one in checked.json] == [0, 2]
    assert [check_("app.ini", "gone.ini").out.count(file) for file in ("gone.ini\n", "\n\ngone.ini\n")] == [1, 1]


@pytest.mark.parametrize(
    "content",
    [None, b"", bytes(range(256)) * 40, b"\0" * 100, b"\xff\xfe[uwsgi]", b"[uwsgi]\nprocesses = \xff\x1b[2J\n"],
    ids=["gone", "empty", "junk", "nothing", "utf-16", "bytes"],
)
@pytest.mark.parametrize("name", ["x.ini", "x.yaml", "x.json", "x.xml", "x.toml"])
def test_json_of_anything(check_: Check, tmp_path: Path, name: str, content: bytes | None) -> None:
    """Whatever the file holds, and if there is none, JSON is printed, and text without control characters."""
    if content is not None:
        (tmp_path / name).write_bytes(content)
    checked = check_(name, "--json")

    assert checked.json["summary"]["exit"] == checked.status
    assert checked.status in {1, 2}
    assert checked.err == ""
    text = check_(name).out
    assert all(char.isprintable() or char == "\n" for char in text)


def test_a_directory(check_: Check, tmp_path: Path) -> None:
    """What cannot be read says why, with the name of the file."""
    (tmp_path / "x.ini").mkdir()
    checked = check_("x.ini")
    assert checked.status == 2
    assert "x.ini: cannot be read: Is a directory" in checked.out.splitlines()


def test_section_and_definitions(check_: Check, tmp_path: Path) -> None:
    """A section may be asked for, and placeholders be given."""
    (tmp_path / "app.ini").write_text("[blog]\nsocket = 127.0.0.1:%(port)\nmodule = blog\n")
    checked = check_("app.ini:blog", "--set", "port=8000", "--json")

    assert checked.status == 0
    values = {option["name"]: option["value"] for option in checked.json["options"]}
    assert values["socket"] == "127.0.0.1:8000"


def test_environment(check_: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Options in the environment belong to what a start would read."""
    (tmp_path / "app.ini").write_text(GOOD)
    monkeypatch.setenv("UWSGI_THREADS", "4")
    assert check_("app.ini", "--json").json["options"][0]["origin"] == "UWSGI_THREADS"


def test_secrets(check_: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the table nor JSON shows a secret, wherever it came from and went."""
    monkeypatch.setenv("API_KEY", "hunter4")
    (tmp_path / "app.ini").write_text(
        f"{GOOD}db-password = hunter2\nenv = TOKEN=hunter3\nprocesses = %(db-password)\nchdir = /hunter3/$(API_KEY)\n"
    )
    for form in ([], ["--json"]):
        checked = check_("app.ini", *form)
        assert "hunter" not in checked.out + checked.err
        assert "***" in checked.out


def test_app(check_: Check, tmp_path: Path) -> None:
    """With --app the app is loaded; without it nothing of it is."""
    (tmp_path / "app.ini").write_text(GOOD)
    (tmp_path / "blog.py").write_text("open('imported', 'w').close()\n" + APP)

    assert check_("app.ini").status == 0
    assert not (tmp_path / "imported").exists()
    checked = check_("app.ini", "--app", "--json")
    assert checked.status == 0
    assert checked.json["app"].startswith("loaded in ")
    assert (tmp_path / "imported").exists()


def test_broken_app(check_: Check, tmp_path: Path) -> None:
    """An app that cannot be loaded is an error; its traceback is shown, without secrets."""
    (tmp_path / "app.ini").write_text(GOOD + "env = TOKEN=hunter2\n")
    (tmp_path / "blog.py").write_text("import os\nraise ValueError(os.environ['TOKEN'])\n")
    checked = check_("app.ini", "--app")

    assert checked.status == 2
    assert 'blog.py", line 2' in checked.out
    assert "module = blog: it raised ValueError while it was loaded" in checked.out
    assert "hunter2" not in checked.out + checked.err
    (error,) = check_("app.ini", "--app", "--json").json["summary"]["errors"]
    assert error.startswith("module = blog: it raised ValueError")


@pytest.mark.parametrize("words", [[], ["--bogus", "app.ini"]])
def test_wrong_usage(check_: Check, words: list[str]) -> None:
    """A command line that is wrong is not taken for a configuration with warnings."""
    checked = check_(*words)
    assert checked.status == 2
    assert "Usage: uncork check" in checked.err


def test_narrow_terminal(check_: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the output has no such characters, marks and values are shown in others."""
    (tmp_path / "app.ini").write_text(GOOD + "chdir = /srv/blög\n")
    ascii_only = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", ascii_only)
    check_("app.ini")
    ascii_only.seek(0)

    text = ascii_only.read()
    assert "  + socket " in text
    assert "/srv/bl?g" in text
