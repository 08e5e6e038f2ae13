"""What signals mean, with the hooks of a configuration."""

import signal
from pathlib import Path

import pytest

from uncork.config.load import load
from uncork.config.settings import Settings
from uncork.control.commands import Command
from uncork.control.hooks import hook_warnings, signal_commands
from uncork.errors import ConfigError

USUAL: dict[int, Command] = {
    signal.SIGHUP: Command.RELOAD,
    signal.SIGTERM: Command.STOP,
    signal.SIGINT: Command.KILL,
    signal.SIGQUIT: Command.KILL,
    signal.SIGUSR1: Command.STATS,
    signal.SIGTSTP: Command.PAUSE,
}


def settings_of(tmp_path: Path, *lines: str) -> Settings:
    """The settings of an ini file with `lines`, which begin at its line 2."""
    path = tmp_path / "app.ini"
    path.write_text("\n".join(["[uwsgi]", *lines]) + "\n")
    return load(["--ini", str(path)], {}).settings


@pytest.mark.parametrize(
    ("lines", "changed"),
    [
        ((), {}),
        (("die-on-term = true",), {signal.SIGQUIT: Command.BRUTAL_RELOAD}),
        (("hook-master-start = unix_signal:15 gracefully_kill_them_all",), {}),
        (("hook-master-start = unix_signal:15 kill_them_all",), {signal.SIGTERM: Command.KILL}),
        (("hook-master-start = unix_signal:12   uwsgi_reload_workers ",), {signal.SIGUSR2: Command.RELOAD_WORKERS}),
        (
            ("hook-master-start = unix_signal:3 stats", "hook-master-start = unix_signal:10 uwsgi_chain_reload"),
            {signal.SIGQUIT: Command.STATS, signal.SIGUSR1: Command.CHAIN_RELOAD},
        ),
        (
            ("hook-master-start = unix_signal:1 stats", "hook-master-start = unix_signal:1 suspend_resume_them_all"),
            {signal.SIGHUP: Command.PAUSE},
        ),
        (
            ("die-on-term = true", "hook-master-start = unix_signal:3 gracefully_kill_them_all"),
            {signal.SIGQUIT: Command.STOP},
        ),
        (("hook-master-start = exec:touch /tmp/there",), {}),
    ],
)
def test_signals(tmp_path: Path, lines: tuple[str, ...], changed: dict[int, Command]) -> None:
    """The table, then die-on-term, then the hooks in order; a hook's word is the last."""
    assert signal_commands(settings_of(tmp_path, *lines)) == {**USUAL, **changed}


@pytest.mark.parametrize(
    "words",
    [
        "9 stats",
        "17 stats",
        "0 stats",
        "-1 stats",
        "28 stats",
        "TERM stats",
        "99999 stats",
        "stats",
        "",
        " ",
        "\xb2 stats",
    ],
)
def test_a_signal_that_cannot_be_given_away(tmp_path: Path, words: str) -> None:
    """The sentence says where it stands and what there is."""
    settings = settings_of(tmp_path, f"hook-master-start = unix_signal:{words}")

    with pytest.raises(ConfigError) as caught:
        signal_commands(settings)
    assert str(caught.value).startswith(f"{tmp_path}/app.ini:2: hook-master-start = unix_signal:{words}".rstrip())
    assert "SIGNAL one of 1, 2, 3, 10, 12, 15, 20" in str(caught.value)


@pytest.mark.parametrize("name", ["stop_them_all", "", "reload", "uwsgi_reload_workers now"])
def test_a_name_that_there_is_not(tmp_path: Path, name: str) -> None:
    """The sentence says where it stands and what there is; all mistakes come together."""
    settings = settings_of(
        tmp_path, "hook-master-start = unix_signal:9 stats", f"hook-master-start=unix_signal:1 {name}"
    )

    with pytest.raises(ConfigError) as caught:
        signal_commands(settings)
    assert len(caught.value.problems) == 2
    assert caught.value.problems[1].startswith(f"{tmp_path}/app.ini:3: ")
    assert "NAME one of gracefully_kill_them_all, kill_them_all, grace_them_all" in caught.value.problems[1]


@pytest.mark.parametrize("hook", ["print", "exec", "touch:/tmp/there", ":x", "unix_signals:15 stats"])
def test_what_is_no_action_is_a_mistake(tmp_path: Path, hook: str) -> None:
    """As in uWSGI, which ends; the sentence says what there is."""
    settings = settings_of(tmp_path, f"hook-master-start = {hook}")

    with pytest.raises(ConfigError, match="expected ACTION:ARGUMENT, ACTION one of unix_signal, append, ") as caught:
        signal_commands(settings)
    assert str(caught.value).startswith(f"{tmp_path}/app.ini:2: hook-master-start = {hook} (")


def test_hooks_that_do_nothing_here_are_named(tmp_path: Path) -> None:
    """At whatever moment; those that act are not, and a signal has a meaning for the master only."""
    settings = settings_of(
        tmp_path,
        "hook-master-start = exec:true",
        "hook-master-start = unix_signal:15 gracefully_kill_them_all",
        "hook-post-fork = unix_signal:15 gracefully_kill_them_all",
        "hook-asap = print:here",
        "hook-pre-app = call:some_symbol",
        "exec-pre-app = call:no action",
    )

    warnings = sorted(hook_warnings(settings))
    assert [line.partition(" does nothing here: ")[0] for line in warnings] == [
        f"{tmp_path}/app.ini:4: hook-post-fork = unix_signal:15 gracefully_kill_them_all",
        f"{tmp_path}/app.ini:6: hook-pre-app = call:some_symbol",
    ]


@pytest.mark.parametrize("name", ["hook-asap", "hook-post-fork", "hook-as-user-atexit"])
def test_an_unknown_action_is_a_mistake_of_the_configuration(tmp_path: Path, name: str) -> None:
    """It is told before anything starts, and at a reload before anything changes."""
    with pytest.raises(ConfigError, match=rf"app\.ini:2: {name} = frobnicate:x \(expected ACTION:ARGUMENT, "):
        settings_of(tmp_path, f"{name} = frobnicate:x")
