"""gunicorn's settings: how each is spelled on its command line, and what becomes of it.

Pure.  The names are those of gunicorn.conf.py.  What needs a look at several settings together is in gunicorn.py.
"""

from collections.abc import Mapping

from uncork.migrate.draft import Draft
from uncork.migrate.flags import Flag
from uncork.migrate.rules import CONNECTIONS, NO_TRUST, Rule, Setting, by_hand, flags_of, nothing, rules_of, to
from uncork.migrate.values import Given

_OWN_LIMITS = nothing("the head of a request is bounded as a whole, by buffer-size")
_KERNEL = nothing("there is nothing of the kind to set")
_PROXY = by_hand(NO_TRUST)
_PROXY_PROTOCOL = by_hand("put nginx in front, with listen ... proxy_protocol")
_LOG_SETUP = by_hand("the server's log has no loggers of Python's; see logger, req-logger and log-format")
_HTTP_PARSING = nothing("HTTP is read strictly, and nothing relaxes that")
_HTTP2 = by_hand("HTTP/2 is nginx's part")
_TLS = by_hand("let nginx do this part of TLS")
_ASGI_ONLY = nothing("it is for ASGI apps only")
_DIRTY = by_hand("there are no processes of this kind; a program of its own beside the server does the same")
_CONTROL = nothing("uncork ctl needs no setting")


def _pythonpath(draft: Draft, given: Given) -> None:
    """One text with commas: each directory is put before those that stand already, here as there."""
    for formula in given.formulas:
        for directory in filter(None, (part.strip() for part in formula.text.split(","))):
            draft.put("pythonpath", directory, given.source)


def _umask(draft: Draft, given: Given) -> None:
    """`0o022`, `0x12` or `18`; umask is octal here."""
    text = given.formulas[0].text if given.formulas else "0"
    try:
        number = int(text, 0)
    except ValueError:
        draft.hand(given.source, "umask takes three octal digits, such as 022")
        return
    if number:
        draft.put("umask", f"{number:03o}", given.source)


def _name(draft: Draft, given: Given) -> None:
    if given.is_on:
        draft.put("auto-procname", True, given.source)
        draft.put("procname-prefix-spaced", given.formulas[0], given.source)


def _reload(draft: Draft, given: Given) -> None:
    if given.is_on:
        draft.put("py-autoreload", 1, given.source)


def _statsd(draft: Draft, given: Given) -> None:
    if given.is_on:
        draft.hand(given.source, "nothing is sent to statsd; stats = /run/app.stats lets a collector ask")


def _syslog(draft: Draft, given: Given) -> None:
    if given.is_on:
        draft.put("logger", "syslog:gunicorn,user", given.source)


