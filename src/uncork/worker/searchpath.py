"""Where imports look: `pythonpath`, the working directory, and the virtual environment of `home`.

Runs in: template, or the single process, before the application is imported.  Order as in uWSGI (python_plugin.c): each
`pythonpath` goes before all the others, so the last one given is searched first; the working directory follows them.
"""

import glob
import os
import site
import sys
import sysconfig


def prepare(pythonpath: tuple[str, ...], home: str | None) -> list[str]:
    """Change sys.path (and for `home` also sys.prefix and VIRTUAL_ENV); the lines to log."""
    lines = activate(home) if home is not None else []
    sys.path.insert(0, os.getcwd())
    for pattern in pythonpath:
        for directory in sorted(glob.glob(pattern)) or [pattern]:
            path = os.path.abspath(directory)
            sys.path.insert(0, path)
            lines.append(f"added {path} to pythonpath.")
    return lines


def activate(home: str) -> list[str]:
    """Put the packages of the virtual environment `home` before those of our own; the lines to log.

    The interpreter stays ours: the configuration was refused before if `home` is made for another version of Python.
    """
    home = os.path.abspath(home)
    if os.path.realpath(home) == os.path.realpath(sys.prefix):
        return [f"Set PythonHome to {home}"]
    # The default scheme of Debian's own Python would name dist-packages.
    packages = sysconfig.get_path("purelib", "venv", vars={"base": home, "platbase": home})
    before = list(sys.path)
    # addsitedir reads .pth files too: editable installs of the app's own packages are made of them.
    site.addsitedir(packages)
    added = [path for path in sys.path if path not in before]
    sys.path[:] = added + before
    sys.prefix = sys.exec_prefix = home
    os.environ["VIRTUAL_ENV"] = home
    return [f"PEP 405 virtualenv detected: {home}", f"Set PythonHome to {home}"]
