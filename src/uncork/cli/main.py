"""`uncork`: the uWSGI command line, or one of the companion verbs.

    main
      verbs.run                         `uncork up ...` and its like
      signals.send                      `uncork --stop PIDFILE` and its like
      serve.configured                  everything else

Runs in: the first process.  Cheap to import: the server and the verbs are, each when it is what is wanted.
"""

import os
import select
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from uncork import __version__
from uncork.cli.verbs import VERBS
from uncork.errors import UncorkError
from uncork.system.logfile import fill_standard_descriptors

if TYPE_CHECKING:
    from uncork.config.argv import Request

USAGE = """\
uncork up [PATH]                          your app behind a real nginx, one command (uncork up --help)
uncork ctl VERB [SERVER]                  tell a running server: reload, stop, status, ... (uncork ctl --help)
uncork check FILE                         what a configuration means here, option by option
uncork explain OPTION                     what an option does, or what to do without it
uncork migrate SOURCE                     a configuration from gunicorn's, uvicorn's, uWSGI's command line or file
uncork completion SHELL                   completion for bash, zsh and fish
uncork --socket ADDRESS --module MODULE   the server alone, with uWSGI's options
uncork uwsgi.ini                          the same from a file
uncork --help                             all options
"""


def version() -> str:
    """Such as `0.1.0 (compiled)`: the first question about any measurement is whether the request path is compiled."""
    from uncork.scoreboard import cells

    interpreted = (cells.__file__ or "").endswith(".py")
    return f"{__version__} ({'interpreted' if interpreted else 'compiled'})"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command `argv` (without the program's name); the exit status."""
    fill_standard_descriptors()
    try:
        status = _run(list(sys.argv[1:] if argv is None else argv))
        sys.stdout.flush()
    except BrokenPipeError:
        if not _nobody_reads(sys.stdout.fileno()):
            raise
        # `uncork ... | head -1`: what is still buffered goes nowhere, or the interpreter would complain at its end.
        null = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        os.dup2(null, sys.stdout.fileno())
        return 1
    return status


def _nobody_reads(fd: int) -> bool:
    """Whether it is a pipe that nobody reads any more."""
    poll = select.poll()
    poll.register(fd, 0)
    return any(events & select.POLLERR for _, events in poll.poll(0))


def _run(words: list[str]) -> int:
    """What `words` ask for; the exit status."""
    # Started through a link named uwsgi it is uWSGI's command line and nothing else.
    as_uwsgi = os.path.basename(sys.argv[0]) == "uwsgi"
    if words and words[0] in VERBS and not as_uwsgi:
        from uncork.cli import verbs

        return verbs.run(words)
    return _as_uwsgi(words)


def _as_uwsgi(words: list[str]) -> int:
    """uWSGI's command line: ask, tell a running server, or serve."""
    from uncork.config.argv import parse_arguments, telling
    from uncork.config.environment import environment_entries
    from uncork.config.reader import Exit
    from uncork.system.logwriter import say

    if not words and not any(True for _ in environment_entries(os.environ)):
        sys.stderr.write(USAGE)
        return 1
    arguments = parse_arguments(words)
    if arguments.request is not None:
        return _answer(arguments.request)
    try:
        told = telling(arguments)
        if told is not None:
            from uncork.cli import signals

            signals.send(told)
            return 0
        from uncork.cli import serve

        return serve.configured(arguments)
    except Exit as asked:
        return asked.status
    except UncorkError as error:
        say(str(error))
        return error.exit_code


def _answer(request: "Request") -> int:
    """What was asked for in place of a start."""
    from uncork.config.argv import Request

    if request is Request.HELP:
        from uncork.config.help import help_text

        print(f"{USAGE}\n{help_text()}", end="")
    else:
        print(version())
    return 0
