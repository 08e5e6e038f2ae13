"""Options of cron: commands that the master runs at their time.

Runs in: the process that reads the configuration.  When a time has come is decided in `master/schedule`.
"""

from collections.abc import Sequence
from typing import NamedTuple

from uncork.config.kinds import Kind, MismatchError, leading_number
from uncork.config.option import group, option
from uncork.config.quantities import SECONDS

# Fields of a schedule, in uWSGI's order, with the least and the greatest value.  Sunday is 0 and 7.
FIELDS = {"minute": (0, 59), "hour": (0, 23), "day": (1, 31), "month": (1, 12), "week": (0, 7)}


class Job(NamedTuple):
    """A command and its schedule; a negative number is `every`: -1 for each, -5 for all that 5 divides.

    A `unique` job is not started again while it runs.  `harakiri` is the seconds after which it is killed, 0 for never.
    """

    minute: int
    hour: int
    day: int
    month: int
    week: int
    command: str
    unique: bool = False
    harakiri: int = 0


class Crons(Kind[tuple[Job, ...]]):
    """`MINUTE HOUR DAY MONTH WEEKDAY COMMAND` (uwsgi_opt_add_cron)."""

    accumulates = True

    def __init__(self, unique: bool = False) -> None:
        super().__init__("CRON", "MINUTE HOUR DAY MONTH WEEKDAY COMMAND, with -1 for every and -5 for every fifth")
        self._unique = unique

    def parse(self, text: str | None) -> tuple[Job, ...]:
        words = (text or "").split(maxsplit=5)
        if len(words) < 6:
            raise MismatchError(self.expected)
        minute, hour, day, month, week = (_value(name, word) for name, word in zip(FIELDS, words, strict=False))
        return (Job(minute, hour, day, month, week, words[5], self._unique),)

    def combine(self, values: Sequence[tuple[Job, ...]]) -> tuple[Job, ...]:
        return tuple(job for value in values for job in value)


class KeyedCrons(Crons):
    """`KEY=VALUE,KEY=VALUE COMMAND` (uwsgi_opt_add_cron2); keys that are left out are -1, or 0."""

    _KEYS = (*FIELDS, "unique", "harakiri")

    def __init__(self) -> None:
        super().__init__()
        self.metavar = "CRON2"
        self.expected = "minute=0,hour=-2,unique=1,harakiri=60 COMMAND"

    def parse(self, text: str | None) -> tuple[Job, ...]:
        first, _, command = (text or "").partition(" ")
        if "=" not in first:
            first, command = "", text or ""
        given = {key.strip(): value for key, _, value in (part.partition("=") for part in first.split(",") if part)}
        wrong = sorted(given.keys() - set(self._KEYS))
        if wrong == ["legion"]:
            raise MismatchError("no legion: there are none")
        if wrong or not command.strip():
            raise MismatchError(self.expected)
        minute, hour, day, month, week = (_value(name, given.get(name, "-1")) for name in FIELDS)
        harakiri = leading_number(given.get("harakiri", "0"))
        if harakiri is None or harakiri < 0:
            raise MismatchError("harakiri=N with a number of seconds")
        unique = bool(leading_number(given.get("unique", "0")))
        return (Job(minute, hour, day, month, week, command.strip(), unique, harakiri),)


def _value(name: str, word: str) -> int:
    least, most = FIELDS[name]
    # sscanf(3) reads a whole number and stops; what follows it belongs to no field.
    number = leading_number(word)
    if number is None or number > most or 0 <= number < least:
        raise MismatchError(f"{name} {least} to {most}, -1 for every, or -N for all that N divides")
    return number


@group
class Cron:
    """Commands that the master runs by /bin/sh, at local time."""

    cron: tuple[Job, ...] = option(
        "cron",
        kind=Crons(),
        default=(),
        implies_master=True,
        help="run a command at these times: 30 4 -1 -1 -1 COMMAND is every day at half past four",
    )
    cron2: tuple[Job, ...] = option(
        "cron2",
        kind=KeyedCrons(),
        default=(),
        implies_master=True,
        help="the same with names: minute=30,hour=4,unique=1,harakiri=60 COMMAND",
    )
    unique_cron: tuple[Job, ...] = option(
        "unique-cron",
        kind=Crons(unique=True),
        default=(),
        implies_master=True,
        help="the same as cron, but never started while it still runs",
    )
    cron_harakiri: int = option(
        "cron-harakiri",
        kind=SECONDS,
        default=0,
        unit="seconds",
        help="kill commands of cron that take longer, 0 for never; harakiri of cron2 counts before it",
    )

    @property
    def jobs(self) -> tuple[Job, ...]:
        """All of them, each with the time that it has."""
        return tuple(
            job if job.harakiri else job._replace(harakiri=self.cron_harakiri)
            for job in (*self.cron, *self.cron2, *self.unique_cron)
        )
