"""A command line as it stands in a Procfile, a unit of systemd or a shell, down to the server and its words.

Pure.  `PORT=80 exec /srv/venv/bin/python -m gunicorn -w 4 app:app` is gunicorn with three words and one variable.
"""

import json
import os
import re
import shlex
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from uncork.errors import UncorkError


class MigrateError(UncorkError):
    """Nothing could be migrated; the text says why."""

    exit_code = 2


class Command(NamedTuple):
    """The server's program without its directory, its words, the variables set for it, and what it was wrapped in."""

    program: str
    words: tuple[str, ...]
    variables: tuple[tuple[str, str], ...]
    wrappers: tuple[str, ...]


_NOTHING = "no server is named (expected a command line such as gunicorn -w 4 app:app)"

# What stands before the command itself.
_LABEL = re.compile(r"\s*(?:ExecStart=[-@:+!|]*|command\s*=|[A-Za-z][\w-]*:(?=\s))\s*")
_JSON_COMMAND = re.compile(r"\s*(?:CMD|ENTRYPOINT)?\s*(?P<list>\[.*\])\s*", re.DOTALL)
_SHELL_COMMAND = re.compile(r"\s*(?:CMD|ENTRYPOINT)\s+")
_ASSIGNMENT = re.compile(r"(?P<name>[A-Za-z_]\w*)=(?P<value>.*)", re.DOTALL)
_PYTHON = re.compile(r"python[0-9.]*")
_OPERATOR = re.compile(r"&&|\|\||[|;&]|[0-9]?>{1,2}.*|<.*")

# Programs that only start another one, and the word that stands between.
_PLAIN = frozenset({"exec", "env", "nohup", "time"})
_RUNNERS = {"poetry": "run", "pipenv": "run", "uv": "run", "pdm": "run", "rye": "run", "hatch": "run"}
# Programs that do something to what they start, and the word that stands between.
_WRAPPERS = {
    "newrelic-admin": "run-program",
    "ddtrace-run": "",
    "opentelemetry-instrument": "",
    "dumb-init": "",
    "tini": "",
    "gosu": "*",
    "su-exec": "*",
    "sudo": "",
}


def parse_command(words: Sequence[str]) -> Command:
    """Take a command line apart; one word that holds blanks is a line of its own.  Raises MigrateError."""
    if not words:
        raise MigrateError(_NOTHING)
    left = deque(_words_of(words[0]) if len(words) == 1 else _unlabelled(list(words)))
    variables: list[tuple[str, str]] = []
    wrappers: list[str] = []
    while left:
        word = left.popleft()
        program = os.path.basename(word)
        assignment = _ASSIGNMENT.fullmatch(word)
        if assignment:
            variables.append((assignment["name"], assignment["value"]))
        elif program in _PLAIN:
            _skip_options(left)
        elif program in _RUNNERS and left and left[0] == _RUNNERS[program]:
            left.popleft()
            _skip_options(left)
        elif program in _WRAPPERS:
            wrappers.append(program)
            _skip_wrapper(program, left)
        else:
            return _command(program, left, variables, wrappers)
    raise MigrateError(_NOTHING)


def _command(program: str, left: deque[str], variables: list[tuple[str, str]], wrappers: list[str]) -> Command:
    if _PYTHON.fullmatch(program):
        while left and left[0] in ("-u", "-O", "-OO", "-B", "-I", "-E"):
            left.popleft()
        program = "python"
        if len(left) > 1 and left[0] == "-m":
            left.popleft()
            program = left.popleft()
    for word in left:
        if _OPERATOR.fullmatch(word):
            raise MigrateError(f"{word} belongs to the shell: give only the command that starts the server")
    return Command(program, tuple(left), tuple(variables), tuple(wrappers))


def split(text: str) -> list[str]:
    """The words of a text as a shell finds them.  Raises MigrateError."""
    try:
        return shlex.split(text)
    except ValueError as error:
        raise MigrateError(f"the command cannot be taken apart: {str(error).lower()}") from None


def _words_of(line: str) -> list[str]:
    """The words of a whole line of a Procfile, a unit, a Dockerfile or a shell."""
    listed = _JSON_COMMAND.fullmatch(line)
    if listed is None:
        joined = re.sub(r"\\\n", " ", line)
        return split(_LABEL.sub("", _SHELL_COMMAND.sub("", joined, count=1), count=1))
    try:
        return [str(word) for word in json.loads(listed["list"])]
    except (ValueError, RecursionError):
        raise MigrateError("the command looks like a list in json, and is none") from None


def _unlabelled(words: list[str]) -> list[str]:
    """The words without `web:`, `ExecStart=` and their like at the front."""
    first = _LABEL.sub("", f"{words[0]} ", count=1).strip()
    return [first, *words[1:]] if first else words[1:]


def _skip_options(left: deque[str]) -> None:
    while left and left[0].startswith("-"):
        if left.popleft() == "--":
            break


def _skip_wrapper(program: str, left: deque[str]) -> None:
    _skip_options(left)
    between = _WRAPPERS[program]
    if left and between and between in ("*", left[0]):
        left.popleft()
