"""granian's command line."""

from collections.abc import Callable

import pytest

from uncork.migrate.command import MigrateError, parse_command
from uncork.migrate.draft import Migrated
from uncork.migrate.granian import migrate_command

Lines = Callable[[Migrated], list[str]]


def migrated(line: str) -> Migrated:
    return migrate_command(parse_command([line]))


def test_other_interfaces_are_refused() -> None:
    """granian's own interface and ASGI are no WSGI."""
    with pytest.raises(MigrateError, match=r"granian app:app without --interface wsgi: that is ASGI"):
        migrated("granian app:app")
    with pytest.raises(MigrateError):
        migrated("granian --interface asgi app:app")


def test_what_granian_does_by_itself(lines: Lines) -> None:
    """Its defaults are written out; `app` is the name that it looks for."""
    found = migrated("granian --interface wsgi shop")

    assert sorted(lines(found)) == [
        "disable-logging = true",
        "http-socket = 127.0.0.1:8000",
        "master = true",
        "module = shop:app",
        "threads = 8",
    ]
    assert found.by_hand == ()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("--host 0.0.0.0 --port 80", "http-socket = 0.0.0.0:80"),
        ("--uds /run/a.sock --uds-permissions 660", "chmod-socket = 660"),
        ("--workers 4", "processes = 4"),
        ("--blocking-threads 3", "threads = 3"),
        ("--workers-lifetime 3600", "max-worker-lifetime = 3600"),
        ("--workers-max-rss 300", "reload-on-rss = 300"),
        ("--workers-kill-timeout 9", "worker-reload-mercy = 9"),
        ("--working-dir /srv", "chdir = /srv"),
        ("--pid-file /run/a.pid", "pidfile = /run/a.pid"),
        ("--url-path-prefix /blog", "mount = /blog=shop:app"),
        ("--factory", "module = shop:app()"),
        ("--reload", "py-autoreload = true"),
        ("--access-log --access-log-fmt '%(method)s'", "log-format = %(method)"),
        ("--runtime-threads 2 --backpressure 9 --no-ws --respawn-failed-workers --http 1", "threads = 8"),
    ],
)
def test_options(lines: Lines, words: str, line: str) -> None:
    """Each option that says something for a WSGI app has its line."""
    found = migrated(f"granian --interface wsgi {words} shop:app")

    assert line in lines(found)
    assert found.by_hand == ()


def test_static_files_are_mapped_one_by_one(lines: Lines) -> None:
    """Each folder belongs to the route of the same place; the first one's route is known."""
    words = "--static-path-mount a --static-path-route /f"

    assert "static-map = /f=a" in lines(migrated(f"granian --interface wsgi {words} shop:app"))
    assert "static-map = /static=a" in lines(migrated("granian --interface wsgi --static-path-mount a shop:app"))


def test_variables_are_options(lines: Lines) -> None:
    """`GRANIAN_PORT` counts where the command line says nothing."""
    found = lines(migrated("GRANIAN_INTERFACE=wsgi GRANIAN_PORT=80 GRANIAN_WORKERS=2 A=1 granian shop:app --workers 3"))

    assert {"http-socket = 127.0.0.1:80", "processes = 3", "env = A=1"} <= set(found)
    assert not any("GRANIAN" in line for line in found)


@pytest.mark.parametrize("words", ["--metrics", "--ssl-client-verify", "--env-files .env", "--http2-max-frame-size 9"])
def test_options_that_somebody_has_to_see_to(words: str) -> None:
    """They are named once each."""
    assert len(migrated(f"granian --interface wsgi shop:app {words}").by_hand) == 1
