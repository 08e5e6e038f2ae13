"""What the signals of a master mean: the table, die-on-term, and `hook-master-start = unix_signal:15 NAME`.

Pure.  Of uWSGI's hooks this one is in use everywhere; NAME is a function of uWSGI's, here the command that does the
same.  Any other action of a hook does nothing here, and a warning names it.
"""

import signal
from collections.abc import Iterator, Mapping

from uncork.config.settings import Entry, Settings
from uncork.control.commands import BY_HOOK, Command, by_signal
from uncork.errors import ConfigError
from uncork.system.process import HANDLED

_ACTION = "unix_signal"

# The signals that the master listens to; CHLD tells it of its children.
_SIGNALS = HANDLED - {signal.SIGCHLD}


def signal_commands(settings: Settings) -> Mapping[int, Command]:
    """The command of every signal that has one.  Raises ConfigError for a signal or a name that there is not."""
    die_on_term = settings.processes.die_on_term
    commands: dict[int, Command] = {}
    for signal_ in _SIGNALS:
        command = by_signal(signal_, die_on_term)
        if command is not None:
            commands[signal_] = command
    problems: list[str] = []
    for entry, action, words in _hooks(settings):
        if action != _ACTION:
            continue
        number, _, name = words.strip().partition(" ")
        name = name.strip()
        if not (number.isascii() and number.isdigit() and int(number) in _SIGNALS):
            numbers = ", ".join(str(int(number)) for number in sorted(_SIGNALS))
            problems.append(f"{entry} (expected {_ACTION}:SIGNAL NAME, SIGNAL one of {numbers})")
        elif name not in BY_HOOK:
            problems.append(f"{entry} (expected {_ACTION}:SIGNAL NAME, NAME one of {', '.join(BY_HOOK)})")
        else:
            commands[int(number)] = BY_HOOK[name]
    if problems:
        raise ConfigError(problems)
    return commands


def hook_warnings(settings: Settings) -> Iterator[str]:
    """One line for each hook that does nothing here."""
    for entry, action, _ in _hooks(settings):
        if action != _ACTION:
            yield f"{entry} does nothing here: {action} is no action of this server ({_ACTION} is)"


def _hooks(settings: Settings) -> Iterator[tuple[Entry, str, str]]:
    """(where it stands, its action, what stands behind the colon) of every hook."""
    for entry in settings.given("hook-master-start"):
        action, _, words = (entry.value or "").partition(":")
        yield entry, action.strip(), words
