"""waitress-serve's command line."""

from collections.abc import Callable

import pytest

from uncork.migrate.command import parse_command
from uncork.migrate.draft import Migrated
from uncork.migrate.waitress import migrate_command

Lines = Callable[[Migrated], list[str]]


def migrated(line: str) -> Migrated:
    return migrate_command(parse_command([line]))


def test_what_waitress_does_by_itself(lines: Lines) -> None:
    """Its defaults are written out: everywhere, port 8080, four threads, no log of requests."""
    found = migrated("waitress-serve shop:app")

    assert sorted(lines(found)) == [
        "disable-logging = true",
        "http-socket = 0.0.0.0:8080",
        "master = true",
        "module = shop:app",
        "threads = 4",
    ]
    assert found.by_hand == ()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("--host 127.0.0.1 --port=80", "http-socket = 127.0.0.1:80"),
        ("--host ::1", "http-socket = [::1]:8080"),
        ("--port=$PORT", "http-socket = 0.0.0.0:$(PORT)"),
        ("--listen=127.0.0.1:80 --listen=[::1]:80", "http-socket = [::1]:80"),
        ("--listen=*:80", "http-socket = :80"),
        ("--unix-socket=/run/a.sock", "chmod-socket = 600"),
        ("--unix-socket=/run/a.sock --unix-socket-perms=660", "chmod-socket = 660"),
        ("--threads=8", "threads = 8"),
        ("--call", "module = shop:app()"),
        ("--url-prefix=/blog/", "mount = /blog=shop:app"),
        ("--url-prefix=blog", "manage-script-name = true"),
        ("--backlog=50", "listen = 50"),
        ("--max-request-body-size=1000", "limit-post = 1000"),
        ("--no-expose-tracebacks --recv-bytes=5 --channel-timeout 5", "threads = 4"),
    ],
)
def test_options(lines: Lines, words: str, line: str) -> None:
    """Each option that says something for another server, too, has its line."""
    found = migrated(f"waitress-serve {words} shop:app")

    assert line in lines(found)
    assert found.by_hand == ()


@pytest.mark.parametrize("words", ["--trusted-proxy=*", "--url-scheme=https", "--no-such", "--threads=x"])
def test_options_that_somebody_has_to_see_to(words: str) -> None:
    """They are named once each."""
    assert len(migrated(f"waitress-serve shop:app {words}").by_hand) == 1


def test_a_line_without_an_app_says_so() -> None:
    """Somebody has to name it."""
    assert "module = " in migrated("waitress-serve --port=80").by_hand[0]
