"""Options of harakiri: what happens to a request that takes too long."""

from uncork.config.kinds import FLAG
from uncork.config.option import group, option
from uncork.config.quantities import SECONDS


@group
class Harakiri:
    """Deadlines of requests."""

    harakiri: int = option(
        "harakiri",
        short="t",
        kind=SECONDS,
        default=0,
        unit="seconds",
        help="interrupt a request that takes longer than this, and kill its worker if that does not help; 0: never",
    )
    harakiri_verbose: bool = option(
        "harakiri-verbose",
        kind=FLAG,
        default=False,
        help="log what the kernel says about a worker that has to be killed, too",
    )
    harakiri_graceful_timeout: int = option(
        "harakiri-graceful-timeout",
        kind=SECONDS,
        default=0,
        unit="seconds",
        help="give the other threads of a worker that has to be killed so much time to finish their requests",
    )
