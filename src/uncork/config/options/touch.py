"""Options that watch files: what happens when one is touched or a module changes."""

from uncork.config.kinds import PATHS, TextList, pair
from uncork.config.option import group, option
from uncork.config.quantities import SECONDS


@group
class Touch:
    """Files that are watched.  They need not exist: to make one, and to remove it, is a touch."""

    touch_reload: tuple[str, ...] = option(
        "touch-reload",
        kind=PATHS,
        default=(),
        implies_master=True,
        help="reload, as with r on the FIFO, when this file is touched, made or removed",
    )
    touch_workers_reload: tuple[str, ...] = option(
        "touch-workers-reload",
        kind=PATHS,
        default=(),
        implies_master=True,
        help="replace all workers, as with w on the FIFO, when this file is touched, made or removed",
    )
    touch_chain_reload: tuple[str, ...] = option(
        "touch-chain-reload",
        kind=PATHS,
        default=(),
        implies_master=True,
        help="replace one worker after another, as with c on the FIFO, when this file is touched, made or removed",
    )
    touch_logrotate: tuple[str, ...] = option(
        "touch-logrotate",
        kind=PATHS,
        default=(),
        implies_master=True,
        help="rename the log and begin a new one, as with L on the FIFO, when this file is touched, made or removed",
    )
    touch_logreopen: tuple[str, ...] = option(
        "touch-logreopen",
        kind=PATHS,
        default=(),
        implies_master=True,
        help="open the log by its name again, as with l on the FIFO, when this file is touched, made or removed",
    )
    touch_exec: tuple[str, ...] = option(
        "touch-exec",
        kind=TextList("PATH COMMAND", "PATH COMMAND", pair(" ")),
        default=(),
        implies_master=True,
        help="run this command by /bin/sh when the file is touched, made or removed",
    )
    fs_reload: tuple[str, ...] = option(
        "fs-reload",
        kind=PATHS,
        default=(),
        implies_master=True,
        help="reload when anything about this file changes, or about the files of this directory, not those below",
    )
    fs_brutal_reload: tuple[str, ...] = option(
        "fs-brutal-reload",
        kind=PATHS,
        default=(),
        implies_master=True,
        help="the same as fs-reload, but the old workers are ended at once",
    )
    py_autoreload: int = option(
        "py-autoreload",
        "py-auto-reload",
        "python-autoreload",
        "python-auto-reload",
        kind=SECONDS,
        default=0,
        unit="seconds",
        implies_master=True,
        help="look at the files of all imported modules so often and reload when one has changed, 0 for never",
    )
    py_auto_reload_ignore: tuple[str, ...] = option(
        "py-auto-reload-ignore",
        kind=TextList("MODULE", "the name of a module"),
        default=(),
        implies_master=True,
        help="a module whose file py-autoreload does not look at",
    )
