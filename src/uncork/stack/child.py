"""One program of the stack: started in a process group of its own, watched, and ended with all that it started.

Runs in: the process of `uncork up`.

A process group of its own, because Ctrl-C in a terminal goes to the whole foreground group at once, and here nginx
has to end before the server does.  All of the group is signalled when its leader dies: the workers of a killed
nginx master would go on serving for ever.
"""

import asyncio
import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

from uncork.errors import UncorkError
from uncork.supervise.exits import Exit
from uncork.system.deathsignal import signalled_with_parent

# After the request to end at once; what needs longer does not end.
QUICK_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Program:
    """What to start, and how to end it.

    `graceful` and `quick`: the signals that ask it to end, with and without finishing its work; `inherit`:
    descriptors to keep open in it; `stale`: socket files that a killed one would leave in the way of the next.
    """

    name: str
    command: tuple[str, ...]
    environ: Mapping[str, str]
    directory: str
    graceful: signal.Signals
    quick: signal.Signals
    inherit: tuple[int, ...] = ()
    stale: tuple[str, ...] = ()


class Child:
    """A Program while it runs.  Needs a running event loop and `poll()` at every SIGCHLD."""

    def __init__(self, program: Program) -> None:
        self.program = program
        # On the clock of the event loop, in seconds.
        self.started = 0.0
        self.ended: asyncio.Future[Exit] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> asyncio.Future[Exit]:
        """Start the program; the future holds how it ended.  Raises UncorkError if it cannot be started."""
        program = self.program
        for path in program.stale:
            try:
                os.unlink(path)
            except FileNotFoundError:
                pass
        try:
            self._process = subprocess.Popen(
                program.command,
                env=dict(program.environ),
                cwd=program.directory,
                stdin=subprocess.DEVNULL,
                pass_fds=program.inherit,
                process_group=0,
                preexec_fn=signalled_with_parent(program.graceful),  # noqa: PLW1509 - this process has one thread
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise UncorkError(f"{program.name}: {program.command[0]} cannot be started: {error}") from None
        loop = asyncio.get_running_loop()
        self.started = loop.time()
        self.ended = loop.create_future()
        return self.ended

    def poll(self) -> None:
        """See whether it has ended; if so, signal what is left of its group and set the future."""
        process, ended = self._process, self.ended
        if process is None or ended is None:
            return
        # WNOWAIT keeps the zombie, and with it the group's number, until the rest of the group has been signalled.
        if os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            return
        self.signal(self.program.graceful)
        code = process.wait()
        self._process = None
        ended.set_result(Exit(code=0, signal=-code) if code < 0 else Exit(code=code, signal=0))

    def signal(self, number: signal.Signals, *, group: bool = True) -> None:
        """Send a signal to the group, or to its leader alone."""
        if self._process is not None:
            try:
                (os.killpg if group else os.kill)(self._process.pid, number)
            except ProcessLookupError:
                pass

    async def wait(self) -> Exit:
        """How it ended, once it has; cancelling this wait changes nothing for others."""
        if self.ended is None:
            raise RuntimeError(f"{self.program.name} was never started")
        await asyncio.wait([self.ended])
        return self.ended.result()

    async def stop(self, patience: float, hurry: asyncio.Event) -> bool:
        """End it: gracefully for up to `patience` seconds or until `hurry`, then quickly, then for certain.

        Returns whether it ended by itself before it had to be killed.
        """
        if self.ended is None or self.ended.done():
            return True
        # The leader alone is asked: it knows in which order to end what it has started.
        self.signal(self.program.graceful, group=False)
        waits: list[asyncio.Task[object]] = [asyncio.create_task(self.wait()), asyncio.create_task(hurry.wait())]
        await asyncio.wait(waits, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        if not self.ended.done():
            self.signal(self.program.quick, group=False)
            await asyncio.wait([self.ended], timeout=QUICK_SECONDS)
        if self.ended.done():
            return True
        self.signal(signal.SIGKILL)
        await self.ended
        return False
