"""What is to be migrated, and who reads it: the door to this package.

Pure but for the files that a source names, which are read through the function given.
"""

import re
from collections.abc import Callable, Mapping, Sequence

from uncork.config.textfile import why
from uncork.migrate import devserver, granian, gunicorn, uvicorn, uwsgifile, waitress
from uncork.migrate.command import Command, MigrateError, parse_command
from uncork.migrate.draft import Migrated
from uncork.migrate.rules import ASGI, Reader

Environ = Mapping[str, str]
Server = Callable[[Command, Reader, Environ], Migrated]


def _asgi_only(command: Command, _read: Reader, _environ: Environ) -> Migrated:
    app = command.words[-1] if command.words else ""
    raise MigrateError(ASGI.format(what=f"{command.program} {app}".rstrip(), how=": gunicorn package.module:app"))


_SERVERS: Mapping[str, Server] = {
    "gunicorn": lambda command, read, environ: gunicorn.migrate_command(
        command, read, environ.get(gunicorn.ARGUMENTS, "")
    ),
    "waitress-serve": lambda command, _read, _environ: waitress.migrate_command(command),
    "waitress": lambda command, _read, _environ: waitress.migrate_command(command),
    "uvicorn": lambda command, _read, _environ: uvicorn.migrate_command(command),
    "granian": lambda command, _read, _environ: granian.migrate_command(command),
    "flask": lambda command, _read, _environ: devserver.migrate_flask(command),
    "python": lambda command, read, _environ: devserver.migrate_python(command, read),
    "uwsgi": lambda command, _read, _environ: uwsgifile.migrate_command(command),
    "hypercorn": _asgi_only,
    "daphne": _asgi_only,
}

# What begins a command line rather than the name of a file.
_BEGINNING = re.compile(r"[A-Z_][A-Z0-9_]*=|ExecStart=|command\s*=|[A-Za-z][\w-]*:\s|(exec|env|poetry|pipenv|uv|pdm)\b")


def is_command(word: str) -> bool:
    """Whether a first word begins a command line, and not the name of a file."""
    first = word.strip().partition(" ")[0]
    name = first.rpartition("/")[2]
    return name in _SERVERS or re.fullmatch(r"python[0-9.]*", name) is not None or bool(_BEGINNING.match(word))


def read_command(words: Sequence[str], read: Reader, environ: Environ) -> Migrated:
    """Migrate a command line.  Raises MigrateError."""
    command = parse_command(words)
    server = _SERVERS.get(command.program)
    if server is None:
        known = ", ".join(sorted(_SERVERS.keys() - {"waitress", "hypercorn", "daphne"}))
        raise MigrateError(f"{command.program} is no server that can be migrated (expected one of {known})")
    return server(command, read, environ)


def read_file(path: str, section: str, read: Reader, *, flatten: bool = False) -> Migrated:
    """Migrate a file: of uWSGI's, or gunicorn's if its name ends in .py.  Raises MigrateError."""
    if path.endswith(".py"):
        return gunicorn.migrate_file(_text(path, read), path)
    return uwsgifile.migrate_file(path, section, read, flatten=flatten)


def _text(path: str, read: Reader) -> str:
    try:
        return read(path)
    except (OSError, ValueError) as error:
        raise MigrateError(f"{path} cannot be read: {why(error)}") from None
