"""What the person who named an app may have meant: modules, files and callables with a similar name.

Runs in: template, or the single process, after the import of an app has failed.  Calls nothing of the app's.
"""

import difflib
import os
import pkgutil
import sys
from collections.abc import Iterable
from types import ModuleType

# Names that applications in the wild give their callable; proposed when the one asked for is missing.
_USUAL_NAMES = ("application", "app", "create_app", "make_app")


def near_callables(module: ModuleType, name: str, by_module: bool) -> str:
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
    say = f"module = {module.__name__}:{target}" if by_module else f"callable = {target}"
    return f"; it has {_listed(candidates)} (did you mean {target}? say {say})"


def near_modules(name: str) -> str:
    """`; did you mean ...`: modules nearby with a similar name."""
    places = [path for path in sys.path if os.path.isdir(path) and not path.startswith((sys.prefix, sys.base_prefix))]
    names = sorted({found.name for found in pkgutil.iter_modules(places)})
    near = difflib.get_close_matches(name.partition(".")[0], names, n=3)
    return f"; did you mean {_listed(near)}?" if near else ""


def near_files(path: str) -> str:
    directory = os.path.dirname(path) or "."
    try:
        names = [name for name in os.listdir(directory) if name.endswith((".py", ".wsgi"))]
    except OSError:
        return f" (directory {directory} does not exist)"
    near = difflib.get_close_matches(os.path.basename(path), names, n=3)
    return f"; did you mean {_listed(near)}?" if near else ""


def _listed(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in names)
