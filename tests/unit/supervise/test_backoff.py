"""How long a child that keeps dying waits."""

import pytest

from uncork.supervise.backoff import HEALTHY_AFTER, LONGEST_DELAY, delay, failures_after


@pytest.mark.parametrize(
    ("failures", "seconds"),
    [(0, 0), (1, 0), (2, 1), (3, 2), (4, 4), (5, 8), (6, 16), (7, 30), (8, 30), (9, 30), (1000, 30), (10**9, 30)],
)
def test_delay(failures: int, seconds: float) -> None:
    """The first replacement is immediate, then the wait doubles from one second up to half a minute."""
    assert delay(failures) == seconds
    assert delay(failures) <= LONGEST_DELAY


@pytest.mark.parametrize(
    ("failures", "lived", "after"),
    [(0, 0.0, 1), (3, 0.1, 4), (3, HEALTHY_AFTER - 0.001, 4), (3, HEALTHY_AFTER, 0), (0, 3600.0, 0)],
)
def test_failures_after(failures: int, lived: float, after: int) -> None:
    """Each early death counts; one healthy life clears the count."""
    assert failures_after(failures, lived) == after
