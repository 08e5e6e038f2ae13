"""The master between the server's output and where it goes: nobody below it ever waits for a log.

    LogRelay
      logflow.Intake                    one of our pipes, the stdout and stderr of everything below the master
        logflow.Outlet                  one for each destination: what waits for it, and its logtargets.Target

Every worker writes into a pipe that the master empties, and the master writes on what the destination takes at that
moment.  The rest waits in a bounded backlog; beyond it whole lines are dropped and counted.

Runs in: master.  Must not: block, or do anything about processes.
"""

import errno
import os
import selectors
import stat
import time
from collections.abc import Sequence

from uncork.config.logger import Logger
from uncork.config.options.logging import Logging
from uncork.errors import UncorkError
from uncork.master.logflow import RESERVE, Intake, Outlet
from uncork.master.logtargets import DescriptorTarget, Target, open_target
from uncork.system import logwriter
from uncork.system.logfile import LogFile

# The end of the server waits so long, in seconds, for destinations that still have something to take.
LAST_CHANCE = 1.0
# How often, in seconds, sizes are looked at.
SIZE_CHECK = 1.0


class LogRelay:
    """Relays what everything below the master writes, where that is asked for or where it could block otherwise.

    It does so with `log-master`, `logger` and `req-logger`, and for a stdout or stderr that is a pipe or a socket.
    From then on the server's own lines (`logwriter.say`) go the same way.  `owner` is (uid, gid) of the log files.
    Raises UncorkError when a logger cannot be opened.
    """

    def __init__(self, selector: selectors.BaseSelector, logging: Logging, owner: tuple[int, int] = (-1, -1)) -> None:
        self._selector = selector
        self._logging = logging
        self._owner = owner
        self._outlets: list[Outlet] = []
        self._intakes: list[Intake] = []
        self._requests: Intake | None = None
        self._next_size_check = 0.0
        self._complaints: set[str] = set()
        try:
            self._open()
        except OSError as error:
            self.close()
            raise UncorkError(f"the log cannot be relayed: {str(error.strerror).lower()}") from None
        except UncorkError:
            self.close()
            raise
        if self.carries_log:
            logwriter.voice.carrier = self._carry
        if any(logger.maxsize for logger in self._loggers()):
            self._next_size_check = time.monotonic()

    def _loggers(self) -> Sequence[Logger]:
        return (*self._logging.logger, *self._logging.req_logger)

    def _open(self) -> None:
        if self._logging.logger:
            self._add_intake((1, 2), [self._add_logger(logger) for logger in self._logging.logger])
        else:
            for numbers in streams():
                if self._logging.log_master or any(could_block(number) for number in numbers):
                    self._add_intake(numbers, [self._add_outlet(DescriptorTarget(numbers[-1]))])
        if self._logging.req_logger:
            outlets = [self._add_logger(logger) for logger in self._logging.req_logger]
            self._requests = self._add_intake((), outlets)

    def _add_intake(self, numbers: Sequence[int], outlets: Sequence[Outlet]) -> Intake:
        intake = Intake(numbers, outlets, self._selector)
        self._intakes.append(intake)
        return intake

    def _add_logger(self, logger: Logger) -> Outlet:
        return self._add_outlet(open_target(logger, self._file))

    def _add_outlet(self, target: Target) -> Outlet:
        outlet = Outlet(target, self._selector)
        self._outlets.append(outlet)
        return outlet

    def _file(self, logger: Logger) -> LogFile:
        logging = self._logging
        return LogFile(
            logger.where,
            "logger",
            logging.logfile_chmod,
            self._owner,
            logger.backupname or None,
            logging.log_truncate,
        )

    # ---- what the master does with it --------------------------------------------------------------------------------

    @property
    def carries_log(self) -> bool:
        """Whether nothing below the master writes to the log itself, and so nothing has to reopen it."""
        return any(2 in intake.replaces for intake in self._intakes)

    @property
    def has_files(self) -> bool:
        """Whether `renew` has a file to open."""
        return any(logger.engine == "file" for logger in self._loggers())

    @property
    def lost(self) -> int:
        """Lines that were dropped so far, those that the master itself could not write among them."""
        return sum(outlet.backlog.dropped for outlet in self._outlets) + logwriter.losses.lines

    def next_time(self) -> float | None:
        """When `tick` is to be called next, on the monotonic clock; None for not at all."""
        times = [intake.rests_until for intake in self._intakes]
        times += [outlet.retry_at for outlet in self._outlets]
        times.append(self._next_size_check)
        return min((moment for moment in times if moment), default=None)

    def tick(self, now: float) -> None:
        """Do what time has come for."""
        for outlet in self._outlets:
            if outlet.retry_at and now >= outlet.retry_at:
                outlet.flush()
        for intake in self._intakes:
            intake.rested(now)
        if self._next_size_check and now >= self._next_size_check:
            self._next_size_check = now + SIZE_CHECK
            for outlet in self._outlets:
                if outlet.target.full():
                    self._try_to_renew(outlet)

    def _try_to_renew(self, outlet: Outlet) -> None:
        try:
            outlet.renew(rotate=True)
            self._complaints.clear()
        except UncorkError as error:
            # Said once: said every second it would make the file larger still.
            if str(error) not in self._complaints:
                self._complaints.add(str(error))
                logwriter.say(str(error))

    def renew(self, rotate: bool) -> None:
        """Open every log file anew, after renaming it if `rotate`.  Raises UncorkError; the others are opened still."""
        problems = []
        for outlet in self._outlets:
            try:
                outlet.renew(rotate)
            except UncorkError as error:
                problems.append(str(error))
        if problems:
            raise UncorkError("\n".join(problems))

    def leave_to_child(self) -> None:
        """Runs in: a child of the master, right after its fork: from here on what it writes comes through the pipes."""
        logwriter.voice.carrier = None
        for intake in self._intakes:
            for number, writer in ((1, logwriter.STDOUT), (2, logwriter.STDERR), (2, logwriter.REQUESTS)):
                if number in intake.replaces:
                    intake.hand_to(writer)
        if self._requests is not None:
            self._requests.hand_to(logwriter.REQUESTS)
        for intake in self._intakes:
            intake.leave_to_child()
        for outlet in self._outlets:
            outlet.target.close()

    def close(self) -> None:
        """Write what is left, for LAST_CHANCE seconds at most, and relay no more.  The master's last act."""
        if logwriter.voice.carrier == self._carry:
            logwriter.voice.carrier = None
        deadline = time.monotonic() + LAST_CHANCE
        for intake in self._intakes:
            intake.finish(deadline)
        for outlet in self._outlets:
            outlet.finish(deadline)
        for intake in self._intakes:
            intake.close()
        for outlet in self._outlets:
            outlet.close()
        self._intakes, self._outlets, self._requests = [], [], None
        # What is said after this goes the old way, which must not hold up the end.
        logwriter.settle()

    # ---- the server's own lines --------------------------------------------------------------------------------------

    def _carry(self, data: bytes) -> None:
        """A line of the master's own: behind what was written before it, and never through a pipe of ours."""
        for intake in self._intakes:
            if 2 in intake.replaces:
                intake.drain()
                for outlet in intake.outlets:
                    outlet.put(data, RESERVE)


class SizeWatch:
    """Looks whether the file of `logto` has outgrown `limit` bytes (option `log-maxsize`)."""

    def __init__(self, file: LogFile, limit: int) -> None:
        self._file = file
        self._limit = limit
        self._next = time.monotonic()

    def next_time(self) -> float:
        """When `tick` is to be called next, on the monotonic clock."""
        return self._next

    def tick(self, now: float) -> bool:
        """Whether the file is to be rotated now."""
        if now < self._next:
            return False
        self._next = now + SIZE_CHECK
        return self._file.larger_than(self._limit)


def streams() -> list[tuple[int, ...]]:
    """stdout and stderr: together if they are the same, as behind `2>&1`, else each for itself."""
    try:
        same = os.path.samestat(os.fstat(1), os.fstat(2))
    except OSError:
        same = False
    return [(1, 2)] if same else [(1,), (2,)]


def could_block(number: int) -> bool:
    """Whether descriptor `number` is a pipe or a socket: those wait for whoever reads."""
    try:
        mode = os.fstat(number).st_mode
    except OSError as error:
        if error.errno != errno.EBADF:
            raise
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
