"""What becomes of each line of the log: who gets it, in what form, and which alarms it raises.

    Router.put                          whole lines, from a pipe or from the master itself
      Sieve.judge                       each line: alarms, then log-drain, log-filter, log-route (uWSGI's order)
      logencode.chain                   what a destination's encoders make of it

Whoever visits the site may write lines that an expression looks at for years, or, worse, many that take it
milliseconds each.  So all expressions together have TURN seconds in each PERIOD, lines that are left wait for the next,
and the expression that cost most is left out for a while, if it was slow rather than busy.

Runs in: master.  Must not: block, nor look at lines for long, whatever expressions the configuration has.
"""

import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Generic, NamedTuple, Protocol, TypeVar

from uncork.config.kinds import regexp
from uncork.master.logencode import Encode
from uncork.system.timelimit import STEP, TimeLimit, TooLongError

# So many bytes of a line are looked at: most expressions cost the square of it, in the hands of somebody who wants to.
LOOK = 1024
# Seconds of processor time, and the seconds of the clock in which they are given once.
TURN = 0.1
PERIOD = 0.5
# What used up a turn is slow if it took so many seconds for each line.  A healthy one takes a hundredth of it.
SLOW = 0.001
# Seconds until it is tried again.
LEFT_OUT = 60.0
# The server's own lines about alarms raise none, or there would be no end (uWSGI, core/alarm.c).
UNHEARD = b"[uwsgi-alarm"

_LEADING_ANYTHING = re.compile(r"\A(\.\*)+(?![?+*{])")


class Sink(Protocol):
    """A destination (`logflow.Outlet`)."""

    def put(self, lines: bytes, reserve: int = 0) -> None:
        """Write whole lines, now or later."""


S = TypeVar("S", bound=Sink)


class Verdict(NamedTuple, Generic[S]):
    """What becomes of a line: the alarms that it raises, and where it goes instead of everywhere (None: everywhere)."""

    alarms: tuple[str, ...]
    only: tuple[S, ...] | None


class Expression:
    """The expression of one option, and its words for messages."""

    def __init__(self, option: str, pattern: str) -> None:
        self.words = f"{option} = {pattern}"
        # It is searched for anyway; to look for anything first costs the square of a line's length.
        self._search = regexp(_LEADING_ANYTHING.sub("", pattern)).search

    def finds(self, text: str) -> bool:
        """Whether it matches somewhere in `text`."""
        return self._search(text) is not None


