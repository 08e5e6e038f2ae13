"""granian: its command line, where it serves a WSGI app.

Pure.  Variables such as `GRANIAN_PORT` that stand before the command are options, too; the command line wins.
"""

from uncork.migrate.accesslog import GRANIAN, GRANIAN_DEFAULT
from uncork.migrate.command import Command, MigrateError
from uncork.migrate.draft import Draft, Migrated
from uncork.migrate.flags import parse_flags
from uncork.migrate.rules import (
    ASGI,
    ONE_MASTER,
    Rule,
    Setting,
    Settings,
    add_log_format,
    add_surroundings,
    app_name,
    apply,
    by_hand,
    flags_of,
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
from uncork.migrate.values import Formula, Given, ManualError, joined

_PREFIX = "GRANIAN_"

# What granian does unless told otherwise.
_HOST, _PORT, _STATIC = "127.0.0.1", "8000", "/static"
# Its number of threads depends on the queue and goes to hundreds; this is what a worker of a usual app can use.
_THREADS = 8

_ASYNC = nothing("it is for ASGI and RSGI apps only")
_NONE = nothing("there is nothing of the kind to set")
_TLS = by_hand("let nginx do this part of TLS")
_HTTP2 = by_hand("HTTP/2 is nginx's part")
_METRICS = by_hand("stats = /run/app.stats lets a collector ask for the numbers")
_RELOAD = nothing("the files of imported modules are looked at once a second")


def _switch(name: str, rule: Rule | None = None) -> tuple[Setting, Setting]:
    """`--name` and `--no-name`."""
    flag = name.replace("_", "-")
    return Setting(name, (f"--{flag}",), rule, "no"), Setting(name, (f"--no-{flag}",), rule, "no", value=False)


SETTINGS: tuple[Setting, ...] = (
    Setting("interface", ("--interface",), None),
    Setting("host", ("--host",), None),
    Setting("port", ("--port",), None),
    Setting("uds", ("--uds",), None),
    Setting("uds_permissions", ("--uds-permissions",), to("chmod-socket")),
    Setting("workers", ("--workers",), to("processes")),
    Setting("blocking_threads", ("--blocking-threads",), to("threads")),
    Setting("backlog", ("--backlog",), to("listen")),
    Setting("workers_lifetime", ("--workers-lifetime",), to("max-worker-lifetime")),
    Setting("workers_max_rss", ("--workers-max-rss",), to("reload-on-rss")),
    Setting("workers_kill_timeout", ("--workers-kill-timeout",), to("worker-reload-mercy")),
    Setting("working_dir", ("--working-dir",), to("chdir")),
    Setting("pid_file", ("--pid-file",), to("pidfile")),
    Setting("process_name", ("--process-name",), to("procname")),
    Setting("url_path_prefix", ("--url-path-prefix",), None),
    Setting("static_path_route", ("--static-path-route",), None),
    Setting("static_path_mount", ("--static-path-mount",), None),
    Setting("static_path_dir_to_file", ("--static-path-dir-to-file",), to("static-index")),
    Setting("static_path_expires", ("--static-path-expires",), by_hand("static-expires = .* SECONDS")),
    Setting("env_files", ("--env-files",), by_hand("write its lines as env = KEY=VALUE")),
    Setting("http", ("--http",), _NONE),
    Setting("loop", ("--loop",), _ASYNC),
    Setting("task_impl", ("--task-impl",), _ASYNC),
    Setting("log_level", ("--log-level",), nothing("the server's log has no levels; those of the app are its own")),
    Setting("log_config", ("--log-config",), by_hand("the server's log has no loggers of Python's")),
    Setting("access_log_fmt", ("--access-log-fmt",), None),
    Setting("ssl_certificate", ("--ssl-certificate",), None),
    Setting("ssl_keyfile", ("--ssl-keyfile",), None),
    *(
        Setting(name, (f"--{name.replace('_', '-')}",), _NONE)
        for name in (
            "blocking_threads_idle_timeout",
            "runtime_threads",
            "runtime_blocking_threads",
            "runtime_mode",
            "backpressure",
            "http1_buffer_size",
            "http1_header_read_timeout",
            "respawn_interval",
            "rss_sample_interval",
            "rss_samples",
        )
    ),
    *(
        Setting(f"http2_{name}", (f"--http2-{name.replace('_', '-')}",), _HTTP2)
        for name in (
            "initial_connection_window_size",
            "initial_stream_window_size",
            "keep_alive_interval",
            "keep_alive_timeout",
            "max_concurrent_streams",
            "max_frame_size",
            "max_headers_size",
            "max_send_buffer_size",
        )
    ),
    *(Setting(f"ssl_{name}", (f"--ssl-{name}",), _TLS) for name in ("keyfile-password", "protocol-min", "ca", "crl")),
    *(Setting(f"metrics_{name}", (f"--metrics-{name}",), None) for name in ("scrape-interval", "address", "port")),
    *(
        Setting(f"reload_{name}", (f"--reload-{name}",), _RELOAD)
        for name in ("paths", "ignore-dirs", "ignore-patterns", "ignore-paths", "tick")
    ),
    *_switch("ws", _ASYNC),
    *_switch("log"),
    *_switch("access_log"),
    *_switch("factory"),
    *_switch("reload", to("py-autoreload")),
    *_switch("reload_ignore_worker_failure"),
    *_switch("metrics", _METRICS),
    *_switch("ssl_client_verify", _TLS),
    *_switch("respawn_failed_workers", nothing("a worker that dies is replaced anyway")),
    *_switch("http1_keep_alive"),
    *_switch("http1_pipeline_flush"),
    *_switch("http2_adaptive_window"),
)


def migrate_command(command: Command) -> Migrated:
    """A command line of granian.  Raises MigrateError where the app is not WSGI."""
    draft = Draft("granian")
    words = read_words(draft, command, SETTINGS)
    settings = Settings(_variables(command))
    settings.layer(words.given)
    app = words.rest[0] if words.rest else ""
    if settings.text("interface") != "wsgi":
        what = " ".join(filter(None, ("granian", app, "without --interface wsgi")))
        raise MigrateError(ASGI.format(what=what, how=": granian --interface wsgi package.module:app"))
    _app(draft, settings, app)
    _sockets(draft, settings)
    draft.put("master", True, "granian watches over its workers", ONE_MASTER)
    apply(draft, settings.counted(frozenset({"env_files"})), rules_of(SETTINGS))
    _threads(draft, settings)
    _static(draft, settings)
    _access_log(draft, settings)
    add_surroundings(draft, command, taken=[name for name, _ in command.variables if name.startswith(_PREFIX)])
    return draft.finished(title_of(draft))


def _variables(command: Command) -> list[Given]:
    """`GRANIAN_PORT=80` as if it were `--port=80`."""
    words = [
        f"--{name.removeprefix(_PREFIX).lower().replace('_', '-')}={value}"
        for name, value in command.variables
        if name.startswith(_PREFIX)
    ]
    return parse_flags(words, flags_of(SETTINGS), "granian").given


def _app(draft: Draft, settings: Settings, app: str) -> None:
    factory, prefix = settings.one("factory") is not None, settings.one("url_path_prefix")
    if not app:
        draft.hand("granian", "it does not name the app; add module = package.module:app")
    elif prefix is None:
        # granian looks for `app` where nothing is named.
        put_app(draft, app if ":" in app else f"{app}:app", f"granian {app}", factory)
    else:
        try:
            name = app_name(app if ":" in app else f"{app}:app", factory)
            mount(draft, prefix.formulas[0], name, f"granian {app}, {prefix.source}")
        except ManualError as error:
            draft.hand(f"granian {app}", str(error))


def _sockets(draft: Draft, settings: Settings) -> None:
    path = settings.one("uds")
    if path:
        http_socket(draft, path.formulas[0], path.source)
    else:
        put_address(draft, settings, _HOST, _PORT, settings.one("ssl_certificate"), settings.one("ssl_keyfile"))


def _threads(draft: Draft, settings: Settings) -> None:
    if settings.one("blocking_threads") is None:
        draft.put(
            "threads",
            _THREADS,
            "granian without --blocking-threads",
            "there it is some hundred, here it is the number of requests that a worker serves at a time",
        )


def _static(draft: Draft, settings: Settings) -> None:
    routes = settings.all("static_path_route")
    for number, folder in enumerate(settings.all("static_path_mount")):
        route = routes[number].formulas[0].text if number < len(routes) else _STATIC
        draft.put("static-map", joined([Formula(f"{route}="), folder.formulas[0]]), folder.source)


def _access_log(draft: Draft, settings: Settings) -> None:
    asked, given = settings.one("access_log"), settings.one("access_log_fmt")
    if asked is None:
        draft.put("disable-logging", True, "granian logs no requests without --access-log")
        return
    wanted = given.formulas[0].text.replace("%%", "%") if given else GRANIAN_DEFAULT
    add_log_format(draft, wanted, GRANIAN, given.source if given else "granian's own access log format")