SETTINGS: tuple[Setting, ...] = (
    Setting("config", ("-c", "--config"), None),
    Setting("wsgi_app", (), None),
    Setting("bind", ("-b", "--bind"), None),
    Setting("backlog", ("--backlog",), to("listen")),
    Setting("workers", ("-w", "--workers"), to("processes")),
    Setting("worker_class", ("-k", "--worker-class"), None),
    Setting("threads", ("--threads",), to("threads")),
    Setting("worker_connections", ("--worker-connections",), None),
    Setting("max_requests", ("--max-requests",), to("max-requests")),
    Setting("max_requests_jitter", ("--max-requests-jitter",), to("max-requests-delta")),
    Setting("timeout", ("-t", "--timeout"), None),
    Setting("graceful_timeout", ("--graceful-timeout",), to("worker-reload-mercy")),
    Setting("keepalive", ("--keep-alive",), nothing(CONNECTIONS)),
    Setting("limit_request_line", ("--limit-request-line",), _OWN_LIMITS),
    Setting("limit_request_fields", ("--limit-request-fields",), _OWN_LIMITS),
    Setting("limit_request_field_size", ("--limit-request-field_size", "--limit-request-field-size"), _OWN_LIMITS),
    Setting("reload", ("--reload",), _reload, "no"),
    Setting("reload_engine", ("--reload-engine",), nothing("files are looked at once a second")),
    Setting("reload_extra_files", ("--reload-extra-file",), to("touch-reload")),
    Setting("spew", ("--spew",), by_hand("no trace of every line can be had"), "no"),
    Setting("check_config", ("--check-config",), nothing("uncork check does this"), "no"),
    Setting("print_config", ("--print-config",), nothing("uncork check does this"), "no"),
    Setting("preload_app", ("--preload",), None, "no"),
    Setting("sendfile", ("--no-sendfile",), None, "no", value=False),
    Setting("reuse_port", ("--reuse-port",), nothing("workers share one socket"), "no"),
    Setting("chdir", ("--chdir",), to("chdir")),
    Setting("daemon", ("-D", "--daemon"), None, "no"),
    Setting("raw_env", ("-e", "--env"), to("env")),
    Setting("pidfile", ("-p", "--pid"), to("pidfile")),
    Setting("worker_tmp_dir", ("--worker-tmp-dir",), nothing("workers give signs of life in memory, not in a file")),
    Setting("user", ("-u", "--user"), to("uid")),
    Setting("group", ("-g", "--group"), to("gid")),
    Setting("umask", ("-m", "--umask"), _umask),
    Setting("initgroups", ("--initgroups",), nothing("the user's groups are taken anyway"), "no"),
    Setting("tmp_upload_dir", (), nothing("bodies are not kept in files")),
    Setting("secure_scheme_headers", (), _PROXY),
    Setting("forwarded_allow_ips", ("--forwarded-allow-ips",), _PROXY),
    Setting("accesslog", ("--access-logfile",), None),
    Setting("disable_redirect_access_to_syslog", ("--disable-redirect-access-to-syslog",), _LOG_SETUP, "no"),
    Setting("access_log_format", ("--access-logformat",), None),
    Setting("errorlog", ("--error-logfile", "--log-file"), None),
    Setting("loglevel", ("--log-level",), nothing("the server's log has no levels; those of the app are its own")),
    Setting("capture_output", ("--capture-output",), nothing("what the app prints is in the log anyway"), "no"),
    Setting("logger_class", ("--logger-class",), _LOG_SETUP),
    Setting("logconfig", ("--log-config",), _LOG_SETUP),
    Setting("logconfig_dict", (), _LOG_SETUP),
    Setting("logconfig_json", ("--log-config-json",), _LOG_SETUP),
    Setting("syslog_addr", ("--log-syslog-to",), by_hand("logger = rsyslog:HOST:PORT sends the log there")),
    Setting("syslog", ("--log-syslog",), _syslog, "no"),
    Setting("syslog_prefix", ("--log-syslog-prefix",), by_hand("it is the first word behind logger = syslog:")),
    Setting("syslog_facility", ("--log-syslog-facility",), by_hand("it is the second word behind logger = syslog:")),
    Setting("enable_stdio_inheritance", ("-R", "--enable-stdio-inheritance"), _KERNEL, "no"),
    Setting("statsd_host", ("--statsd-host",), _statsd),
    Setting("dogstatsd_tags", ("--dogstatsd-tags",), None),
    Setting("statsd_prefix", ("--statsd-prefix",), None),
    Setting("enable_backlog_metric", ("--enable-backlog-metric",), nothing("stats has the length of the queue"), "no"),
    Setting("proc_name", ("-n", "--name"), _name),
    Setting("default_proc_name", (), None),
    Setting("pythonpath", ("--pythonpath",), _pythonpath),
    Setting("paste", ("--paste", "--paster"), by_hand("make a module with application = loadapp('config:FILE') in it")),
    Setting("raw_paste_global_conf", ("--paste-global",), by_hand("give it to loadapp() as global_conf")),
    Setting("ssl_context", (), _TLS),
    Setting("proxy_protocol", ("--proxy-protocol",), _PROXY_PROTOCOL, "optional"),
    Setting("proxy_allow_ips", ("--proxy-allow-from",), None),
    Setting("protocol", ("--protocol",), None),
    Setting("uwsgi_allow_ips", ("--uwsgi-allow-from",), None),
    Setting("keyfile", ("--keyfile",), None),
    Setting("certfile", ("--certfile",), None),
    Setting("ssl_version", ("--ssl-version",), _TLS),
    Setting("cert_reqs", ("--cert-reqs",), _TLS),
    Setting("ca_certs", ("--ca-certs",), _TLS),
    Setting("suppress_ragged_eofs", ("--suppress-ragged-eofs",), None, "no"),
    Setting("do_handshake_on_connect", ("--do-handshake-on-connect",), None, "no"),
    Setting("ciphers", ("--ciphers",), _TLS),
    Setting("http_protocols", ("--http-protocols",), _HTTP2),
    Setting("http2_cleartext", ("--http2-cleartext",), _HTTP2),
    Setting("http2_max_concurrent_streams", ("--http2-max-concurrent-streams",), _HTTP2),
    Setting("http2_initial_window_size", ("--http2-initial-window-size",), _HTTP2),
    Setting("http2_max_frame_size", ("--http2-max-frame-size",), _HTTP2),
    Setting("http2_max_header_list_size", ("--http2-max-header-list-size",), _HTTP2),
    Setting("permit_obsolete_folding", ("--permit-obsolete-folding",), _HTTP_PARSING, "no"),
    Setting("strip_header_spaces", ("--strip-header-spaces",), _HTTP_PARSING, "no"),
    Setting("permit_unconventional_http_method", ("--permit-unconventional-http-method",), _HTTP_PARSING, "no"),
    Setting("permit_unconventional_http_version", ("--permit-unconventional-http-version",), _HTTP_PARSING, "no"),
    Setting("casefold_http_method", ("--casefold-http-method",), _HTTP_PARSING, "no"),
    Setting("forwarder_headers", ("--forwarder-headers",), _PROXY),
    Setting("header_map", ("--header-map",), _HTTP_PARSING),
    Setting("asgi_loop", ("--asgi-loop",), _ASGI_ONLY),
    Setting("asgi_lifespan", ("--asgi-lifespan",), _ASGI_ONLY),
    Setting("asgi_disconnect_grace_period", ("--asgi-disconnect-grace-period",), _ASGI_ONLY),
    Setting("websocket_max_message_size", ("--websocket-max-message-size",), _ASGI_ONLY),
    Setting("root_path", ("--root-path",), _ASGI_ONLY),
    Setting("http_parser", ("--http-parser",), _HTTP_PARSING),
    Setting("dirty_apps", ("--dirty-app",), _DIRTY),
    Setting("dirty_workers", ("--dirty-workers",), None),
    Setting("dirty_timeout", ("--dirty-timeout",), None),
    Setting("dirty_threads", ("--dirty-threads",), None),
    Setting("dirty_graceful_timeout", ("--dirty-graceful-timeout",), None),
    Setting("control_socket", ("--control-socket",), _CONTROL),
    Setting("control_socket_mode", ("--control-socket-mode",), None),
    Setting("control_socket_disable", ("--no-control-socket",), None, "no"),
)  # fmt: skip

