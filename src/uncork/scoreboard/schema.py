"""The cells of the scoreboard: which there are and who writes them.

Runs in: every process.  Pure.  A cell is a signed 64-bit integer; one process (and in a worker one thread) writes
it, anyone reads it.  A reader may see a row half updated: numbers are for people and statistics, never for control
flow that needs more than one cell at a time.
"""

from enum import IntEnum
from typing import Final

# Bytes of a cell (struct format "q").
CELL: Final = 8

# Of each running request the first bytes of its uwsgi packet are kept, so that the statistics and the death notice of a
# worker can name it.  4096 is uWSGI's default buffer-size: what fitted there fits here.
SNAPSHOT_SIZE: Final = 4096


class Header(IntEnum):
    """Written by the master."""

    # 1: workers accept nothing (FIFO `p`, SIGTSTP).
    PAUSED = 0
    # Counts `l` and `L`: a worker whose number differs reopens its log.
    LOG_TURN = 1
    # Requests that other generations and workers now gone have served, so that the total in the request log goes on.
    EARLIER_REQUESTS = 2
    # Which listening sockets nobody can join any more, a bit for each: who stops serves what waits there, then leaves.
    CLOSED_SOCKETS = 3


class WorkerCell(IntEnum):
    """Written by any thread of the worker; the last one wins."""

    PID = 0
    # 1 while it accepts connections: not before it is ready, not while paused, not once it stops.
    ACCEPTING = 1
    # Epoch seconds of its start.
    LAST_SPAWN = 2
    # Signals it received.
    SIGNALS = 3
    # Bytes; written after each request, with memory-report, reload-on-rss or reload-on-as.
    RSS = 4
    VSZ = 5
    # Lines that could not be written to the log.
    LOG_LOST = 6


class CoreCell(IntEnum):
    """Written by one thread of one worker.  Times are microseconds."""

    IN_REQUEST = 0
    # Monotonic clock at the start of the running request.
    STARTED = 1
    # How many bytes of the snapshot belong to the running request.
    SNAPSHOT = 2
    EXCEPTIONS = 3
    # Bytes sent.
    TX = 4
    RUNNING_TIME = 5
    # Exponential, (avg + last) / 2, as uWSGI counts it.
    AVG_RT = 6
    READ_ERRORS = 7
    WRITE_ERRORS = 8
    # Monotonic clock at which the running request has taken too long, 0 for never (harakiri).
    DEADLINE = 9
    # What the thread is called in a dump of Python stacks (threading.get_ident).
    THREAD = 10


class AppCell(IntEnum):
    """Written by one thread of one worker, for each application that the worker serves."""

    REQUESTS = 0
    EXCEPTIONS = 1
