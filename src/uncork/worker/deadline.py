"""Interrupt a request that has taken too long (harakiri), in its own thread.

    master: SIGUSR2 to the worker       when a request is over its deadline, or when a person wants to know
      faulthandler                      the Python stacks of all threads, from C, whatever the threads do
      Interrupter.strike                HarakiriInterrupt in each thread whose request is overdue
      breathe                         where it comes out of a thread that waits for its client

Runs in: worker; `strike` in its main thread, as a signal handler.  Where that does not help (a thread that waits in C,
a call that holds the interpreter's lock) the master kills the worker.
"""

import ctypes
import threading
import time
from collections.abc import Callable
from typing import Protocol


class HarakiriInterrupt(BaseException):
    """The running request has taken too long.  No Exception, so that a view that catches those does not go on."""


class Cells(Protocol):
    """What is needed of scoreboard.cells.CoreCells."""

    def overdue(self, now: int) -> bool: ...


class Interruptible(Protocol):
    """What is needed of worker.core.Core."""

    thread: int
    interrupted: bool

    @property
    def in_app(self) -> bool: ...

    @property
    def cells(self) -> Cells: ...


# The C function runs with the interpreter's lock held.
_set_async_exc: Callable[[object, object], int] = ctypes.pythonapi.PyThreadState_SetAsyncExc


class Interrupter:
    """Interrupts the threads of `cores`."""

    def __init__(self, cores: list[Interruptible]) -> None:
        self._cores = cores

    def strike(self) -> None:
        """Interrupt every request that is overdue.  Raises HarakiriInterrupt if the main thread runs one of them."""
        now = int(time.monotonic() * 1_000_000)
        main = threading.main_thread().ident
        here = False
        for core in self._cores:
            if core.in_app and core.cells.overdue(now):
                if core.thread == main:
                    here = True
                else:
                    core.interrupted = True
                    _set_async_exc(ctypes.c_ulong(core.thread), ctypes.py_object(HarakiriInterrupt))
                    if not core.in_app:
                        # It has left the application in the meantime.
                        forget_interrupt(core.thread)
        if here:
            raise HarakiriInterrupt


def breathe() -> None:
    """Do nothing, in a frame of Python.

    Compiled code that waits for a client runs none: neither an interrupt nor the handler of a signal gets a word in.
    """


def forget_interrupt(thread: int) -> None:
    """Take back an interrupt that has not reached its thread."""
    _set_async_exc(ctypes.c_ulong(thread), None)
