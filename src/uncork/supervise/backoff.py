"""How long to wait before a child that keeps dying is started again.

Pure.  The first replacement is immediate: a worker that served for a while and died costs nobody a wait.  One that dies
young doubles the wait each time (uWSGI sleeps 2 s in its master instead, and everybody waits).
"""

# A child that lived this long, in seconds, was not in a crash loop: one start a second is no burden.
HEALTHY_AFTER = 1.0
FIRST_DELAY = 1.0
LONGEST_DELAY = 30.0


def failures_after(failures: int, lived: float) -> int:
    """The count of failures in a row after one more death at the age of `lived` seconds."""
    return 0 if lived >= HEALTHY_AFTER else failures + 1


def delay(failures: int) -> float:
    """Seconds to wait after so many failures in a row: 0, 1, 2, 4, ... up to LONGEST_DELAY."""
    if failures <= 1:
        return 0.0
    # Beyond 2 ** 6 the cap holds anyway, and the power stays small whatever the count.
    return float(min(LONGEST_DELAY, FIRST_DELAY * 2 ** min(failures - 2, 6)))
