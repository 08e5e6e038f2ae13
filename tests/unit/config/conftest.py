"""A directory of configuration files to start in, and the real uWSGI to compare with."""

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest

Write = Callable[[str, str], str]
Rows = list[tuple[str, str]]
ShowConfig = Callable[[Sequence[str], Mapping[str, str]], Rows]

# uWSGI prints its configuration before it changes directory, which ends it before it opens anything.
_NO_DIRECTORY = "/proc/no/such/directory"
_RUN_UWSGI = [sys.executable, "-c", "import pyuwsgi; pyuwsgi.run()"]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write a file into the current directory, which is a fresh one; returns its name."""
    monkeypatch.chdir(tmp_path)

    def write_file(name: str, text: str) -> str:
        (tmp_path / name).write_text(text)
        return name

    return write_file


@pytest.fixture
def uwsgi_shows() -> ShowConfig:
    """What the real uWSGI makes of a command line and an environment: its options, in order, after expansion."""
    if find_spec("pyuwsgi") is None:
        pytest.skip("there is no pyuwsgi for this Python")

    def show(argv: Sequence[str], environ: Mapping[str, str]) -> Rows:
        command = [*_RUN_UWSGI, *argv, "--show-config", "--chdir", _NO_DIRECTORY]
        run = subprocess.run(
            command,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=30,
            check=False,
        )
        output = run.stdout.decode("utf-8", "surrogateescape")
        _, found, shown = output.partition("\n[uwsgi]\n")
        assert found, output
        lines = shown.partition(";end of configuration\n")[0].splitlines()
        rows = [(key, value) for key, _, value in (line.partition(" = ") for line in lines)]
        return [row for row in rows if row not in (("show-config", "true"), ("chdir", _NO_DIRECTORY))]

    return show
