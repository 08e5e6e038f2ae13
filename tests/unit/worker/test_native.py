"""The standard library's own threads, for an app that has replaced them."""

import os
import select
import sys
import threading
from collections.abc import Callable
from types import ModuleType

import pytest

from uncork.worker import native


def test_nothing_happens_unless_something_is_replaced() -> None:
    """An ordinary app."""
    close = os.close
    native.settle()
    with native.unpatched():
        assert os.close is close


def test_what_was_replaced_is_there_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """And afterwards the app finds what it has put there, and nothing where it has taken something away."""
    start, epoll = vars(threading)["_start_new_thread"], select.epoll

    def cooperative() -> None:
        """Starts no thread."""

    monkeypatch.setattr(threading, "_start_new_thread", cooperative)
    monkeypatch.delattr(select, "epoll")
    with native.unpatched():
        assert vars(threading)["_start_new_thread"] is start
        assert select.epoll is epoll
        thread = threading.Thread(target=int)
        thread.start()
        thread.join()
    assert vars(threading)["_start_new_thread"] is cooperative
    assert not hasattr(select, "epoll")


def test_it_is_put_back_whatever_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's faults are not the app's."""
    monkeypatch.setattr(threading, "Thread", int)

    def fail() -> None:
        with native.unpatched():
            assert vars(threading)["Thread"] is not int
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert vars(threading)["Thread"] is int


def test_descriptors_are_closed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the hub of the main thread is the first."""
    hubs: list[str] = []
    gevent = ModuleType("gevent")
    make: Callable[[], None] = lambda: hubs.append("main")  # noqa: E731 - typed as what it stands for
    gevent.get_hub = make  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "gevent", gevent)
    native.settle()
    assert hubs == []
    monkeypatch.setattr(threading, "Lock", int)
    monkeypatch.setattr(os, "close", lambda _fd: None)
    native.settle()
    assert hubs == ["main"]
    read, write = os.pipe()
    os.close(write)
    assert os.read(read, 1) == b""
    os.close(read)
