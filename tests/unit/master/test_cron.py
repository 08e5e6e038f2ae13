"""Jobs run once in each of their minutes, and nobody waits for them."""

import errno
from collections.abc import Callable, Sequence

import pytest

from uncork.config.load import load
from uncork.config.settings import Settings
from uncork.master.cron import CronTable
from uncork.master.errands import Errands
from uncork.supervise.exits import Exit
from uncork.system import logwriter

# A minute of the epoch, and the seconds at which it begins; cron's minutes are those of the local time everywhere.
MINUTE = 29_000_000
BEGIN = MINUTE * 60


class Runs(Errands):
    """Stands for the programs: who runs, and who is told of its end."""

    def __init__(self) -> None:
        self.commands: list[str] = []
        self.limits: list[float | None] = []
        self.ends: dict[int, Callable[[Exit], None]] = {}
        self.full = False

    def start(  # type: ignore[override]
        self, words: Sequence[str], ended: Callable[[Exit], None], *, limit: float | None, overdue: Callable[[], None]
    ) -> int | None:
        if self.full:
            raise OSError(errno.EAGAIN, "No room")
        self.commands.append(words[-1])
        self.limits.append(limit)
        self.ends[len(self.commands)] = ended
        return len(self.commands)


class Server:
    """A table of jobs, its clock, and whether anybody serves."""

    def __init__(self, *argv: str) -> None:
        self.runs = Runs()
        self.now = float(BEGIN)
        self.serves = True
        self.table = CronTable(settings(*argv), self.runs, lambda: self.serves, lambda: self.now)

    def at(self, second: float) -> list[str]:
        """What has been run in all, so many seconds after the beginning."""
        self.now = BEGIN + second
        self.table.tick(self.now)
        return self.runs.commands


def settings(*argv: str) -> Settings:
    """What a command line means."""
    return load(argv, {}).settings


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines of the log."""
    lines: list[str] = []
    monkeypatch.setattr(logwriter.voice, "carrier", lambda data: lines.append(data.decode().rstrip("\n")))
    return lines


EVERY = ("--cron", "-1 -1 -1 -1 -1 every")


def test_a_job_runs_once_a_minute(log: list[str]) -> None:
    """At once where its minute is under way, then at the beginning of each, however often anybody looks."""
    server = Server(*EVERY)
    assert log == ['[uwsgi-cron] command "every" registered as cron task']
    assert len(server.at(30)) == len(server.at(59.9)) == 1
    assert len(server.at(60)) == len(server.at(119)) == 2
    assert log[1] == '[uwsgi-cron] running "every" (pid 1)'


def test_the_clock_wakes_it_at_the_next_minute() -> None:
    """Not before, and not only when something else happens."""
    server = Server(*EVERY)
    server.at(12)
    assert server.table.next_time() == server.now + 48


def test_without_jobs_it_sleeps() -> None:
    """Most servers have none."""
    server = Server()
    server.at(1)
    assert server.table.next_time() is None
    assert server.table.statistics() == {}


def test_nothing_runs_before_anybody_serves() -> None:
    """A server that cannot start has run nothing."""
    server = Server(*EVERY)
    server.serves = False
    assert server.table.next_time() is None
    assert server.at(1) == []
    server.serves = True
    assert server.at(2) == ["every"]


def test_a_reload_runs_nothing_twice(log: list[str]) -> None:
    """In the same minute a job that was there before is done; a new one is not."""
    server = Server(*EVERY)
    server.at(1)
    server.table.set(settings("--cron", "-1 -1 -1 -1 -1 new", *EVERY))
    assert server.at(2) == ["every", "new"]
    server.table.set(settings("--cron", "-1 -1 -1 -1 -1 new", *EVERY))
    assert server.at(3) == ["every", "new"]
    assert len([line for line in log if "registered" in line]) == 2
    assert server.at(60) == ["every", "new", "new", "every"]


def test_a_reload_may_take_a_job_away() -> None:
    """It runs to its end, and not again."""
    server = Server(*EVERY)
    server.at(1)
    server.table.set(settings())
    server.runs.ends[1](Exit(0, 0))
    assert server.at(60) == ["every"]


def test_the_same_job_twice_runs_twice() -> None:
    """Two lines are two jobs, before a reload and after it."""
    server = Server(*EVERY, *EVERY)
    assert len(server.at(1)) == 2
    server.table.set(settings(*EVERY, *EVERY))
    assert len(server.at(2)) == 2


def test_a_unique_job_is_not_started_beside_itself(log: list[str]) -> None:
    """The others are; when it has ended its next minute counts again."""
    server = Server("--unique-cron", "-1 -1 -1 -1 -1 alone", *EVERY)
    server.at(0)
    assert server.at(60) == ["every", "alone", "every"]
    server.runs.ends[2](Exit(0, 0))
    assert server.at(120) == ["every", "alone", "every", "every", "alone"]
    assert '[uwsgi-cron] command "alone" running with pid 2 exited after 60 second(s)' in log


@pytest.mark.parametrize(
    ("schedule", "other"),
    [
        (("--unique-cron", "-1 -1 -1 -1 -1 alone"), ("--cron-harakiri", "9", "--unique-cron", "-1 -1 -1 -1 -1 alone")),
        (("--cron", "-1 -1 -1 -1 -1 alone"), ("--unique-cron", "-1 -1 -1 -1 -1 alone")),
        (("--unique-cron", "-1 -1 -1 -1 -1 alone"), ("--unique-cron", "-2 -1 -1 -1 -1 alone")),
    ],
)
def test_a_reload_that_changes_a_job_does_not_run_it_beside_itself(
    schedule: Sequence[str], other: Sequence[str], log: list[str]
) -> None:
    """Its time limit, whether it is unique, its schedule: the one that runs counts, and its minute is over."""
    server = Server(*schedule)
    server.at(0)
    server.table.set(settings(*other))
    assert server.at(1) == ["alone"]
    assert server.at(120) == ["alone"]
    server.runs.ends[1](Exit(0, 0))
    assert server.at(240) == ["alone", "alone"]
    assert server.runs.limits == [None, 9 if "--cron-harakiri" in other else None]
    # Another schedule is another job, as far as the log is concerned.
    assert len([line for line in log if "registered" in line]) == (2 if "-2 " in other[-1] else 1)


def test_two_jobs_of_one_command_keep_what_they_are() -> None:
    """The one whose schedule is still there is the same, wherever it stands."""
    server = Server("--cron", "30 -1 -1 -1 -1 same", "--cron", "-1 -1 -1 -1 -1 same")
    server.at(0)
    server.table.set(settings("--cron", "-1 -1 -1 -1 -1 same", "--cron", "31 -1 -1 -1 -1 same"))
    rows = server.table.statistics()["crons"]
    assert [(row["minute"], row["pid"]) for row in rows] == [(-1, 1), (31, -1)]  # type: ignore[attr-defined]


def test_a_failure_is_told(log: list[str]) -> None:
    """How it ended stands behind uWSGI's words."""
    server = Server(*EVERY)
    server.at(0)
    server.runs.ends[1](Exit(3, 0))
    assert log[-1].endswith("exited after 0 second(s) (exited with status 3)")


