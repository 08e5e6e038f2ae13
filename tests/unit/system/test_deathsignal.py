"""A program that is tied to its parent."""

import signal
import subprocess
import sys

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
