"""Options of the log whose values have a form of their own."""

import pytest

from uncork.config.kinds import MismatchError
from uncork.config.load import load
from uncork.config.options.logging import CTIME, FileMode, LogDate


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (None, CTIME),
        ("", CTIME),
        ("true", CTIME),
        ("On", CTIME),
        ("1", CTIME),
        ("%H:%M", "%H:%M"),
        ("false", ""),
        ("0", ""),
    ],
)
def test_log_date(text: str | None, form: str) -> None:
    """A form of strftime, or that of ctime for true; false is what it says."""
    assert LogDate().parse(text) == form


def test_logfile_chmod() -> None:
    """Three octal digits."""
    assert FileMode().parse("640") == 0o640


@pytest.mark.parametrize("text", [None, "", "64", "0640", "648", "rw-"])
def test_logfile_chmod_is_no_other_number(text: str | None) -> None:
    """A mode that was misread would show the log to everybody."""
    with pytest.raises(MismatchError):
        FileMode().parse(text)


@pytest.mark.parametrize("option", ["--log-master", "--logger=stdio", "--log-maxsize=1000000"])
def test_what_only_a_master_can_do_starts_one(option: str) -> None:
    """As in uWSGI."""
    assert load([option, "--socket", ":0", "--module", "x"], {}).settings.master


def test_a_logger_that_is_misspelt_is_explained() -> None:
    """Where, what, and what would have been right."""
    from uncork.errors import ConfigError

    with pytest.raises(ConfigError) as caught:
        load(["--logger", "/var/log/x"], {})
    assert str(caught.value).startswith("--logger /var/log/x (expected file:PATH, stdio, ")
