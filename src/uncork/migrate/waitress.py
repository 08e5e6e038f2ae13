"""waitress: the command line of waitress-serve.

Pure.
"""

from collections.abc import Iterable

from uncork.migrate.command import Command
from uncork.migrate.draft import Draft, Migrated
from uncork.migrate.rules import (
    NO_TRUST,
    ONE_MASTER,
    Setting,
    Settings,
    add_surroundings,
    app_name,
    apply,
    by_hand,
    http_socket,
    mount,
    nothing,
    put_address,
    put_app,
    read_words,
    rules_of,
    title_of,
    to,
)
from uncork.migrate.values import Formula, ManualError

# What waitress-serve does unless told otherwise.
_HOST, _PORT, _THREADS, _SOCKET_MODE = "0.0.0.0", "8080", "4", "600"  # noqa: S104 - so it is, and the line shows it

_TUNING = nothing("there is nothing of the kind to set")
_BOUNDS = nothing("connections that wait cost no thread")
_PROXY = by_hand(NO_TRUST)
_SECONDS = nothing("a client that stalls is bounded by socket-timeout")

SETTINGS: tuple[Setting, ...] = (
    Setting("app", ("--app",), None),
    Setting("call", ("--call",), None, "no"),
    Setting("host", ("--host",), None),
    Setting("port", ("--port",), None),
    Setting("listen", ("--listen",), None),
    Setting("unix_socket", ("--unix-socket",), None),
    Setting("unix_socket_perms", ("--unix-socket-perms",), None),
    Setting("threads", ("--threads",), None),
    Setting("url_prefix", ("--url-prefix",), None),
    Setting("url_scheme", ("--url-scheme",), by_hand("nginx tells the scheme: uwsgi_param UWSGI_SCHEME $scheme")),
    Setting("trusted_proxy", ("--trusted-proxy",), _PROXY),
    Setting("trusted_proxy_count", ("--trusted-proxy-count",), None),
    Setting("trusted_proxy_headers", ("--trusted-proxy-headers",), None),
    Setting("backlog", ("--backlog",), to("listen")),
    Setting("max_request_body_size", ("--max-request-body-size",), to("limit-post")),
    Setting("max_request_header_size", ("--max-request-header-size",), nothing("buffer-size bounds the head")),
    Setting("channel_timeout", ("--channel-timeout",), _SECONDS),
    Setting("connection_limit", ("--connection-limit",), _BOUNDS),
    Setting("cleanup_interval", ("--cleanup-interval",), _SECONDS),
    Setting("ident", ("--ident",), nothing("answers have no Server header but the app's")),
    *(
        Setting(name, (f"--{name.replace('_', '-')}",), _TUNING)
        for name in (
            "server_name",
            "recv_bytes",
            "send_bytes",
            "outbuf_overflow",
            "outbuf_high_watermark",
            "inbuf_overflow",
            "asyncore_loop_timeout",
            "channel_request_lookahead",
        )
    ),
    *(
        Setting(name, tuple(f"--{no}{name.replace('_', '-')}" for no in ("", "no-")), None, "no")
        for name in (
            "ipv4",
            "ipv6",
            "log_socket_errors",
            "expose_tracebacks",
            "asyncore_use_poll",
            "clear_untrusted_proxy_headers",
            "log_untrusted_proxy_headers",
        )
    ),
)


def migrate_command(command: Command) -> Migrated:
    """A command line of waitress-serve."""
    draft = Draft("waitress-serve")
    words = read_words(draft, command, SETTINGS)
    settings = Settings(words.given)
    _app(draft, settings, words.rest)
    _sockets(draft, settings)
    draft.put("master", True, "waitress is one process", ONE_MASTER)
    threads = settings.one("threads")
    source = threads.source if threads else f"waitress has {_THREADS} threads unless told otherwise"
    draft.put("threads", Formula(settings.text("threads", _THREADS)), source)
    draft.put("disable-logging", True, "waitress logs no requests")
    apply(draft, settings.counted(frozenset()), rules_of(SETTINGS))
    add_surroundings(draft, command)
    return draft.finished(title_of(draft))


def _app(draft: Draft, settings: Settings, rest: Iterable[str]) -> None:
    name = settings.text("app") or next(iter(rest), "")
    if not name:
        draft.hand("waitress-serve", "it does not name the app; add module = package.module:app")
        return
    factory = settings.one("call") is not None
    source = f"waitress-serve {'--call ' if factory else ''}{name}"
    prefix = settings.one("url_prefix")
    if prefix is None:
        put_app(draft, name, source, factory)
        return
    try:
        mount(draft, prefix.formulas[0], app_name(name, factory), f"{source}, {prefix.source}")
    except ManualError as error:
        draft.hand(source, str(error))


def _sockets(draft: Draft, settings: Settings) -> None:
    path = settings.one("unix_socket")
    if path:
        http_socket(draft, path.formulas[0], path.source)
        mode = settings.one("unix_socket_perms")
        source = mode.source if mode else "waitress makes its socket so unless told otherwise"
        draft.put("chmod-socket", Formula(settings.text("unix_socket_perms", _SOCKET_MODE)), source)
        return
    for one in settings.all("listen"):
        for address in one.formulas[0].text.split():
            http_socket(draft, Formula(address.removeprefix("*") if address.startswith("*:") else address), one.source)
    if not settings.all("listen"):
        put_address(draft, settings, _HOST, _PORT)
