"""The standard library's own threads, signals and `epoll`, whatever the app has put in their place.

An app made for gevent replaces them while it is imported.  What is replaced serves the app; the threads that take its
requests, and what they wait with, are the system's.

Runs in: worker; in the single process, after the import.  Loaded before the app is, or there is nothing to go back to.
"""

import os
import select
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from uncork.system.logwriter import say
from uncork.worker.core import Core

# Functions and classes only: the other names hold the state of the moment.
_OWN: dict[ModuleType, dict[str, object]] = {
    module: {name: value for name, value in vars(module).items() if callable(value)}
    for module in (select, signal, threading)
}
_close = os.close

_ABSENT = object()


@contextmanager
def unpatched() -> Iterator[None]:
    """Let modules `threading`, `signal` and `select` be as they were, for as long as this lasts."""
    replaced = _replaced()
    for module, name, _ in replaced:
        setattr(module, name, _OWN[module][name])
    try:
        yield
    finally:
        for module, name, value in replaced:
            if value is _ABSENT:
                delattr(module, name)
            else:
                setattr(module, name, value)


def settle() -> None:
    """Make what an app has replaced work with several threads; for the main one, before there are others."""
    if not _replaced():
        return
    # gevent's leaves a descriptor open until its thread waits again; a client waits as long for the end of its answer.
    os.close = _close
    # The hub of the main thread has to be the first one: threads that make theirs at the same moment wait for each
    # other for ever, in a lock of Python's import that was replaced too.
    make_hub = getattr(sys.modules.get("gevent"), "get_hub", None)
    if callable(make_hub):
        make_hub()


def run(cores: list[Core]) -> None:
    """Run every core in a thread of its own, the first in the main thread; return when all have ended."""
    with unpatched():
        # Nobody serves before the app finds again what it has put there.
        gate = threading.Lock()
        gate.acquire()
        threads = [
            threading.Thread(target=_run_behind, args=(gate, core), name=f"uWSGICore{number}")
            for number, core in enumerate(cores)
        ]
        started = [thread for thread, core in zip(threads[1:], cores[1:], strict=True) if _began(thread, core)]
    if len(started) < len(cores) - 1:
        say(f"the system gives {1 + len(started)} threads in place of {len(cores)} (limit-as, limit-nproc?)")
    gate.release()
    cores[0].run()
    with unpatched():
        for thread in started:
            thread.join()


def _began(thread: threading.Thread, core: Core) -> bool:
    """Start a thread; one that the system does not give has nothing to finish."""
    try:
        thread.start()
    except RuntimeError:
        core.stopped = True
        return False
    return True


def _run_behind(gate: threading.Lock, core: Core) -> None:
    with gate:
        pass
    core.run()


def _replaced() -> list[tuple[ModuleType, str, object]]:
    """(module, name, what is there now) of all that is not what it was."""
    return [
        (module, name, vars(module).get(name, _ABSENT))
        for module, names in _OWN.items()
        for name, value in names.items()
        if vars(module).get(name, _ABSENT) is not value
    ]
