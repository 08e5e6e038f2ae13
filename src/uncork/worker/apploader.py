"""Import the application: the only place that runs user code outside a request.

Runs in: template, or the single process.  Behaviour: uWSGI plugins/python (module, wsgi-file, callable, mount).  An
application that cannot be loaded is an AppLoadError whose last sentence says what to change; the traceback, if the
user's code raised, comes before it.
"""

import importlib
import importlib.util
import os
import re
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from importlib.machinery import SourceFileLoader
from types import ModuleType
from typing import NamedTuple, TypeVar

from uncork.config.options.python import Python
from uncork.errors import AppLoadError
from uncork.worker.devserver import neutralised
from uncork.worker.mounts import App
from uncork.worker.nearby import near_callables, near_files, near_modules
from uncork.wsgi.run import Application

# What uWSGI looks for when nothing else is said (python_plugin.c).
DEFAULT_CALLABLE = "application"
# uWSGI's name for the module that a wsgi-file becomes.
FILE_PREFIX = "uwsgi_file_"
# And for the one that the code of option `eval` runs in.
CODE_NAME = "uwsgi_eval_config"

T = TypeVar("T")


class _Wanted(NamedTuple):
    """An app to load: its mount point, what names it, and how to."""

    mountpoint: str
    target: str
    load: Callable[[str, str | None], Application]


def load_apps(options: Python, say: Callable[[str], None]) -> list[App]:
    """Every application that the options name, in the order of uWSGI's numbering: the default one first, then mounts.

    `say` logs one line.  Raises AppLoadError.
    """
    apps: list[App] = []
    with neutralised(say):
        for prefix, target, load in _wanted(options):
            if prefix:
                say(f"mounting {target} on {prefix}")
            started = time.monotonic()
            application = load(target, options.callable)
            took = int(time.monotonic() - started)
            say(
                f"WSGI app {len(apps)} (mountpoint='{prefix}') ready in {took} seconds on interpreter "
                f"{id(sys.modules):#x} pid: {os.getpid()}{'' if prefix else ' (default app)'}"
            )
            apps.append(App(len(apps), prefix, application, took))
    return apps


def _wanted(options: Python) -> Iterator[_Wanted]:
    """The default app is the first that is named in this order, uWSGI's; the others are left out."""
    logged = options.paste_logger or options.ini_paste_logged is not None
    defaults: tuple[tuple[str | None, Callable[[str, str | None], Application]], ...] = (
        (options.module, load_module),
        (options.wsgi_file, load_file),
        (options.pecan, load_pecan),
        (options.paste_uri, load_logged_paste if logged else load_paste),
        (options.eval, load_code),
    )
    for target, load in defaults:
        if target is not None:
            yield _Wanted("", target, load)
            break
    for mount in options.mount:
        prefix, _, target = mount.partition("=")
        load = load_file if target.endswith((".py", ".wsgi")) else load_module
        yield _Wanted(mountpoint(prefix), target, load)


def mountpoint(prefix: str) -> str:
    """`prefix` as SCRIPT_NAME will spell it: one slash before, none behind; "" for the root."""
    stripped = prefix.strip("/")
    return f"/{stripped}" if stripped else ""


def load_module(target: str, default: str | None) -> Application:
    """The application that `package.module`, `package.module:name` or `package.module:factory()` names.

    Without a name it is `default`, else `application`.  Raises AppLoadError.
    """
    name, _, attribute = target.partition(":")
    module = import_module(name, f"module = {name}")
    return _application(module, attribute or default or DEFAULT_CALLABLE, f"module = {name}", by_module=True)


def load_file(path: str, default: str | None) -> Application:
    """The application `default`, else `application`, of the Python file at `path`.  Raises AppLoadError."""
    place = f"wsgi-file = {path}"
    # In sys.modules, because pickle and dataclasses look for it there.
    module = import_file(path, FILE_PREFIX + path.replace(".", "_").replace("/", "_"), place)
    return _application(module, default or DEFAULT_CALLABLE, place)


def load_code(code: str, default: str | None) -> Application:
    """The application `default`, else `application`, that some Python code makes.  Raises AppLoadError."""
    # The code may hold what is nobody else's business; its first line in a traceback shows enough.
    module = ModuleType(CODE_NAME)
    module.__file__ = CODE_NAME
    sys.modules[CODE_NAME] = module
    called(lambda: exec(compile(code, CODE_NAME, "exec"), vars(module)), "eval")  # noqa: S102 - that is the option
    return _application(module, default or DEFAULT_CALLABLE, "eval")


def load_paste(uri: str, _default: str | None) -> Application:
    """The application that PasteDeploy makes of `config:/path/app.ini` or `egg:package`.  Raises AppLoadError."""
    place = f"paste = {uri}"
    deploy = _framework("paste.deploy", "PasteDeploy", place)
    return _ready_made(lambda: deploy.loadapp(uri, relative_to=os.getcwd()), place)


def load_logged_paste(uri: str, default: str | None) -> Application:
    """The same, with logging set up from that file before.  Raises AppLoadError."""
    import logging.config  # for the few that ask for it

    scheme, _, path = uri.partition(":")
    if scheme == "config":
        path = os.path.abspath(path.partition("#")[0])
        where = {"__file__": path, "here": os.path.dirname(path)}
        called(
            lambda: logging.config.fileConfig(path, where, disable_existing_loggers=False), f"paste = {uri}, logging"
        )
    return load_paste(uri, default)


def load_pecan(path: str, _default: str | None) -> Application:
    """The application that Pecan makes of its configuration file.  Raises AppLoadError."""
    place = f"pecan = {path}"
    deploy = _framework("pecan.deploy", "Pecan", place)
    return _ready_made(lambda: deploy.deploy(os.path.abspath(path)), place)


