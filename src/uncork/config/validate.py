"""What can be known to fail before anything starts: directories, ports, and values in the wrong option.

Runs in: the process that was started.  Looks at the file system and changes nothing.

It finds what a slip in the configuration would break; who may write where is found out by the step that writes.  What
another machine may well have, such as a directory, is told apart from a mistake.
"""

import os
import re
import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

from uncork.config.doors import PROTOCOLS, doors
from uncork.config.kinds import leading_number
from uncork.config.options import cheaper
from uncork.config.problem import Problem, about
from uncork.config.settings import Entry, Settings
from uncork.config.table import BY_NAME
from uncork.config.textfile import STDIN, read_text
from uncork.errors import ConfigError

# sizeof(sockaddr_un.sun_path) less the NUL at its end: unix(7).
_LONGEST_SOCKET_PATH = 107

# A dotted name and a callable; host:port.
_MODULE = r"[^\W\d]\w*(\.[^\W\d]\w*)*:.+"
_UDP_ADDRESS = r"[^/]*:[0-9]+"

# The magic variable for the number of processors.
_PROCESSORS = "%k"


class Directories(NamedTuple):
    """Where relative paths begin: `start` is the directory of the start, `work` what chdir makes of it or None.

    `to_come`: hooks and commands run before any of them is used, and may make what is missing.
    """

    start: str
    work: str | None
    to_come: bool = False

    def resolve(self, path: str, from_start: bool = False) -> str | None:
        """The absolute path, or None where it depends on a working directory that does not exist."""
        base = self.start if from_start or os.path.isabs(path) else self.work
        return None if base is None else os.path.join(base, path)


def validate(settings: Settings, directory: str, *, stdin_is_socket: bool = False, complete: bool = True) -> None:
    """Check `settings` for a start in `directory`, before its chdir.  Descriptor 0 may be the socket to serve.

    Settings that are not `complete` lack what could not be read: what is missing in them is not held against them.
    Raises ConfigError with all problems together.
    """
    sentences = [problem.text for problem in problems(settings, directory)]
    if complete:
        sentences.extend(missing(settings, stdin_is_socket=stdin_is_socket).values())
    if sentences:
        raise ConfigError(sentences)


def problems(settings: Settings, directory: str) -> list[Problem]:
    """What is wrong with what was given, for a start in `directory`."""
    chdir = settings.processes.chdir
    work = directory if chdir is None else os.path.join(directory, chdir)
    directories = Directories(directory, work if os.path.isdir(work) else None, settings.hooks.before_sockets)
    return [problem for check in _CHECKS for problem in check(settings, directories)]


def missing(settings: Settings, *, stdin_is_socket: bool = False) -> dict[str, str]:
    """What has to be given, and is not: `app` and `socket`, each with a sentence that says how."""
    sentences = {}
    if not settings.python.has_app:
        sentences["app"] = (
            "no app (name it: --module package.module:app, --wsgi-file app.py, or mount = /prefix=package.module:app)"
        )
    if not doors(settings) and not stdin_is_socket:
        sentences["socket"] = (
            "no socket (add one for nginx to connect to: --socket 127.0.0.1:3031 or --socket /run/app.sock; "
            "or one for browsers: --http-socket :8000)"
        )
    return sentences


def _values(settings: Settings, name: str) -> Iterator[tuple[Entry, str]]:
    """The values of a text option, each with the entry to quote."""
    group, option = BY_NAME[name]
    value = getattr(getattr(settings, group), option.field_name)
    entries = settings.given(name)
    for text in value if isinstance(value, tuple) else (value,):
        if text is not None:
            unknown = Entry(name, text, f"--{name}", source="argument")
            yield next((entry for entry in reversed(entries) if entry.value == text), unknown), text


def _chdir(settings: Settings, directories: Directories) -> Iterator[Problem]:
    for entry, path in _values(settings, "chdir"):
        yield from _no_directory(entry, os.path.join(directories.start, path), directories)
    for entry, path in _values(settings, "chdir2"):
        resolved = directories.resolve(path)
        if resolved is not None:
            yield from _no_directory(entry, resolved, directories)


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


