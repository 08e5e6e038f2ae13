"""A process with a control socket that behaves as it is told: what the other end of `uncork ctl` is tested against."""

import os
import select
import selectors
import signal
from collections.abc import Mapping

from harness.processes import PATIENCE, wait_gone
from uncork.control.commands import BY_COMMAND, Command, Outcome
from uncork.control.ctlserver import CtlServer
from uncork.system import controlsocket, process

# How it ends by TSTP.
PAUSED_STATUS = 42


class FakeServer:
    """A child with a control socket; it says `status`, with its pid in it, and ends when it is told to stop.

    `errors` are the outcomes of commands that fail, `silent` are those that never come to an end.
    """

    def __init__(
        self,
        status: Mapping[str, object] | None = None,
        errors: Mapping[Command, str] | None = None,
        silent: frozenset[Command] = frozenset(),
        uid: int | None = None,
    ) -> None:
        self._status = {"workers": [{"id": 1}, {"id": 2}], "paused": False, "cwd": "/srv", **(status or {})}
        self._errors = dict(errors or {})
        self._silent = silent
        self._uid = uid
        reading, writing = os.pipe()
        self.pid = process.fork(lambda: self._main(writing))
        os.close(writing)
        try:
            assert select.select([reading], [], [], PATIENCE)[0], "the fake server says nothing"
            assert os.read(reading, 1) == b"!"
        finally:
            os.close(reading)

    def _main(self, ready: int) -> int:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        # By default nothing happens where nobody could wake it again (an orphaned process group).
        signal.signal(signal.SIGTSTP, lambda *_: os._exit(PAUSED_STATUS))
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        if self._uid is not None:
            os.setgroups([])
            os.setgid(self._uid)
            os.setuid(self._uid)
        status = {"pid": os.getpid(), **self._status}
        sock = controlsocket.listen()
        assert sock is not None
        selector = selectors.DefaultSelector()
        running = True

        def ask(command: Command) -> None:
            nonlocal running
            if command is Command.PAUSE:
                status["paused"] = not status["paused"]
            elif BY_COMMAND[command].outcome is Outcome.END:
                running = False
            elif command not in self._silent:
                server.reload_began()
                server.settle(command, self._errors.get(command, ""))

        server = CtlServer(selector, sock, ask, lambda: status, lambda: {"pid": os.getpid()})
        os.write(ready, b"!")
        while running:
            for key, _ in selector.select(PATIENCE):
                key.data()
        return 0

    def alive(self) -> bool:
        """Whether it still runs."""
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None

    def end(self) -> int:
        """Wait until it has ended; its wait status."""
        wait_gone(self.pid)
        return os.waitpid(self.pid, 0)[1]

    def close(self) -> None:
        """End it, whatever it does."""
        try:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass
