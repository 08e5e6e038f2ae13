"""The options of alarms: what they mean, and what of them does nothing here."""

import pytest

from uncork.config.load import load, read
from uncork.config.options.alarms import Alarm, Alarms, Watched, curl_request, warnings


def options(*argv: str) -> Alarms:
    """The options of alarms that a command line means."""
    return load(argv, {}).settings.alarms


def test_an_alarm_has_a_name_a_module_and_the_rest() -> None:
    """Colons and blanks behind the module belong to what it is told."""
    found = options("--alarm", "a cmd:echo a:b  c", "--alarm", "b log:", "--alarm", "b curl:http://h/x").alarm
    assert found == (Alarm("a", "cmd", "echo a:b  c"), Alarm("b", "log", ""), Alarm("b", "curl", "http://h/x"))
    assert not any(alarm.silent for alarm in found)


@pytest.mark.parametrize("value", ["a", "a cmd", "a :x", "a cmd:", "a cmd: ", ""])
def test_what_is_no_alarm(value: str) -> None:
    """As uWSGI, which says so and ends."""
    (problem,) = read(["--alarm", value], {}).problems
    assert "NAME cmd:COMMAND" in problem.text


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("a signal:17", "there are no uwsgi signals"),
        ("a mule:", "mule"),
        ("a xmpp:user;pass;to", "XMPP"),
        ("a sentry:dsn=https://key:secret@host/1", "no alarm module sentry"),
        ("a curl:smtp://mail;to=x", "only http:// and https://"),
        ("a curl:http://host;user=me;ssl=1", "ssl, user"),
    ],
)
def test_an_alarm_that_nobody_hears_is_told_at_the_start(value: str, why: str) -> None:
    """It is no mistake of the configuration, and its argument, which may be a password, is not shown."""
    (warning,) = warnings(options("--alarm", value))
    assert why in warning
    assert "secret" not in warning


@pytest.mark.parametrize(
    "argv",
    [
        ["--log-alarm", "a,nobody x"],
        ["--alarm-backlog", "nobody"],
        ["--segfault-alarm", "nobody"],
        ["--alarm-fd", "nobody 7"],
    ],
)
def test_a_name_without_an_alarm_is_told_at_the_start(argv: list[str]) -> None:
    """uWSGI takes it without a word; so would the user, until something happens."""
    (warning,) = warnings(options("--alarm", "a cmd:x", *argv))
    assert "nobody raises nothing" in warning


def test_a_descriptor() -> None:
    """NAME FD[:BYTES][ MESSAGE]; a byte at a time unless said otherwise."""
    assert options("--alarm-fd", "a 7", "--alarm-fd", "b 8:16 all is lost").alarm_fd == (
        Watched("a", 7, 1, "alarm"),
        Watched("b", 8, 16, "all is lost"),
    )


@pytest.mark.parametrize("value", ["a", "a x", "a 7:", "a 7:0", "a -7", "a 7:x"])
def test_what_is_no_descriptor(value: str) -> None:
    """A number, and a number."""
    assert len(read(["--alarm-fd", value], {}).problems) == 1


def test_a_request() -> None:
    """uWSGI's form: the URL first, keys behind semicolons."""
    assert curl_request("http://h/?a=b;method=POST;timeout=3") == {
        "url": "http://h/?a=b",
        "method": "POST",
        "timeout": "3",
    }
