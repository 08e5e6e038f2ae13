"""Import the application: the only place that runs user code outside a request.

Runs in: template, or the single process.  Behaviour: uWSGI plugins/python (module, wsgi-file, callable, mount).  An
application that cannot be loaded is an AppLoadError whose last sentence says what to change; the traceback, if the
user's code raised, comes before it.
"""

import difflib
import importlib
import importlib.util
import os
import pkgutil
import re
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from importlib.machinery import SourceFileLoader
from types import ModuleType
from typing import TypeVar

from uncork.config.options.python import Python
from uncork.errors import AppLoadError
from uncork.worker.devserver import neutralised
from uncork.worker.mounts import App
from uncork.wsgi.run import Application

# What uWSGI looks for when nothing else is said (python_plugin.c).
DEFAULT_CALLABLE = "application"
# uWSGI's name for the module that a wsgi-file becomes.
FILE_PREFIX = "uwsgi_file_"
# Names that applications in the wild give their callable; proposed when the one asked for is missing.
_USUAL_NAMES = ("application", "app", "create_app", "make_app")

T = TypeVar("T")


def load_apps(options: Python, say: Callable[[str], None]) -> list[App]:
    """Every application that the options name, in the order of uWSGI's numbering: the default one first, then mounts.

    `say` logs one line.  Raises AppLoadError.
    """
    # (mount point, what to load, whether that is a file)
    wanted: list[tuple[str, str, bool]] = []
    if options.module is not None:
        wanted.append(("", options.module, False))
    elif options.wsgi_file is not None:
        wanted.append(("", options.wsgi_file, True))
    for mount in options.mount:
        prefix, _, target = mount.partition("=")
        wanted.append((mountpoint(prefix), target, target.endswith((".py", ".wsgi"))))
    apps: list[App] = []
    with neutralised(say):
        for prefix, target, is_file in wanted:
            if prefix:
                say(f"mounting {target} on {prefix}")
            started = time.monotonic()
            application = load_file(target, options.callable) if is_file else load_module(target, options.callable)
            took = int(time.monotonic() - started)
            say(
                f"WSGI app {len(apps)} (mountpoint='{prefix}') ready in {took} seconds on interpreter "
                f"{id(sys.modules):#x} pid: {os.getpid()}{'' if prefix else ' (default app)'}"
            )
            apps.append(App(len(apps), prefix, application, took))
    return apps


def mountpoint(prefix: str) -> str:
    """`prefix` as SCRIPT_NAME will spell it: one slash before, none behind; "" for the root."""
    stripped = prefix.strip("/")
    return f"/{stripped}" if stripped else ""


def load_module(target: str, default: str | None) -> Application:
    """The application that `package.module`, `package.module:name` or `package.module:factory()` names.

    Without a name it is `default`, else `application`.  Raises AppLoadError.
    """
    name, _, attribute = target.partition(":")
    module = _import(name)
    return _application(module, attribute or default or DEFAULT_CALLABLE, f"module = {name}")


def load_file(path: str, default: str | None) -> Application:
    """The application `default`, else `application`, of the Python file at `path`.  Raises AppLoadError."""
    if not os.path.isfile(path):
        raise AppLoadError(f"wsgi-file = {path}: there is no such file in {os.getcwd()}{_near_files(path)}")
    # In sys.modules, because pickle and dataclasses look for it there.
    name = FILE_PREFIX + path.replace(".", "_").replace("/", "_")
    spec = importlib.util.spec_from_loader(name, SourceFileLoader(name, path))
    if spec is None or spec.loader is None:
        raise AppLoadError(f"wsgi-file = {path}: it cannot be read as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    loader = spec.loader
    _called(lambda: loader.exec_module(module), f"wsgi-file = {path}")
    return _application(module, default or DEFAULT_CALLABLE, f"wsgi-file = {path}")


def _import(name: str) -> ModuleType:
    if not re.fullmatch(r"\w+(\.\w+)*", name):
        raise AppLoadError(f"module = {name}: that is no module name (expected package.module or package.module:app)")
    try:
        return _guarded(lambda: importlib.import_module(name), f"module = {name}")
    except _Missing as missing:
        if name != missing.name and not name.startswith(f"{missing.name}."):
            raise AppLoadError(
                f"{missing.trace}module = {name}: it was found, but {_not_installed(missing.name)}"
            ) from None
        raise AppLoadError(
            f"module = {name}: there is no module {missing.name!r} in {os.getcwd()} or on the Python path"
            f"{_near_modules(missing.name)} (chdir and pythonpath say where to look)"
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


def _application(module: ModuleType, name: str, place: str) -> Application:
    """The callable `name`, or what `name()` returns."""
    factory = name.endswith("()")
    bare = name.removesuffix("()")
    found: object = module
    for part in bare.split("."):
        found = _attribute(found, part, f"{place}, {bare}")
        if found is _ABSENT:
            raise AppLoadError(f"{place}: it has no {bare!r}{_near_callables(module, bare)}")
    if factory:
        if not callable(found):
            raise AppLoadError(
                f"{place}: {bare!r} is {type(found).__name__} and cannot be called (remove the parentheses)"
            )
        found = _called(found, f"{place}, {name}")
    if not callable(found):
        raise AppLoadError(
            f"{place}: {name} is {type(found).__name__} and no WSGI application{_near_callables(module, bare)}"
        )
    return found


_ABSENT = object()


def _attribute(owner: object, name: str, place: str) -> object:
    """`owner.name`, or _ABSENT; a module's own __getattr__ is user code."""
    return _called(lambda: getattr(owner, name, _ABSENT), place)


def _called(maker: Callable[[], object], place: str) -> object:
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


def _near_callables(module: ModuleType, name: str) -> str:
    """` (it has 'app': say ...)`: what the user may have meant."""
    names = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
    usual = [key for key in _USUAL_NAMES if key in names]
    # By their class: asking an instance for attributes is user code (Flask's proxies raise outside a request).
    instances = [key for key in names if hasattr(type(vars(module)[key]), "wsgi_app")]
    candidates = list(dict.fromkeys(difflib.get_close_matches(name, names, n=2) + usual + instances))
    if not candidates:
        return " (callable = NAME says what the application is called)"
    best = candidates[0]
    target = f"{best}()" if best in {"create_app", "make_app"} else best
    by_file = module.__name__.startswith(FILE_PREFIX)
    say = f"callable = {target}" if by_file else f"module = {module.__name__}:{target}"
    return f"; it has {_listed(candidates)} (did you mean {target}? say {say})"


def _near_modules(name: str) -> str:
    """`; did you mean ...`: modules nearby with a similar name."""
    places = [path for path in sys.path if os.path.isdir(path) and not path.startswith((sys.prefix, sys.base_prefix))]
    names = sorted({found.name for found in pkgutil.iter_modules(places)})
    near = difflib.get_close_matches(name.partition(".")[0], names, n=3)
    return f"; did you mean {_listed(near)}?" if near else ""


def _near_files(path: str) -> str:
    directory = os.path.dirname(path) or "."
    try:
        names = [name for name in os.listdir(directory) if name.endswith((".py", ".wsgi"))]
    except OSError:
        return f" (directory {directory} does not exist)"
    near = difflib.get_close_matches(os.path.basename(path), names, n=3)
    return f"; did you mean {_listed(near)}?" if near else ""


def _listed(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in names)