def _files(settings: Settings, directories: Directories) -> Iterator[Problem]:
    """Files that will be written."""
    for name, from_start in _FILES.items():
        for entry, path in _values(settings, name):
            if name in _LOGS and re.fullmatch(_UDP_ADDRESS, path):
                yield about(entry, "expected a path: logging to a UDP address is not supported")
                continue
            yield from _no_place(entry, directories.resolve(path, from_start), directories)


def _sockets(settings: Settings, directories: Directories) -> Iterator[Problem]:
    for name in (*PROTOCOLS, "stats"):
        for entry, address in _values(settings, name):
            why = _not_an_address(address)
            if why:
                yield about(entry, why)
            elif _is_path(address):
                yield from _no_place(entry, directories.resolve(address), directories)


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


def _home(settings: Settings, directories: Directories) -> Iterator[Problem]:
    """A virtual environment works only for the version of Python that it was made with."""
    for entry, path in _values(settings, "home"):
        home = directories.resolve(path)
        if home is None:
            continue
        problems = list(_no_directory(entry, home, directories))
        yield from problems
        running = f"python{sys.version_info.major}.{sys.version_info.minor}"
        if problems or os.path.isdir(os.path.join(home, "lib", running)):
            continue
        library = os.path.join(home, "lib")
        found = sorted(os.listdir(library)) if os.path.isdir(library) else []
        versions = " and ".join(name for name in found if re.fullmatch(r"python\d+\.\d+", name))
        if versions:
            reason = f"it holds {versions}, and this is {running}; install uncork there and start it from there"
        else:
            reason = f"it has no lib/{running}; make it with: {running} -m venv {path}"
        yield about(entry, reason, here=True)


def _app(settings: Settings, directories: Directories) -> Iterator[Problem]:
    for entry, module in _values(settings, "module"):
        path, _, name = module.partition(":")
        if path.endswith(".py") or "/" in path:
            callable_ = f" and callable = {name}" if name else ""
            yield about(entry, f"expected a module, and this is a file: use wsgi-file = {path}{callable_}")
    for entry, path in _values(settings, "wsgi-file"):
        resolved = directories.resolve(path)
        if re.fullmatch(_MODULE, path) and resolved is not None and not os.path.exists(resolved):
            yield about(entry, f"expected a file, and this is a module: use module = {path}")
    for entry, mount in _values(settings, "mount"):
        prefix, _, app = mount.partition("=")
        if not prefix or not app:
            yield about(entry, "expected /prefix=package.module:app or /prefix=file.py")


def _no_place(entry: Entry, path: str | None, directories: Directories) -> Iterator[Problem]:
    """Whether no file can be made at `path`; None is a path that nobody knows yet."""
    if path is None:
        return
    if os.path.isdir(path):
        yield about(entry, f"{path} is a directory; name a file in it", here=True)
    else:
        yield from _no_directory(entry, os.path.dirname(path), directories)


def _no_directory(entry: Entry, path: str, directories: Directories) -> Iterator[Problem]:
    if not os.path.exists(path):
        if directories.to_come:
            return
        yield about(entry, f"directory {path} does not exist; create it or change the path", here=True)
    elif not os.path.isdir(path):
        yield about(entry, f"{path} is no directory", here=True)


def _cheaper(settings: Settings, _directories: Directories) -> Iterator[Problem]:
    for sentence in cheaper.problems(settings):
        yield Problem(sentence, here=_is_counted_here(settings))


def _is_counted_here(settings: Settings) -> bool:
    """Whether there may be too few processes only because this machine has few processors.

    The magic variable has been replaced long since: a file that holds one is taken to hold it for this.
    """
    entries = settings.given("processes")
    if not entries or not entries[-1].in_file or settings.cheaper.cheaper < settings.processes.processes:
        return False
    path = entries[-1].origin.rpartition(":")[0]
    try:
        return (path == STDIN or os.path.isfile(path)) and _PROCESSORS in read_text(path)
    except (OSError, ValueError):
        return False


_CHECKS: tuple[Callable[[Settings, Directories], Iterator[Problem]], ...] = (
    _chdir,
    _files,
    _sockets,
    _home,
    _app,
    _cheaper,
)
