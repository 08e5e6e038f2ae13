"""A project folder that modules are imported from, leaving nothing behind; and Python processes of their own."""

import importlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], Path]]:
    """The working directory and first place of sys.path; call it with (path, source) to write a file there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)

    def write(path: str, source: str) -> Path:
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(source))
        importlib.invalidate_caches()
        return file

    yield write
    for name, module in list(sys.modules.items()):
        if Path(tmp_path, getattr(module, "__file__", None) or "/").is_relative_to(tmp_path):
            del sys.modules[name]


@pytest.fixture
def python(tmp_path: Path) -> Callable[[str], str]:
    """Runs a script in a Python of its own, in tmp_path; what it printed.  The script fails the test if it raises."""

    def run(script: str) -> str:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", dedent(script)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run
