"""What a server says of itself."""

import json
from pathlib import Path

import pytest

from uncork.config.load import load
from uncork.control.stats import ServerFacts, SocketFacts
from uncork.control.status import status


def test_every_name_is_one_that_others_can_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths are absolute, from the directory that the server is in; addresses are as they are."""
    monkeypatch.chdir(tmp_path)
    Path("app.ini").write_text("[uwsgi]\nmaster = true\nini = :more\nini = common.ini\n[more]\nthreads = 2\n")
    Path("common.ini").write_text("[uwsgi]\nprocesses = 2\n")
    settings = load(["--ini", "app.ini", "--threads", "3"], {"UWSGI_LOGTO": "x"}).settings
    sockets = [
        SocketFacts(name, 0, 100) for name in ("app.sock", "/run/app.sock", "@app", "127.0.0.1:80", ":80", "./a:b")
    ]
    facts = ServerFacts(
        version="1", pid=7, uid=1, gid=2, cwd="/srv", monotonic=0.0, epoch=0.0, sockets=sockets,
        extra={"last_reload": {"ok": 1}, "other": 2},
    )  # fmt: skip
    found = status(
        facts, settings, str(tmp_path), fifos=["/run/f"], pidfiles=["/run/p"], stats="stats.sock", paused=True
    )

    assert found["sockets"] == ["/srv/app.sock", "/run/app.sock", "@app", "127.0.0.1:80", ":80", "/srv/./a:b"]
    assert found["stats"] == "/srv/stats.sock"
    assert (found["fifos"], found["pidfiles"]) == (["/run/f"], ["/run/p"])
    assert (found["paused"], found["stopping"], found["last_reload"]) == (True, False, {"ok": 1})
    assert found["config"] == [f"{tmp_path}/app.ini", f"{tmp_path}/common.ini"]
    assert json.loads(json.dumps(found)) == found


def test_without_statistics_and_files() -> None:
    """What there is not has no name."""
    facts = ServerFacts(version="1", pid=7, uid=1, gid=2, cwd="/srv", monotonic=0.0, epoch=0.0)
    found = status(facts, load(["--socket", ":1"], {}).settings, "/etc")

    assert (found["stats"], found["config"], found["last_reload"], found["workers"]) == ("", [], None, [])
