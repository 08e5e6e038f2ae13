"""Options of a reload: what is loaded when, and what new code has to show before it serves."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reload:
    """What a reload proves, and how patiently."""
