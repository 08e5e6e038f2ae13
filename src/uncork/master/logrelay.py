"""The master between the server's output and where it goes: nobody below it ever waits for a log.

    LogRelay
      logflow.Intake                    one of our pipes, the stdout and stderr of everything below the master
        logroute.Router                 which lines go where, and raise alarms
        logflow.Outlet                  one for each destination: what waits for it, and its logtargets.Target

Every worker writes into a pipe that the master empties, and the master writes on what the destination takes at that
moment.  The rest waits in a bounded backlog; beyond it whole lines are dropped and counted.

Runs in: master.  Must not: block, or do anything about processes.
"""

import selectors
import time
from collections.abc import Callable, Sequence

from uncork.config.logger import Logger
from uncork.config.option import replaced
from uncork.config.options.logging import Logging
from uncork.errors import UncorkError
from uncork.master.logbacklog import RESERVE
from uncork.master.logflow import Intake, Outlet
from uncork.master.logroute import Router
from uncork.master.logsieves import RULES, AlarmRule, asks_for_relay, encodes, sieve_for_log, sieve_for_requests
from uncork.master.logsize import SIZE_CHECK
from uncork.master.logtargets import DescriptorTarget, Target, open_target
from uncork.system import logwriter
from uncork.system.logfile import LogFile
from uncork.system.streams import could_block, streams
from uncork.system.timelimit import TimeLimit

# The end of the server waits so long, in seconds, for destinations that still have something to take.
LAST_CHANCE = 1.0


