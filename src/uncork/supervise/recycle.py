"""Decide when a worker has done enough: its requests, its age, its memory.

Pure.  Who measures hands the numbers in; who recycles starts the replacement first.  Must not: read clocks or /proc.

No two workers reach a limit together: each next one gets a little more (uWSGI does so only where a delta is given:
core/utils.c, core/master_checks.c).
"""

from dataclasses import dataclass
from typing import NamedTuple

from uncork.config.options.recycle import Recycle

_MEGABYTE = 1024 * 1024
# Without a delta the limits of all workers are spread over so much of the limit: one part in ten.
_SPREAD = 10


class Memory(NamedTuple):
    """What a process occupies, or may occupy, in bytes: resident, and address space.  As a limit 0 is none."""

    rss: int
    vsz: int


class Stagger(NamedTuple):
    """A limit that differs from worker to worker: `first` for worker 1, and `more / steps` more for each next one."""

    first: int
    more: int
    steps: int

    def of(self, wid: int) -> int:
        """The limit of worker `wid`, 0 for none."""
        return self.first and self.first + (wid - 1) * self.more // self.steps


@dataclass(frozen=True, slots=True)
class Limits:
    """What a worker may reach.  `lifetime` is in seconds; below `youth` seconds of age it is left alone."""

    requests: Stagger
    lifetime: Stagger
    youth: int
    gentle: Memory
    evil: Memory

    @property
    def watches_memory(self) -> bool:
        """Whether the master has to know how much memory each worker occupies."""
        return any(self.evil)


def limits_of(recycle: Recycle, processes: int) -> Limits:
    """The limits of `processes` workers."""
    return Limits(
        _stagger(recycle.max_requests, recycle.max_requests_delta, processes),
        _stagger(recycle.max_worker_lifetime, recycle.max_worker_lifetime_delta, processes),
        recycle.min_worker_lifetime,
        Memory(_bytes(recycle.reload_on_rss), _bytes(recycle.reload_on_as)),
        Memory(_bytes(recycle.evil_reload_on_rss), _bytes(recycle.evil_reload_on_as)),
    )


def _stagger(first: int, delta: int | None, processes: int) -> Stagger:
    """A delta counts for each worker; without one each differs from the next by one at least."""
    if delta is not None:
        return Stagger(first, delta, 1)
    steps = max(processes - 1, 1)
    return Stagger(first, max(first // _SPREAD, steps), steps)


def _bytes(megabytes: int | None) -> int:
    return (megabytes or 0) * _MEGABYTE


def requests_limit(limits: Limits, wid: int) -> int:
    """After how many requests of its own worker `wid` is to be replaced, 0 for never."""
    return limits.requests.of(wid)


def memory_limit(limits: Limits) -> Memory:
    """What a worker may occupy after a request; a worker that has such a limit looks after each one."""
    return limits.gentle


def why_recycle(
    limits: Limits,
    wid: int,
    requests: int,
    age_seconds: float,
    rss_bytes: int,
    vsz_bytes: int,
    fresh: Memory | None = None,
) -> str:
    """Why worker `wid` is to be replaced, "" if it may stay.

    `requests` are those that this process has served, `fresh` what it occupied when it was ready (None: nobody knows).
    Memory that nobody has measured is 0.
    """
    lifetime = limits.lifetime.of(wid)
    if lifetime and age_seconds >= lifetime:
        return f"it has lived {int(age_seconds)} seconds (max-worker-lifetime)"
    young = age_seconds < limits.youth
    most = limits.requests.of(wid)
    if most and requests >= most and not young:
        return f"it has served {requests} requests (max-requests)"
    # Without a request nothing has leaked: its replacement would occupy as much.
    if not requests:
        return ""
    names = ("reload-on-rss", "reload-on-as")
    at_first: tuple[int | None, ...] = fresh or (None, None)
    for name, size, limit, start in zip(names, (rss_bytes, vsz_bytes), limits.gentle, at_first, strict=True):
        if not limit or size < limit:
            continue
        hopeless = start is not None and start >= limit
        if young and (hopeless or start is None):
            continue
        hint = f"; a fresh worker has {_megabytes(start)} already, raise the limit" if start and hopeless else ""
        return f"it has grown to {_megabytes(size)} ({name}{hint})"
    return ""


def why_kill(limits: Limits, rss: int, vsz: int) -> str:
    """Why a worker that occupies so many bytes is killed in the middle of whatever it does, "" if it is not."""
    names = ("evil-reload-on-rss", "evil-reload-on-as")
    for name, size, limit in zip(names, (rss, vsz), limits.evil, strict=True):
        if limit and size >= limit:
            return f"it has grown to {_megabytes(size)} ({name})"
    return ""


def _megabytes(size: int) -> str:
    return f"{size // _MEGABYTE} MB"
