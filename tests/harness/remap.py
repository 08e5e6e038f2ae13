"""A real configuration, changed so that it can run in a directory of the test: by rule, and never by file.

What is bound to the machine it was written for gets a stand-in: addresses, paths, users, commands, and the app.  All
else stays as it is, and so do the lines: blocks, includes, placeholders and formats are those of the file.
"""

import os
import re
import socket
import venv
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from harness.corpus import FORMATS
from uncork.config.kinds import leading_number
from uncork.config.load import read
from uncork.config.names import uwsgi_names
from uncork.config.settings import Entry

STUB = """\
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"stub\\n"]


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    return application
"""


# Why a file alone starts no server.
TEMPLATE = "a template, to be filled in before uWSGI sees it"
EMPEROR = "an Emperor without an app"
NO_SOCKET = "no socket: another file or the command line names it"
NO_NUMBER = "a word where a number belongs: uWSGI takes it for 0, in silence"


class NotStartableError(Exception):
    """A file alone starts no server; the text is one of the reasons above."""


class Target(NamedTuple):
    """Where a file serves first: the address, whether it speaks HTTP there, and the path where it has an app."""

    address: str
    http: bool
    path: str


class Place:
    """What a file gets instead of its own machine: a directory, and addresses on a host of its own."""

    def __init__(self, directory: Path, number: int) -> None:
        self.directory = directory
        self.host = f"127.99.{number // 250}.{number % 250 + 1}"
        self.stub = directory / "stub.py"
        self.stub.write_text(STUB)
        self._names = 0

    def path(self, kind: str) -> str:
        """A path where nothing is yet."""
        self._names += 1
        return str(self.directory / f"{kind}{self._names}")

    def address(self) -> str:
        """A free TCP address."""
        with socket.socket() as sock:
            sock.bind((self.host, 0))
            return f"{self.host}:{sock.getsockname()[1]}"

    def virtualenv(self) -> str:
        """An environment of Python, with nothing in it."""
        path = self.directory / "venv"
        if not path.exists():
            venv.create(path, symlinks=True)
        return str(path)


Rule = Callable[[str, Place], str | None]


def _address(value: str, place: Place) -> str:
    """TCP stays TCP and unix stays unix; a placeholder without a value could be either."""
    if value.startswith("@"):
        return "@" + place.path("abstract")
    return place.path("unix") if "/" in value or value.endswith((".sock", ".socket")) else place.address()


def _directory(_value: str, place: Place) -> str:
    return str(place.directory)


def _file(_value: str, place: Place) -> str:
    return place.path("file")


def _virtualenv(_value: str, place: Place) -> str:
    return place.virtualenv()


def _app_file(_value: str, place: Place) -> str:
    return str(place.stub)


def _mounted(value: str, place: Place) -> str:
    """`/path=app` keeps its path."""
    return f"{value.partition('=')[0]}={place.stub}"


def _mapped(value: str, place: Place) -> str:
    """`/path=directory` keeps its path."""
    return f"{value.partition('=')[0]}={place.directory}"


def _logger(value: str, place: Place) -> str:
    """`name file:path` keeps what stands before the path."""
    return re.sub(r"(file:)(logfile=)?[^,]*", lambda found: f"{found[1]}{found[2] or ''}{place.path('log')}", value)


def _always(value: str) -> Rule:
    return lambda _value, _place: value


def _at_most(most: int) -> Rule:
    """Numbers, as large as the machine of a test likes them; what is none stays."""

    def rule(value: str, _place: Place) -> str:
        number = leading_number(value)
        return value if number is None or number <= most else str(most)

    return rule


def _hook(value: str, _place: Place) -> str:
    """Foreign files may ask for anything, and a test may run as root: only what touches nothing is done."""
    return value if value.startswith(("unix_signal:", "print:", "log:")) else "exec:true"


def _alarm(value: str, _place: Place) -> str:
    """The name stays; nobody is called, and nothing is run."""
    return f"{value.split(maxsplit=1)[0]} log:" if value.strip() else value


def _protocol(value: str, _place: Place) -> str:
    return value if value in ("uwsgi", "http", "http11") else "uwsgi"


