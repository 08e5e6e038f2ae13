"""What is imported beside the app: `import`, `shared-import`, `pymodule-alias`, and what the app sees in sys.argv.

Runs in: template, or the single process; with lazy-apps in each worker.  Behaviour: uWSGI plugins/python
(python_plugin.c); user code is imported by `apploader`.
"""

import sys
from collections.abc import Callable, Iterable

from uncork.errors import AppLoadError
from uncork.worker.apploader import FILE_PREFIX, import_file, import_module
from uncork.worker.devserver import neutralised

# The name of the program that every app sees, whatever started it.
PROGRAM = "uwsgi"


def set_arguments(words: str | None) -> None:
    """Let sys.argv be that of uWSGI: its name, then the words of option `pyargv`.

    The server's own arguments are none of the app's: one that reads a command line would refuse them.
    """
    sys.argv[:] = [PROGRAM, *(words or "").split()]


def imports(targets: Iterable[str], option: str, say: Callable[[str], None]) -> None:
    """Import modules and Python files; one that fails is logged, and left out as in uWSGI."""
    for target in targets:
        place = f"{option} = {target}"
        try:
            with neutralised(say):
                if _is_file(target):
                    import_file(target, FILE_PREFIX + target.replace(".", "_").replace("/", "_"), place)
                else:
                    import_module(target, place)
        except AppLoadError as error:
            say(f"{error}; the app goes on without it")


def aliases(definitions: Iterable[str], option: str) -> None:
    """Import what `NAME=MODULE` and `NAME=/path/file.py` say under another name.  Raises AppLoadError."""
    for definition in definitions:
        name, _, target = definition.partition("=")
        place = f"{option} = {definition}"
        # A path only by its slash, as in uWSGI.
        if "/" in target:
            import_file(target, name, place)
        else:
            sys.modules[name] = import_module(target, place)


def _is_file(target: str) -> bool:
    return "/" in target or target.endswith(".py")
