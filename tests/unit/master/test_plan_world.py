"""The planner against a small world of processes that do what they may, in any order.

The world plays the loop (it performs the actions), the templates, the workers and those who fork them, and the kernel
(ends are reaped, orphans adopted).  Every step checks what must never happen; at the end the world
calms down, and everything must have come to rest.
"""

import itertools
import signal
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from uncork.control.commands import Command
from uncork.master import events
from uncork.master.plan import Planner
from uncork.master.states import WorkerPhase
from uncork.supervise.exits import Exit

MERCY = 10.0
NO_PROCESS = -1
CRASHED, LEFT, NO_APP, KILLED = Exit(0, 11), Exit(0, 0), Exit(22, 0), Exit(0, 9)
COMMANDS = (
    *(Command.RELOAD, Command.RELOAD, Command.BRUTAL_RELOAD, Command.CHAIN_RELOAD),
    *(Command.RELOAD_WORKERS, Command.KILL_WORKERS, Command.PAUSE, Command.STATS),
)

# What may go wrong beyond apps that do not load, forks that fail, workers and templates that die, workers that do not
# listen and orphans of the application's own.
HARDSHIPS = frozenset(
    {
        "die while proven",  # a worker of a generation that has never served dies
        "fails without a template",  # a generation fails while the template in front is dead
        "late words",  # a template is killed while somebody forks for it, who answers later
        "ready before announced",  # a worker's own word overtakes the word of who forked it
        "templates are slow",  # time passes between the command to fork and the fork
    }
)

Move = Callable[[], None]


@dataclass(eq=False)
class Child:
    """A process.  `parent` is the pid of the one that waits for it, 0 for the master."""

    pid: int
    generation: int
    parent: int = 0


@dataclass(eq=False)
class Template(Child):
    """Imports, then forks on command; it waits for the process `between` that forks a worker for it."""

    state: str = "loading"
    between: int = 0
    commands: deque[int | None] = field(default_factory=deque)


@dataclass(eq=False)
class Between(Child):
    """Forks worker `wid` and ends; `worker` is its pid."""

    wid: int = 0
    worker: int = 0


@dataclass(eq=False)
class Worker(Child):
    """`told` is the last signal it got, `told_at` when the first one came; one that is `deaf` ends by SIGKILL only."""

    wid: int = 0
    ready: bool = False
    deaf: bool = False
    told: int = 0
    told_at: float | None = None


