"""uvicorn: its command line, where it serves a WSGI app.

Pure.
"""

from uncork.migrate.command import Command, MigrateError
from uncork.migrate.draft import Draft, Migrated
from uncork.migrate.rules import (
    ASGI,
    CONNECTIONS,
    NO_TRUST,
    ONE_MASTER,
    Setting,
    Settings,
    add_surroundings,
    apply,
    by_hand,
    http_socket,
    nothing,
    put_address,
    put_app,
    read_words,
    rules_of,
    title_of,
    to,
)

# What uvicorn does unless told otherwise; WSGI apps run in threads of its middleware.
_HOST, _PORT, _THREADS = "127.0.0.1", "8000", 10

_ASYNC = nothing("it is for ASGI apps only")
_TLS = by_hand("let nginx do this part of TLS")
_PROXY = by_hand(NO_TRUST)
_NONE = nothing("there is nothing of the kind to set")
_PREFIX = by_hand("mount = /prefix=module:app and manage-script-name = true serve below a prefix")
_HEADERS = by_hand("add_header in nginx adds a header to every answer")

SETTINGS: tuple[Setting, ...] = (
    Setting("interface", ("--interface",), None),
    Setting("host", ("--host",), None),
    Setting("port", ("--port",), None),
    Setting("uds", ("--uds",), None),
    Setting("fd", ("--fd",), None),
    Setting("workers", ("--workers",), to("processes")),
    Setting("reload", ("--reload",), to("py-autoreload"), "no"),
    Setting("reload_dir", ("--reload-dir",), nothing("the files of imported modules are looked at")),
    Setting("reload_include", ("--reload-include",), by_hand("touch-reload = FILE names a file to look at")),
    Setting("reload_exclude", ("--reload-exclude",), by_hand("py-auto-reload-ignore = MODULE leaves a module out")),
    Setting("reload_delay", ("--reload-delay",), nothing("files are looked at once a second")),
    Setting("loop", ("--loop",), _ASYNC),
    Setting("http", ("--http",), _NONE),
    Setting("http2", ("--http2",), by_hand("HTTP/2 is nginx's part"), "no"),
    Setting("lifespan", ("--lifespan",), _ASYNC),
    *(
        Setting(f"ws{name}", (f"--ws{name}",), _ASYNC)
        for name in ("", "-max-size", "-max-queue", "-ping-interval", "-ping-timeout", "-per-message-deflate")
    ),
    Setting("env_file", ("--env-file",), by_hand("write its lines as env = KEY=VALUE")),
    Setting("log_config", ("--log-config",), by_hand("the server's log has no loggers of Python's")),
    Setting("log_level", ("--log-level",), nothing("the server's log has no levels; those of the app are its own")),
    Setting("access_log", ("--access-log",), None, "no"),
    Setting("access_log", ("--no-access-log",), None, "no", value=False),
    Setting("use_colors", ("--use-colors", "--no-use-colors"), None, "no"),
    Setting("proxy_headers", ("--proxy-headers",), _PROXY, "no"),
    Setting("proxy_headers", ("--no-proxy-headers",), _PROXY, "no", value=False),
    Setting("server_header", ("--server-header", "--no-server-header"), None, "no"),
    Setting("date_header", ("--date-header", "--no-date-header"), None, "no"),
    Setting("forwarded_allow_ips", ("--forwarded-allow-ips",), _PROXY),
    Setting(
        "root_path",
        ("--root-path",),
        _PREFIX,
    ),
    Setting("limit_concurrency", ("--limit-concurrency",), nothing("connections that wait cost no thread")),
    Setting("backlog", ("--backlog",), to("listen")),
    Setting("limit_max_requests", ("--limit-max-requests",), to("max-requests")),
    Setting("limit_max_requests_jitter", ("--limit-max-requests-jitter",), to("max-requests-delta")),
    Setting(
        "timeout_keep_alive",
        ("--timeout-keep-alive",),
        nothing(CONNECTIONS),
    ),
    Setting("timeout_graceful_shutdown", ("--timeout-graceful-shutdown",), to("worker-reload-mercy")),
    Setting("timeout_worker_healthcheck", ("--timeout-worker-healthcheck",), _NONE),
    *(
        Setting(f"ssl_{name}", (f"--ssl-{name}",), _TLS)
        for name in ("keyfile-password", "version", "cert-reqs", "ca-certs", "ciphers")
    ),
    Setting("ssl_keyfile", ("--ssl-keyfile",), None),
    Setting("ssl_certfile", ("--ssl-certfile",), None),
    Setting("header", ("--header",), _HEADERS),
    Setting("app_dir", ("--app-dir",), to("pythonpath")),
    Setting("h11_max_incomplete_event_size", ("--h11-max-incomplete-event-size",), _NONE),
    Setting("reset_contextvars", ("--reset-contextvars",), None, "no"),
    Setting("factory", ("--factory",), None, "no"),
)


def migrate_command(command: Command) -> Migrated:
    """A command line of uvicorn.  Raises MigrateError where the app is ASGI."""
    draft = Draft("uvicorn")
    words = read_words(draft, command, SETTINGS)
    settings = Settings(words.given)
    app = words.rest[0] if words.rest else ""
    if settings.text("interface") != "wsgi":
        how = ": uvicorn --interface wsgi package.module:app"
        raise MigrateError(ASGI.format(what=f"uvicorn {app}".rstrip(), how=how))
    if app:
        put_app(draft, app, f"uvicorn {app}", settings.one("factory") is not None)
    else:
        draft.hand("uvicorn", "it does not name the app; add module = package.module:app")
    _sockets(draft, settings)
    draft.put("master", True, "uvicorn watches over its workers", ONE_MASTER)
    draft.put("threads", _THREADS, f"uvicorn serves a WSGI app in {_THREADS} threads")
    if settings.all("access_log") and settings.one("access_log") is None:
        draft.put("disable-logging", True, settings.all("access_log")[-1].source)
    apply(draft, settings.counted(frozenset({"header"})), rules_of(SETTINGS))
    add_surroundings(draft, command)
    return draft.finished(title_of(draft))


def _sockets(draft: Draft, settings: Settings) -> None:
    path, number = settings.one("uds"), settings.one("fd")
    if path:
        http_socket(draft, path.formulas[0], path.source)
    elif number:
        http_socket(draft, number.formulas[0].map(lambda text: f"fd://{text}"), number.source)
    else:
        put_address(draft, settings, _HOST, _PORT, settings.one("ssl_certfile"), settings.one("ssl_keyfile"))
