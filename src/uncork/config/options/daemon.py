"""Options of how the server stands among the processes of the system: in front or not, with whose rights, its names.

Pure.
"""

from uncork.config.kinds import FLAG, NEEDED_PATH, Text, TextList
from uncork.config.option import group, option

_TITLE = Text("TEXT", "a text")


@group
class Daemon:
    """Standing in the background, when root's rights are given up, and names of processes."""

    daemonize: str | None = option(
        "daemonize",
        short="d",
        kind=NEEDED_PATH,
        default=None,
        help="run in the background and log to this file; the command waits until the server answers or has failed",
    )
    daemonize2: str | None = option(
        "daemonize2",
        kind=NEEDED_PATH,
        default=None,
        help="the same as daemonize",
    )
    master_as_root: bool = option(
        "master-as-root",
        kind=FLAG,
        default=False,
        help="keep the master root: only what runs the app becomes the user that uid names",
    )
    drop_after_init: bool = option(
        "drop-after-init",
        kind=FLAG,
        default=False,
        help="become the user that uid names only after the sockets are open",
    )
    drop_after_apps: bool = option(
        "drop-after-apps",
        kind=FLAG,
        default=False,
        help="become the user that uid names only after the app is imported; the master stays root to import it again",
    )
    add_gid: tuple[str, ...] = option(
        "add-gid",
        kind=TextList("GROUP", "a group name or number"),
        default=(),
        help="a further group of the user that uid names, beside those that the system gives it",
    )
    no_initgroups: bool = option(
        "no-initgroups",
        kind=FLAG,
        default=False,
        help="leave out the groups that the system gives the user that uid names",
    )
    auto_procname: bool = option(
        "auto-procname",
        kind=FLAG,
        default=False,
        help="name the processes in ps and top: uWSGI master, uWSGI worker 1",
    )
    procname: str | None = option(
        "procname",
        kind=_TITLE,
        default=None,
        help="name of every process in ps and top",
    )
    procname_master: str | None = option(
        "procname-master",
        kind=_TITLE,
        default=None,
        help="name of the master in ps and top",
    )
    procname_prefix: str | None = option(
        "procname-prefix",
        kind=_TITLE,
        default=None,
        help="text before the name of every process",
    )
    procname_prefix_spaced: str | None = option(
        "procname-prefix-spaced",
        kind=_TITLE,
        default=None,
        help="text and a space before the name of every process",
    )
    procname_append: str | None = option(
        "procname-append",
        kind=_TITLE,
        default=None,
        help="text behind the name of every process",
    )

    @property
    def background_log(self) -> str | None:
        """Where a server in the background logs to; None for one that stays in front."""
        return self.daemonize or self.daemonize2
