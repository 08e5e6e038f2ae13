"""Options of adaptive process spawning: how many of the workers there are at a time (uWSGI: cheaper)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cheaper:
    """How many workers there are at a time."""
