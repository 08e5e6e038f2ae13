"""Errors carry the exit status and the words."""

from uncork.errors import AppLoadError, ConfigError, ListenError, UncorkError


def test_exit_codes() -> None:
    """A broken app ends with uWSGI's code for it, everything else with 1."""
    assert (UncorkError.exit_code, ConfigError.exit_code, ListenError.exit_code) == (1, 1, 1)
    assert AppLoadError.exit_code == 22


def test_config_error_is_one_line_per_problem() -> None:
    """All problems of a configuration arrive together, each on its line."""
    error = ConfigError(["app.ini:1: a", "app.ini:2: b"])
    assert error.problems == ("app.ini:1: a", "app.ini:2: b")
    assert str(error) == "app.ini:1: a\napp.ini:2: b"