class LogRelay:
    """Relays what everything below the master writes, where that is asked for or where it could block otherwise.

    It does so with `log-master`, loggers and rules for lines, and for a stdout or stderr that is a pipe or a socket.
    From then on the server's own lines (`logwriter.say`) go the same way.  `owner` is (uid, gid) of the log files,
    `alarm` is told (names, line) of lines that raise alarms.  Raises UncorkError when a logger cannot be opened.
    """

    def __init__(
        self,
        selector: selectors.BaseSelector,
        logging: Logging,
        owner: tuple[int, int] = (-1, -1),
        alarms: Sequence[AlarmRule] = (),
        alarm: Callable[[tuple[str, ...], bytes], None] = lambda _names, _line: None,
    ) -> None:
        self._selector = selector
        self._logging = logging
        self._alarms = alarms
        self._alarm = alarm
        self._owner = owner
        # Destinations by the name of their logger, which only routes lead to.
        self._named: dict[str, list[Outlet]] = {}
        # What programs write whose lines raise no alarm: those that alarms run.
        self._private: Intake | None = None
        self._outlets: list[Outlet] = []
        self._intakes: list[Intake] = []
        self._requests: Intake | None = None
        self._next_size_check = 0.0
        self._complaints: set[str] = set()
        self._limit = TimeLimit()
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
        self._set_rules()
        if any(logger.maxsize for logger in self._loggers()):
            self._next_size_check = time.monotonic()

    def _loggers(self) -> Sequence[Logger]:
        return (*self._logging.logger, *self._logging.req_logger)

    def _open(self) -> None:
        logging = self._logging
        plain, requests = self._add_loggers(logging.logger), self._add_loggers(logging.req_logger)
        if plain:
            self._add_intake((1, 2), Router(plain, self._alarm))
        else:
            wanted = asks_for_relay(logging, self._alarms)
            for numbers in streams():
                if wanted or any(could_block(number) for number in numbers):
                    self._add_intake(numbers, Router([self._add_outlet(DescriptorTarget(numbers[-1]))], self._alarm))
        if logging.req_logger or logging.log_req_route:
            self._requests = self._add_intake((), Router(requests or self._log_outlets()))

    def _add_loggers(self, loggers: Sequence[Logger]) -> list[Outlet]:
        """Open them; those without a name, which get every line that no rule sends elsewhere."""
        plain: list[Outlet] = []
        for logger in loggers:
            outlet = self._add_outlet(open_target(logger, self._file))
            (self._named.setdefault(logger.name, []) if logger.name else plain).append(outlet)
        return plain

    @property
    def _log(self) -> Intake | None:
        """Where the log itself is carried."""
        return next((intake for intake in self._intakes if 2 in intake.replaces), None)

    def _log_outlets(self) -> Sequence[Outlet]:
        log = self._log
        return [self._add_outlet(DescriptorTarget(2))] if log is None else log.router.outlets

    def _add_intake(self, numbers: Sequence[int], router: Router[Outlet], heard: bool = True) -> Intake:
        named = [outlet for same in self._named.values() for outlet in same]
        intake = Intake(numbers, [*router.outlets, *named], self._selector, router, heard)
        self._intakes.append(intake)
        return intake

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
        return self._log is not None

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
        times += [intake.router.resume_at for intake in self._intakes]
        times += [outlet.retry_at for outlet in self._outlets]
        times.append(self._next_size_check)
        return min((moment for moment in times if moment), default=None)

    def tick(self, now: float) -> None:
        """Do what time has come for."""
        for outlet in self._outlets:
            if outlet.retry_at and now >= outlet.retry_at:
                outlet.flush()
        for intake in self._intakes:
            if intake.router.resume_at and now >= intake.router.resume_at:
                intake.router.resume()
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

    # ---- rules for lines ---------------------------------------------------------------------------------------------

    def set(self, logging: Logging, alarms: Sequence[AlarmRule]) -> None:
        """Take over the rules of a generation that serves; the loggers stay those of the start."""
        rules = self._logging, self._alarms
        self._logging, self._alarms = (
            replaced(self._logging, **{name: getattr(logging, name) for name in RULES}),
            tuple(alarms),
        )
        if (self._logging, self._alarms) == rules:
            return
        if asks_for_relay(logging, alarms) and not self.carries_log:
            logwriter.say("rules for lines of the log take effect when the server is started anew")
        elif logging.log_req_route and self._requests is None:
            logwriter.say("log-req-route takes effect when the server is started anew")
        self._set_rules()

    def _set_rules(self) -> None:
        """Have every router go by the options."""
        logging, log = self._logging, self._log
        if self._alarms and log is not None and self._private is None:
            self._private = self._add_intake((), log.router, heard=False)
        requests = None if self._requests is None else self._requests.router
        for router in {intake.router for intake in self._intakes} - {requests}:
            sieve = sieve_for_log(logging, self._alarms, self._named, self._limit, self._complain)
            router.set(sieve, encodes(logging.log_encoder, self._outlets, self._named))
        if requests is not None:
            sieve = sieve_for_requests(logging, self._named, self._limit, self._complain)
            requests.set(sieve, encodes(logging.log_req_encoder, self._outlets, self._named))

    # ---- children ----------------------------------------------------------------------------------------------------

    def stand_in(self, private: bool) -> None:
        """Runs in: a child of the master that becomes another program: what it writes goes the way of the log.

        What a `private` one writes raises no alarm.
        """
        for intake in self._intakes:
            intake.stand_in(intake.replaces)
        if private and self._private is not None:
            self._private.stand_in((1, 2))

    def leave_to_child(self) -> None:
        """Runs in: a child of the master, right after its fork: from here on what it writes comes through the pipes."""
        logwriter.voice.carrier = None
        TimeLimit.leave()
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
        self._intakes, self._outlets, self._requests, self._private = [], [], None, None
        self._limit.close()
        # What is said after this goes the old way, which must not hold up the end.
        logwriter.settle()

    # ---- the server's own lines --------------------------------------------------------------------------------------

    def _carry(self, data: bytes) -> None:
        """A line of the master's own: behind what was written before it, and never through a pipe of ours."""
        log = self._log
        if log is not None:
            log.drain()
            log.router.put(data, RESERVE)

    def note(self, text: str) -> None:
        """A line of the server's own that raises no alarm."""
        log = self._log
        if log is None:
            logwriter.say(text)
        else:
            log.router.put(_encoded(text), RESERVE, heard=False)

    def _complain(self, text: str) -> None:
        """A line about the rules, which no rule keeps back."""
        log = self._log
        if log is None:
            logwriter.say(text)
        else:
            log.router.tell(_encoded(text), RESERVE)


def _encoded(text: str) -> bytes:
    return f"{logwriter.dated(text)}\n".encode("utf-8", "backslashreplace")
