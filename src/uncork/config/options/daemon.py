"""Options of how the server stands among the processes of the system: daemon, names."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Daemon:
    """Standing in the background, and under which name."""
