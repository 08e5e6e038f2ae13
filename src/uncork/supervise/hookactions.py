"""Do what the options `hook-MOMENT` and `exec-MOMENT` ask for, one after the other (uWSGI core/hooks.c).

    run_first_hooks, run_last_hooks     those of the first process, which a signal ends
      run_hooks                         all of a moment
        _RUNNING, _DOING                the tables: what each action does

Runs in: whichever process has come to the moment: the first one, the template, a worker; it waits for each to end.  One
that fails is an UncorkError, so that a start ends with it, and a reload is given up.
"""

import grp
import os
import pwd
import signal
import socket
import time
from collections.abc import Callable, Mapping

from uncork.config.kinds import leading_number
from uncork.config.options.hooks import IDLE, action_of
from uncork.config.settings import Settings
from uncork.errors import UncorkError
from uncork.system import fileactions, logwriter, privileges, process
from uncork.system.command import environ_of_app, run, shell
from uncork.system.deathsignal import tie_to_parent

say = logwriter.say

# Seconds that `wait_for_file` and its like wait (uWSGI: wait-for-fs-timeout), and those between two looks.
WAIT = 60.0
LOOK = 0.5

# Seconds that the command of a hook may take where something waits for its end that must come: the place of a worker
# that serves, the end of the server.  As long as `wait_for_file`, which uWSGI does not let wait for ever either.
LIMIT = 60.0
_LAST = "as-user-atexit"
# What ends the first process while a hook of its own runs.
ENDS = (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)

# What umask leaves of it is what a directory of a hook may be used for (uWSGI core/hooks.c).
_DIRECTORY_MODE = 0o755
# The last uid_t and gid_t stand for "none" (chown(2)).
_MOST_ID = 2**32 - 2
_MOST_PORT = 65535
# As many as the largest of them has.
_MOST_DIGITS = 10


class HookExit(UncorkError):
    """A hook asks for the end of the server, with its own status."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.exit_code = status  # type: ignore[misc] # of the class for all others


class Interrupted(UncorkError):
    """A signal ends the process while a hook of it runs; the status is a shell's for such an end."""

    def __init__(self, number: int) -> None:
        super().__init__(f"{signal.Signals(number).name} received")
        self.exit_code = 128 + number  # type: ignore[misc] # of the class for all others


class _WrongError(Exception):
    """What stands behind the colon cannot be used; the text says why."""


def run_hooks(settings: Settings, moment: str, limit: float | None = None) -> None:
    """Do all that is to be done at `moment`, such as `pre-app`.  Raises UncorkError for the first that fails.

    A command may take `limit` seconds.
    """
    for name, text in _hooks(settings, moment):
        action, argument = action_of(text)
        if action in IDLE:
            continue  # a warning has named it
        shown = _shown(argument if name.startswith("exec-") else text)
        say(f'running "{shown}" ({name})...')
        try:
            if action in _RUNNING:
                _RUNNING[action](argument, limit)
            else:
                _DOING[action](argument)
        except HookExit as error:
            raise HookExit(f"{name} = {shown}: the server ends, as it asks for", error.exit_code) from None
        except (_WrongError, ValueError) as error:
            raise UncorkError(f"{name} = {shown}: {error}") from None
        except OSError as error:
            raise UncorkError(f"{name} = {shown}: {str(error.strerror or error).lower()}") from None


def run_first_hooks(settings: Settings, moment: str) -> None:
    """Do what the first process does at `moment`; a signal of ENDS is an Interrupted meanwhile."""
    with process.interrupted(ENDS, Interrupted):
        run_hooks(settings, moment)


def run_last_hooks(settings: Settings) -> None:
    """Do what is to be done at the end, as the user; what fails is logged, and the end comes.

    A further signal of ENDS gives up what is left.
    """
    if not settings.hooks.at(_LAST):
        return
    try:
        with process.interrupted(ENDS, Interrupted, later=True):
            if settings.processes.uid is not None and os.geteuid() == 0:
                _run_last_hooks_as_user(settings)
            else:
                run_hooks(settings, _LAST, LIMIT)
    except (UncorkError, OSError) as error:
        say(f"{error}; what was to be done at the end is not" if isinstance(error, Interrupted) else str(error))


def _run_last_hooks_as_user(settings: Settings) -> None:
    """In a child: this process stays root, or a start that has failed may be tried again (fallback-config)."""
    processes, daemon = settings.processes, settings.daemon

    def main() -> int:
        try:
            for line in privileges.drop(processes.uid, processes.gid, daemon.add_gid, not daemon.no_initgroups):
                say(line)
            tie_to_parent(signal.SIGKILL)
            run_hooks(settings, _LAST, LIMIT)
        except UncorkError as error:
            say(str(error))
        return 0

    pid = process.fork(main, plain=True)
    try:
        os.waitpid(pid, 0)
    except UncorkError:
        process.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        raise


def _hooks(settings: Settings, moment: str) -> tuple[tuple[str, str], ...]:
    if moment == "master-start":
        return tuple(("hook-master-start", hook) for hook in settings.control.hook_master_start)
    return settings.hooks.at(moment)


def _shown(text: str) -> str:
    from uncork.config.secrets import mask  # costs milliseconds, and few have hooks

    return mask(text)


