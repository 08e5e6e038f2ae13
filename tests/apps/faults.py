"""An app that misbehaves on demand; what is deployed imports it and says which `VERSION` and `HEALTH` it has.

`/` answers VERSION and the worker's pid, `/health` has the status HEALTH, `/nap?SECONDS` takes that long,
`/hold?FILE` touches FILE.in and answers once FILE exists, `/hang?KIND` never answers, `/user-harakiri?SECONDS` sets its
own deadline and hangs, `/leak?MEGABYTES` keeps so much, `/hog?MEGABYTES` takes so much and never answers.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

VERSION = "?"
HEALTH = "200 OK"

# Longer than any test: what hangs is ended, or the test has failed.
FOR_EVER = 600.0

_kept: list[bytearray] = []


def hang_asleep() -> None:
    """A sleep, which a signal may interrupt."""
    time.sleep(FOR_EVER)


def hang_in_python() -> None:
    """A loop that never waits."""
    while True:
        pass


def hang_in_a_lock() -> None:
    """A thread that waits for itself."""
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


def hang_in_c() -> None:
    """One call of C code that takes hours, holds the interpreter's lock and looks at no signal."""
    sum(range(10**13))


def hang_in_a_pipe() -> None:
    """A write that nobody reads."""
    _, write = os.pipe()
    while True:
        os.write(write, bytes(65536))


def hang_stopped() -> None:
    """The whole process stands still until it is continued or killed."""
    os.kill(os.getpid(), signal.SIGSTOP)
    # Should somebody continue it, it still does not answer.
    time.sleep(FOR_EVER)


def hang_stubbornly() -> None:
    """Waits again whatever interrupts it."""
    while True:
        try:
            time.sleep(FOR_EVER)
        except BaseException:
            continue


HANGS: dict[str, Callable[[], None]] = {
    "sleep": hang_asleep,
    "loop": hang_in_python,
    "lock": hang_in_a_lock,
    "c": hang_in_c,
    "pipe": hang_in_a_pipe,
    "stop": hang_stopped,
    "stubborn": hang_stubbornly,
}


def _hold(query: str) -> None:
    Path(query + ".in").touch()
    while not Path(query).exists():
        time.sleep(0.01)


def _user_harakiri(query: str) -> None:
    import uwsgi

    uwsgi.set_user_harakiri(int(query))
    hang_asleep()


def _leak(query: str) -> None:
    # Every page written to: what is only reserved is not resident.
    _kept.append(bytearray(b"x") * (int(query) << 20))


def _hog(query: str) -> None:
    _leak(query)
    hang_asleep()


ACTIONS: dict[str, Callable[[str], None]] = {
    "/nap": lambda query: time.sleep(float(query)),
    "/hold": _hold,
    "/hang": lambda query: HANGS[query](),
    "/user-harakiri": _user_harakiri,
    "/leak": _leak,
    "/hog": _hog,
}


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """See the module."""
    path = environ["PATH_INFO"]
    if path in ACTIONS:
        ACTIONS[path](environ["QUERY_STRING"])
    body = f"{VERSION} {os.getpid()}".encode()
    headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))]
    start_response(HEALTH if path == "/health" else "200 OK", headers)
    return [body]


def die_when(path: str) -> None:
    """Every process that is forked from here on ends shortly after `path` exists, or after its start."""

    def die() -> None:
        while not os.path.exists(path):
            time.sleep(0.01)
        # A worker is forked by a process that lives for moments only; that one shall not be the one to die.
        time.sleep(0.05)
        os._exit(3)

    os.register_at_fork(after_in_child=lambda: threading.Thread(target=die, daemon=True).start())
