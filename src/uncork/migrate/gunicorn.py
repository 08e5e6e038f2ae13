"""gunicorn: its command line, `GUNICORN_CMD_ARGS` and gunicorn.conf.py.

Pure but for the configuration file that the command line names.  The last of file, variable and command line counts,
setting by setting, as with gunicorn.
"""

from typing import NamedTuple

from uncork.config.textfile import why as why_not
from uncork.migrate import accesslog
from uncork.migrate.command import Command, MigrateError, split
from uncork.migrate.draft import Draft, Migrated
from uncork.migrate.flags import parse_flags
from uncork.migrate.gunicornsettings import FLAGS, HOOKS, NAMES, RULES, SETTINGS
from uncork.migrate.pythonfile import Module, parse_module
from uncork.migrate.rules import (
    ASGI,
    ONE_MASTER,
    Reader,
    Settings,
    add_log_format,
    add_surroundings,
    apply,
    http_socket,
    put_app,
    read_words,
    title_of,
)
from uncork.migrate.values import Formula, Given, ManualError, literal

ARGUMENTS = "GUNICORN_CMD_ARGS"
DEFAULT_FILE = "gunicorn.conf.py"

# gunicorn's defaults: seconds, connections of a worker, and what an address without host or port means.
_TIMEOUT = 30
_GREENLETS = 1000
_EVERYWHERE, _PORT = "0.0.0.0", 8000  # noqa: S104 - so it is there, and the new line shows it

_LISTS = frozenset({"raw_env", "reload_extra_files", "bind"})
_ASGI_WORKERS = ("uvicorn", "asgi", "hypercorn", "aiohttp", "daphne")
_GREEN_WORKERS = ("gevent", "eventlet", "tornado")


def migrate_command(command: Command, read: Reader, arguments: str = "") -> Migrated:
    """`command` with `arguments`, the value of GUNICORN_CMD_ARGS, if it is set.  Raises MigrateError."""
    draft = Draft("gunicorn")
    words = read_words(draft, command, SETTINGS)
    extra = parse_flags(split(dict(command.variables).get(ARGUMENTS, arguments)), FLAGS, ARGUMENTS)
    for place, why in extra.unread:
        draft.hand(place, why)
    path, given = _from_file(draft, [*extra.given, *words.given], read)
    settings = Settings(given)
    settings.layer(extra.given)
    settings.layer(words.given)
    for app in (words.rest or extra.rest)[:1]:
        settings.layer(_app(draft, app))
    add_surroundings(draft, command, taken={ARGUMENTS})
    return _migrated(draft, settings, title_of(draft, path))


def migrate_file(text: str, shown: str) -> Migrated:
    """The text of a gunicorn.conf.py.  Raises MigrateError."""
    draft = Draft("gunicorn")
    given = _settings_of(draft, parse_module(text, shown))
    if not given and not draft.by_hand:
        raise MigrateError(f"{shown}: no setting of gunicorn is in it")
    settings = Settings(given)
    if settings.one("wsgi_app") is None:
        draft.hand(shown, "it does not name the app; add module = package.module:app")
    return _migrated(draft, settings, f"Written by uncork migrate from {shown}.")


def _from_file(draft: Draft, given: list[Given], read: Reader) -> tuple[str, list[Given]]:
    """The file that `--config` names, or that gunicorn looks for by itself, "" for none, and its settings."""
    named = Settings(given).one("config")
    path = named.formulas[0].text.removeprefix("file:") if named else DEFAULT_FILE
    if named and path.startswith("python:"):
        draft.hand(named.source, "read the file of that module: uncork migrate FILE")
        return "", []
    try:
        text = read(path)
    except (OSError, ValueError) as error:
        if named:
            raise MigrateError(f"{path} cannot be read: {why_not(error)}") from None
        return "", []
    return path, _settings_of(draft, parse_module(text, path))


def _settings_of(draft: Draft, module: Module) -> list[Given]:
    """The settings that a file gives; what else it does goes to the draft."""
    known = NAMES | HOOKS.keys()
    for place, name, why in module.unread:
        if name in known:
            draft.hand(place, why)
    for place, name in module.functions:
        if name in HOOKS:
            draft.hand(f"{place} def {name}", HOOKS[name])
    for place, what in module.statements:
        draft.hand(place, f"{what}; see whether it concerns a setting")
    return [one for one in module.given if one.name in known]


def _app(draft: Draft, text: str) -> list[Given]:
    try:
        return [Given("wsgi_app", literal(text), f"gunicorn {text}")]
    except ManualError as error:
        draft.hand(f"gunicorn {text}", str(error))
        return []


def _migrated(draft: Draft, settings: Settings, title: str) -> Migrated:
    threaded = _is_threaded(draft, settings)
    app = settings.one("wsgi_app")
    if app:
        put_app(draft, app.formulas[0].text.replace("%%", "%"), app.source)
    _sockets(draft, settings)
    draft.put("master", True, "gunicorn has an arbiter", ONE_MASTER)
    apply(draft, settings.counted(_LISTS), RULES)
    _timeout(draft, settings, threaded)
    _preload(draft, settings)
    _access_log(draft, settings)
    _background(draft, settings)
    return draft.finished(title)