def _gone(_value: str, _place: Place) -> None:
    return None


def _for_all(rule: Rule, names: str) -> dict[str, Rule]:
    return dict.fromkeys(names.split(), rule)


RULES: Mapping[str, Rule] = {
    **_for_all(_address, "socket uwsgi-socket http-socket http http11-socket http11 shared-socket"),
    **_for_all(_address, "stats stats-server emperor-stats emperor-stats-server subscribe-to http-to udp log-socket"),
    **_for_all(_directory, "chdir chdir2 pythonpath python-path pp emperor emperor-on-demand-directory spooler"),
    **_for_all(_directory, "check-static static-safe vassals-dir"),
    **_for_all(_virtualenv, "virtualenv home venv pyhome"),
    **_for_all(_file, "logto logto2 daemonize daemonize2 pidfile pidfile2 safe-pidfile safe-pidfile2 log-backupname"),
    **_for_all(
        _file, "master-fifo touch-reload touch-workers-reload touch-chain-reload touch-logrotate touch-logreopen"
    ),
    **_for_all(_logger, "logger req-logger"),
    **_for_all(_always("stub:application"), "module wsgi"),
    **_for_all(_app_file, "wsgi-file file paste ini-paste ini-paste-logged"),
    **_for_all(_mounted, "mount"),
    **_for_all(_mapped, "static-map static-map2"),
    **_for_all(_always("json"), "import shared-import pyimport shared-pyimport python-import shared-python-import"),
    **_for_all(_always(str(os.getuid())), "uid immediate-uid"),
    **_for_all(_always(str(os.getgid())), "gid immediate-gid"),
    **_for_all(_always(f"{os.getuid()}:{os.getgid()}"), "chown-socket logfile-chown"),
    **_for_all(_at_most(2), "processes workers"),
    **_for_all(_at_most(1), "cheaper cheaper-initial cheaper-step mules spooler-processes"),
    **_for_all(_at_most(4), "threads offload-threads"),
    **_for_all(_at_most(100), "listen"),
    **_for_all(_always("sleep 1000"), "attach-daemon attach-daemon2 smart-attach-daemon legion-attach-daemon"),
    **_for_all(_always("-1 -1 -1 -1 -1 true"), "cron unique-cron"),
    **_for_all(_always("minute=-1 true"), "cron2 unique-cron2 legion-cron2"),
    **_for_all(_alarm, "alarm"),
    **_for_all(_hook, " ".join(name for name in uwsgi_names() if name.startswith("hook-"))),
    **_for_all(_gone, " ".join(name for name in uwsgi_names() if name.startswith("exec-"))),
    **_for_all(_gone, "touch-exec chroot cgroup unshare setns fallback-config umask"),
    **_for_all(_protocol, "protocol socket-protocol"),
}

# In the test a server stays in the foreground, and its app is the stub.
RENAMED = {
    "daemonize": "logto",
    "daemonize2": "logto",
    "paste": "wsgi-file",
    "ini-paste": "wsgi-file",
    "ini-paste-logged": "wsgi-file",
}

_TEMPLATE = re.compile(r"\{\{|\{%|<%|__[A-Z][A-Z_]*__")
_WORDS = frozenset(("true", "True", "false", "False", "yes", "no", "on", "off"))

# Files that are to be included; those that are not there are empty ones.
_INCLUDES = frozenset(("ini", "include", "inherit", "yaml", "xml", "json"))

_APPS = frozenset(("module", "wsgi", "wsgi-file", "file", "paste", "ini-paste", "ini-paste-logged"))
_SPEAK_HTTP = frozenset(("http", "http-socket", "http11-socket", "http11"))
_SOCKETS = _SPEAK_HTTP | {"socket", "uwsgi-socket"}

# Lines of each format: what stands before the key, the key, what stands behind it, the value, and the rest.  The item
# of a list has no key.
_LINES = {
    "ini": [r"(\s*)({key})(\s*=?\s*)(.*)()"],
    "yaml": [r"(\s*)({key})(\s*:\s*)(.*)()", r"(\s*-\s*)()()(.*)()"],
    "xml": [r"(.*<)({key})(>)(.*)(</{key}>.*)"],
    "json": [r"(.*\")({key})(\"\s*:\s*\[?\"?)([^\",\]}}]*)(.*)", r"(\s*\")()()(.*)(\"[\],\s]*)"],
}


