"""Values of `logger`: uWSGI's engines and nothing that would be misunderstood."""

import pytest

from uncork.config.kinds import MismatchError
from uncork.config.logger import Logger, Loggers, parse_logger

DAEMON_INFO, DAEMON_NOTICE = 30, 29


@pytest.mark.parametrize(
    ("text", "logger"),
    [
        ("file:/var/log/app.log", Logger("file", "/var/log/app.log")),
        ("file:app.log", Logger("file", "app.log")),
        ("file:/odd,name=x", Logger("file", "/odd,name=x")),
        ("file:logfile=/a,maxsize=100,backupname=/b", Logger("file", "/a", maxsize=100, backupname="/b")),
        ("file:maxsize=1,logfile=/a", Logger("file", "/a", maxsize=1)),
        ("stdio", Logger("stdio")),
        ("stdio:", Logger("stdio")),
        ("syslog", Logger("syslog", ident="uwsgi", priority=DAEMON_INFO)),
        ("syslog:shop", Logger("syslog", ident="shop", priority=DAEMON_INFO)),
        ("syslog:shop,local6", Logger("syslog", ident="shop", priority=22 * 8 + 6)),
        ("syslog:,mail", Logger("syslog", ident="uwsgi", priority=2 * 8 + 6)),
        ("rsyslog:10.0.0.1:1514", Logger("rsyslog", "10.0.0.1:1514", priority=DAEMON_NOTICE)),
        ("rsyslog:10.0.0.1:1514,shop", Logger("rsyslog", "10.0.0.1:1514", ident="shop", priority=DAEMON_NOTICE)),
        ("rsyslog:loghost,shop", Logger("rsyslog", "loghost:514", ident="shop", priority=DAEMON_NOTICE)),
        ("rsyslog:[::1]:514", Logger("rsyslog", "[::1]:514", priority=DAEMON_NOTICE)),
        ("socket:127.0.0.1:1717", Logger("socket", "127.0.0.1:1717")),
        ("socket:127.0.0.1:1717,shop ", Logger("socket", "127.0.0.1:1717", prefix="shop ")),
        ("socket:/run/log.sock", Logger("socket", "/run/log.sock")),
        ("socket:/run/a:b", Logger("socket", "/run/a:b")),
        ("socket:@log", Logger("socket", "@log")),
        ("fd:17", Logger("fd", "17")),
        ("app file:/a b", Logger("file", "/a b", name="app")),
        ("1st  stdio", Logger("stdio", name="1st")),
    ],
)
def test_understood(text: str, logger: Logger) -> None:
    """`[NAME ]ENGINE[:WHERE]`."""
    assert parse_logger(text) == logger


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/var/log/app.log", "file:PATH, stdio, syslog"),
        ("redislog:127.0.0.1:6379", "file:PATH, stdio, syslog"),
        ("my-name file:/a", "file:PATH, stdio, syslog"),
        ("file", "file:PATH"),
        ("file:", "file:PATH"),
        ("file:logfile=/a,maxsize=many", "file:logfile=PATH"),
        ("file:logfile=/a,maxsize=-1", "file:logfile=PATH"),
        ("file:logfile=/a,mode=600", "file:logfile=PATH"),
        ("file:maxsize=5", "file:logfile=PATH"),
        ("syslog:shop,nosuch", "kern, user, mail"),
        ("rsyslog", "rsyslog:HOST:PORT"),
        ("rsyslog:host:name", "rsyslog:HOST:PORT"),
        ("socket:", "socket:HOST:PORT"),
        ("socket:host:name", "socket:HOST:PORT"),
        ("fd", "fd:N"),
        ("fd:two", "fd:N"),
        ("fd:-1", "fd:N"),
    ],
)
def test_refused(text: str, expected: str) -> None:
    """With what would have been right, from which the message to the person is made."""
    with pytest.raises(MismatchError) as caught:
        Loggers().parse(text)
    assert caught.value.expected.startswith(expected) or expected in caught.value.expected


@pytest.mark.parametrize("text", [None, ""])
def test_no_value(text: str | None) -> None:
    """It has no default."""
    with pytest.raises(MismatchError):
        Loggers().parse(text)


def test_loggers_add_up() -> None:
    """Every one gets every line."""
    kind = Loggers()
    values = [kind.parse("stdio"), kind.parse("fd:3")]

    assert kind.combine(values) == (Logger("stdio"), Logger("fd", "3"))


@pytest.mark.parametrize("text", ["file:/a", "stdio", "fd:3", "socket:/run/s", "rsyslog:h:1"])
def test_shown_as_typed(text: str) -> None:
    """In messages."""
    assert str(parse_logger(text)) == text
