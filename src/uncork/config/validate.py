"""What can be known to fail before anything starts: directories, ports, and values in the wrong option.

Runs in: the process that was started.  Looks at the file system and changes nothing.

It finds what a slip in the configuration would break; who may write where is found out by the step that writes.
"""

import os
import re
import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

from uncork.config.kinds import leading_number
from uncork.config.options import cheaper
from uncork.config.settings import Entry, Settings
from uncork.config.table import BY_NAME
from uncork.errors import ConfigError

# sizeof(sockaddr_un.sun_path) less the NUL at its end: unix(7).
_LONGEST_SOCKET_PATH = 107

# A dotted name and a callable; host:port.
_MODULE = r"[^\W\d]\w*(\.[^\W\d]\w*)*:.+"
_UDP_ADDRESS = r"[^/]*:[0-9]+"


class Directories(NamedTuple):
    """Where relative paths begin: `start` is the directory of the start, `work` what chdir makes of it or None."""

    start: str
    work: str | None

    def resolve(self, path: str, from_start: bool = False) -> str | None:
        """The absolute path, or None where it depends on a working directory that does not exist."""
        base = self.start if from_start or os.path.isabs(path) else self.work
        return None if base is None else os.path.join(base, path)


def validate(settings: Settings, directory: str, *, stdin_is_socket: bool = False) -> None:
    """Check `settings` for a start in `directory`, before its chdir.  Descriptor 0 may be the socket to serve.

    Raises ConfigError with all problems together.
    """
    chdir = settings.processes.chdir
    work = directory if chdir is None else os.path.join(directory, chdir)
    directories = Directories(directory, work if os.path.isdir(work) else None)
    problems = [problem for check in _CHECKS for problem in check(settings, directories)]
    if not settings.sockets.socket and not stdin_is_socket:
        problems.append(
            "no socket (add one for nginx to connect to: --socket 127.0.0.1:3031 or --socket /run/app.sock)"
        )
    if problems:
        raise ConfigError(problems)


def _values(settings: Settings, name: str) -> Iterator[tuple[Entry, str]]:
    """The values of a text option, each with the entry to quote."""
    group, option = BY_NAME[name]
    value = getattr(getattr(settings, group), option.field_name)
    entries = settings.given(name)
    for text in value if isinstance(value, tuple) else (value,):
        if text is not None:
            unknown = Entry(name, text, f"--{name}")
            yield next((entry for entry in reversed(entries) if entry.value == text), unknown), text


def _chdir(settings: Settings, directories: Directories) -> Iterator[str]:
    for entry, path in _values(settings, "chdir"):
        yield from _no_directory(entry, os.path.join(directories.start, path))


_LOGS = frozenset({"logto", "logto2", "daemonize", "daemonize2"})
# Files that will be written, and whether relative paths count from where the server is started: uWSGI opens these
# before it changes directory.
_FILES = {
    "logto": True,
    "logto2": False,
    "daemonize": True,
    "daemonize2": True,
    "master-fifo": False,
    "pidfile": True,
    "pidfile2": False,
    "safe-pidfile": True,
    "safe-pidfile2": False,
}


def _files(settings: Settings, directories: Directories) -> Iterator[str]:
    """Files that will be written."""
    for name, from_start in _FILES.items():
        for entry, path in _values(settings, name):
            if name in _LOGS and re.fullmatch(_UDP_ADDRESS, path):
                yield f"{entry} (expected a path: logging to a UDP address is not supported)"
                continue
            yield from _no_place(entry, directories.resolve(path, from_start))


def _sockets(settings: Settings, directories: Directories) -> Iterator[str]:
    for name in ("socket", "stats"):
        for entry, address in _values(settings, name):
            why = _not_an_address(address)
            if why:
                yield f"{entry} ({why})"
            elif _is_path(address):
                yield from _no_place(entry, directories.resolve(address))


def _is_tcp(address: str) -> bool:
    return ":" in address and not address.startswith(("@", "/", "."))