def remapped(path: Path, place: Place) -> tuple[list[str], Target]:
    """The command line that starts the file, which is written into `place`, and where it serves.

    Raises NotStartableError.
    """
    file_format = FORMATS.get(path.suffix, "ini")
    text = path.read_bytes().decode("utf-8", "surrogateescape")
    if _TEMPLATE.search(text):
        raise NotStartableError(TEMPLATE)
    # Of variables that the machine of the file has, most are numbers; where they are not, a rule has another value.
    text = re.sub(r"\$\(\w+\)", "1", text)
    copy = place.directory / path.name
    _write(copy, text)
    _target(_entries([f"--{file_format}", str(copy)]))
    _write(copy, _changed(copy, file_format, text, place))
    argv = [f"--{file_format}", str(copy)]
    if any(problem.entry and problem.entry.value in _WORDS for problem in read(argv, {}).problems):
        raise NotStartableError(NO_NUMBER)
    entries = _entries(argv)
    if not any(entry.name in _APPS or entry.name == "mount" for entry in entries):
        argv += ["--module", "stub:application"]
    return argv, _target(entries)


def _entries(argv: list[str]) -> list[Entry]:
    return [entry for entry in read(argv, {}).settings.entries if not entry.placeholder]


def _write(path: Path, text: str) -> None:
    path.write_bytes(text.encode("utf-8", "surrogateescape"))


def _changed(path: Path, file_format: str, text: str, place: Place) -> str:
    """The text with new values in the lines that rules speak of.  A line may stand for several entries, in a loop."""
    lines = text.split("\n")
    changed = set()
    for entry in _entries([f"--{file_format}", str(path)]):
        number = _line_of(entry, path)
        if number is None or number in changed:
            continue
        value = entry.value or ""
        if entry.name in RULES:
            new = RULES[entry.name](value, place)
        elif entry.name in _INCLUDES and not value.startswith(":") and not os.path.exists(place.directory / value):
            new = place.path("empty") + ".ini"
            _write(Path(new), "[uwsgi]\n")
        else:
            continue
        changed.add(number)
        lines[number - 1] = _line(lines[number - 1].rstrip("\r"), file_format, entry.name, new)
    return "\n".join(lines)


def _line(line: str, file_format: str, name: str, value: str | None) -> str:
    """The line with another value, or none."""
    matches = (re.fullmatch(pattern.format(key=re.escape(name)), line) for pattern in _LINES[file_format])
    found = next(filter(None, matches), None)
    assert found, f"no line of {name}: {line}"
    if value is None:
        return ""
    before, key, between, _, behind = found.groups()
    renamed = RENAMED.get(key, key)
    if key != renamed:
        behind = behind.replace(key, renamed)
    return f"{before}{renamed}{between or '=' * (file_format == 'ini')}{value}{behind}"


def _line_of(entry: Entry, path: Path) -> int | None:
    name, colon, number = entry.origin.rpartition(":")
    return int(number) if colon and name == str(path) and number.isdigit() else None


def _target(entries: list[Entry]) -> Target:
    """Where the first socket is.  Raises NotStartableError."""
    first = next((entry for entry in entries if entry.name in _SOCKETS and entry.value), None)
    if first is None:
        emperor = any(entry.name == "emperor" for entry in entries)
        raise NotStartableError(EMPEROR if emperor else NO_SOCKET)
    protocols = [entry.value for entry in entries if entry.name in ("protocol", "socket-protocol")]
    http = first.name in _SPEAK_HTTP or (first.name == "socket" and protocols[-1:] in (["http"], ["http11"]))
    alone = not any(entry.name in _APPS for entry in entries)
    mounts = [entry.value or "" for entry in entries if entry.name == "mount"]
    path = mounts[0].partition("=")[0] if mounts and alone else "/"
    return Target(first.value or "", http, path)
