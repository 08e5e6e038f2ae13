"""What the server's processes load: they share an interpreter with the app, and must not bring in what could clash."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness import uwsgi
from harness.server import Server

FORBIDDEN = {"asyncio", "click", "crossplane", "httptools", "jinja2", "rich"}

# The app answers with the names of all that is loaded around it; a worker has what its master had, by fork.
WITNESS = """\
import json, sys

def application(environ, start_response):
    start_response("200 OK", [])
    return [json.dumps(sorted(sys.modules)).encode()]
"""


@pytest.mark.parametrize("module", ["uncork.cli.main", "uncork.master.loop", "uncork.worker.template"])
def test_importing_the_server_loads_the_standard_library_only(module: str) -> None:
    """The modules of the command line, master and worker import nothing that is not Python's or ours, nor asyncio."""
    program = f"import json, sys, {module}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in json.loads(done.stdout)}

    assert loaded & FORBIDDEN == set()
    assert "uncork" in loaded


@pytest.mark.parametrize("master", [[], ["--master", "--stats", "stats.sock"]])
def test_a_serving_worker_has_loaded_nothing_else(tmp_path: Path, master: list[str]) -> None:
    """A worker that serves, with or without a master, has none of these packages in it: they are left to the app."""
    (tmp_path / "witness.py").write_text(WITNESS)
    server = Server(["--socket", "app.sock", "--module", "witness", *master], tmp_path, cwd=tmp_path)
    try:
        answer = uwsgi.get(f"{tmp_path}/app.sock")
    finally:
        server.close()
    loaded = {name.partition(".")[0] for name in json.loads(answer.body)}

    assert loaded & FORBIDDEN == set()
    assert "witness" in loaded
