"""What is checked of the app and its directories before a start."""

from pathlib import Path

import pytest

from uncork.config.options.hooks import Hooks
from uncork.config.options.processes import Processes
from uncork.config.options.python import Python
from uncork.config.options.sockets import Sockets
from uncork.config.settings import Settings
from uncork.config.validate import validate
from uncork.errors import ConfigError

SOCKETS = Sockets(socket=("127.0.0.1:0",))


@pytest.mark.parametrize(
    "python",
    [
        Python(eval="application = None"),
        Python(paste="config:/srv/a.ini"),
        Python(ini_paste="/srv/a.ini"),
        Python(ini_paste_logged="/srv/a.ini"),
        Python(pecan="config.py"),
    ],
)
def test_apps_that_are_neither_modules_nor_files(tmp_path: Path, python: Python) -> None:
    """Each names an app."""
    validate(Settings(sockets=SOCKETS, python=python), str(tmp_path))


def test_the_second_directory_is_found_from_the_first(tmp_path: Path) -> None:
    """As it is entered later."""
    (tmp_path / "one" / "two").mkdir(parents=True)
    python = Python(module="app")
    validate(Settings(sockets=SOCKETS, python=python, processes=Processes(chdir="one", chdir2="two")), str(tmp_path))
    wrong = Settings(sockets=SOCKETS, python=python, processes=Processes(chdir="one", chdir2="one"))
    with pytest.raises(ConfigError, match=rf"^--chdir2 one \(directory {tmp_path}/one/one does not exist; "):
        validate(wrong, str(tmp_path))


@pytest.mark.parametrize(
    "hooks", [Hooks(hook_asap=("mkdir:new",)), Hooks(exec_as_root=("mkdir new",)), Hooks(hook_in_jail=("mkdir:new",))]
)
def test_a_directory_that_a_hook_may_make(tmp_path: Path, hooks: Hooks) -> None:
    """Is not missing before it had the chance to."""
    processes = Processes(chdir="new", chdir2="newer")
    validate(Settings(sockets=SOCKETS, python=Python(module="app"), processes=processes, hooks=hooks), str(tmp_path))
