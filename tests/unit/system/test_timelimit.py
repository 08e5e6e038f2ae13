"""A computation that takes too long is interrupted, and nothing else is."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from uncork.system.process import fork
from uncork.system.timelimit import TimeLimit, TooLongError

pytestmark = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")

# Takes years: each a more doubles it.
ENDLESS = re.compile("(a+)+$")
TEXT = "a" * 60 + "b"


def stop() -> None:
    """End it at the first step."""
    raise TooLongError


def is_endless(limit: TimeLimit) -> bool:
    """Whether a search without end was interrupted."""
    try:
        limit.run(lambda: ENDLESS.search(TEXT) and None, stop)
    except TooLongError:
        return True
    return False


def interrupts() -> None:
    """It ends what never would, again and again, and leaves nothing behind that could come later."""
    limit = TimeLimit()
    assert signal.getsignal(signal.SIGVTALRM) == signal.SIG_DFL
    assert is_endless(limit)
    # What comes when all is done means nothing.
    os.kill(os.getpid(), signal.SIGVTALRM)
    assert is_endless(limit)
    with pytest.raises(ProcessLookupError):
        limit.run(lambda: os.kill(2**22 + 1, 0), stop)
    os.kill(os.getpid(), signal.SIGVTALRM)
    limit.close()
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGVTALRM) == signal.SIG_DFL
    assert is_endless(limit)
    TimeLimit.leave()
    assert signal.getsignal(signal.SIGVTALRM) == signal.SIG_DFL


def waits() -> None:
    """To sleep is not to compute: a busy machine makes nothing slow."""
    TimeLimit().run(lambda: time.sleep(0.2), stop)


def adds_up() -> None:
    """Many short computations are one long one."""
    limit = TimeLimit()
    steps: list[int] = []
    end = time.process_time() + 0.5
    while time.process_time() < end:
        limit.run(lambda: ENDLESS.search("a" * 10 + "b") and None, lambda: steps.append(1))
    assert len(steps) > 3


@pytest.mark.parametrize("act", [interrupts, waits, adds_up])
def test_a_time_limit(act: Callable[[], None]) -> None:
    """In a process whose signals are its own."""

    def main() -> int:
        act()
        return 0

    _, status = os.waitpid(fork(main), 0)
    assert status == 0


def test_the_end_of_the_interpreter_is_no_matter() -> None:
    """Whoever forgets to close it, as a start that fails does: the signal would kill."""
    ends = "import atexit, time; atexit.register(lambda: sum(range(3_000_000)))"
    # Run at the very end, after the interpreter has given up its handlers.
    late = "import sys\nclass Late:\n def __del__(self): sum(range(3_000_000))\nsys.late = Late()"
    use = "from uncork.system.timelimit import TimeLimit; TimeLimit().run(lambda: None, lambda: None)"
    done = subprocess.run([sys.executable, "-c", f"{late}\n{ends}\n{use}"], timeout=60, check=False)
    assert done.returncode == 0