FLAGS: tuple[Flag, ...] = flags_of(SETTINGS)
RULES: Mapping[str, Rule] = rules_of(SETTINGS)
NAMES = frozenset(setting.name for setting in SETTINGS)

_AFTER_FORK = "uwsgi.post_fork_hook = function, in the app, runs a function in each worker"
_AT_END = "uwsgi.atexit = function, in the app, runs a function when a worker ends"
_NEVER = "nothing calls a function here; a service manager can run a command before, after and beside the server"

# Functions that gunicorn calls, and what can be done in their place.
HOOKS: Mapping[str, str] = {
    "on_starting": "a service manager can run a command before the server starts",
    "when_ready": "a service manager is told when the server is ready (READY=1)",
    "pre_fork": "do it where the app is imported: that happens once, before workers are forked",
    "post_fork": _AFTER_FORK,
    "post_worker_init": _AFTER_FORK,
    "pre_request": "a WSGI middleware does the same",
    "post_request": "a WSGI middleware does the same",
    "worker_exit": _AT_END,
    "worker_int": _AT_END,
    "worker_abort": "the log says which request was cut off, and where it hung",
    "child_exit": _NEVER,
    "on_reload": _NEVER,
    "pre_exec": _NEVER,
    "nworkers_changed": _NEVER,
    "on_exit": _NEVER,
    "ssl_context": "let nginx do this part of TLS",
    "on_dirty_starting": _NEVER,
    "dirty_post_fork": _NEVER,
    "dirty_worker_init": _NEVER,
    "dirty_worker_exit": _NEVER,
}
