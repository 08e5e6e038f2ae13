"""The table of commands."""

import signal

import pytest

from uncork.control.commands import BY_CHAR, BY_HOOK, BY_VERB, COMMANDS, REPLIES, Command, Outcome, by_signal

# uWSGI's FIFO table (core/fifo.c) without the digits.
CHARS = {
    "q": Command.STOP,
    "Q": Command.KILL,
    "r": Command.RELOAD,
    "R": Command.BRUTAL_RELOAD,
    "c": Command.CHAIN_RELOAD,
    "w": Command.RELOAD_WORKERS,
    "W": Command.KILL_WORKERS,
    "p": Command.PAUSE,
    "+": Command.CHEAPER_MORE,
    "-": Command.CHEAPER_LESS,
    "C": Command.GO_CHEAP,
    "l": Command.REOPEN_LOG,
    "L": Command.ROTATE_LOG,
    "s": Command.STATS,
    "P": Command.PIDFILE,
    "B": Command.SOS,
    "E": Command.RESCAN,
    "f": Command.REFORK,
    "S": Command.SUBSCRIPTIONS,
}

# The functions behind them, by which hooks call them.
HOOKS = {
    "gracefully_kill_them_all": Command.STOP,
    "kill_them_all": Command.KILL,
    "grace_them_all": Command.RELOAD,
    "reap_them_all": Command.BRUTAL_RELOAD,
    "uwsgi_chain_reload": Command.CHAIN_RELOAD,
    "uwsgi_reload_workers": Command.RELOAD_WORKERS,
    "uwsgi_brutally_reload_workers": Command.KILL_WORKERS,
    "suspend_resume_them_all": Command.PAUSE,
    "uwsgi_cheaper_increase": Command.CHEAPER_MORE,
    "uwsgi_cheaper_decrease": Command.CHEAPER_LESS,
    "uwsgi_go_cheap": Command.GO_CHEAP,
    "uwsgi_log_reopen": Command.REOPEN_LOG,
    "uwsgi_log_rotate": Command.ROTATE_LOG,
    "stats": Command.STATS,
    "uwsgi_update_pidfiles": Command.PIDFILE,
    "vassal_sos": Command.SOS,
    "emperor_rescan": Command.RESCAN,
    "uwsgi_refork_master": Command.REFORK,
    "subscriptions_blocker": Command.SUBSCRIPTIONS,
}


def test_every_command_has_one_row() -> None:
    """No command is forgotten, none is there twice."""
    assert sorted(row.command.name for row in COMMANDS) == sorted(command.name for command in Command)


def test_every_way_to_say_it_is_unique() -> None:
    """A character, a signal, a verb and a hook mean one command each."""
    for said in (
        [row.char for row in COMMANDS],
        [number for row in COMMANDS for number in row.signals],
        [verb for row in COMMANDS for verb in row.verbs],
        [row.hook for row in COMMANDS],
    ):
        assert len(said) == len(set(said))
        assert all(said)
    assert all(len(row.char) == 1 and row.char.isascii() and not row.char.isdigit() for row in COMMANDS)


def test_chars_are_those_of_uwsgi() -> None:
    """`echo r >fifo` and all the others do what they do with uWSGI."""
    assert dict(BY_CHAR) == CHARS


def test_hooks_are_those_of_uwsgi() -> None:
    """`unix_signal:15 NAME` does what the function does that uWSGI has under this name."""
    assert dict(BY_HOOK) == HOOKS


def test_summaries() -> None:
    """Every command says what it does, in words of its own."""
    summaries = [row.summary for row in COMMANDS]
    assert all(summary == summary.strip() and not summary.endswith(".") and len(summary) > 10 for summary in summaries)
    assert len(set(summaries)) == len(summaries)


def test_what_has_no_effect_says_so() -> None:
    """A command that has nothing to act on here has a line to log, and cannot be asked for by a verb of ours."""
    assert set(REPLIES) == {Command.SOS, Command.RESCAN, Command.REFORK, Command.SUBSCRIPTIONS}
    assert all(reply and "\n" not in reply for reply in REPLIES.values())
    assert not [row for row in BY_VERB.values() if row.reply]


def test_every_verb_can_report_that_it_is_done() -> None:
    """What is printed then needs nothing but the number of workers and the seconds."""
    for verb, row in BY_VERB.items():
        if row.command is not Command.PAUSE:
            assert row.done.format(workers="2 workers", seconds="0.1"), verb


@pytest.mark.parametrize(
    ("verb", "outcome"),
    [
        ("reload", Outcome.RELOAD),
        ("brutal-reload", Outcome.RELOAD),
        ("chain-reload", Outcome.CHAIN),
        ("workers", Outcome.WORKERS),
        ("reload-workers", Outcome.WORKERS),
        ("kill-workers", Outcome.WORKERS),
        ("stop", Outcome.END),
        ("kill", Outcome.END),
        ("log-reopen", Outcome.AT_ONCE),
        ("pause", Outcome.AT_ONCE),
    ],
)
def test_what_a_verb_waits_for(verb: str, outcome: Outcome) -> None:
    """Whoever asks for what takes time is answered at its end."""
    assert BY_VERB[verb].outcome is outcome


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
