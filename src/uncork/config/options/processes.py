"""Options of the processes: how many, as whom, where, and how they end."""

from dataclasses import dataclass

from uncork.config.kinds import FLAG, PATH, PATHS, Integer, Text, TextList
from uncork.config.option import option

# Far beyond any machine; a slip of the keyboard must not cost the master its memory.
MAX_PROCESSES = 10_000
MAX_THREADS = 1_000


@dataclass(frozen=True, slots=True)
class Processes:
    """The master, its workers, and what they run as."""

    master: bool = option(
        "master",
        short="M",
        kind=FLAG,
        default=False,
        help="run a master that watches over the workers, replaces dead ones and takes commands",
    )
    processes: int = option(
        "processes",
        "workers",
        short="p",
        kind=Integer(minimum=1, maximum=MAX_PROCESSES),
        default=1,
        unit="processes",
        help="number of workers",
    )
    threads: int = option(
        "threads",
        kind=Integer(minimum=1, maximum=MAX_THREADS),
        default=1,
        unit="threads",
        help="requests that one worker handles at a time",
    )
    uid: str | None = option(
        "uid",
        kind=Text("USER", "a user name or number"),
        default=None,
        help="user to run as, by name or number; needs a start as root",
    )
    gid: str | None = option(
        "gid",
        kind=Text("GROUP", "a group name or number"),
        default=None,
        help="group to run as, by name or number; needs a start as root",
    )
    chdir: str | None = option(
        "chdir",
        kind=PATH,
        default=None,
        help="working directory of the app; relative paths of other options, except logto and pidfile, start here",
    )
    env: tuple[str, ...] = option(
        "env",
        kind=TextList("KEY=VALUE", "KEY=VALUE"),
        default=(),
        help="set an environment variable for the app",
    )
    master_fifo: tuple[str, ...] = option(
        "master-fifo",
        kind=PATHS,
        default=(),
        implies_master=True,
        help="named pipe that takes one-letter commands, such as r to reload and q to stop",
    )
    # uWSGI's default (core/init.c); below the 90 s that systemd waits before it kills (TimeoutStopSec).
    worker_reload_mercy: int = option(
        "worker-reload-mercy",
        kind=Integer(),
        default=60,
        unit="seconds",
        help="how long a worker may finish its requests at a stop or reload before it is killed",
    )
    die_on_term: bool = option(
        "die-on-term",
        kind=FLAG,
        default=False,
        help="reload at SIGQUIT; SIGTERM stops the server with and without it",
    )
    vacuum: bool = option(
        "vacuum",
        kind=FLAG,
        default=False,
        help="remove socket files and the pidfile at the end",
    )
    pidfile: str | None = option(
        "pidfile",
        kind=PATH,
        default=None,
        help="file to write the process id of the master to",
    )
    strict: bool = option(
        "strict",
        kind=FLAG,
        default=False,
        help="refuse to start when the configuration has a name that is no option",
    )
