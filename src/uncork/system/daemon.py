"""Stand in the background (options `daemonize`, `daemonize2`), and let the command that was typed tell how it went.

    run                         the command: waits, passes on what the log says if the start fails, ends
      _lead                     a session of its own; ends at once, so that the server leads none and gets no terminal
        _serve                  the server

Runs in: the first process, before anything is opened.  The working directory stays, and so does the umask unless it is
0: nobody else shall write to what the server makes.  The command exits with 0 once the server answers, else with the
server's status: uWSGI's returns at once, and a start that fails goes unseen.
"""

import os
import signal
import stat
import sys
from collections.abc import Callable

from uncork.errors import UncorkError
from uncork.system import process
from uncork.system.logfile import LogFile
from uncork.system.notify import notify

# A traceback and what was said before it; the rest is in the log.
TAIL_SIZE = 8192

# What the server says to the command, a line each.
_PID, _READY, _ENDED = "pid", "ready", "ended"


class Front:
    """The way back to the command that waits in front."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def ready(self) -> None:
        """The server answers: the command may end."""
        self._say(_READY, 0)
        self.close()

    def _say(self, word: str, number: int) -> None:
        try:
            if self._fd >= 0:
                os.write(self._fd, f"{word} {number}\n".encode())
        except OSError:
            pass  # whoever typed the command has ended it

    def close(self) -> None:
        """Nothing more will be said.  Runs in: also each child of the server, right after its fork."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def begin(self) -> None:
        """This is the server."""
        os.register_at_fork(after_in_child=self.close)
        self._say(_PID, os.getpid())

    def end(self, status: int) -> None:
        """The server leaves with `status`."""
        self._say(_ENDED, status)
        self.close()


def run(log: LogFile, main: Callable[[Front], int]) -> int:
    """Run `main` in the background, its output in `log`; the exit status of the command.

    `main` calls `Front.ready` and returns the server's exit status, or raises UncorkError.  Raises UncorkError if the
    log cannot be opened or there can be no further process.
    """
    fd = log.descriptor()
    before = os.fstat(fd)
    os.close(fd)
    command = os.getpid()
    read, write = os.pipe()
    front = Front(write)

    def lead() -> int:
        os.close(read)
        os.setsid()
        try:
            process.fork(lambda: _serve(front, log, main, command))
        except OSError as error:
            print(f"cannot fork: {error.strerror}", file=sys.stderr)
            return UncorkError.exit_code
        return 0

    try:
        between = process.fork(lead)
    except OSError as error:
        raise UncorkError(f"daemonize = {log.path}: cannot fork: {str(error.strerror).lower()}") from None
    front.close()
    os.waitpid(between, 0)
    try:
        return _wait(read, log, before)
    finally:
        os.close(read)


def _serve(front: Front, log: LogFile, main: Callable[[Front], int], command: int) -> int:
    """Runs in: the server."""
    front.begin()
    status = UncorkError.exit_code
    try:
        _settle(log, command)
        status = main(front)
    except UncorkError as error:
        _print(str(error))
        status = error.exit_code
    except Exception:  # noqa: BLE001 - whoever waits in front has to hear of every end
        sys.excepthook(*sys.exc_info())
    _print("", end="")
    front.end(status)
    return status


def _settle(log: LogFile, command: int) -> None:
    """No terminal, and nobody else's pipes.  Raises UncorkError."""
    null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    os.dup2(null, 0)
    os.close(null)
    log.open()
    umask = os.umask(0o022)
    if umask:
        os.umask(umask)
    # The service manager meant whoever is the server (sd_watchdog_enabled(3)).
    if os.environ.get("WATCHDOG_PID") == str(command):
        os.environ["WATCHDOG_PID"] = str(os.getpid())


def _print(text: str, end: str = "\n") -> None:
    """A line for the log, and whatever is still buffered before it."""
    try:
        sys.stdout.flush()
        print(text, end=end, file=sys.stderr, flush=True)
    except OSError:
        pass  # a full disk loses the line, never the server


def _wait(read: int, log: LogFile, before: os.stat_result) -> int:
    """Wait until the server is ready or has ended; the exit status of the command."""
    pid = 0
    try:
        with open(read, encoding="ascii", closefd=False) as lines:
            for line in lines:
                word, _, text = line.partition(" ")
                number = int(text)
                if word == _PID:
                    pid = number
                    notify(f"MAINPID={pid}")
                elif word == _READY:
                    return 0
                else:
                    _explain(log, before, f"the server has ended with status {number}")
                    return number
    except KeyboardInterrupt:
        if pid:
            process.kill(pid, signal.SIGTERM)
        _explain(log, before, "interrupted; the server was told to stop")
        return 128 + signal.SIGINT
    _explain(log, before, "the server was killed before it was ready")
    return UncorkError.exit_code


def _explain(log: LogFile, before: os.stat_result, end: str) -> None:
    """Print what the server has logged since `before`, and `end`."""
    print(_tail(log.path, before), end="", file=sys.stderr)
    print(f"{end}; its log is {log.path}", file=sys.stderr)


def _tail(path: str, before: os.stat_result) -> str:
    if not stat.S_ISREG(before.st_mode):
        return ""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        now = os.fstat(fd)
        if not os.path.samestat(before, now):
            return ""
        start = max(before.st_size if now.st_size >= before.st_size else 0, now.st_size - TAIL_SIZE)
        data = os.pread(fd, TAIL_SIZE, start)
    finally:
        os.close(fd)
    if start > before.st_size:
        data = data.partition(b"\n")[2]  # from the middle of a line
    return data.decode(errors="replace") + ("" if data.endswith(b"\n") or not data else "\n")
