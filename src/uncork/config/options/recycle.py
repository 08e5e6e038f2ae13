"""Options of recycling: when a worker is replaced by a fresh one."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recycle:
    """When a worker has done enough."""
