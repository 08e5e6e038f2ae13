"""Run nginx and the server together until somebody wants them to end.

Runs in: the process of `uncork up`.  What to run is decided before (`up`); how long a dead program stays away, in
`supervise.backoff`.

    run
     |- _start            server, until it says READY=1; nginx, until a request through it reaches the app
     |- _keep (each)      wait for its end, wait, start it again
     `- _stop             nginx first: when it has gone, nobody waits for an answer of the server any more
"""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import NoReturn

from uncork.errors import UncorkError
from uncork.nginx.site import Listen
from uncork.stack.child import Child, Program
from uncork.stack.notify import NotifySocket
from uncork.stack.probe import app_answers
from uncork.supervise.backoff import delay, failures_after
from uncork.supervise.exits import ExitCode
from uncork.system.listen import Bound

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# Seconds that nginx and the server may take to finish running requests; a second Ctrl-C cuts it short.
PATIENCE = 10.0

# How long the first page may take before the address is printed all the same, in seconds.
FIRST_PAGE_SECONDS = 10.0
PROBE_INTERVAL = 0.05

Say = Callable[[str, str], None]


class StartError(UncorkError):
    """The stack ended before it was ready.  `exit_code` is the server's own status where it has one."""

    def __init__(self, message: str, status: int = 1) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Links:
    """What is run and how it hangs together.  `bound`: nginx's socket; `path`: a URL path that belongs to the app."""

    server: Program
    nginx: Program
    bound: Bound
    notify: NotifySocket
    address: Listen
    path: str


class Chain:
    """Links while they run.  `say(subject, text)` prints a line; `on_ready` is called once, when a page can be had."""

    def __init__(self, links: Links, say: Say, on_ready: Callable[[], None]) -> None:
        self.links = links
        self.say = say
        self.on_ready = on_ready
        self.server = Child(links.server)
        self.nginx = Child(links.nginx)
        self._server_ready = asyncio.Event()
        self._stop_asked = asyncio.Event()
        self._hurry = asyncio.Event()
        self._announced = False

    async def run(self) -> int:
        """Everything from the start to the end; the exit status.  Raises StartError if it never became ready."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGCHLD, self._poll)
        for number in STOP_SIGNALS:
            loop.add_signal_handler(number, self._ask_to_stop)
        loop.add_reader(self.links.notify.fileno(), self._hear)
        keepers: list[asyncio.Task[object]] = []
        try:
            if await self._start():
                self._announced = True
                self.on_ready()
                keepers = [asyncio.create_task(self._keep(child)) for child in (self.server, self.nginx)]
                keepers.append(asyncio.create_task(self._stop_asked.wait()))
                # A keeper never ends by itself; if one raises, nobody would keep its program: that must not go unseen.
                done, _ = await asyncio.wait(keepers, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
        finally:
            for keeper in keepers:
                keeper.cancel()
            clean = await self._stop()
            loop.remove_reader(self.links.notify.fileno())
        return 0 if clean else 1

    def _poll(self) -> None:
        self.server.poll()
        self.nginx.poll()

    def _ask_to_stop(self) -> None:
        """The first signal asks to stop, the next one not to wait for anybody."""
        (self._hurry if self._stop_asked.is_set() else self._stop_asked).set()

    def _hear(self) -> None:
        for message in self.links.notify.receive():
            if message.get("READY") == "1":
                self._server_ready.set()
                if self._announced:  # it was started again, or reloaded on somebody's command
                    self.say("server", message.get("STATUS", "ready again"))

    async def _start(self) -> bool:
        """Bring both up.  False if somebody asked to stop before that; raises StartError if one of them ended."""
        self.server.start()
        if not await self._meanwhile(self._server_ready.wait()):
            return False
        self.nginx.start()
        return await self._meanwhile(self._first_page())

    async def _meanwhile(self, work: Coroutine[object, object, object]) -> bool:
        """Do `work` unless somebody asks to stop (False) or a program ends (StartError)."""
        wanted, stop = asyncio.create_task(work), asyncio.create_task(self._stop_asked.wait())
        started = [child for child in (self.server, self.nginx) if child.ended is not None]
        tasks: list[asyncio.Task[object]] = [wanted, stop, *(asyncio.create_task(child.wait()) for child in started)]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if wanted.done():
                wanted.result()
                return True
            if not stop.done():
                self._explain()
            return False
        finally:
            for task in tasks:
                task.cancel()

    def _explain(self) -> NoReturn:
        """Raises StartError with what ended and what that means."""
        for child in (self.server, self.nginx):
            if child.ended is not None and child.ended.done():
                end = child.ended.result()
                if child is self.server and end.code == ExitCode.FAILED_APP:
                    raise StartError("the app did not load: what is wrong with it stands above", end.code)
                raise StartError(f"{child.program.name} {end} before it was ready: see above", end.code or 1)
        raise StartError("nothing was started")

    async def _first_page(self) -> None:
        try:
            async with asyncio.timeout(FIRST_PAGE_SECONDS):
                while not await app_answers(self.links.address, self.links.path):
                    await asyncio.sleep(PROBE_INTERVAL)
        except TimeoutError:
            self.say("note", f"the app has not answered HEAD {self.links.path} for {FIRST_PAGE_SECONDS:g} s")

    async def _keep(self, child: Child) -> None:
        """Start the program again whenever it ends, for as long as this task runs."""
        failures = 0
        while True:
            end = await child.wait()
            lived = asyncio.get_running_loop().time() - child.started
            failures = await self._revive(child, failures_after(failures, lived), str(end))

    async def _revive(self, child: Child, failures: int, why: str) -> int:
        """Start it again after the wait that so many failures in a row call for; how many they are now."""
        while True:
            seconds = delay(failures)
            self.say(child.program.name, f"{why}; starting it again{f' in {seconds:g} s' if seconds else ''}")
            await asyncio.sleep(seconds)
            try:
                child.start()
            except UncorkError as error:  # its file is being replaced, or there is no memory for a process now
                failures, why = failures + 1, str(error)
            else:
                return failures

    async def _stop(self) -> bool:
        """End both; whether nothing had to be killed."""
        if self._announced:
            self.say("stop", "nginx, then the server (Ctrl-C again to wait for nobody)")
        # nginx has its own descriptor; with ours open too, new clients would wait for an answer that never comes.
        self.links.bound.sock.close()
        clean = [await child.stop(PATIENCE, self._hurry) for child in (self.nginx, self.server)]
        return all(clean)
