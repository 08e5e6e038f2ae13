"""Load the app of a configuration once, in a process of its own, and tell what came of it.

Runs in: the command line process (`try_app`) and a child of it (`main`), for the app's code is not ours: it may hang,
end its process, or leave threads behind.
"""

import os
import pickle
import signal
import subprocess
import sys
import tempfile
import time
from typing import IO

from uncork.config.settings import Settings
from uncork.errors import AppLoadError, UncorkError
from uncork.supervise.exits import Exit
from uncork.supervise.startup import apply_env, become
from uncork.system.privileges import Moment
from uncork.worker import searchpath
from uncork.worker.apploader import load_apps
from uncork.worker.template import enter
from uncork.worker.uwsgimodule import install

# Far more than an import takes; whoever knows better says boot-timeout.
PATIENCE = 60

_CHILD = "from uncork.cli.tryapp import main; main()"


def try_app(settings: Settings) -> str:
    """What loading the app came to, such as `loaded in 0.2 s`.  What it prints goes to standard error.

    Raises AppLoadError.
    """
    seconds = settings.reload.boot_timeout or PATIENCE
    began = time.monotonic()
    with tempfile.TemporaryFile() as said:
        status = _run(settings, said, seconds)
        said.seek(0)
        error = said.read().decode("utf-8", "replace")
    if error:
        raise AppLoadError(error)
    if status is None:
        raise AppLoadError(f"the app was not loaded within {seconds} s")
    if status:
        raise AppLoadError(f"the process that loaded the app {Exit(max(status, 0), max(-status, 0))}")
    return f"loaded in {time.monotonic() - began:.1f} s"


def _run(settings: Settings, said: IO[bytes], seconds: int) -> int | None:
    """The exit status of the child, or None if it took too long."""
    child = subprocess.Popen(
        # -P: a file of the app's may have the name of a module of Python's that we need first.
        [sys.executable, "-P", "-c", _CHILD, str(said.fileno())],
        stdin=subprocess.PIPE,
        stdout=2,
        pass_fds=(said.fileno(),),
        start_new_session=True,
    )
    try:
        child.communicate(pickle.dumps(settings), seconds)
    except subprocess.TimeoutExpired:
        return None
    finally:
        if child.returncode is None:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
    return child.returncode


def main() -> None:
    """Runs in: the child.  Takes the settings from standard input, and writes to a descriptor why the app failed."""
    # From the parent, which made it of its own objects.
    settings: Settings = pickle.load(sys.stdin.buffer)  # noqa: S301
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    status = 0
    try:
        _load(settings)
    except UncorkError as error:
        status = error.exit_code
        os.write(int(sys.argv[1]), str(error).encode("utf-8", "backslashreplace"))
    # The app's threads, and what it wanted to do at the end, keep nobody waiting.
    os._exit(status)


def _load(settings: Settings) -> None:
    """As a template would, in the same order.  Raises UncorkError."""
    python = settings.python
    apply_env(settings.processes.env)
    install(settings, os.getppid())
    if os.geteuid() == 0:
        for moment in (Moment.BEFORE_SOCKETS, Moment.AFTER_SOCKETS, Moment.BEFORE_APPS):
            become(settings, moment)
    enter(settings.processes.chdir, os.getcwd())
    searchpath.prepare(python.pythonpath, python.home)
    load_apps(python, lambda _line: None)
