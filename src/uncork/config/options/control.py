"""Options of the control plane beside the FIFO: pidfiles, signals."""

from uncork.config.kinds import NEEDED_PATH, PATH, TextList
from uncork.config.option import group, option


@group
class Control:
    """Further ways to be told what to do."""

    pidfile2: str | None = option(
        "pidfile2",
        kind=NEEDED_PATH,
        default=None,
        help="like pidfile, but made as the user that uid names, and from the directory that chdir names",
    )
    safe_pidfile: str | None = option(
        "safe-pidfile",
        kind=PATH,
        default=None,
        help="like pidfile, but written only once the server answers, so that it never names one that failed to start",
    )
    safe_pidfile2: str | None = option(
        "safe-pidfile2",
        kind=PATH,
        default=None,
        help="like pidfile2, but written only once the server answers",
    )
    hook_master_start: tuple[str, ...] = option(
        "hook-master-start",
        kind=TextList("ACTION", "unix_signal:SIGNAL NAME, or another action"),
        default=(),
        help="do this when the master begins; unix_signal:15 gracefully_kill_them_all gives a signal another meaning",
    )
