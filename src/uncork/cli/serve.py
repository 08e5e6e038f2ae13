"""Serve what the command line, the environment and the files say.

    configured
      config.load.read_arguments        options, files, environment
      serve
        daemon.run                      with `daemonize`: in the background
        startup.start                   log, identity, directory, sockets
        Master.serve | single.run       the role

Runs in: the first process.  Must not: import click or anything of the companion verbs.
"""

import os
import signal
from collections.abc import Callable
from typing import NoReturn

from uncork.config.argv import Arguments
from uncork.config.load import Reading, read_arguments
from uncork.config.options import cheaper
from uncork.config.secrets import Secrets
from uncork.config.settings import Settings
from uncork.config.show import configuration as configuration_text
from uncork.config.show import option_names, print_line
from uncork.config.validate import validate
from uncork.control.hooks import hook_warnings, signal_commands
from uncork.errors import AppLoadError, ConfigError, UncorkError
from uncork.master.loop import Master
from uncork.supervise.startup import nobody_waits, say, start
from uncork.system import daemon, inherited
from uncork.system.listen import Bound
from uncork.system.logfile import LogFile
from uncork.system.program import SERVER
from uncork.worker import single, template

# In the environment of a start with `fallback-config`: there is no second one, lest two files take turns for ever.
_FALLEN_BACK = "UNCORK_FALLBACK"


def configured(arguments: Arguments) -> int:
    """Read the configuration that a command line, the environment and the files give, and serve; the exit status.

    Raises UncorkError, with all that is wrong in one, and reader.Exit for option `exit`.
    """
    reading = read_arguments(arguments, os.environ, says=print_line)
    settings = reading.settings
    if settings.reading.dump_options:
        reading.check()
        print(option_names())
        return 0
    if settings.reading.show_config:
        print_line(configuration_text(settings.entries, os.environ))
    fallback = None if _FALLEN_BACK in os.environ else settings.reading.fallback_config
    began: list[bool] = []
    try:
        status = _start(arguments, reading, lambda: began.append(True))
        if fallback is None or began or status != AppLoadError.exit_code:
            return status
    except UncorkError as error:
        if fallback is None or began:
            raise
        say(str(error))
    return _fall_back(fallback)


def _fall_back(fallback: str) -> NoReturn:
    """Begin again with another configuration, as uWSGI does: a new program in this process."""
    say(f"starting with {fallback} instead (fallback-config)")
    environ = {**os.environ, _FALLEN_BACK: fallback}
    # The timer of a log rule would outlive its handler.
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    os.execve(SERVER[0], [*SERVER, fallback], environ)  # noqa: S606 - ourselves


def _start(arguments: Arguments, reading: Reading, ready: Callable[[], None]) -> int:
    """Serve what was read, and call `ready` once it answers.  Raises UncorkError, with all that is wrong in one."""
    # Once: whoever reads the variables takes them away.
    passed = inherited.count(os.environ, os.getpid()) > 0
    _check(reading, passed)
    for text in reading.settings.reading.print:
        print_line(text)

    def read_settings() -> Settings:
        again = read_arguments(arguments, os.environ, reloading=True)
        _check(again, passed)
        return again.settings

    return serve(reading.settings, read_settings, ready)


def _check(reading: Reading, sockets_passed: bool) -> None:
    """Log the warnings; raise ConfigError for what cannot be started, all of it together."""
    settings = reading.settings
    secrets = Secrets(settings.entries, os.environ)
    for warning in (*reading.warnings, *hook_warnings(settings), *cheaper.remarks(settings)):
        say(secrets.text(warning))
    problems = [problem.text for problem in reading.problems]
    try:
        validate(settings, os.getcwd(), stdin_is_socket=sockets_passed, complete=not problems)
        signal_commands(settings)
    except ConfigError as error:
        problems.extend(error.problems)
    if problems:
        raise ConfigError(dict.fromkeys(map(secrets.text, problems)))


def serve(settings: Settings, read_settings: Callable[[], Settings], ready: Callable[[], None] = nobody_waits) -> int:
    """Serve in front or, with `daemonize`, in the background; the exit status.  Raises UncorkError.

    In front `ready` is called once the server answers; in the background, which ends in a process of its own, never.
    """
    passed, lines = inherited.take(os.environ, os.getpid())
    for line in lines:
        say(line)
    log = settings.daemon.background_log
    if log is None:
        return _serve(settings, read_settings, passed, ready)
    return daemon.run(LogFile(log, "daemonize"), lambda front: _serve(settings, read_settings, passed, front.ready))


def _serve(
    settings: Settings,
    read_settings: Callable[[], Settings],
    passed: tuple[Bound, ...],
    ready: Callable[[], None],
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
    except MemoryError:
        # Wherever it happened: this process has a limit that is too small for anything.
        started.finish(settings.processes.vacuum)
        raise UncorkError("cannot allocate memory (limit-as, or the memory of the machine, is too small)") from None
