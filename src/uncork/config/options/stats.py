"""Options of the stats server."""

from uncork.config.kinds import ADDRESS, FLAG
from uncork.config.option import group, option


@group
class Stats:
    """What the server tells about itself, and to whom."""

    stats: str | None = option(
        "stats",
        "stats-server",
        kind=ADDRESS,
        default=None,
        implies_master=True,
        help="answer every connection here with the server's state as JSON",
    )
    stats_http: bool = option(
        "stats-http",
        kind=FLAG,
        default=False,
        implies_master=True,
        help="put HTTP headers before the JSON, for browsers and curl",
    )
    stats_minified: bool = option(
        "stats-minified",
        "stats-min",
        kind=FLAG,
        default=False,
        implies_master=True,
        help="JSON without line breaks and spaces",
    )
    stats_no_cores: bool = option(
        "stats-no-cores",
        kind=FLAG,
        default=False,
        implies_master=True,
        help="leave the threads of each worker out",
    )
    stats_unsafe_vars: bool = option(
        "stats-unsafe-vars",
        kind=FLAG,
        default=False,
        own=True,
        help="show the cookies and authorization of running requests instead of masking them",
    )
    memory_report: bool = option(
        "memory-report",
        short="m",
        kind=FLAG,
        default=False,
        help="report the memory of each worker in the stats and in the request log",
    )
