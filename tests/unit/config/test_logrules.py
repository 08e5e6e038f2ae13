"""The options about lines of the log: what is a rule, and what is an encoder."""

import pytest

from uncork.config.load import load, read
from uncork.config.logrules import Encoder, Rule
from uncork.config.options.logging import Logging, warnings


def options(*argv: str) -> Logging:
    """The options of the log that a command line means."""
    return load(argv, {}).settings.logging


def test_a_route_is_a_name_and_an_expression() -> None:
    """One blank parts them; all behind it belongs to the expression."""
    assert options("--log-route", "a x  y", "--log-route", "a  z").log_route == (
        Rule(("a",), "x  y"),
        Rule(("a",), " z"),
    )


def test_an_alarm_may_have_company() -> None:
    """NAME,NAME REGEX; both spellings are one option."""
    found = load(["--log-alarm", "a,b x", "--alarm-log", "c y"], {}).settings.alarms.log_alarm
    assert found == (Rule(("a", "b"), "x"), Rule(("c",), "y"))


@pytest.mark.parametrize(
    ("value", "encoder"),
    [
        ("nl", Encoder("nl")),
        ("prefix  ab c", Encoder("prefix", "", " ab c")),
        ('json:named {"m": "${msg}"}', Encoder("json", "named", '{"m": "${msg}"}')),
    ],
)
def test_an_encoder_may_be_for_one_logger(value: str, encoder: Encoder) -> None:
    """ENCODER[:LOGGER] ARGUMENTS."""
    assert options("--log-encoder", value).log_encoder == (encoder,)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("log-drain", "(", "a regular expression: "),
        ("log-filter", "*", "a regular expression: "),
        ("log-route", "x", "NAME REGEX"),
        ("log-route", "x (", "a regular expression: "),
        ("log-req-route", " x", "NAME REGEX"),
        ("log-alarm", ", x", "NAME,NAME REGEX"),
        ("log-encoder", "gzip", "prefix, suffix, nl, format, json"),
        ("log-req-encoder", "crypto:a secret", "prefix, suffix, nl, format, json"),
    ],
)
def test_a_slip_is_told(name: str, value: str, expected: str) -> None:
    """Before anything starts, as uWSGI does."""
    (problem,) = read([f"--{name}", value], {}).problems
    assert expected in problem.text


@pytest.mark.parametrize(
    "name", ["log-drain", "log-filter", "log-route", "log-encoder", "log-req-encoder", "log-alarm"]
)
def test_rules_take_a_master(name: str) -> None:
    """Somebody has to look at the lines."""
    value = "nl" if name.endswith("encoder") else "a x"
    assert load([f"--{name}", value], {}).settings.master


def test_a_route_to_nobody_is_told_at_the_start() -> None:
    """uWSGI takes it without a word, and the lines go where all go."""
    logging = options("--logger", "a stdio", "--req-logger", "b stdio", "--log-route", "a x", "--log-route", "c x")
    assert list(warnings(logging)) == ["log-route = c leads nowhere: no logger has this name"]
