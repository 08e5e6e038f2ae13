"""Options of the processes: how many, as whom, where, and how they end.

Pure.  Runs in: the process that reads the configuration; what follows from several options, in all.
"""

from uncork.config.kinds import FLAG, NEEDED_PATH, PATH, PATHS, Kind, MismatchError, Text, TextList
from uncork.config.option import group, option
from uncork.config.quantities import IN_MEGABYTES, MOST_MEGABYTES, SECONDS, Integer, Limit

# Far beyond any machine; a slip of the keyboard must not cost the master its memory.
MAX_PROCESSES = 10_000
MAX_THREADS = 1_000
# Threads that stand in for any number of greenlets: `gevent = 1000` is a wish for "many", a greenlet costs some
# kilobytes and a thread far more, and Python runs one of them at a time.
MAX_GREENLETS = 100


class Umask(Kind[int]):
    """Permission bits that new files do not get, in octal digits (uwsgi_opt_set_umask).

    For uWSGI an empty one is 0, with which everybody may write what the app makes.
    """

    needed = False

    def __init__(self) -> None:
        super().__init__("MODE", "octal digits like 022")

    def parse(self, text: str | None) -> int:
        if not text or len(text) > 4 or not set(text) <= set("01234567") or int(text, 8) > 0o777:
            raise MismatchError(self.expected)
        return int(text, 8)


@group
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
        kind=Integer(minimum=1, maximum=MAX_PROCESSES, zero=1),
        default=1,
        unit="processes",
        help="number of workers",
    )
    threads: int = option(
        "threads",
        kind=Integer(minimum=1, maximum=MAX_THREADS, zero=1),
        default=1,
        unit="threads",
        help="requests that one worker handles at a time",
    )
    gevent: int | None = option(
        "gevent",
        kind=Integer(),
        default=None,
        unit="requests",
        help=f"requests that one worker handles at a time, by threads in place of greenlets, {MAX_GREENLETS} at most",
    )
    async_: int | None = option(
        "async",
        kind=Integer(),
        default=None,
        unit="requests",
        help=f"requests that one worker handles at a time, by threads in place of coroutines, {MAX_GREENLETS} at most",
    )
    asyncio: int | None = option(
        "asyncio",
        kind=Integer(),
        default=None,
        unit="requests",
        help=f"requests that one worker handles at a time, by threads in place of tasks, {MAX_GREENLETS} at most",
    )
    uid: str | None = option(
        "uid",
        kind=Text("USER", "a user name or number", needed=True, plain=True),
        default=None,
        help="user to run as, by name or number; needs a start as root",
    )
    gid: str | None = option(
        "gid",
        kind=Text("GROUP", "a group name or number", needed=True, plain=True),
        default=None,
        help="group to run as, by name or number; needs a start as root",
    )
    chdir: str | None = option(
        "chdir",
        kind=NEEDED_PATH,
        default=None,
        help="working directory of the app; relative paths of other options, except logto and pidfile, start here",
    )
    chdir2: str | None = option(
        "chdir2",
        kind=PATH,
        default=None,
        help="working directory once the app is imported, from that of the import on",
    )
    umask: int | None = option(
        "umask",
        kind=Umask(),
        default=None,
        help="permission bits that new files of the server and the app do not get, as 022; so do unix sockets",
    )
    limit_as: int | None = option(
        "limit-as",
        kind=Limit(maximum=MOST_MEGABYTES, scale=IN_MEGABYTES, unsigned=True, cut=True),
        default=None,
        unit="megabytes",
        help="address space that each process may have; what asks for more fails with MemoryError",
    )
    limit_nproc: int | None = option(
        "limit-nproc",
        kind=Limit(),
        default=None,
        unit="processes",
        help="processes and threads that the user of the server may have in all",
    )
    max_fd: int | None = option(
        "max-fd",
        kind=Limit(),
        default=None,
        unit="files",
        help="files and connections that each process may have open; as many as the system allows, if that is less",
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
        kind=SECONDS,
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
        kind=NEEDED_PATH,
        default=None,
        help="file to write the process id of the master to",
    )

    @property
    def cores(self) -> int:
        """Requests that one worker handles at a time: its threads.

        uWSGI's engines for coroutines run as threads: whoever asks for greenlets wants many requests at once.
        """
        return max(self.threads, min(max(self.gevent or 0, self.async_ or 0, self.asyncio or 0), MAX_GREENLETS))

    @property
    def remark(self) -> str:
        """What a start says of `cores`, "" if that is the number of threads that was given."""
        for name, number in (("gevent", self.gevent), ("async", self.async_), ("asyncio", self.asyncio)):
            if number is not None and number > self.threads:
                return f"{name} = {number}: each worker handles {self.cores} requests at a time, each in a thread"
        return ""
