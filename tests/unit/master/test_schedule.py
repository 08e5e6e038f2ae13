"""When a job is due, minute by minute; the table is what uWSGI 2.0.30 did with its clock set to these times."""

import time

import pytest

from uncork.config.options.cron import Job
from uncork.master.schedule import SET_BACK, is_new, matches

SUNDAY = "2026-03-01 04:30"


def job(schedule: str) -> Job:
    """A job of `MINUTE HOUR DAY MONTH WEEKDAY`."""
    minute, hour, day, month, week = map(int, schedule.split())
    return Job(minute, hour, day, month, week, "x")


@pytest.mark.parametrize(
    ("schedule", "due"),
    [
        ("30 4 1 3 0", True),
        ("30 4 -1 -1 7", True),
        ("30 4 15 3 0", True),
        ("30 4 1 3 5", True),
        ("30 4 2 3 5", False),
        ("-15 -2 -1 -3 -1", True),
        ("-7 -1 -1 -1 -1", False),
        ("-1 -1 -1 -2 -1", False),
        ("-30 -4 -1 -1 -1", True),
        ("-1 -1 -2 -1 -1", False),
        ("-1 -1 -1 -1 -3", True),
        ("-1 -1 -1 2 -1", False),
        ("-1 -1 -1 -1 -1", True),
        ("31 -1 -1 -1 -1", False),
        ("30 5 -1 -1 -1", False),
        ("-1 -1 2 -1 -1", False),
        ("-1 -1 -1 -1 1", False),
    ],
)
def test_a_minute(schedule: str, due: bool) -> None:
    """It is the first of March 2026, a Sunday, half past four."""
    at = time.strptime(SUNDAY, "%Y-%m-%d %H:%M")
    assert matches(job(schedule), at) == due


@pytest.mark.parametrize(("weekday", "date"), [(day, f"03-0{day + 1}") for day in range(7)])
def test_each_weekday_has_its_number(weekday: int, date: str) -> None:
    """From Sunday, 0, to Saturday, 6."""
    at = time.strptime(f"2026-{date}", "%Y-%m-%d")
    assert [number for number in range(7) if matches(job(f"0 0 -1 -1 {number}"), at)] == [weekday]


@pytest.mark.parametrize(
    ("minute", "last", "new"),
    [(1000, None, True), (1000, 999, True), (1000, 1000, False), (999, 1000, False), (1000 - SET_BACK, 1000, True)],
)
def test_a_minute_comes_once(minute: int, last: int | None, new: bool) -> None:
    """Nor does a clock that is set back a little bring it again; one that is set for good begins anew."""
    assert is_new(minute, last) == new
