"""How the work of a function grows with its text, which is the same on a busy machine and on an idle one."""

import time
from collections.abc import Callable

_SHORT = 10_000
_TIMES = 8


def growth(work: Callable[[str], object], unit: str) -> float:
    """How much more processor time 8 times the text takes: 8 where it is walked through once, 64 for its square."""
    return _seconds(work, unit, _SHORT * _TIMES) / _seconds(work, unit, _SHORT)


def _seconds(work: Callable[[str], object], unit: str, length: int) -> float:
    """The least that it takes, but never less than what a clock can tell."""
    text = unit * (length // len(unit))
    least = 1.0
    for _ in range(3):
        began = time.thread_time()
        work(text)
        least = min(least, time.thread_time() - began)
        if least > 1e-2:
            break
    return max(least, 5e-4)
