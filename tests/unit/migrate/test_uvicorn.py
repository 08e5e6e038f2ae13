"""uvicorn's command line."""

from collections.abc import Callable

import pytest

from uncork.migrate.command import MigrateError, parse_command
from uncork.migrate.draft import Migrated
from uncork.migrate.uvicorn import migrate_command

Lines = Callable[[Migrated], list[str]]


def migrated(line: str) -> Migrated:
    return migrate_command(parse_command([line]))


def test_an_asgi_app_is_refused() -> None:
    """Without --interface wsgi the app is ASGI, and the sentence says what that means and what can be done."""
    with pytest.raises(MigrateError, match=r"uvicorn app:app: that is ASGI.*a2wsgi.*--interface wsgi"):
        migrated("uvicorn app:app --host 0.0.0.0")


def test_what_uvicorn_does_by_itself(lines: Lines) -> None:
    """Its defaults are written out."""
    found = migrated("uvicorn --interface wsgi shop:app")

    assert sorted(lines(found)) == [
        "http-socket = 127.0.0.1:8000",
        "master = true",
        "module = shop:app",
        "threads = 10",
    ]
    assert found.by_hand == ()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("--host 0.0.0.0 --port 80", "http-socket = 0.0.0.0:80"),
        ("--uds /run/a.sock", "http-socket = /run/a.sock"),
        ("--fd 3", "http-socket = fd://3"),
        ("--workers 4", "processes = 4"),
        ("--limit-max-requests 100", "max-requests = 100"),
        ("--timeout-graceful-shutdown 9", "worker-reload-mercy = 9"),
        ("--no-access-log", "disable-logging = true"),
        ("--app-dir src", "pythonpath = src"),
        ("--factory", "module = shop:app()"),
        ("--reload", "py-autoreload = true"),
        ("--loop uvloop --http h11 --ws none --lifespan off --log-level info --no-use-colors", "threads = 10"),
    ],
)
def test_options(lines: Lines, words: str, line: str) -> None:
    """Each option that says something for a WSGI app has its line."""
    found = migrated(f"uvicorn --interface=wsgi {words} shop:app")

    assert line in lines(found)
    assert found.by_hand == ()


@pytest.mark.parametrize(
    "words", ["--proxy-headers", "--root-path /x", "--env-file .env", "--ssl-keyfile k", "--header a:b"]
)
def test_options_that_somebody_has_to_see_to(words: str) -> None:
    """They are named once each."""
    assert len(migrated(f"uvicorn --interface wsgi shop:app {words}").by_hand) == 1