class World:
    """`hardships`: names of what may go wrong besides the ordinary; `hasty`: the youngest process is the fastest."""

    def __init__(self, hardships: frozenset[str], hasty: bool) -> None:
        self.hardships = hardships
        self.hasty = hasty
        self.planner = Planner(MERCY)
        self.now = 1000.0
        self.luck = 0
        self.calm = False
        self.alive: dict[int, Child] = {}
        # Ended and not waited for: (child, exit).
        self.zombies: list[tuple[Child, Exit]] = []
        self.words: dict[int, deque[events.Event]] = {}
        self.templates: dict[int, Template] = {}
        self.served: set[int] = set()
        self.dismissed: dict[int, float] = {}
        self.recycled = False
        self.stopped_at: float | None = None
        self.left: int | None = None
        self._fresh = itertools.count(100)

    # ---- the kernel --------------------------------------------------------------------------------------------------

    def new_pid(self) -> int:
        """Never used before."""
        return next(self._fresh)

    def end(self, child: Child, exit_: Exit) -> None:
        """A process ends: its parent may wait for it, its children become the master's."""
        del self.alive[child.pid]
        parent = self.alive.get(child.parent)
        if isinstance(child, Between) and isinstance(parent, Template):
            parent.between = 0
        else:
            self.zombies.append((child, exit_))
        for orphan in (*self.alive.values(), *(zombie for zombie, _ in self.zombies)):
            if orphan.parent == child.pid:
                orphan.parent = 0

    def say(self, generation: int, word: events.Event) -> None:
        """Send a word to the master; it is lost once the master has closed the channel."""
        if generation in self.words:
            self.words[generation].append(word)

    # ---- the loop ----------------------------------------------------------------------------------------------------

    def feed(self, event: events.Event) -> None:
        """As the loop does: what an action brings at once is fed before the next action."""
        if self.left is None:
            for action in self.planner.handle(event, self.now):
                self.perform(action)

    def perform(self, action: events.Action) -> None:
        """Carry an action out, and check that it may be asked for."""
        match action:
            case events.StartTemplate():
                self.start_template(action.generation)
            case events.ForkWorker():
                assert not self.slot(action.generation, action.wid), "two processes would write one row"
                self.templates[action.generation].commands.append(action.wid)
            case events.Kill():
                self.kill(action.pid, action.signal)
            case events.Serving():
                workers = self.planner.generations[action.generation].workers.values()
                assert all(self.is_ready(worker.pid) for worker in workers), "serves before all workers are ready"
                self.served.add(action.generation)
            case events.DismissTemplate():
                self.check_may_end(action.generation)
                self.dismissed[action.generation] = self.now
                self.templates[action.generation].commands.append(None)
            case events.Forget():
                self.forget(action.generation)
            case events.WorkerGone():
                assert not self.slot(action.generation, action.wid), "a living worker is buried"
            case events.ReadSettings():
                self.read_settings()
            case events.Leave():
                assert not [child for child in self.alive.values() if child.generation], "leaves children behind"
                self.left = action.status
            case _:
                pass

    def start_template(self, generation: int) -> None:
        """The app's process begins, unless the system has none to give."""
        self.words[generation] = deque()
        if not self.calm and self.luck % 7 == 3 and self.may_fail():
            self.templates[generation] = Template(NO_PROCESS, generation)
            self.feed(events.TemplateStarted(generation, NO_PROCESS))
            self.feed(events.TemplateFailed(generation, "no process"))
            self.feed(events.ChildEnded(NO_PROCESS, Exit(1, 0)))
            return
        template = Template(self.new_pid(), generation)
        self.alive[template.pid] = self.templates[generation] = template
        self.feed(events.TemplateStarted(generation, template.pid))

    def read_settings(self) -> None:
        """Good settings for one to three workers, or none."""
        assert self.planner.proving is None, "two generations are proven at a time"
        if not self.calm and self.luck % 5 == 1 and self.may_fail():
            self.feed(events.SettingsRefused("no"))
        else:
            self.feed(events.SettingsRead(1 + self.luck % 3, 1))

    def forget(self, generation: int) -> None:
        """The channel is closed; who still holds the other end learns of it and ends."""
        template = self.templates[generation]
        assert template.pid not in self.alive, "forgets a generation whose template lives"
        del self.words[generation]
        for child in list(self.alive.values()):
            if child.generation == generation:
                assert "late words" in self.hardships, "forgets a generation whose workers live"
                self.end(child, LEFT)

    def kill(self, pid: int, number: int) -> None:
        """A signal: to an own child only, and never harder than it deserves."""
        assert pid > 0
        if pid not in self.alive:
            assert any(child.pid == pid for child, _ in self.zombies), "signals a process that is none of ours"
            return
        child = self.alive[pid]
        if isinstance(child, Worker):
            self.tell(child, number)
        else:
            assert isinstance(child, Template)
            assert number == signal.SIGKILL
            over = self.now >= self.dismissed.setdefault(child.generation, self.now) + MERCY
            assert over or child.generation not in self.served, "kills a template in front"
        if number == signal.SIGKILL:
            self.end(child, KILLED)

    def tell(self, worker: Worker, number: int) -> None:
        """A worker hears a signal."""
        if number == signal.SIGKILL:
            since = [at for at in (worker.told_at, self.dismissed.get(worker.generation)) if at is not None]
            # One that is announced when nobody waits for it any more has no mercy to get.
            late = "late words" in self.hardships and worker.told_at is None
            assert late or self.now >= min(since) + MERCY, "kills a worker before its mercy is over"
        elif not self.recycled:
            self.check_may_end(worker.generation)
        worker.told = number
        if worker.told_at is None:
            worker.told_at = self.now

    def check_may_end(self, generation: int) -> None:
        """A generation that served ends only for another one that serves, or for a stop."""
        newer = any(number > generation for number in self.served)
        assert generation not in self.served or newer or self.planner.stopping, "ends the generation in front"

    def slot(self, generation: int, wid: int) -> list[Worker]:
        """The living workers that write one row."""
        workers = [child for child in self.alive.values() if isinstance(child, Worker)]
        return [worker for worker in workers if (worker.generation, worker.wid) == (generation, wid)]

    def is_ready(self, pid: int) -> bool:
        """Whether the worker `pid` has been ready (it may have ended since)."""
        found = [*self.alive.values(), *(child for child, _ in self.zombies)]
        return any(isinstance(child, Worker) and child.ready and child.pid == pid for child in found)

    # ---- what may happen next ----------------------------------------------------------------------------------------

    def may_fail(self) -> bool:
        """Whether the next generation may fail: with no template in front that is a hardship."""
        front = self.planner.front
        ok = front is None or self.templates[front.number].pid in self.alive
        return ok or "fails without a template" in self.hardships

    def good(self) -> list[Move]:
        """What well-behaved processes and the master do by themselves."""
        found: list[Move] = [partial(self.hear, number) for number in self.words if self.words[number]]
        if any(not child.parent for child, _ in self.zombies):
            found.append(self.reap)
        for child in self.alive.values():
            if isinstance(child, Template):
                found += self.template_moves(child)
            elif isinstance(child, Between):
                found.append(partial(self.fork, child))
            elif isinstance(child, Worker):
                found += self.worker_moves(child)
            else:
                found.append(partial(self.end, child, LEFT))
        return found

    def hear(self, generation: int) -> None:
        """The master reads one word."""
        self.feed(self.words[generation].popleft())

    def reap(self) -> None:
        """The master waits for a dead child; first it hears what the dead and the living have said."""
        own = [zombie for zombie in self.zombies if not zombie[0].parent]
        child, exit_ = own[self.luck % len(own)]
        for generation in list(self.words):
            while self.words.get(generation):
                self.hear(generation)
        self.zombies.remove((child, exit_))
        self.feed(events.ChildEnded(child.pid, exit_))

    def template_moves(self, template: Template) -> list[Move]:
        """It says that it has loaded, forks, or leaves."""

        def load() -> None:
            template.state = "listening"
            self.say(template.generation, events.TemplateLoaded(template.generation))

        def obey() -> None:
            wid = template.commands.popleft()
            if wid is None:
                self.end(template, LEFT)
                return
            between = Between(self.new_pid(), template.generation, template.pid, wid)
            self.alive[between.pid] = between
            template.between = between.pid

        match template.state:
            case "loading":
                return [load]
            case "failed":
                return [partial(self.end, template, NO_APP)]
            case _:
                return [obey] if template.commands and not template.between else []

    def fork(self, between: Between) -> None:
        """First the fork, then the word of it."""
        if not between.worker:
            worker = Worker(self.new_pid(), between.generation, between.pid, between.wid)
            worker.deaf = not self.calm and self.luck % 3 == 0
            self.alive[worker.pid] = worker
            between.worker = worker.pid
        else:
            self.say(between.generation, events.WorkerForked(between.generation, between.wid, between.worker))
            self.end(between, LEFT)

    def worker_moves(self, worker: Worker) -> list[Move]:
        """It becomes ready, and ends when it was told to."""

        def ready() -> None:
            worker.ready = True
            self.say(worker.generation, events.WorkerReady(worker.generation, worker.wid, worker.pid))

        found: list[Move] = []
        if not worker.ready and (not worker.parent or "ready before announced" in self.hardships):
            found.append(ready)
        if worker.told and not worker.deaf:
            found.append(partial(self.end, worker, Exit(17 if worker.told == signal.SIGHUP else 30, 0)))
        return found

    def bad(self) -> list[Move]:
        """What goes wrong, and what people do."""
        found: list[Move] = [self.command, self.wait, self.orphan]
        for child in list(self.alive.values()):
            match child:
                case Template(state="loading") if child.generation not in self.served and self.may_fail():
                    found.append(partial(self.fail, child))
                case Between(worker=0):
                    found.append(partial(self.fail_to_fork, child))
                case Worker() if child.told or child.generation in self.served or "die while proven" in self.hardships:
                    found.append(partial(self.end, child, CRASHED))
            if isinstance(child, Template) and self.template_may_die(child):
                found.append(partial(self.end, child, KILLED))
        return found

    def template_may_die(self, template: Template) -> bool:
        """Whatever else it does; some of it is a hardship."""
        if template.between and "late words" not in self.hardships:
            return False
        if template.generation in self.served:
            return self.planner.proving is None or "fails without a template" in self.hardships
        return self.may_fail()

    def fail(self, template: Template) -> None:
        """The app cannot be loaded."""
        template.state = "failed"
        self.say(template.generation, events.TemplateFailed(template.generation, "no such module"))

    def fail_to_fork(self, between: Between) -> None:
        """The system gives no process for a worker."""
        self.say(between.generation, events.WorkerNotForked(between.generation, between.wid, "no process"))
        self.end(between, Exit(1, 0))

    def command(self) -> None:
        """Somebody writes to the FIFO."""
        command = COMMANDS[self.luck % len(COMMANDS)]
        if command in {Command.RELOAD_WORKERS, Command.KILL_WORKERS, Command.CHAIN_RELOAD}:
            self.recycled = True
        self.feed(events.Asked(command))

    def orphan(self) -> None:
        """The application starts a program of its own and abandons it to the master."""
        child = Child(self.new_pid(), 0)
        self.alive[child.pid] = child

    def wait(self) -> None:
        """Time passes; a template that is busy answers soon, if it is not a hardship that it does not."""
        busy = any(
            template.between or template.commands for template in self.templates.values() if template.pid in self.alive
        )
        if not busy or "templates are slow" in self.hardships:
            self.now += (0.001, 0.3, 1.0, 6.0, MERCY, 61.0)[self.luck % 6]
        self.tick()

    def tick(self) -> None:
        """The loop's round is over: whatever is due is done, so that it may sleep if there is nothing to hear."""
        self.feed(events.Tick())
        coming = self.planner.next_time()
        if self.left is None and not self.zombies and not any(self.words.values()):
            assert coming is None or coming > self.now, "the loop would spin"

    # ---- the story ---------------------------------------------------------------------------------------------------

    def live(self, script: list[int]) -> None:
        """Let things happen as the script says."""
        for number in script:
            if self.left is None:
                moves = self.good() * 2 + self.bad()
                self.luck = number // len(moves)
                moves[number % len(moves)]()

    def settle(self) -> None:
        """Let everybody behave until nothing is left to happen."""
        self.calm, self.luck = True, 1
        for _ in range(3000):
            if self.left is not None:
                return
            moves = self.good()
            if moves:
                moves[-1 if self.hasty else 0]()
                continue
            self.tick()
            coming = self.planner.next_time()
            if coming is not None and not self.good():
                self.now = coming
                self.tick()
            elif not self.good():
                return
        raise AssertionError("it never comes to rest")

    def check_rest(self) -> None:
        """The generation in front has all its workers, and nothing else runs; or the first start failed."""
        kin = {pid for pid, child in self.alive.items() if child.generation}
        if self.left is not None:
            assert self.left != 0, "a failed start looks like success"
            assert not self.served, "leaves without having been told"
            return
        front = self.planner.front
        assert front is not None
        assert self.planner.proving is None
        assert list(self.planner.generations) == [front.number]
        assert all(worker.phase is WorkerPhase.READY for worker in front.workers.values())
        assert kin == {front.template, *(worker.pid for worker in front.workers.values())}

    def stop(self, command: Command, script: list[int]) -> None:
        """A stop; then the script goes on, and in the end everything is gone within the mercy time."""
        before = self.left
        self.feed(events.Asked(command))
        at = self.now
        self.live(script)
        last = max(self.now, at + MERCY)
        self.settle()
        assert self.left is not None, "never leaves"
        if before is None:
            assert self.now <= last, "leaves too late"
            assert self.left == 0 or not self.served, "a stopped server looks like a failed one"


