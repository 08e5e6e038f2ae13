"""When the commands of cron are due.

Pure: a job and the time in, a decision out.  The rules are uWSGI's (core/cron.c), as measured with 2.0.30, but for one:
a job is due once in each minute that its schedule names, where uWSGI counts 60 seconds from its last run.
"""

import time

from uncork.config.options.cron import Job

MINUTE = 60
# A clock that was set back by less than so many minutes repeats none of what was run: the bound of cron(8).
SET_BACK = 180


def matches(job: Job, at: time.struct_time) -> bool:
    """Whether the schedule names the minute that `at`, local time, is in."""
    day, week = _is(job.day, at.tm_mday), _is_weekday(job.week, (at.tm_wday + 1) % 7)
    if not (_is(job.minute, at.tm_min) and _is(job.hour, at.tm_hour) and _is(job.month, at.tm_mon)):
        return False
    # Two that are both given are alternatives, as in every cron.
    return day or week if job.day >= 0 and job.week >= 0 else day and week


def _is(wanted: int, value: int) -> bool:
    return value % -wanted == 0 if wanted < 0 else value == wanted


def _is_weekday(wanted: int, value: int) -> bool:
    return _is(0 if wanted == 7 else wanted, value)


def is_new(minute: int, last: int | None) -> bool:
    """Whether nothing was run in `minute` (of the epoch) yet, when `last` is the one of the last run."""
    return last is None or minute > last or last - minute >= SET_BACK
