"""`uncork`: the uWSGI command line, or one of the companion verbs.

    main
      verbs.run                         `uncork up ...` and its like
      signals.send                      `uncork --stop PIDFILE` and its like
      config.load.load                  everything else: options, ini files, environment
      serve
        daemon.run                      with `daemonize`: in the background
        startup.start                   log, identity, directory, sockets
        Master.serve | single.run       the role

Runs in: the first process.  Must not: import click or anything of the companion verbs when it serves.
"""

import os
import sys
from collections.abc import Callable, Sequence

from uncork import __version__
from uncork.cli.verbs import VERBS
from uncork.config.argv import Request, telling
from uncork.config.environment import environment_entries
from uncork.config.load import Configuration, load
from uncork.config.options import cheaper
from uncork.config.settings import Settings
from uncork.config.validate import validate
from uncork.control.hooks import hook_warnings, signal_commands
from uncork.errors import UncorkError
from uncork.master.loop import Master
from uncork.scoreboard import cells
from uncork.supervise.startup import nobody_waits, say, start
from uncork.system import daemon, inherited
from uncork.system.listen import Bound
from uncork.system.logfile import LogFile, fill_standard_descriptors
from uncork.worker import single, template

USAGE = """\
uncork up [PATH]                          your app behind a real nginx, one command (uncork up --help)
uncork ctl VERB [SERVER]                  tell a running server: reload, stop, status, ... (uncork ctl --help)
uncork --socket ADDRESS --module MODULE   the server alone, with uWSGI's options
uncork uwsgi.ini                          the same from a file
uncork --help                             all options
"""


def version() -> str:
    """Such as `0.1.0 (compiled)`: the first question about any measurement is whether the request path is compiled."""
    interpreted = (cells.__file__ or "").endswith(".py")
    return f"{__version__} ({'interpreted' if interpreted else 'compiled'})"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command `argv` (without the program's name); the exit status."""
    fill_standard_descriptors()
    words = list(sys.argv[1:] if argv is None else argv)
    # Started through a link named uwsgi it is uWSGI's command line and nothing else.
    as_uwsgi = os.path.basename(sys.argv[0]) == "uwsgi"
    if words and words[0] in VERBS and not as_uwsgi:
        from uncork.cli import verbs

        return verbs.run(words)
    if not words and not any(True for _ in environment_entries(os.environ)):
        sys.stderr.write(USAGE)
        return 1
    try:
        told = telling(words)
        if told is not None:
            from uncork.cli import signals

            signals.send(told)
            return 0
        return _answer_or_serve(words)
    except UncorkError as error:
        say(str(error))
        return error.exit_code


def _answer_or_serve(words: list[str]) -> int:
    configuration = load(words, os.environ)
    if configuration.request is Request.HELP:
        from uncork.config.help import help_text

        print(f"{USAGE}\n{help_text()}", end="")
        return 0
    if configuration.request is Request.VERSION:
        print(version())
        return 0
    # Once: whoever reads the variables takes them away.
    passed = inherited.count(os.environ, os.getpid()) > 0
    _check(configuration, passed)

    def read_settings() -> Settings:
        again = load(words, os.environ)
        _check(again, passed)
        return again.settings

    return serve(configuration.settings, read_settings)


def _check(configuration: Configuration, sockets_passed: bool) -> None:
    """Log the warnings; raise for what cannot be started."""
    settings = configuration.settings
    for warning in (*configuration.warnings, *hook_warnings(settings), *cheaper.remarks(settings)):
        say(warning)
    validate(settings, os.getcwd(), stdin_is_socket=sockets_passed)
    signal_commands(settings)


def serve(settings: Settings, read_settings: Callable[[], Settings]) -> int:
    """Serve in front or, with `daemonize`, in the background; the exit status.  Raises UncorkError."""
    passed, lines = inherited.take(os.environ, os.getpid())
    for line in lines:
        say(line)
    log = settings.daemon.background_log
    if log is None:
        return _serve(settings, read_settings, passed)
    return daemon.run(LogFile(log, "daemonize"), lambda front: _serve(settings, read_settings, passed, front.ready))


def _serve(
    settings: Settings,
    read_settings: Callable[[], Settings],
    passed: tuple[Bound, ...],
    ready: Callable[[], None] = nobody_waits,
) -> int:
    """Start the role that `settings` ask for, and be it until the end; the exit status.  Raises UncorkError."""
    started = start(settings, passed, ready)
    try:
        if settings.master:
            return Master(settings, started, read_settings, template.main).serve()
        return single.run(settings, started)
    except UncorkError:
        started.finish(settings.processes.vacuum)
        raise