@dataclass(frozen=True)
class Story:
    """A world from its first start (which succeeds if `quiet`) to its rest, or to its stop."""

    quiet: bool
    hasty: bool
    before: list[int]
    stop: Command | None
    after: list[int]

    def tell(self, hardships: frozenset[str]) -> None:
        """Let it happen; AssertionError and the like if a rule is broken."""
        world = World(hardships, self.hasty)
        world.calm, world.luck = True, 1
        world.feed(events.Start(2, 1))
        if self.quiet:
            world.settle()
            world.check_rest()
            assert world.served == {1}, "a quiet start does not serve"
        world.calm = False
        world.live(self.before)
        if self.stop is None:
            world.settle()
            world.check_rest()
        else:
            world.stop(self.stop, self.after)


STORIES = st.builds(
    Story,
    quiet=st.booleans(),
    hasty=st.booleans(),
    before=st.lists(st.integers(0, 9999), min_size=40, max_size=90),
    stop=st.sampled_from([None, None, Command.STOP, Command.KILL]),
    after=st.lists(st.integers(0, 9999), max_size=30),
)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(STORIES)
def test_world(story: Story) -> None:
    """Whatever happens in whatever order: no rule is broken, and in the end all workers serve or all are gone."""
    story.tell(frozenset())


@settings(max_examples=200, deadline=None, derandomize=True, phases=[Phase.generate])
@given(STORIES)
def test_hard_world(story: Story) -> None:
    """The same where everything that can go wrong may go wrong together."""
    story.tell(HARDSHIPS)
