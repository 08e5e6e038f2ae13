"""What the parts of the master have in common: each may want to be called by the clock.

Runs in: master.  Must not: block.
"""

from typing import Protocol


class Part(Protocol):
    """A part of the master; times are monotonic seconds."""

    def next_time(self) -> float | None:
        """When `tick` wants to be called, None for never."""
        ...

    def tick(self, now: float) -> None:
        """Do what is due."""
        ...
