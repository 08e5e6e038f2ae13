"""What the signals of a master mean: the table, die-on-term, and `hook-master-start = unix_signal:15 NAME`.

Pure.  Of uWSGI's hooks this one is in use everywhere; NAME is a function of uWSGI's, here the command that does the
same.  The other actions of hooks are done by `supervise/hookactions.py`; a warning names those that do nothing here.
"""

import signal
from collections.abc import Iterator, Mapping

from uncork.config.options.hooks import ACTIONS, IDLE, action_of, is_hook
from uncork.config.settings import Entry, Settings
from uncork.config.table import OPTIONS
from uncork.control.commands import BY_HOOK, Command, by_signal
from uncork.errors import ConfigError
from uncork.system.process import HANDLED

_MASTER_START = "hook-master-start"
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
    for entry, action, words in _hooks(settings, _MASTER_START):
        if action != _ACTION:
            problems.extend(_not_an_action(entry))
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


def _not_an_action(entry: Entry) -> Iterator[str]:
    if not is_hook(entry.value or ""):
        yield f"{entry} (expected ACTION:ARGUMENT, ACTION one of {_ACTION}, {', '.join(ACTIONS)})"


def hook_warnings(settings: Settings) -> Iterator[str]:
    """One line for each hook whose action does nothing here."""
    for name in (option.name for _, option in OPTIONS if option.name.startswith("hook-")):
        for entry, action, _ in _hooks(settings, name):
            if action in IDLE and (action, name) != (_ACTION, _MASTER_START):
                yield f"{entry} does nothing here: {IDLE[action]}"


def _hooks(settings: Settings, name: str) -> Iterator[tuple[Entry, str, str]]:
    """(where it stands, its action, what stands behind the colon) of every hook of an option."""
    for entry in settings.given(name):
        action, words = action_of(entry.value or "")
        yield entry, action, words