def test_a_job_that_cannot_run_is_told_once_in_its_minute(log: list[str]) -> None:
    """The server goes on, and so does cron."""
    server = Server(*EVERY)
    server.runs.full = True
    server.at(0)
    server.at(1)
    assert log[1:] == ['[uwsgi-cron] command "every" cannot be run: no room']
    server.runs.full = False
    assert server.at(60) == ["every"]


def test_each_job_has_its_time_limit() -> None:
    """None where no option gives one."""
    server = Server("--cron2", "harakiri=7 a", *EVERY)
    server.at(0)
    assert dict(zip(server.runs.commands, server.runs.limits, strict=True)) == {"a": 7, "every": None}


def test_a_clock_that_is_set_back_repeats_nothing() -> None:
    """ntpd moved it by seconds, over the beginning of a minute."""
    server = Server(*EVERY)
    assert len(server.at(60)) == 1
    assert len(server.at(58)) == 1
    assert len(server.at(61)) == 1
    assert len(server.at(120)) == 2


def test_statistics_are_those_of_uwsgi() -> None:
    """Every key and value, with the process and its beginning while it runs; passwords are not shown."""
    server = Server("--cron", "1 -2 3 4 -5 curl http://me:hunter2@host/", *EVERY)
    idle = {"minute": 1, "hour": -2, "day": 3, "month": 4, "week": -5, "unique": 0, "pid": -1, "started_at": 0}
    server.at(5)
    rows = server.table.statistics()["crons"]
    assert isinstance(rows, list)
    first, second = rows
    assert first == {**idle, "command": "curl http://me:***@host/"}
    assert (second["pid"], second["started_at"]) == (1, BEGIN + 5)
    server.runs.ends[1](Exit(0, 0))
    assert server.table.statistics()["crons"][1]["pid"] == -1  # type: ignore[index]
