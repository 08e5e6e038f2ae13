"""What a child's end means, on wait statuses of real children."""

import os
import resource
import signal

import pytest

from uncork.supervise.exits import Exit, ExitCode


def status_of(script: str) -> int:
    """The wait status of a shell that runs `script`."""
    # A shell that dies on purpose shall leave no core file behind.
    limits = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, limits[1]))
    try:
        pid = os.posix_spawn("/bin/sh", ["sh", "-c", script], {})
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, limits)
    return os.waitpid(pid, 0)[1]


@pytest.mark.parametrize("code", [0, 1, 17, 22, 30, 255])
def test_exit_of_a_child(code: int) -> None:
    """A child that exits is known by its status."""
    end = Exit.from_status(status_of(f"exit {code}"))
    assert end == Exit(code=code, signal=0)
    assert str(end) == f"exited with status {code}"


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT, signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_death_of_a_child(number: signal.Signals) -> None:
    """A child that a signal killed is known by it."""
    end = Exit.from_status(status_of(f"kill -{int(number)} $$"))
    assert end == Exit(code=0, signal=number)
    assert str(end) == f"killed by signal {int(number)} ({number.name})"


@pytest.mark.parametrize(
    ("status", "end"),
    [
        (0x0000, Exit(0, 0)),
        (0x1600, Exit(22, 0)),
        (0x0009, Exit(0, 9)),
        (0x008B, Exit(0, 11)),  # with a core file
        (0x0040, Exit(0, 64)),
    ],
)
def test_wait_status(status: int, end: Exit) -> None:
    """Statuses as wait(2) packs them: the exit code in the high byte, the signal and the core flag in the low one."""
    assert Exit.from_status(status) == end


def test_signal_without_a_name() -> None:
    """A signal that Python has no name for is a number, and no error."""
    assert str(Exit(0, 40)) == "killed by signal 40 (an unknown signal)"


def test_exit_codes_are_those_of_uwsgi() -> None:
    """Process managers and scripts know these numbers (uwsgi.h)."""
    assert {code.name: int(code) for code in ExitCode} == {
        "OK": 0,
        "FAILED": 1,
        "RELOAD": 17,
        "FAILED_APP": 22,
        "END": 30,
    }
