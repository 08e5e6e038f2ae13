"""From options to sieves: their order, and what makes the master carry the log."""

import pytest

from uncork.config.load import load
from uncork.master.logsieves import AlarmRule, alarm_rules, asks_for_relay


@pytest.mark.parametrize(
    ("argv", "rules"),
    [
        ([], []),
        (["--log-alarm", "a x", "--not-alarm-log", "a y"], [AlarmRule(("a",), "x"), AlarmRule((), "y")]),
        (["--not-log-alarm", "a y", "--alarm-log", "a,b x"], [AlarmRule((), "y"), AlarmRule(("a", "b"), "x")]),
        (
            ["--alarm-log", "a 1", "--not-log-alarm", "a 2", "--log-alarm", "a 3"],
            [AlarmRule(("a",), "1"), AlarmRule((), "2"), AlarmRule(("a",), "3")],
        ),
    ],
)
def test_alarm_rules_keep_their_order(argv: list[str], rules: list[AlarmRule]) -> None:
    """Whichever of the two options gave them: what a line must not raise counts for the rules below."""
    assert list(alarm_rules(load(argv, {}).settings)) == rules


@pytest.mark.parametrize(
    ("argv", "asked"),
    [
        ([], False),
        (["--req-logger", "stdio"], False),
        (["--log-master"], True),
        (["--logger", "named stdio"], True),
        (["--log-drain", "x"], True),
        (["--log-filter", "x"], True),
        (["--log-route", "a x"], True),
        (["--log-encoder", "nl"], True),
        (["--log-alarm", "a x"], True),
    ],
)
def test_what_makes_the_master_carry_the_log(argv: list[str], asked: bool) -> None:
    """As in uWSGI, where these options imply log-master."""
    settings = load(argv, {}).settings
    assert asks_for_relay(settings.logging, alarm_rules(settings)) == asked
