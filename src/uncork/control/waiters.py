"""Who waits for the end of what: the clients of the control socket whose command takes time.

Pure.  `T` is whoever waits.

A reload has a beginning that counts: one that was asked for while another was being proven has not seen the newest
files, so whoever asked for it is answered by the next one (several become one).  What else takes time has only an end.
"""

from typing import Generic, TypeVar

from uncork.control.commands import Outcome

T = TypeVar("T")

# A new generation in front has replaced every worker, so there is nothing left that these could wait for.
_DONE_BY_RELOAD = (Outcome.RELOAD, Outcome.CHAIN, Outcome.WORKERS)


class Waiters(Generic[T]):
    """The waiting, in the order in which they asked."""

    def __init__(self) -> None:
        self._outcomes: dict[T, Outcome] = {}
        # Those whose reload has begun.
        self._begun: set[T] = set()

    def add(self, who: T, outcome: Outcome) -> None:
        """`who` has asked for something that ends with `outcome`."""
        self._outcomes[who] = outcome

    def reload_began(self) -> None:
        """The configuration is read now: this is the reload of everybody who has asked so far."""
        self._begun.update(who for who, outcome in self._outcomes.items() if outcome is Outcome.RELOAD)

    def ended(self, outcome: Outcome, good: bool) -> list[T]:
        """`outcome` is there: whom to answer.  They wait no longer."""
        over = _DONE_BY_RELOAD if outcome is Outcome.RELOAD and good else (outcome,)
        return self._take([who for who, waits_for in self._outcomes.items() if waits_for in over and self._due(who)])

    def _due(self, who: T) -> bool:
        return self._outcomes[who] is not Outcome.RELOAD or who in self._begun

    def everybody(self) -> list[T]:
        """Whom to answer when nothing will end any more as it was meant to."""
        return self._take(list(self._outcomes))

    def forget(self, who: T) -> None:
        """`who` has left, or never waited."""
        self._outcomes.pop(who, None)
        self._begun.discard(who)

    def _take(self, found: list[T]) -> list[T]:
        for who in found:
            self.forget(who)
        return found