def _is_threaded(draft: Draft, settings: Settings) -> bool:
    """Whether a worker serves several requests at a time.  Raises MigrateError for one that is no WSGI server."""
    given, name = settings.one("worker_class"), settings.text("worker_class", "sync")
    if given and any(word in name.lower() for word in _ASGI_WORKERS):
        raise MigrateError(ASGI.format(what=given.source, how=", and leave the worker class out"))
    if given and any(word in name.lower() for word in _GREEN_WORKERS):
        many = settings.one("worker_connections")
        source = ", ".join(one.source for one in (given, many) if one)
        draft.put("gevent", many.formulas[0] if many else _GREENLETS, source, "threads stand in for green threads")
        return True
    if given:
        draft.nothing(given.source, "a worker serves as many requests at a time as it has threads")
    return name != "sync" or settings.text("threads", "1") != "1"


class _Door(NamedTuple):
    """How the sockets speak: the option, and what stands behind the address."""

    option: str
    suffix: str
    sources: tuple[str, ...] = ()


def _sockets(draft: Draft, settings: Settings) -> None:
    door = _door(draft, settings)
    bound = settings.all("bind")
    addresses = [(formula, one.source) for one in bound for formula in one.formulas]
    if not addresses:
        addresses = [(Formula("127.0.0.1:8000"), "gunicorn listens here unless --bind or $PORT says otherwise")]
    for formula, source in addresses:
        address = formula.map(_address)
        if door.option == "http-socket":
            http_socket(draft, address, source)
        else:
            draft.put(door.option, address.map(lambda text: text + door.suffix), ", ".join((source, *door.sources)))


def _door(draft: Draft, settings: Settings) -> _Door:
    certificate, key = settings.one("certfile"), settings.one("keyfile")
    if certificate and key:
        files = (certificate, key)
        return _Door("https", "".join(f",{one.formulas[0].text}" for one in files), tuple(one.source for one in files))
    if certificate or key:
        draft.hand("gunicorn --certfile, --keyfile", "https needs both, a certificate and its key")
    return _Door("socket" if settings.text("protocol") == "uwsgi" else "http-socket", "")


def _address(text: str) -> str:
    """`unix:/path`, `fd://3`, `tcp://host:port`, `host` as uWSGI names them."""
    if text.startswith("unix:"):
        path = text.removeprefix("unix:")
        return path.removeprefix("//") if path.startswith("//") else path
    text = text.removeprefix("tcp://")
    if text.startswith(("fd://", "/", "$(")) or ":" in text.rpartition("]")[2]:
        return text
    return f"{text or _EVERYWHERE}:{_PORT}"


def _timeout(draft: Draft, settings: Settings, threaded: bool) -> None:
    given, named = settings.one("timeout"), bool(settings.all("timeout"))
    if given:
        remark = ("there it watched over the worker, here it bounds each request",) if threaded else ()
        draft.put("harakiri", given.formulas[0], given.source, *remark)
    elif not named and not threaded:
        draft.put("harakiri", _TIMEOUT, f"gunicorn's timeout is {_TIMEOUT} unless given")


def _preload(draft: Draft, settings: Settings) -> None:
    preload = settings.one("preload_app")
    if preload:
        draft.nothing(preload.source, "the app is loaded once, before the workers are forked")
    else:
        draft.put(
            "lazy-apps",
            True,
            "gunicorn without --preload",
            "each worker loads the app for itself; without this line it is loaded once, which saves memory",
        )


def _access_log(draft: Draft, settings: Settings) -> None:
    target = settings.one("accesslog")
    text = target.formulas[0].text if target else ""
    if target is None:
        draft.put("disable-logging", True, "gunicorn logs no requests without --access-logfile")
        return
    if text == "-":
        draft.nothing(target.source, "requests are logged to standard error unless something else is said")
    else:
        draft.put("req-logger", target.formulas[0].map(lambda path: f"file:{path}"), target.source)
    given = settings.one("access_log_format")
    source = given.source if given else "gunicorn's own access log format"
    wanted = given.formulas[0].text.replace("%%", "%") if given else accesslog.GUNICORN_DEFAULT
    add_log_format(draft, wanted, accesslog.GUNICORN, source)


def _background(draft: Draft, settings: Settings) -> None:
    daemon, log = settings.one("daemon"), settings.one("errorlog")
    path = log.formulas[0] if log and log.formulas[0].text != "-" else None
    if daemon:
        source = daemon.source + (f", {log.source}" if path and log else "")
        draft.put("daemonize", path or Formula("/dev/null"), source)
    elif path and log:
        draft.put("logto", path, log.source)
    elif log:
        draft.nothing(log.source, "the log goes to standard error unless something else is said")
