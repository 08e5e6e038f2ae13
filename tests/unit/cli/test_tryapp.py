"""An app that is loaded in a process of its own, whatever it does there."""

import os
from pathlib import Path

import pytest

from uncork.cli.tryapp import try_app
from uncork.config.load import load
from uncork.config.settings import Settings
from uncork.errors import AppLoadError

APP = "def application(environ, start_response):\n    return []\n"


def settings_of(directory: Path, code: str, *words: str) -> Settings:
    """Settings for an app with this code."""
    (directory / "blog.py").write_text(code)
    return load(["--module", "blog", "--chdir", str(directory), *words], {}).settings


def failure(settings: Settings) -> str:
    """Why the app cannot be loaded."""
    with pytest.raises(AppLoadError) as caught:
        try_app(settings)
    return str(caught.value)


def test_loaded(tmp_path: Path) -> None:
    """An app that can be loaded took some time."""
    assert try_app(settings_of(tmp_path, APP)).startswith("loaded in 0.")


def test_environment(tmp_path: Path) -> None:
    """The app finds its environment, its path and its server, as in a worker."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "inlib.py").write_text("")
    code = f"import os, inlib, uwsgi\nassert os.environ['A'] == '1'\nassert os.getcwd() == {str(tmp_path)!r}\n{APP}"
    assert try_app(settings_of(tmp_path, code, "--env", "A=1", "--pythonpath", str(tmp_path / "lib")))
    assert "A" not in os.environ


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import nothing_of_this_name\n", "which is not installed here"),
        ("app = 1\n", "it has no 'application'"),
        ("raise SystemExit(3)\n", "it called sys.exit(3)"),
        ("import os\nos._exit(3)\n", "exited with status 3"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n", "killed by signal 9 (SIGKILL)"),
    ],
)
def test_failure(tmp_path: Path, code: str, words: str) -> None:
    """Why it failed is said, also if the app took the process with it."""
    assert words in failure(settings_of(tmp_path, code))


def test_import_that_hangs(tmp_path: Path) -> None:
    """It is given up after boot-timeout, and all that it started with it."""
    code = "import subprocess, time\nsubprocess.Popen(['sleep', '300'])\ntime.sleep(300)\n"
    assert failure(settings_of(tmp_path, code, "--boot-timeout", "1")) == "the app was not loaded within 1 s"


def test_threads_and_output(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """What the app leaves running keeps nobody waiting, and what it prints is no output of the command."""
    code = f"import threading, time\nthreading.Thread(target=time.sleep, args=(300,)).start()\nprint('hello')\n{APP}"
    assert try_app(settings_of(tmp_path, code))
    assert capfd.readouterr().out == ""
