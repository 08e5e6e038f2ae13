"""Options that watch files: what happens when one is touched or a module changes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Touch:
    """Files that are watched."""
