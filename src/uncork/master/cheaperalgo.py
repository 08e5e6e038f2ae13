"""The algorithms of option cheaper-algo: whether there shall be more workers, or fewer.

    Manual | Spare | Backlog | Busyness     .change(View) -> Change, once a second

Pure.  Bounds are `cheaper`'s business: an algorithm asks for a worker more only where the view says that there may be
one, and for one less likewise.  Behaviour: uWSGI 2.0.30 (core/master_utils.c, plugins/cheaper_busyness).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from uncork.config.options.cheaper import Cheaper

# After so many measurements between the bounds a calm is over, and not only interrupted.
_STEADY: Final = 3

# One percent of a second.
_MICROSECONDS_PER_PERCENT: Final = 10_000


class Load(NamedTuple):
    """What a worker does.

    `busy`: it serves a request right now (one of its threads does, as uWSGI counts).  `worked`: microseconds that
    worker id has spent in requests so far, in those that still run as well.  `rss` in bytes, 0 if nobody measures.
    """

    busy: bool
    worked: int = 0
    rss: int = 0


@dataclass(frozen=True, slots=True)
class Facts:
    """What the master sees.

    `workers`: those that accept, by their id.  `requests`: how many the server has answered by now.  `queue`:
    connections that nobody has accepted yet.  `asked`: `+` less `-` on the FIFO since the last tick.
    """

    workers: Mapping[int, Load]
    requests: int = 0
    queue: int = 0
    asked: int = 0


class View(NamedTuple):
    """The facts as an algorithm needs them.  `wanted` counts workers that are still starting: they idle."""

    now: float
    facts: Facts
    wanted: int
    may_grow: bool
    may_shrink: bool

    @property
    def busy(self) -> int:
        """How many workers serve a request."""
        return sum(load.busy for load in self.facts.workers.values())


class Change(NamedTuple):
    """How many workers more or, below 0, less, and why.  A reason without a change is for the log alone."""

    by: int = 0
    why: str = ""


class Algorithm(Protocol):
    """Decides by what it saw before.  A change that it returns is made."""

    def __init__(self, settings: Cheaper) -> None: ...

    def change(self, view: View) -> Change:
        """Called once a second."""


class Manual:
    """Only the FIFO decides."""

    def __init__(self, settings: Cheaper) -> None:
        pass

    def change(self, view: View) -> Change:  # noqa: ARG002 - the others want it
        """Never."""
        return Change()


class Spare:
    """Keep one idle worker: more when none has been idle for a while, fewer when several were."""

    def __init__(self, settings: Cheaper) -> None:
        self._patience = settings.cheaper_overload
        self._step = settings.cheaper_step
        self._overload = 0
        self._calm = 0

    def change(self, view: View) -> Change:
        """A tick with an idle worker takes one tick of overload back."""
        idle = view.wanted - view.busy
        if idle <= 0:
            self._overload += 1
            self._calm = 0
        else:
            self._overload = max(0, self._overload - 1)
        if self._overload > self._patience and view.may_grow:
            self._overload = 0
            return Change(self._step, f"all of {view.wanted} workers are busy")
        if self._overload or idle == 1 or not view.may_shrink:
            return Change()
        self._calm += 1
        if self._calm < self._patience:
            return Change()
        self._calm = 0
        return Change(-1, f"{idle} of {view.wanted} workers are idle")


class Backlog:
    """More when too many connections wait, fewer when few enough do.

    uWSGI takes one away in each calm second, and gives it back in the next: here it has to be calm for a while.
    """

    def __init__(self, settings: Cheaper) -> None:
        self._limit = settings.cheaper_overload
        self._step = settings.cheaper_step
        self._calm = 0

    def change(self, view: View) -> Change:
        """By the queue alone."""
        queue = view.facts.queue
        if queue >= self._limit:
            self._calm = 0
            return Change(self._step, _waiting(queue)) if queue > self._limit and view.may_grow else Change()
        self._calm += 1
        if self._calm < self._limit or not view.may_shrink:
            return Change()
        self._calm = 0
        return Change(-1, _waiting(queue))


class Busyness:
    """Keep the workers busy for a share of their time that lies between two bounds.

    A worker goes only after a long calm, and the longer the more often that was too early.  A queue that grows, or one
    that never empties, brings emergency workers at once.
    """

    def __init__(self, settings: Cheaper) -> None:
        self._settings = settings
        self._period = settings.cheaper_overload
        self._multiplier = settings.cheaper_busyness_multiplier
        self._meter = Meter()
        self._shrink_at: float | None = None
        self._shrunk_at: float | None = None
        self._shrank_last = False
        self._between = 0
        self._emergency = 0
        self._waiting_since: float | None = None

    def change(self, view: View) -> Change:
        """Emergencies in every tick, the average once in cheaper-overload seconds."""
        if self._shrink_at is None:
            self._set_timer(view.now)
        if not view.facts.queue:
            self._waiting_since = None
        elif self._waiting_since is None:
            self._waiting_since = view.now
        percent = self._meter.read(view.now, view.facts.workers, self._period)
        if percent is None:
            return self._alarm(view)
        change = self._judge(view, percent)
        measured = f"[busyness] {len(view.facts.workers)} workers were busy for {percent} % of the time"
        if change.by and not change.why:
            return Change(change.by, measured)
        return Change(0, measured) if not change.by and self._settings.cheaper_busyness_verbose else change

    def _judge(self, view: View, percent: int) -> Change:
        settings = self._settings
        if percent > settings.cheaper_busyness_max:
            self._between = 0
            return self._grow(view)
        alarm = self._alarm(view)
        if alarm.by:
            return alarm
        if percent < settings.cheaper_busyness_min:
            self._between = 0
            return self._shrink(view)
        self._emergency = max(0, self._emergency - 1)
        self._between += 1
        if self._between >= _STEADY or self._shrink_at is None:
            self._set_timer(view.now)
        else:
            # What was not calm does not count as calm.
            self._shrink_at += self._period
        return Change()

    def _grow(self, view: View) -> Change:
        if not view.may_grow:
            return Change()
        if self._shrunk_at is not None and view.now - self._shrunk_at <= self._multiplier * self._period:
            self._multiplier += self._settings.cheaper_busyness_penalty
        else:
            self._relent()
        self._shrank_last = False
        self._set_timer(view.now)
        return Change(self._settings.cheaper_step)

    def _shrink(self, view: View) -> Change:
        if not view.may_shrink or (self._shrink_at is not None and view.now < self._shrink_at):
            return Change()
        if self._shrank_last:
            self._relent()
        self._shrank_last = True
        self._shrunk_at = view.now
        # With the multiplier as it was, so that the last emergency worker goes as soon as the others.
        self._set_timer(view.now)
        self._emergency = max(0, self._emergency - 1)
        return Change(-1)

    def _relent(self) -> None:
        self._multiplier = max(self._settings.cheaper_busyness_multiplier, self._multiplier - 1)

    def _set_timer(self, now: float) -> None:
        """Nobody goes before that."""
        times = self._settings.cheaper_busyness_backlog_multiplier if self._emergency else self._multiplier
        self._shrink_at = now + times * self._period

    def _alarm(self, view: View) -> Change:
        """Emergency workers."""
        settings, queue = self._settings, view.facts.queue
        waited = 0.0 if self._waiting_since is None else view.now - self._waiting_since
        too_long = waited >= settings.cheaper_busyness_backlog_nonzero
        if not view.may_grow or (queue <= settings.cheaper_busyness_backlog_alert and not too_long):
            return Change()
        if too_long:
            self._waiting_since = view.now
        # What was learnt of calm times does not hold for these.
        self._multiplier = settings.cheaper_busyness_multiplier
        self._shrank_last = False
        self._emergency += settings.cheaper_busyness_backlog_step
        self._set_timer(view.now)
        return Change(settings.cheaper_busyness_backlog_step, f"[busyness] {_waiting(queue)}")


class Meter:
    """Measures for which share of a period the workers were busy."""

    def __init__(self) -> None:
        self._began: float | None = None
        # When this period began for each worker, and what it had worked by then.
        self._since: dict[int, tuple[float, int]] = {}
        self._last: dict[int, int] = {}

    def read(self, now: float, workers: Mapping[int, Load], period: float) -> int | None:
        """The average in percent when the period is over, and None before."""
        if self._began is None:
            self._began = now
        for wid, load in workers.items():
            # Less than before: a request was cut off, or another generation has come.
            if wid not in self._since or load.worked < self._last.get(wid, 0):
                self._since[wid] = now, load.worked
            self._last[wid] = load.worked
        if now - self._began < period:
            return None
        shares = [self._percent(wid, now) for wid in workers if self._since[wid][0] < now]
        self._began, self._since = now, {wid: (now, load.worked) for wid, load in workers.items()}
        return int(sum(shares) / len(shares)) if shares else 0

    def _percent(self, wid: int, now: float) -> float:
        since, before = self._since[wid]
        return min(100.0, (self._last[wid] - before) / (now - since) / _MICROSECONDS_PER_PERCENT)


def _waiting(queue: int) -> str:
    return f"{queue} connection{' waits' if queue == 1 else 's wait'}"


ALGORITHMS: Final[Mapping[str, type[Algorithm]]] = {
    "spare": Spare,
    "backlog": Backlog,
    "busyness": Busyness,
    "manual": Manual,
}
