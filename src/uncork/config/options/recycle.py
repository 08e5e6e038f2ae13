"""Options of recycling: when a worker is replaced by a fresh one."""

from uncork.config.option import group, option
from uncork.config.quantities import IN_MEGABYTES, IN_SECONDS, LONG_MAX, MOST_MEGABYTES, SECONDS, Integer, Limit

_COUNT = Integer(maximum=LONG_MAX)
_MEGABYTES = Limit(maximum=MOST_MEGABYTES, metavar="MB", scale=IN_MEGABYTES, unsigned=True, cut=True)


@group
class Recycle:
    """When a worker has done enough.  None is no limit; for a delta, that the limits are spread by themselves."""

    max_requests: int = option(
        "max-requests",
        short="R",
        kind=Integer(maximum=LONG_MAX, unsigned=True),
        default=0,
        unit="requests",
        help="replace a worker that has served so many requests, 0 for never; the fresh one is ready first",
    )
    max_requests_delta: int | None = option(
        "max-requests-delta",
        kind=_COUNT,
        default=None,
        unit="requests",
        help="each next worker serves so many more before it is replaced; unless given, they are spread over 10 %",
    )
    # uWSGI waits 10 s, because with it an early death costs somebody a wait.  Here the replacement comes first, and a
    # worker that grows fast must not outgrow its limit meanwhile: this only stops a storm of forks where a limit is
    # below what a fresh worker needs.
    min_worker_lifetime: int = option(
        "min-worker-lifetime",
        kind=SECONDS,
        default=1,
        unit="seconds",
        help="replace no worker earlier, unless it outgrew reload-on-rss or reload-on-as since its start",
    )
    max_worker_lifetime: int = option(
        "max-worker-lifetime",
        kind=Integer(scale=IN_SECONDS, unsigned=True),
        default=0,
        unit="seconds",
        help="replace a worker that is so old, 0 for never; it finishes its requests first",
    )
    max_worker_lifetime_delta: int | None = option(
        "max-worker-lifetime-delta",
        kind=SECONDS,
        default=None,
        unit="seconds",
        help="each next worker lives so much longer before it is replaced; unless given, they are spread over 10 %",
    )
    reload_on_rss: int | None = option(
        "reload-on-rss",
        kind=_MEGABYTES,
        default=None,
        unit="MB",
        help="replace a worker that occupies so much memory after a request",
    )
    reload_on_as: int | None = option(
        "reload-on-as",
        kind=_MEGABYTES,
        default=None,
        unit="MB",
        help="replace a worker whose address space is so large after a request",
    )
    evil_reload_on_rss: int | None = option(
        "evil-reload-on-rss",
        kind=_MEGABYTES,
        default=None,
        unit="MB",
        implies_master=True,
        help="kill a worker that occupies so much memory, even in the middle of a request",
    )
    evil_reload_on_as: int | None = option(
        "evil-reload-on-as",
        kind=_MEGABYTES,
        default=None,
        unit="MB",
        implies_master=True,
        help="kill a worker whose address space is so large, even in the middle of a request",
    )
