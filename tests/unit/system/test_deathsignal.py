"""Processes that are tied to their parent."""

import os
import select
import signal
import subprocess
import sys

import pytest

from uncork.system.deathsignal import signalled_with_parent, tie_to_parent
from uncork.system.process import fork

# Seconds after which a child that hangs is ended by the kernel.
PATIENCE = 60

# Says which signal the kernel has been told to send (prctl(2), PR_GET_PDEATHSIG).
ASK = """
import ctypes
number = ctypes.c_int()
ctypes.CDLL(None).prctl(2, ctypes.byref(number), 0, 0, 0)
print(number.value)
"""

PARENT = f"""
import subprocess, sys
from uncork.system.deathsignal import signalled_with_parent
subprocess.run([sys.executable, "-c", {ASK!r}], preexec_fn=signalled_with_parent({int(signal.SIGQUIT)}), check=True)
"""


def test_the_signal_outlives_exec() -> None:
    """The started program, whatever it is, gets exactly the signal that was chosen."""
    answer = subprocess.run([sys.executable, "-c", PARENT], capture_output=True, text=True, check=True)

    assert answer.stdout == f"{int(signal.SIGQUIT)}\n"


def orphaned(tie_first: bool) -> int:
    """The signal that a process got because its parent ended; 0 if none came by the time it was told to look."""
    pids, go, heard = os.pipe(), os.pipe(), os.pipe()

    def child() -> int:
        signal.alarm(PATIENCE)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP])
        if tie_first:
            tie_to_parent(signal.SIGHUP)
        os.write(pids[1], os.getpid().to_bytes(4, "big"))
        if tie_first:
            came = signal.sigwait([signal.SIGHUP])
        else:
            os.read(go[0], 1)
            came = int(signal.SIGHUP in signal.sigpending())
        os.write(heard[1], bytes([came]))
        return 0

    def parent() -> int:
        fork(child)
        # The child is tied by the time that its pid is known.
        select.select([pids[0]], [], [], PATIENCE)
        return 0

    os.waitpid(fork(parent), 0)
    ended = os.pidfd_open(int.from_bytes(os.read(pids[0], 4), "big"))
    os.write(go[1], b"x")
    answer = os.read(heard[0], 1)[0]
    assert select.select([ended], [], [], PATIENCE)[0]
    for fd in (*pids, *go, *heard, ended):
        os.close(fd)
    return answer


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.parametrize(("tie_first", "number"), [(True, signal.SIGHUP), (False, 0)])
def test_a_worker_hears_that_its_master_is_gone(tie_first: bool, number: int) -> None:
    """From the kernel, however busy it is; who is not tied hears nothing."""
    assert orphaned(tie_first) == number


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_program_whose_parent_is_gone_already_does_not_begin() -> None:
    """The parent that prepared the tie has ended before the child could be tied: it leaves instead of staying."""
    tie = signalled_with_parent(signal.SIGQUIT)

    def between() -> int:
        def child() -> int:
            signal.alarm(PATIENCE)
            tie()
            return 0

        return os.waitstatus_to_exitcode(os.waitpid(fork(child), 0)[1])

    # Its parent is not the process that prepared the tie, as after that one's end.
    _, status = os.waitpid(fork(between), 0)
    assert os.waitstatus_to_exitcode(status) == 1
