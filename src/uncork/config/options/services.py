"""Options of what runs beside the workers and ends with the server: other programs, mules, spoolers."""

from uncork.config.kinds import (
    COMMANDS,
    DIRECTORIES,
    DIRECTORY,
    FLAG,
    PATHS,
    OptionalTextList,
    TextList,
    anything,
    keys,
    pair,
)
from uncork.config.option import group, option
from uncork.config.quantities import IN_BYTES, SECONDS, Integer, OptionalInteger

_SMART = TextList("PIDFILE COMMAND", "a pidfile and a command, as in /run/redis.pid redis-server", pair(" "))


@group
class Services:
    """Commands that run beside the workers, and workers that serve no requests."""

    attach_daemon: tuple[str, ...] = option(
        "attach-daemon",
        kind=COMMANDS,
        default=(),
        implies_master=True,
        help="run this command as long as the server runs, and again whenever it ends",
        acts=False,
    )
    attach_control_daemon: tuple[str, ...] = option(
        "attach-control-daemon",
        kind=COMMANDS,
        default=(),
        implies_master=True,
        help="the same, and the server ends with it",
        acts=False,
    )
    smart_attach_daemon: tuple[str, ...] = option(
        "smart-attach-daemon",
        kind=_SMART,
        default=(),
        implies_master=True,
        help="run this command, which goes into the background, unless the process in its pidfile lives",
        acts=False,
    )
    smart_attach_daemon2: tuple[str, ...] = option(
        "smart-attach-daemon2",
        kind=_SMART,
        default=(),
        implies_master=True,
        help="the same, for a command that stays in front",
        acts=False,
    )
    attach_daemon2: tuple[str, ...] = option(
        "attach-daemon2",
        kind=TextList("KEY=VALUE,...", "cmd=COMMAND and more, by commas", keys(("command", "cmd", "exec"))),
        default=(),
        implies_master=True,
        help="run a command with more said about it, such as cmd=redis-server,pidfile=/run/redis.pid,uid=redis",
        acts=False,
    )
    daemons_honour_stdin: bool = option(
        "daemons-honour-stdin",
        kind=FLAG,
        default=False,
        implies_master=True,
        help="let these commands have the standard input of the server",
        acts=False,
    )
    mule: tuple[str, ...] = option(
        "mule",
        kind=OptionalTextList("FILE", "a Python file, or nothing"),
        default=(),
        implies_master=True,
        help="run a process beside the workers, which does what the app asks for, or what this file says",
        acts=False,
    )
    mules: int = option(
        "mules",
        kind=Integer(),
        default=0,
        unit="processes",
        implies_master=True,
        help="run so many of them",
        acts=False,
    )
    farm: tuple[str, ...] = option(
        "farm",
        kind=TextList("NAME:MULE,...", "a name and numbers of mules, as in mail:1,2", pair(":", second=anything)),
        default=(),
        implies_master=True,
        help="name of several mules, which share what they are told",
        acts=False,
    )
    mule_msg_size: int = option(
        "mule-msg-size",
        kind=OptionalInteger(scale=IN_BYTES),
        default=65536,
        unit="bytes",
        implies_master=True,
        help="the longest message to a mule",
        acts=False,
    )
    mule_reload_mercy: int = option(
        "mule-reload-mercy",
        kind=SECONDS,
        default=60,
        unit="seconds",
        help="how long a mule may go on at a stop or reload before it is killed",
        acts=False,
    )
    mule_harakiri: int = option(
        "mule-harakiri",
        kind=SECONDS,
        default=0,
        unit="seconds",
        help="kill a mule that works at a message for longer, 0 for never",
        acts=False,
    )
    touch_mules_reload: tuple[str, ...] = option(
        "touch-mules-reload",
        kind=PATHS,
        default=(),
        implies_master=True,
        help="replace the mules when this file is touched, made or removed",
        acts=False,
    )
    spooler: tuple[str, ...] = option(
        "spooler",
        short="Q",
        kind=DIRECTORIES,
        default=(),
        implies_master=True,
        help="directory of a spooler, a process that does later what the app leaves there",
        acts=False,
    )
    spooler_external: tuple[str, ...] = option(
        "spooler-external",
        kind=DIRECTORIES,
        default=(),
        implies_master=True,
        help="such a directory that the spooler of another server works at",
        acts=False,
    )
    spooler_ordered: bool = option(
        "spooler-ordered",
        kind=FLAG,
        default=False,
        help="do the tasks of a spooler in the order of their names",
        acts=False,
    )
    spooler_chdir: str | None = option(
        "spooler-chdir",
        kind=DIRECTORY,
        default=None,
        help="working directory of the spoolers",
        acts=False,
    )
    spooler_processes: int = option(
        "spooler-processes",
        kind=Integer(),
        default=1,
        unit="processes",
        help="processes of each spooler that follows",
        acts=False,
    )
    spooler_quiet: bool = option(
        "spooler-quiet",
        kind=FLAG,
        default=False,
        help="log no line for each task",
        acts=False,
    )
    spooler_max_tasks: int = option(
        "spooler-max-tasks",
        kind=Integer(),
        default=0,
        unit="tasks",
        help="replace a spooler that has done so many tasks, 0 for never",
        acts=False,
    )
    spooler_harakiri: int = option(
        "spooler-harakiri",
        kind=SECONDS,
        default=0,
        unit="seconds",
        help="kill a spooler that works at a task for longer, 0 for never",
        acts=False,
    )
    spooler_frequency: int = option(
        "spooler-frequency",
        "spooler-freq",
        kind=SECONDS,
        default=30,
        unit="seconds",
        help="look for tasks so often",
        acts=False,
    )
    spooler_import: tuple[str, ...] = option(
        "spooler-import",
        "spooler-pyimport",
        "spooler-py-import",
        "spooler-python-import",
        kind=TextList("MODULE", "the name of a module, or a Python file"),
        default=(),
        help="module that the spoolers import",
        acts=False,
    )
    touch_spoolers_reload: tuple[str, ...] = option(
        "touch-spoolers-reload",
        kind=PATHS,
        default=(),
        implies_master=True,
        help="replace the spoolers when this file is touched, made or removed",
        acts=False,
    )