class Sieve(Generic[S]):
    """The rules of one kind of lines; `complain` is told of an expression that is left out for a while."""

    def __init__(
        self,
        alarms: Sequence[tuple[Expression, tuple[str, ...]]],
        drains: Sequence[Expression],
        filters: Sequence[Expression],
        routes: Sequence[tuple[Expression, Sequence[S]]],
        limit: TimeLimit,
        complain: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._alarms = alarms
        self._drains = drains
        self._filters = filters
        self._routes = routes
        self._limit = limit
        self._complain = complain
        self._clock = clock
        # Expressions that are left out, and until when.
        self._slow: dict[Expression, float] = {}
        self._looking: Expression | None = None
        # When there is time for further lines.
        self.ends = 0.0
        self.renew()

    def renew(self) -> None:
        """A period begins.  By itself, too, when it is time; whoever has nothing else to do need not wait for it."""
        now = self._clock()
        self.ends = now + PERIOD
        self._steps = round(TURN / STEP)
        # What each expression has used of them, and for how many lines.
        self._used: dict[Expression, int] = {}
        self._lines = 0
        self._slow = {expression: until for expression, until in self._slow.items() if now < until}

    def judge(self, lines: Sequence[bytes], heard: bool) -> list[Verdict[S]]:
        """What becomes of `lines`, of as many as there is time for; those that are not `heard` raise no alarm."""
        if self._clock() >= self.ends:
            self.renew()
        verdicts: list[Verdict[S]] = []

        def act() -> None:
            for line in lines:
                verdicts.append(self._judge(line, heard and not line.startswith(UNHEARD)))
                self._lines += 1

        if self._steps > 0:
            try:
                self._limit.run(act, self._step)
            except TooLongError:
                self._looking = None
        return verdicts

    def _step(self) -> None:
        # Nothing but a search is interrupted: what it was for is done again from the start.
        looking = self._looking
        if looking is None:
            return
        self._used[looking] = self._used.get(looking, 0) + 1
        self._steps -= 1
        # Once, or it could come while the first one is being dealt with.
        if self._steps == 0:
            raise TooLongError

    def blame(self) -> None:
        """Leave out what has used up the time, if it was slow."""
        if self._steps > 0 or not self._used:
            return
        worst = max(self._used, key=self._used.__getitem__)
        if self._used[worst] * STEP / max(1, self._lines) > SLOW:
            self._slow[worst] = self._clock() + LEFT_OUT
            self._complain(
                f"[uwsgi-alarm] {worst.words} takes too long over lines of the log, and is left out for "
                f"{LEFT_OUT:g} seconds (write it without repetitions inside of repetitions)"
            )
        self._used = {}

    def _judge(self, line: bytes, heard: bool) -> Verdict[S]:
        text = line[:LOOK].decode("utf-8", "surrogateescape")
        alarms = tuple(self._raised(text)) if heard else ()
        if any(self._finds(drain, text) for drain in self._drains):
            return Verdict(alarms, ())
        # One that is left out keeps nothing back: without any other every line passes.
        filters = [expression for expression in self._filters if expression not in self._slow]
        if filters and not any(self._finds(expression, text) for expression in filters):
            return Verdict(alarms, ())
        sinks = [sink for expression, route in self._routes if self._finds(expression, text) for sink in route]
        return Verdict(alarms, tuple(dict.fromkeys(sinks)) or None)

    def _raised(self, text: str) -> Iterator[str]:
        for expression, names in self._alarms:
            if self._finds(expression, text):
                if not names:
                    return
                yield from names

    def _finds(self, expression: Expression, text: str) -> bool:
        if expression in self._slow:
            return False
        self._looking = expression
        found = expression.finds(text)
        self._looking = None
        return found


class Batch:
    """Lines, without their breaks, that are to be passed on; `reserve` as in Backlog.add, `heard` as in Router.put."""

    def __init__(self, lines: bytes, reserve: int, heard: bool) -> None:
        self.lines: Sequence[bytes] = lines[:-1].split(b"\n")
        self.reserve = reserve
        self.heard = heard


class Router(Generic[S]):
    """Passes lines on to `outlets`, or where the rules say; `alarm` is told (names, line) of each that raises some."""

    def __init__(self, outlets: Sequence[S], alarm: Callable[[tuple[str, ...], bytes], None] | None = None) -> None:
        self.outlets = outlets
        self._alarm = alarm
        self._sieve: Sieve[S] | None = None
        self._encodes: Mapping[S, Encode] = {}
        # What there was no time for, and when there will be; 0.0 while nothing waits.
        self._waiting: deque[Batch] = deque()
        self.resume_at = 0.0

    def set(self, sieve: Sieve[S] | None, encodes: Mapping[S, Encode]) -> None:
        """These are the rules from now on; `encodes` has the destinations whose lines change their form."""
        self._sieve = sieve
        self._encodes = encodes

    def put(self, lines: bytes, reserve: int = 0, heard: bool = True) -> None:
        """Pass whole lines on; `reserve` as in Backlog.add.  Lines that are not `heard` raise no alarm."""
        if self._sieve is None and not self._encodes and not self._waiting:
            self.tell(lines, reserve)
            return
        self._waiting.append(Batch(lines, reserve, heard))
        if not self.resume_at:
            self.resume()

    def tell(self, lines: bytes, reserve: int = 0) -> None:
        """Pass whole lines on that no rule may keep back, and that wait for none."""
        for outlet in self.outlets:
            encode = self._encodes.get(outlet)
            if encode is None:
                outlet.put(lines, reserve)
            else:
                outlet.put(b"".join(encode(line + b"\n") for line in lines[:-1].split(b"\n")), reserve)

    def resume(self) -> None:
        """Pass on what waits, as far as there is time for it."""
        self.resume_at = 0.0
        while self._waiting and not self.resume_at:
            batch = self._waiting[0]
            lines = batch.lines
            verdicts = self._verdicts(batch)
            # Taken away before it is passed on: to raise an alarm may write lines itself.
            batch.lines = lines[len(verdicts) :]
            if batch.lines and self._sieve is not None:
                self.resume_at = self._sieve.ends
            else:
                self._waiting.popleft()
            self._pass_on(zip(lines, verdicts, strict=False), batch.reserve)
        if self._sieve is not None:
            self._sieve.blame()

    def hurry(self) -> None:
        """Pass on more of what waits, although it is not time yet.  For the end, when the master does nothing else."""
        if self._sieve is not None:
            self._sieve.renew()
        self.resume()

    def _verdicts(self, batch: Batch) -> Sequence[Verdict[S]]:
        if self._sieve is None:
            return [Verdict((), None)] * len(batch.lines)
        return self._sieve.judge(batch.lines, batch.heard)

    def _pass_on(self, judged: Iterable[tuple[bytes, Verdict[S]]], reserve: int) -> None:
        bundles: dict[S, list[bytes]] = {}
        raised = []
        for bare, verdict in judged:
            line = bare + b"\n"
            if verdict.alarms:
                raised.append((verdict.alarms, line))
            for sink in self.outlets if verdict.only is None else verdict.only:
                encode = self._encodes.get(sink)
                bundles.setdefault(sink, []).append(line if encode is None else encode(line))
        for sink, bundle in bundles.items():
            sink.put(b"".join(bundle), reserve)
        if self._alarm is not None:
            for names, line in raised:
                self._alarm(names, line)
