"""Options that need nothing done."""

import pytest

from uncork.config.accepted import ACCEPTED, reason_to_accept


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("need-app", None),
        ("need-app", "true"),
        ("enable-threads", ""),
        ("plugin", "python3"),
        ("plugins", "python311, http"),
        ("plugins", "python,router_basicauth"),
        ("plugins", "syslog logfile cheaper_busyness"),
        ("protocol", "uwsgi"),
    ],
)
def test_accepted(name: str, value: str | None) -> None:
    """What needs nothing done is accepted with a reason."""
    assert reason_to_accept(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [("plugins", "python3, lua"), ("plugins", ""), ("plugin", "pythonx"), ("protocol", "http"), ("harakiri", "3")],
)
def test_not_accepted(name: str, value: str) -> None:
    """A value that would need something done is not passed over."""
    assert reason_to_accept(name, value) is None


def test_reasons_are_clauses() -> None:
    """A reason can stand behind a colon: no capital, no full stop."""
    for accepted in ACCEPTED.values():
        assert not accepted.reason.endswith(".")
        assert not accepted.reason[0].isupper() or accepted.reason.startswith("Python")
