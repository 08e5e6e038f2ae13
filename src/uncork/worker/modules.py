"""Watch the files of what the application has imported (option py-autoreload).

    ModuleWatch.snapshot                right after the import
    ModuleWatch.changed                 now and then: the first file that is not as it was
    files_of                            where an import failed: what its author is going to change

Runs in: template and worker.  It looks by stat(2), once a file.  Must not: import, read files, or wake a module that
loads itself.  Behaviour: uWSGI plugins/python (auto_reload).
"""

import importlib.util
import os
import sys
from collections.abc import Collection, Iterable, Iterator
from types import ModuleType, TracebackType

# What a look at a file finds: its modification time and size, () if there is no file.
_Seen = tuple[int, ...]


class ModuleWatch:
    """Knows how every imported file looked.  `ignore`: names of modules that are not watched."""

    def __init__(self, ignore: Collection[str] = ()) -> None:
        self._ignore = frozenset(ignore)
        self._seen: dict[str, _Seen] = {}
        # The file to look at for each `__file__`: to find it out costs more than to look.
        self._places: dict[str, str] = {}

    def snapshot(self) -> None:
        """From now on only later changes count."""
        self._seen = {place: _look(place) for place in dict.fromkeys((*self._loaded(), *self._seen))}

    def also(self, paths: Iterable[str]) -> None:
        """Watch these files too, whether they exist or not."""
        for path in paths:
            if path not in self._seen:
                self._seen[path] = _look(path)

    def changed(self) -> str | None:
        """The first file that has changed since the last look, None if none has.

        A file that is gone is no change, for many editors write by removing; when it is back, it counts if it differs.
        What has been imported meanwhile is watched from now on.
        """
        first: str | None = None
        for place, before in self._seen.items():
            after = _look(place)
            if after and after != before:
                self._seen[place] = after
                first = first or place
        self.also(self._loaded())
        return first

    def _loaded(self) -> Iterator[str]:
        for file in _files(self._ignore):
            place = self._places.get(file)
            if place is None:
                place = self._places[file] = _place(file)
            yield place


def loaded_files() -> list[str]:
    """The files of all imported modules, in order of the alphabet."""
    return sorted({_place(file) for file in _files(frozenset())})


def files_of(error: BaseException) -> list[str]:
    """The files that made an import fail with `error`, the nearest first.

    They are those of its traceback and of a syntax error, which no module in sys.modules may name any more, and for a
    module that was not found those that it might come in.
    """
    found: dict[str, None] = {}
    for cause in _chain(error):
        for path in (*_named(cause), *reversed(list(_frames(cause.__traceback__)))):
            # What has no file is called <string> or <frozen importlib._bootstrap>.
            if not path.startswith("<"):
                found[_place(path)] = None
    return list(found)


def _files(ignore: frozenset[str]) -> Iterator[str]:
    # A copy: threads of the application import while we look.
    for name, module in sys.modules.copy().items():
        if name not in ignore:
            file = _file(module)
            if isinstance(file, str) and file:
                yield file


def _file(module: object) -> object:
    """`module.__file__`, without waking a module that loads itself, or anything else, when it is asked for a name."""
    try:
        if issubclass(type(module), ModuleType):
            return object.__getattribute__(module, "__dict__").get("__file__")
        return getattr(module, "__file__", None)
    except Exception:  # noqa: BLE001 - whatever somebody put into sys.modules
        return None


def _place(file: str) -> str:
    """The source of a module, absolute; the compiled file where it has no source."""
    path = os.path.abspath(file)
    if path.endswith(".pyc"):
        try:
            source = importlib.util.source_from_cache(path)
        except ValueError:
            source = path[:-1]
        if os.path.exists(source):
            return source
    return path


def _look(place: str) -> _Seen:
    try:
        status = os.stat(place)
    except (OSError, ValueError):
        return ()
    return status.st_mtime_ns, status.st_size


def _chain(error: BaseException) -> list[BaseException]:
    """The error and what it came from, the origin first."""
    chain: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and not any(seen is current for seen in chain):
        chain.insert(0, current)
        current = current.__context__ if current.__cause__ is None else current.__cause__
    return chain


def _frames(trace: TracebackType | None) -> Iterator[str]:
    while trace is not None:
        yield trace.tb_frame.f_code.co_filename
        trace = trace.tb_next


def _named(error: BaseException) -> Iterator[str]:
    """The files that an error names itself."""
    if isinstance(error, SyntaxError) and error.filename:
        yield error.filename
    if isinstance(error, ModuleNotFoundError) and error.name:
        parent, _, name = error.name.rpartition(".")
        package = sys.modules.get(parent)
        directories = list(getattr(package, "__path__", ())) if parent else sys.path
        for directory in directories:
            yield os.path.join(directory, f"{name}.py")
            yield os.path.join(directory, name, "__init__.py")