def _split(argument: str, words: int, form: str) -> list[str]:
    """`argument` in so many words; the last has the rest.  Raises _WrongError."""
    found = argument.split(" ", words - 1)
    if len(found) < words or not all(found):
        raise _WrongError(f"expected {form}")
    return found


# ---- commands ------------------------------------------------------------------------------------------------------


def _exec(command: str, limit: float | None) -> None:
    try:
        status = run(shell(command), environ_of_app(os.environ), limit)
    except TimeoutError:
        raise _WrongError(f"it took longer than {limit:g} seconds, and was killed") from None
    if status > 0:
        raise _WrongError(f"the command ended with status {status}")
    if status < 0:
        raise _WrongError(f"the command was killed by signal {-status}")


def _safeexec(command: str, limit: float | None) -> None:
    try:
        _exec(command, limit)
    except _WrongError as error:
        say(str(error))


# ---- files ---------------------------------------------------------------------------------------------------------


def _writer(put: Callable[[str, str], None], end: str = "") -> Callable[[str], None]:
    def write(argument: str) -> None:
        path, text = _split(argument, 2, "FILE TEXT")
        put(path, text + end)

    return write


def _writefifo(argument: str) -> None:
    path, text = _split(argument, 2, "FIFO TEXT")
    if not fileactions.write_fifo(path, text):
        say(f"{path}: nobody reads this pipe")


def _chmod(argument: str) -> None:
    path, mode = _split(argument, 2, "FILE MODE")
    if not 0 < len(mode) <= 4 or not set(mode) <= set("01234567"):
        raise _WrongError("expected FILE MODE, MODE in octal digits like 660")
    fileactions.change_mode(path, int(mode, 8))


def _chown(argument: str) -> None:
    path, user, group = _split(argument, 3, "FILE USER GROUP")
    uid, gid = _number(user, _MOST_ID), _number(group, _MOST_ID)
    try:
        uid = pwd.getpwnam(user).pw_uid if uid is None else uid
        gid = grp.getgrnam(group).gr_gid if gid is None else gid
    except KeyError as error:
        raise _WrongError(f"there is no such user or group ({error.args[0]})") from None
    fileactions.change_owner(path, uid, gid)


def _chown2(argument: str) -> None:
    path, user, group = _split(argument, 3, "FILE UID GID")
    uid, gid = _number(user, _MOST_ID), _number(group, _MOST_ID)
    if uid is None or gid is None:
        raise _WrongError("expected FILE UID GID, both in digits")
    fileactions.change_owner(path, uid, gid)


def _number(text: str, most: int) -> int | None:
    """A number of at most `most`; None for anything else, however long."""
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        return None
    number = int(text)
    return number if number <= most else None


# ---- the rest ------------------------------------------------------------------------------------------------------


def _putenv(argument: str) -> None:
    name, equals, value = argument.partition("=")
    if not name or "\0" in argument:
        raise _WrongError("expected NAME=VALUE")
    if equals:
        os.environ[name] = value
    else:
        os.environ.pop(name, None)  # as putenv(3) does


def _exit(argument: str) -> None:
    raise HookExit("", (leading_number(argument) or 0) & 0xFF)


def _waiter(there: Callable[[str], bool]) -> Callable[[str], None]:
    def wait(path: str) -> None:
        end = time.monotonic() + WAIT
        if not there(path):
            say(f"waiting for {path} (max {WAIT:g} seconds)...")
        while not there(path):
            if time.monotonic() > end:
                raise _WrongError(f"it is not there after {WAIT:g} seconds")
            time.sleep(LOOK)

    return wait


def _answers(address: str) -> bool:
    """Whether somebody listens there."""
    host, colon, port = address.rpartition(":")
    family = socket.AF_INET if colon else socket.AF_UNIX
    target = (host or "127.0.0.1", _number(port, _MOST_PORT) or 0) if colon else address
    with socket.socket(family) as sock:
        sock.settimeout(LOOK)
        try:
            sock.connect(target)
        except OSError:
            return False
    return True


# Seconds that it may take (None: as long as it likes) are the second argument.
_RUNNING: Mapping[str, Callable[[str, float | None], None]] = {"exec": _exec, "safeexec": _safeexec}

_DOING: Mapping[str, Callable[[str], None]] = {
    "append": _writer(fileactions.append),
    "appendn": _writer(fileactions.append, "\n"),
    "cd": os.chdir,
    "chdir": os.chdir,
    "chmod": _chmod,
    "chown": _chown,
    "chown2": _chown2,
    "creat": fileactions.create,
    "create": fileactions.create,
    "exit": _exit,
    "hostname": socket.sethostname,
    "log": say,
    "mkdir": lambda path: os.mkdir(path, _DIRECTORY_MODE),
    "print": say,
    "putenv": _putenv,
    "sticky": fileactions.make_sticky,
    "unlink": os.unlink,
    "wait_for_dir": _waiter(os.path.isdir),
    "wait_for_file": _waiter(os.path.isfile),
    "wait_for_fs": _waiter(os.path.exists),
    "wait_for_socket": _waiter(_answers),
    "write": _writer(fileactions.write),
    "writefifo": _writefifo,
    "writen": _writer(fileactions.write, "\n"),
}
