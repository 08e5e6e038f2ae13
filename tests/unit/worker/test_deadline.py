"""Interrupting threads whose request has taken too long."""

import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from uncork.system import process
from uncork.worker.deadline import HarakiriInterrupt, Interrupter, forget_interrupt

pytestmark = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")

# Seconds after which a test gives up; nothing waits so long.
PATIENCE = 60


@dataclass
class Cells:
    """A request that has to be over at `deadline` (monotonic microseconds), 0: whenever it likes."""

    deadline: int = 1

    def overdue(self, now: int) -> bool:
        """Whether it takes too long by `now`."""
        return 0 < self.deadline <= now


@dataclass
class Core:
    """What an interrupter sees of a thread."""

    thread: int = 0
    in_app: bool = True
    interrupted: bool = False
    cells: Cells = field(default_factory=Cells)


class Busy:
    """A thread in the application: a loop that only an interrupt, or `go`, ends."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.go = False
        self.caught: list[BaseException] = []
        self._began = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        self.core.thread = threading.get_ident()
        try:
            self._began.set()
            while not self.go:
                pass
        except BaseException as error:
            self.caught.append(error)

    def __enter__(self) -> "Busy":
        self._thread.start()
        assert self._began.wait(PATIENCE)
        return self

    def __exit__(self, *_: object) -> None:
        self.join()

    def join(self) -> None:
        """Wait for its end."""
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()


def status_of(main: Callable[[], int]) -> int:
    """The exit status of a child that runs `main`, ended by the kernel if it hangs."""

    def run() -> int:
        signal.alarm(PATIENCE)
        return main()

    _, status = os.waitpid(process.fork(run), 0)
    return os.waitstatus_to_exitcode(status)


def test_an_interrupt_is_no_exception() -> None:
    """A view that catches Exception does not go on."""
    assert not issubclass(HarakiriInterrupt, Exception)


def test_a_busy_thread_is_interrupted() -> None:
    """In its own line, once, and its core knows."""
    with Busy(Core()) as busy:
        Interrupter([busy.core]).strike()
    assert [type(error) for error in busy.caught] == [HarakiriInterrupt]
    assert busy.core.interrupted


@pytest.mark.parametrize(
    "core",
    [
        Core(in_app=False),
        Core(cells=Cells(deadline=0)),
        Core(cells=Cells(deadline=int((time.monotonic() + 3600) * 1_000_000))),
    ],
    ids=["not in the application", "no deadline", "in time"],
)
def test_who_is_left_alone(core: Core) -> None:
    """A thread that reads, writes or logs, and one whose request is in time."""
    with Busy(core) as busy:
        Interrupter([core]).strike()
        busy.go = True
    assert busy.caught == []
    assert not core.interrupted


def test_only_the_overdue_ones_of_several() -> None:
    """The siblings go on."""
    with Busy(Core()) as first, Busy(Core(cells=Cells(0))) as second, Busy(Core()) as third:
        Interrupter([first.core, second.core, third.core]).strike()
        first.join()
        third.join()
        second.go = True
    assert [len(busy.caught) for busy in (first, second, third)] == [1, 0, 1]


def test_the_main_thread_is_interrupted_where_the_handler_runs() -> None:
    """The exception comes out of the handler, when the others have been struck: one of them must not save the rest."""
    me = Core(thread=threading.get_ident())
    with Busy(Core()) as busy, pytest.raises(HarakiriInterrupt):
        Interrupter([me, busy.core]).strike()
    assert len(busy.caught) == 1
    # There is nothing to take back from it.
    assert not me.interrupted


def test_a_sleeping_main_thread_is_interrupted_by_the_signal() -> None:
    """The system call ends for the signal, and its handler raises."""

    def main() -> int:
        core = Core(thread=threading.get_ident())
        process.handle_signals({signal.SIGUSR2: lambda *_: Interrupter([core]).strike()})
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGUSR2)).start()
        try:
            time.sleep(10 * PATIENCE)
        except HarakiriInterrupt:
            return 42
        return 1

    assert status_of(main) == 42


def test_an_interrupt_that_has_not_arrived_can_be_taken_back() -> None:
    """A thread that was in C when it was struck, and whose request was over then, goes on unharmed."""
    struck, waiting = threading.Event(), threading.Event()
    core, caught = Core(), []

    def run() -> None:
        core.thread = threading.get_ident()
        try:
            waiting.set()
            assert struck.wait(PATIENCE)
        except HarakiriInterrupt as error:
            caught.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    assert waiting.wait(PATIENCE)
    Interrupter([core]).strike()
    forget_interrupt(core.thread)
    struck.set()
    thread.join(PATIENCE)

    assert not thread.is_alive()
    assert core.interrupted
    assert caught == []


def test_to_forget_what_was_never_struck_is_no_fault() -> None:
    """Also for a thread that is gone."""
    forget_interrupt(threading.get_ident())
    forget_interrupt(1)
