"""The table of commands."""

import signal

import pytest

from uncork.control.commands import BY_CHAR, COMMANDS, Command, by_signal

# uWSGI's FIFO table (core/fifo.c), as far as these commands go.
CHARS = {
    "q": Command.STOP,
    "Q": Command.KILL,
    "r": Command.RELOAD,
    "R": Command.BRUTAL_RELOAD,
    "c": Command.CHAIN_RELOAD,
    "w": Command.RELOAD_WORKERS,
    "W": Command.KILL_WORKERS,
    "p": Command.PAUSE,
    "l": Command.REOPEN_LOG,
    "L": Command.ROTATE_LOG,
    "s": Command.STATS,
    "P": Command.PIDFILE,
}


def test_every_command_has_one_row() -> None:
    """No command is forgotten, none is there twice."""
    assert sorted(row.command.name for row in COMMANDS) == sorted(command.name for command in Command)


def test_chars_and_signals_are_unique() -> None:
    """A character and a signal mean one command each."""
    chars = [row.char for row in COMMANDS if row.char]
    signals = [number for row in COMMANDS for number in row.signals]
    assert len(chars) == len(set(chars))
    assert len(signals) == len(set(signals))
    assert all(len(char) == 1 and char.isascii() and char.isalpha() for char in chars)


def test_chars_are_those_of_uwsgi() -> None:
    """`echo r >fifo` and all the others do what they do with uWSGI."""
    assert dict(BY_CHAR) == CHARS


def test_summaries() -> None:
    """Every command says what it does, in words of its own."""
    summaries = [row.summary for row in COMMANDS]
    assert all(summary == summary.strip() and not summary.endswith(".") and len(summary) > 10 for summary in summaries)
    assert len(set(summaries)) == len(summaries)


@pytest.mark.parametrize(
    ("number", "command"),
    [
        (signal.SIGHUP, Command.RELOAD),
        (signal.SIGTERM, Command.STOP),  # uWSGI reloads brutally
        (signal.SIGINT, Command.KILL),
        (signal.SIGQUIT, Command.KILL),
        (signal.SIGUSR1, Command.STATS),
        (signal.SIGTSTP, Command.PAUSE),
        (signal.SIGUSR2, None),
        (signal.SIGCHLD, None),
        (signal.SIGWINCH, None),
        (signal.SIGPIPE, None),
    ],
)
def test_signals(number: signal.Signals, command: Command | None) -> None:
    """Signals mean what they mean to uWSGI's master, except that TERM stops gracefully; the rest means nothing."""
    assert by_signal(number, die_on_term=False) is command


@pytest.mark.parametrize("number", list(signal.Signals))
def test_die_on_term_swaps_quit(number: signal.Signals) -> None:
    """With die-on-term QUIT reloads brutally, as in uWSGI; TERM stops either way, and nothing else changes."""
    expected = Command.BRUTAL_RELOAD if number == signal.SIGQUIT else by_signal(number, die_on_term=False)
    assert by_signal(number, die_on_term=True) is expected