def _framework(name: str, title: str, place: str) -> ModuleType:
    """The module `name` of a framework called `title`."""
    try:
        return _guarded(lambda: importlib.import_module(name), place)
    except _Missing as missing:
        raise AppLoadError(
            f"{place}: {title} is not installed here ({missing.name!r} is missing; install it into {sys.prefix}, or "
            "say with home = DIR where it is)"
        ) from None


def _ready_made(maker: Callable[[], object], place: str) -> Application:
    found = called(maker, place)
    if not callable(found):
        raise AppLoadError(f"{place}: that is {type(found).__name__} and no WSGI application")
    return found


def import_file(path: str, name: str, place: str) -> ModuleType:
    """The Python file at `path` as module `name`.  Raises AppLoadError."""
    if not os.path.isfile(path):
        raise AppLoadError(f"{place}: there is no such file in {os.getcwd()}{near_files(path)}")
    spec = importlib.util.spec_from_loader(name, SourceFileLoader(name, path))
    if spec is None or spec.loader is None:
        raise AppLoadError(f"{place}: it cannot be read as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    loader = spec.loader
    called(lambda: loader.exec_module(module), place)
    return module


def import_module(name: str, place: str) -> ModuleType:
    """The module `name`.  Raises AppLoadError."""
    if not re.fullmatch(r"\w+(\.\w+)*", name):
        raise AppLoadError(f"{place}: that is no module name (expected package.module or package.module:app)")
    try:
        return _guarded(lambda: importlib.import_module(name), place)
    except _Missing as missing:
        if name != missing.name and not name.startswith(f"{missing.name}."):
            raise AppLoadError(f"{missing.trace}{place}: it was found, but {_not_installed(missing.name)}") from None
        raise AppLoadError(
            f"{place}: there is no module {missing.name!r} in {os.getcwd()} or on the Python path"
            f"{near_modules(missing.name)} (chdir and pythonpath say where to look)"
        ) from None


class _Missing(Exception):
    """A ModuleNotFoundError: which module, and its traceback."""

    def __init__(self, name: str, trace: str) -> None:
        super().__init__(name)
        self.name = name
        self.trace = trace


def _guarded(action: Callable[[], T], place: str) -> T:
    """Run user code.  Raises AppLoadError with its traceback for whatever it raises, sys.exit() included."""
    try:
        return action()
    except ModuleNotFoundError as error:
        raise _Missing(error.name or "?", _traceback(error)) from None
    except SystemExit as error:
        raise AppLoadError(
            f"{_traceback(error)}{place}: it called sys.exit({error.code!r}) while it was loaded (remove that call)"
        ) from None
    except BaseException as error:  # noqa: BLE001 - it is user code; whatever it raises is reported
        raise AppLoadError(
            f"{_traceback(error)}{place}: it raised {type(error).__name__} while it was loaded ({_where(error)})"
        ) from None


def _where(error: BaseException) -> str:
    """`/srv/app.py:14: invalid syntax`: for those who see one line, such as `uncork ctl reload`."""
    said = str(error.msg if isinstance(error, SyntaxError) else error).strip().partition("\n")[0]
    frames = _frames(error)
    file, line = (frames[-1].filename, frames[-1].lineno) if frames else ("", None)
    if isinstance(error, SyntaxError) and error.filename:
        file, line = error.filename, error.lineno
    place = f"{file}:{line}" if file else ""
    return ": ".join(part for part in (place, said) if part) or "it does not say why"


def _frames(error: BaseException) -> list[traceback.FrameSummary]:
    return [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename != __file__ and "importlib" not in frame.filename
    ]


def _traceback(error: BaseException) -> str:
    """The traceback without the frames of this server and of importlib, which tell the user nothing."""
    frames = _frames(error)
    lines = ["Traceback (most recent call last):\n"] if frames else []
    lines += traceback.format_list(frames)
    lines += traceback.format_exception_only(error)
    return "".join(lines)


def _application(module: ModuleType, name: str, place: str, by_module: bool = False) -> Application:
    """The callable `name`, or what `name()` returns; `by_module`: it is option `module` that names both."""
    factory = name.endswith("()")
    bare = name.removesuffix("()")
    found: object = module
    for part in bare.split("."):
        found = _attribute(found, part, f"{place}, {bare}")
        if found is _ABSENT:
            raise AppLoadError(f"{place}: it has no {bare!r}{near_callables(module, bare, by_module)}")
    if factory:
        if not callable(found):
            raise AppLoadError(
                f"{place}: {bare!r} is {type(found).__name__} and cannot be called (remove the parentheses)"
            )
        found = called(found, f"{place}, {name}")
    if not callable(found):
        near = near_callables(module, bare, by_module)
        raise AppLoadError(f"{place}: {name} is {type(found).__name__} and no WSGI application{near}")
    return found


_ABSENT = object()


def _attribute(owner: object, name: str, place: str) -> object:
    """`owner.name`, or _ABSENT; a module's own __getattr__ is user code."""
    return called(lambda: getattr(owner, name, _ABSENT), place)


def called(maker: Callable[[], object], place: str) -> object:
    """What `maker` returns.  Raises AppLoadError for whatever it raises."""
    try:
        return _guarded(maker, place)
    except _Missing as missing:
        raise AppLoadError(f"{missing.trace}{place}: {_not_installed(missing.name)}") from None


def _not_installed(name: str) -> str:
    return (
        f"it imports {name!r}, which is not installed here "
        f"(install it into {sys.prefix}, or say with home = DIR where it is)"
    )
