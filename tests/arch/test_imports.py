"""What the server's processes load: they share an interpreter with the app, and must not bring in what could clash."""

import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from harness import uwsgi
from harness.server import Server

# Of the standard library, but heavy, and at home in `uncork up` only.
UNWANTED = {"asyncio"}

# The app answers with the names of all that is loaded around it; a worker has what its master had, by fork.
WITNESS = """\
import json, sys

def application(environ, start_response):
    start_response("200 OK", [])
    return [json.dumps(sorted(sys.modules)).encode()]
"""


def modules_after(statement: str) -> set[str]:
    """What a fresh interpreter has loaded after `statement`."""
    program = f"{statement}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


@cache
def of_the_environment() -> frozenset[str]:
    """What the interpreter of this environment loads for itself, such as the finder of an editable installation."""
    return frozenset(modules_after(""))


def strangers(loaded: set[str]) -> set[str]:
    """The packages among `loaded` that are neither Python's nor ours."""
    packages = {name.partition(".")[0] for name in loaded - of_the_environment()}
    compiled = {name for name in packages if name.endswith("__mypyc")}
    # `uwsgi` is the server's own module for the app.
    own = {"uncork", "uwsgi", "witness"}
    return (packages - sys.stdlib_module_names - compiled - own) | (packages & UNWANTED)


@pytest.mark.parametrize("module", ["uncork.cli.serve", "uncork.master.loop", "uncork.worker.template"])
def test_importing_the_server_loads_the_standard_library_only(module: str) -> None:
    """The modules of the command line, master and worker import nothing that is not Python's or ours, nor asyncio."""
    loaded = modules_after(f"import {module}")

    assert module in loaded
    assert strangers(loaded) == set()


@pytest.fixture
def run() -> Iterator[Path]:
    """A directory whose path leaves room for socket names (107 bytes, unix(7))."""
    with TemporaryDirectory(prefix="uncork-") as path:
        yield Path(path)


@pytest.mark.parametrize("master", [[], ["--master", "--stats", "stats.sock"]])
def test_a_serving_worker_has_loaded_nothing_else(run: Path, master: list[str]) -> None:
    """A worker that serves, with or without a master, holds Python's modules, ours and the app's."""
    (run / "witness.py").write_text(WITNESS)
    server = Server(["--socket", "app.sock", "--module", "witness", *master], run, cwd=run)
    try:
        answer = uwsgi.get(f"{run}/app.sock")
    finally:
        server.close()
    loaded = set(json.loads(answer.body))

    assert "witness" in loaded
    assert strangers(loaded) == set()
