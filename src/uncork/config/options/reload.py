"""Options of a reload: what is loaded when, and what new code has to show before it serves.

Pure.
"""

from typing import NamedTuple

from uncork.config.kinds import FLAG, Kind, MismatchError
from uncork.config.option import group, option
from uncork.config.quantities import IN_SECONDS, SECONDS, Integer


class Probe(NamedTuple):
    """A path to ask a new worker for, and how many seconds its answer may take."""

    path: str
    seconds: int


class ProbeKind(Kind[Probe]):
    """`/health`, or `/health 5`."""

    def __init__(self) -> None:
        super().__init__("PATH [SECONDS]", "a path that begins with /, then perhaps a number of seconds")

    def parse(self, text: str | None) -> Probe:
        words = (text or "").split()
        seconds = words[1] if len(words) == 2 else str(PROBE_SECONDS)
        if not 1 <= len(words) <= 2 or not words[0].startswith("/") or not (seconds.isascii() and seconds.isdigit()):
            raise MismatchError(self.expected)
        return Probe(words[0], max(1, int(seconds[:6])))


# What a page may take that a monitor asks for, too.
PROBE_SECONDS = 10


@group
class Reload:
    """What a reload proves, and how patiently."""

    lazy_apps: bool = option(
        "lazy-apps",
        "lazy",
        kind=FLAG,
        default=False,
        help="let every worker import the app for itself instead of once for all of them",
    )
    # What holds without a value is in master/wants.py.
    boot_timeout: int | None = option(
        "boot-timeout",
        kind=Integer(minimum=1, scale=IN_SECONDS),
        default=None,
        unit="seconds",
        own=True,
        help="how long app and workers may take to get ready; unless given, 300 at a reload and no limit at a start",
    )
    probe: Probe | None = option(
        "probe",
        kind=ProbeKind(),
        default=None,
        own=True,
        help="ask every new worker for this path before it serves; an answer of 500 or more fails the start or reload",
    )
    reload_mercy: int | None = option(
        "reload-mercy",
        kind=SECONDS,
        default=None,
        unit="seconds",
        help="the same as worker-reload-mercy, which counts if both are given",
    )
