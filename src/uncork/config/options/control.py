"""Options of the control plane beside the FIFO: pidfiles, signals."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Control:
    """Further ways to be told what to do."""