def _is_path(address: str) -> bool:
    return not _is_tcp(address) and not address.startswith("@")


def _not_an_address(address: str) -> str | None:
    """Why this can be no address of a socket, or None."""
    if re.fullmatch(r"fd://[0-9]+", address):
        return None
    scheme, separator, _ = address.partition("://")
    if separator:
        return f"expected host:port or a path, without {scheme}://"
    if address.startswith("unix:"):
        return f"expected host:port or a path: write {address.removeprefix('unix:')}"
    if address.startswith("="):
        return "expected host:port or a path: shared sockets are not supported"
    if not _is_tcp(address):
        too_long = len(os.fsencode(address)) > _LONGEST_SOCKET_PATH
        return f"a socket path has {_LONGEST_SOCKET_PATH} bytes at most" if too_long else None
    text = address.rpartition(":")[2]
    # Digits count and what follows does not, as in `:8073  # why`: uWSGI reads ports with atoi().
    port = leading_number(text)
    return None if port is not None and 0 <= port <= 65535 else f"the port is {text!r}, expected 0 to 65535"


def _home(settings: Settings, directories: Directories) -> Iterator[str]:
    """A virtual environment works only for the version of Python that it was made with."""
    for entry, path in _values(settings, "home"):
        home = directories.resolve(path)
        if home is None:
            continue
        problems = list(_no_directory(entry, home))
        yield from problems
        running = f"python{sys.version_info.major}.{sys.version_info.minor}"
        if problems or os.path.isdir(os.path.join(home, "lib", running)):
            continue
        library = os.path.join(home, "lib")
        found = sorted(os.listdir(library)) if os.path.isdir(library) else []
        versions = " and ".join(name for name in found if re.fullmatch(r"python\d+\.\d+", name))
        if versions:
            yield f"{entry} (it holds {versions}, and this is {running}; install uncork there and start it from there)"
        else:
            yield f"{entry} (it has no lib/{running}; make it with: {running} -m venv {path})"


def _app(settings: Settings, directories: Directories) -> Iterator[str]:
    python = settings.python
    if python.module is None and python.wsgi_file is None and not python.mount:
        yield "no app (name it: --module package.module:app, --wsgi-file app.py, or mount = /prefix=package.module:app)"
    for entry, module in _values(settings, "module"):
        path, _, name = module.partition(":")
        if path.endswith(".py") or "/" in path:
            callable_ = f" and callable = {name}" if name else ""
            yield f"{entry} (expected a module, and this is a file: use wsgi-file = {path}{callable_})"
    for entry, path in _values(settings, "wsgi-file"):
        resolved = directories.resolve(path)
        if re.fullmatch(_MODULE, path) and resolved is not None and not os.path.exists(resolved):
            yield f"{entry} (expected a file, and this is a module: use module = {path})"
    for entry, mount in _values(settings, "mount"):
        prefix, _, app = mount.partition("=")
        if not prefix or not app:
            yield f"{entry} (expected /prefix=package.module:app or /prefix=file.py)"


def _no_place(entry: Entry, path: str | None) -> Iterator[str]:
    """A sentence if no file can be made at `path`; None is a path that nobody knows yet."""
    if path is None:
        return
    if os.path.isdir(path):
        yield f"{entry} ({path} is a directory; name a file in it)"
    else:
        yield from _no_directory(entry, os.path.dirname(path))


def _no_directory(entry: Entry, path: str) -> Iterator[str]:
    if not os.path.exists(path):
        yield f"{entry} (directory {path} does not exist; create it or change the path)"
    elif not os.path.isdir(path):
        yield f"{entry} ({path} is no directory)"


def _cheaper(settings: Settings, _directories: Directories) -> Iterator[str]:
    return cheaper.problems(settings)


_CHECKS: tuple[Callable[[Settings, Directories], Iterator[str]], ...] = (
    _chdir,
    _files,
    _sockets,
    _home,
    _app,
    _cheaper,
)
