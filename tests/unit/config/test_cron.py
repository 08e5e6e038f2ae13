"""The options of cron: what a line of a schedule means, and what is wrong with one."""

import pytest

from uncork.config.load import load, read
from uncork.config.options.cron import Job


def jobs(*argv: str) -> tuple[Job, ...]:
    """The jobs that a command line means."""
    return load(argv, {}).settings.cron.jobs


@pytest.mark.parametrize(
    ("argv", "job"),
    [
        (["--cron", "30 4 -1 -1 0 ./manage.py  clear"], Job(30, 4, -1, -1, 0, "./manage.py  clear")),
        (["--cron", "  -15  -1 1 12 7 x"], Job(-15, -1, 1, 12, 7, "x")),
        (["--unique-cron", "0 0 1 1 -1 a b"], Job(0, 0, 1, 1, -1, "a b", unique=True)),
        (["--cron2", "hour=4 echo hi"], Job(-1, 4, -1, -1, -1, "echo hi")),
        (["--cron2", "minute=30,week=0,unique=1,harakiri=9 x"], Job(30, -1, -1, -1, 0, "x", True, 9)),
        (["--cron2", "echo hi"], Job(-1, -1, -1, -1, -1, "echo hi")),
        (["--cron2", "unique=0 A=1 x"], Job(-1, -1, -1, -1, -1, "A=1 x")),
    ],
)
def test_a_schedule(argv: list[str], job: Job) -> None:
    """Five numbers and a command, or keys and a command; what is left out is every."""
    assert jobs(*argv) == (job,)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("cron", "1 2 3 4 5", "MINUTE HOUR DAY MONTH WEEKDAY COMMAND"),
        ("cron", "0 0 * * * x", "day 1 to 31, -1 for every"),
        ("cron", "60 0 1 1 1 x", "minute 0 to 59"),
        ("cron", "0 24 1 1 1 x", "hour 0 to 23"),
        ("unique-cron", "0 0 0 1 1 x", "day 1 to 31"),
        ("cron", "0 0 1 13 1 x", "month 1 to 12"),
        ("cron", "0 0 1 1 8 x", "week 0 to 7"),
        ("cron2", "minute=1", "minute=0,hour=-2,unique=1,harakiri=60 COMMAND"),
        ("cron2", "minuet=1 x", "minute=0,hour=-2,unique=1,harakiri=60 COMMAND"),
        ("cron2", "legion=l,minute=1 x", "no legion"),
        ("cron2", "harakiri=soon x", "harakiri=N"),
        ("cron2", "", "minute=0"),
    ],
)
def test_a_slip_is_told(name: str, value: str, expected: str) -> None:
    """What would never run, or all the time, is said before anything starts."""
    (problem,) = read([f"--{name}", value], {}).problems
    assert expected in problem.text


def test_the_common_time_limit_is_for_jobs_without_their_own() -> None:
    """cron-harakiri, wherever it stands."""
    found = jobs("--cron2", "harakiri=5 a", "--cron", "1 1 1 1 1 b", "--cron-harakiri", "60")
    assert {job.command: job.harakiri for job in found} == {"a": 5, "b": 60}


def test_it_takes_a_master() -> None:
    """Somebody has to run them."""
    assert load(["--cron", "1 1 1 1 1 x"], {}).settings.master
