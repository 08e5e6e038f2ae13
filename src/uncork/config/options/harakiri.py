"""Options of harakiri: what happens to a request that takes too long."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Harakiri:
    """Deadlines of requests."""
