"""Keep a development server inside the application from starting while the application is imported.

A module that calls `app.run()` outside `if __name__ == '__main__'` would start a second server and never finish its
import.  Flask.run, Werkzeug's run_simple and wsgiref's make_server do nothing until the import is over, and the place
that called is named once.

Runs in: template, or the single process.  Nothing is imported for it: the modules are changed as the application
imports them, and put back afterwards.
"""

import functools
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import FrameType, ModuleType
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    # At run time nothing is inherited from it: importing it costs 10 ms of every start.
    from importlib.abc import Loader

# Flask's own switch: `flask run` sets it so that app.run() in the module it loads returns at once (flask/app.py).
FLASK_SWITCH = "FLASK_RUN_FROM_CLI"


class _InertServer:
    """What make_server() returns instead of a server: it never listens, and every way to serve returns at once."""

    server_port = 0
    server_address = ("", 0)

    def serve_forever(self, *_args: object, **_kwargs: object) -> None:
        """Serve nobody."""

    handle_request = shutdown = server_close = serve_forever

    def __enter__(self) -> "_InertServer":
        return self

    def __exit__(self, *_args: object) -> None:
        """Nothing to close."""


# (module, attribute path, what a call returns)
_SERVERS: tuple[tuple[str, str, Callable[[], object]], ...] = (
    ("flask.app", "Flask.run", lambda: None),
    ("werkzeug.serving", "run_simple", lambda: None),
    ("wsgiref.simple_server", "make_server", _InertServer),
)


class _Neutraliser:
    """Finds the modules of _SERVERS as everybody else would, and changes them once they are loaded."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._warn = warn
        self._warned = False
        self._finding = False
        self._over = False
        self._originals: list[tuple[object, str, object]] = []

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        del path, target
        if self._finding or all(fullname != module for module, _, _ in _SERVERS):
            return None
        self._finding = True
        try:
            spec = find_spec(fullname)
        finally:
            self._finding = False
        if spec is not None and spec.loader is not None:
            spec.loader = cast("Loader", _Loader(spec.loader, self.change))
        return spec

    def change(self, module: ModuleType) -> None:
        """Replace what `module` has of _SERVERS."""
        for name, path, answer in _SERVERS:
            if module.__name__ == name:
                owner: object = module
                *outer, attribute = path.split(".")
                for part in outer:
                    owner = getattr(owner, part)
                original = getattr(owner, attribute)
                self._originals.append((owner, attribute, original))
                setattr(owner, attribute, self._replacement(path, original, answer))

    def _replacement(
        self, path: str, original: Callable[..., object], answer: Callable[[], object]
    ) -> Callable[..., object]:
        @functools.wraps(original)
        def inert(*args: object, **kwargs: object) -> object:
            if self._over:
                # A name that `from ... import` bound meanwhile: after the import it serves as ever.
                return original(*args, **kwargs)
            if not self._warned:
                self._warned = True
                self._warn(
                    f"{_caller()}: ignored {path}() while importing: this server serves the app "
                    f"(put the call under if __name__ == '__main__':)"
                )
            return answer()

        return inert

    def restore(self) -> None:
        """The import is over: give the modules back what they had."""
        self._over = True
        for owner, attribute, original in self._originals:
            setattr(owner, attribute, original)


class _Loader:
    """Another loader, with `change` called on the module it has executed."""

    def __init__(self, loader: "Loader", change: Callable[[ModuleType], None]) -> None:
        self._loader = loader
        self._change = change

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        self._change(module)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)


def _caller() -> str:
    """`file:line` of the application's own code that made the call: the first frame outside the server libraries."""
    frame: FrameType | None = sys._getframe(2)  # noqa: SLF001 - the documented way to look at a caller
    while frame is not None:
        package = frame.f_globals.get("__name__", "").partition(".")[0]
        if package not in {"flask", "werkzeug", "wsgiref"}:
            return f"{frame.f_code.co_filename}:{frame.f_lineno}"
        frame = frame.f_back
    return "?"


@contextmanager
def neutralised(warn: Callable[[str], None]) -> Iterator[None]:
    """Within it, starting a development server does nothing; `warn` gets one sentence with file and line."""
    finder = _Neutraliser(warn)
    for name in {module for module, _, _ in _SERVERS}:
        if name in sys.modules:
            finder.change(sys.modules[name])
    before = os.environ.get(FLASK_SWITCH)
    os.environ[FLASK_SWITCH] = "true"
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        finder.restore()
        if before is None:
            os.environ.pop(FLASK_SWITCH, None)
        else:
            os.environ[FLASK_SWITCH] = before
