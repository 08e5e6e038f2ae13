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

from uncork.control.commands import BY_COMMAND, Command, Outcome
from uncork.master import events
from uncork.master.plan import LAST_WORDS, Planner
from uncork.master.slots import SLOTS_EACH
from uncork.master.states import WorkerPhase
from uncork.supervise.exits import Exit

MERCY = 10.0
BOOT = 4.0
NO_PROCESS = -1
CRASHED, LEFT, NO_APP, KILLED = Exit(0, 11), Exit(0, 0), Exit(22, 0), Exit(0, 9)
ROLLING = (Command.CHAIN_RELOAD, Command.RELOAD_WORKERS, Command.KILL_WORKERS)
# Every command there is; those that replace something come more often.  Stops have their own place in a story.
ALL_WORKERS = {Command.RELOAD_WORKERS, Command.KILL_WORKERS}
COMMANDS = (
    *(command for command in Command if command not in {Command.STOP, Command.KILL}),
    *(Command.RELOAD, Command.RELOAD, *ROLLING, *ROLLING),
)
# What people keep writing to the FIFO: a bit of everything, or one kind only.
HABITS = (COMMANDS, ROLLING, (Command.KILL_WORKERS,), (Command.RELOAD, Command.CHAIN_RELOAD))

# What may go wrong beyond apps that do not load or hang, forks that fail, workers and templates that die or are never
# ready, workers that do not listen and orphans of the application's own.
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
    """Imports, then forks on command; it waits for the process `between` that forks a worker for it.

    `asked_at` is when it was asked where its import hangs.
    """

    state: str = "loading"
    between: int = 0
    asked_at: float | None = None
    commands: deque[events.ForkWorker | None] = field(default_factory=deque)


@dataclass(eq=False)
class Between(Child):
    """Forks the worker of `order` and ends; `worker` is its pid."""

    order: events.ForkWorker = field(default_factory=lambda: events.ForkWorker(0, 0, 0))
    worker: int = 0


@dataclass(eq=False)
class Worker(Child):
    """The process in `slot`.  `told` is the last signal it got, `told_at` when the first one came.

    `heard` is whether the master knows that it is ready.  One that is `deaf` ends by SIGKILL only; a `stuck` one is
    never ready, and deaf.
    """

    slot: int = 0
    wid: int = 0
    ready: bool = False
    heard: bool = False
    deaf: bool = False
    stuck: bool = False
    stopped: bool = False
    told: int = 0
    told_at: float | None = None


class World:
    """`hardships`: names of what may go wrong besides the ordinary; `hasty`: the youngest process is the fastest.

    `limit` is how many workers there may be, `habit` what people ask for.
    """

    def __init__(self, hardships: frozenset[str], hasty: bool, limit: int, habit: tuple[Command, ...]) -> None:
        self.hardships = hardships
        self.hasty = hasty
        self.limit = limit
        self.habit = habit
        self.planner = Planner()
        self.now = 1000.0
        self.luck = 0
        self.calm = False
        self.alive: dict[int, Child] = {}
        # Ended and not waited for: (child, exit).
        self.zombies: list[tuple[Child, Exit]] = []
        self.words: dict[int, deque[events.Event]] = {}
        self.templates: dict[int, Template] = {}
        self.wants: dict[int, events.Wants] = {}
        self.begun: dict[int, float] = {}
        self.served: set[int] = set()
        self.dismissed: dict[int, float] = {}
        # When the template was last told to fork for a slot.
        self.ordered: dict[tuple[int, int], float] = {}
        # What waits to be handled, and what is handled just now.
        self.coming: deque[events.Event] = deque()
        self.event: events.Event = events.Tick()
        # Who waits for the outcome of what.
        self.waiting: set[Outcome] = set()
        self.reloads = 0
        self.newcomers = True
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
        """As the loop does: what an action brings waits for the actions behind it."""
        self.coming.append(event)
        if len(self.coming) > 1:
            return
        while self.coming and self.left is None:
            self.event = self.coming[0]
            actions = self.planner.handle(self.event, self.now)
            if isinstance(self.event, events.WorkerReady):
                self.note_ready(self.event)
            for action in actions:
                self.perform(action)
            self.coming.popleft()
        self.coming.clear()

    def note_ready(self, event: events.WorkerReady) -> None:
        """From now on the master counts on this worker, unless it was told to end before."""
        worker, generation = self.alive.get(event.pid), self.planner.generations.get(event.generation)
        known = None if generation is None else generation.workers.get(event.slot)
        if isinstance(worker, Worker) and known is not None and known.pid == event.pid and known.serving:
            worker.heard = True

    def perform(self, action: events.Action) -> None:  # noqa: C901 - one line for each kind of action
        """Carry an action out, and check that it may be asked for."""
        match action:
            case events.StartTemplate():
                assert action.slots == SLOTS_EACH * self.limit, "not two slots for each worker"
                self.start_template(action.generation)
            case events.ForkWorker():
                self.fork_worker(action)
            case events.Kill():
                self.kill(action.pid, action.signal)
            case events.Serving():
                self.serve(action.generation)
            case events.DismissTemplate():
                self.check_may_end(action.generation)
                self.dismissed[action.generation] = self.now
                self.templates[action.generation].commands.append(None)
            case events.Forget():
                self.forget(action.generation)
            case events.WorkerGone():
                assert not self.slot(action.generation, action.slot), "a living worker is buried"
            case events.StopNewcomers():
                self.newcomers = False
            case events.ReadSettings():
                self.read_settings()
            case events.ReloadEnded():
                self.reloads -= 1
                assert self.reloads >= 0, "a reload ends that was not begun"
            case events.CommandEnded():
                self.answer(action)
            case events.Leave():
                assert not [child for child in self.alive.values() if child.generation], "leaves children behind"
                self.left = action.status
            case _:
                pass

    def start_template(self, generation: int) -> None:
        """The app's process begins, unless the system has none to give."""
        self.words[generation] = deque()
        self.begun[generation] = self.now
        if not self.calm and self.luck % 7 == 3 and self.may_fail():
            self.templates[generation] = Template(NO_PROCESS, generation)
            self.feed(events.TemplateStarted(generation, NO_PROCESS))
            self.feed(events.TemplateFailed(generation, "no process"))
            self.feed(events.ChildEnded(NO_PROCESS, Exit(1, 0)))
            return
        template = Template(self.new_pid(), generation)
        self.alive[template.pid] = self.templates[generation] = template
        self.feed(events.TemplateStarted(generation, template.pid))

    def fork_worker(self, order: events.ForkWorker) -> None:
        """The template is told, unless its queue is full or nobody is left to read it."""
        slot = (order.generation, order.slot)
        assert 1 <= order.slot <= SLOTS_EACH * self.limit, "no such slot"
        assert not self.slot(*slot), "two processes would write one slot"
        assert not self.on_their_way(*slot), "two processes were asked for one slot"
        probe = self.wants[order.generation].probe and order.generation not in self.served
        assert order.probe == probe, "probes what is proven, or does not prove what is not"
        template = self.templates[order.generation]
        kin = any(child.generation == order.generation for child in self.alive.values())
        if not kin or (not self.calm and self.luck % 11 == 2):
            self.feed(events.WorkerNotAsked(*slot))
            return
        self.ordered[slot] = self.now
        if template.pid in self.alive:
            template.commands.append(order)

    def serve(self, generation: int) -> None:
        """A generation is in front: it has all its workers, and all are ready."""
        workers = list(self.planner.generations[generation].staying())
        assert len(workers) == self.wants[generation].workers, "serves with other workers than were wanted"
        assert all(self.is_ready(worker.pid) for worker in workers), "serves before all workers are ready"
        self.served.add(generation)

    def read_settings(self) -> None:
        """Good settings for some workers, or none."""
        assert self.planner.proving is None, "two generations are proven at a time"
        self.reloads += 1
        assert self.reloads == 1, "two reloads at a time"
        luck = self.luck
        if not self.calm and luck % 5 == 1 and self.may_fail():
            self.feed(events.SettingsRefused("no"))
        else:
            self.begin(events.SettingsRead(self.wanted(1 + luck % self.limit, luck // 3)))

    def wanted(self, workers: int, luck: int) -> events.Wants:
        """With or without a boot-timeout and a probe."""
        return events.Wants(workers, self.limit, 1, BOOT if luck % 2 else None, bool(luck // 2 % 2), MERCY)

    def begin(self, event: events.Start | events.SettingsRead) -> None:
        """A generation with these wants is to be proven."""
        self.wants[max(self.wants, default=0) + 1] = event.wants
        self.feed(event)

    def forget(self, generation: int) -> None:
        """The channel is closed; who still holds the other end learns of it and ends."""
        template = self.templates[generation]
        assert template.pid not in self.alive, "forgets a generation whose template lives"
        del self.words[generation]
        for child in list(self.alive.values()):
            if child.generation == generation:
                assert "late words" in self.hardships, "forgets a generation whose workers live"
                self.end(child, LEFT)

    def answer(self, action: events.CommandEnded) -> None:
        """Whoever waits for such an outcome is answered, as by the control socket."""
        outcome = BY_COMMAND[action.command].outcome
        assert outcome in self.waiting, "a command ends that nobody waits for"
        self.waiting.remove(outcome)

    # ---- signals -----------------------------------------------------------------------------------------------------

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
            self.tell_template(child, number)
        if number == signal.SIGKILL:
            self.end(child, KILLED)

    def tell_template(self, template: Template, number: int) -> None:
        """A template is asked where it hangs, and killed only after that, for a stop, or when its mercy is over."""
        number_of = template.generation
        boot = self.wants[number_of].boot
        if number == signal.SIGUSR2:
            assert boot is not None, "asks without a boot-timeout"
            assert self.now >= self.begun[number_of] + boot, "asks before the boot-timeout is over"
            assert template.asked_at is None, "asks twice"
            template.asked_at = self.now
            return
        assert number == signal.SIGKILL
        if self.now >= self.dismissed.setdefault(number_of, self.now) + MERCY:
            return
        assert number_of not in self.served, "kills a template in front"
        asked = template.asked_at is not None and self.now >= template.asked_at + LAST_WORDS
        assert asked or self.planner.stopping, "kills a template that could still load"

    def tell(self, worker: Worker, number: int) -> None:
        """A worker hears a signal."""
        if number == signal.SIGKILL:
            assert self.may_be_killed(worker), "kills a worker before its mercy is over"
        else:
            closed = self.event != events.Asked(Command.STOP) or not self.newcomers
            assert closed or worker.told or number != signal.SIGHUP, "a worker leaves before the queues are closed"
            self.check_may_end(worker.generation)
            assert worker.told or self.may_be_told(worker), "ends a worker that nobody replaces"
        worker.told = number
        if worker.told_at is None:
            worker.told_at = self.now

    def may_be_killed(self, worker: Worker) -> bool:
        """Whether its mercy or its boot-timeout is over, or it has no place in any slot."""
        since = [at for at in (worker.told_at, self.dismissed.get(worker.generation)) if at is not None]
        if any(self.now >= at + MERCY for at in since):
            return True
        ordered = self.ordered[worker.generation, worker.slot]
        boot = self.wants[worker.generation].boot
        if not worker.heard and worker.told and self.now >= ordered + MERCY:
            return True  # it was told to end before it was announced
        if not worker.heard and boot is not None and self.now >= ordered + boot:
            return True
        # One that is announced when nobody waits for it any more has no mercy to get.
        generation = self.planner.generations.get(worker.generation)
        known = None if generation is None else generation.workers.get(worker.slot)
        return "late words" in self.hardships and (known is None or known.pid != worker.pid)

    def may_be_told(self, worker: Worker) -> bool:
        """Whether a worker of the generation in front may be told to end: nobody is served by fewer workers for it."""
        front = self.planner.front
        if front is None or worker.generation != front.number or self.planner.stopping or not worker.heard:
            return True
        if self.event == events.Asked(Command.KILL_WORKERS):
            return True
        # One that has just died is as good: nobody can know yet.
        others = [other for other in front.named(worker.wid) if other.phase is WorkerPhase.READY]
        return any(self.is_ready(other.pid) for other in others) or worker.wid > front.wanted

    def check_may_end(self, generation: int) -> None:
        """A generation that served ends only for another one that serves, or for a stop."""
        if self.planner.front is None or self.planner.front.number != generation:
            newer = any(number > generation for number in self.served)
            assert generation not in self.served or newer or self.planner.stopping, "ends the generation in front"

    # ---- who is there ------------------------------------------------------------------------------------------------

    def workers(self) -> list[Worker]:
        """All that live."""
        return [child for child in self.alive.values() if isinstance(child, Worker)]

    def slot(self, generation: int, slot: int) -> list[Worker]:
        """The living workers that write one slot."""
        return [worker for worker in self.workers() if (worker.generation, worker.slot) == (generation, slot)]

    def on_their_way(self, generation: int, slot: int) -> list[events.ForkWorker]:
        """Orders for a slot that a living template, or who forks for it, has still to carry out."""
        template = self.templates[generation]
        orders = [order for order in template.commands if order is not None] if template.pid in self.alive else []
        orders += [child.order for child in self.alive.values() if isinstance(child, Between) and not child.worker]
        return [order for order in orders if (order.generation, order.slot) == (generation, slot)]

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
            order = template.commands.popleft()
            if order is None:
                self.end(template, LEFT)
                return
            between = Between(self.new_pid(), template.generation, template.pid, order)
            self.alive[between.pid] = between
            template.between = between.pid

        match template.state:
            case "loading":
                return [load]
            case "failed":
                return [partial(self.end, template, NO_APP)]
            case "hanging":
                return []
            case _:
                return [obey] if template.commands and not template.between else []

    def fork(self, between: Between) -> None:
        """First the fork, then the word of it."""
        order = between.order
        if not between.worker:
            assert not self.slot(order.generation, order.slot), "two processes write one slot"
            worker = Worker(self.new_pid(), between.generation, between.pid, order.slot, order.wid)
            worker.stuck = not self.calm and self.luck % 4 == 1 and self.wants[order.generation].boot is not None
            worker.deaf = worker.stuck or (not self.calm and self.luck % 3 == 0)
            self.alive[worker.pid] = worker
            between.worker = worker.pid
        else:
            self.say(between.generation, events.WorkerForked(order.generation, order.slot, between.worker))
            self.end(between, LEFT)

    def worker_moves(self, worker: Worker) -> list[Move]:
        """It becomes ready, and when it was told to it takes nobody new, and ends."""

        def ready() -> None:
            worker.ready = True
            self.say(worker.generation, events.WorkerReady(worker.generation, worker.slot, worker.pid))

        def stop() -> None:
            worker.stopped = True
            self.say(worker.generation, events.WorkerStopped(worker.generation, worker.slot, worker.pid))

        found: list[Move] = []
        if worker.told == signal.SIGHUP and not worker.deaf and not worker.stopped:
            found.append(stop)
        if not worker.ready and not worker.stuck and (not worker.parent or "ready before announced" in self.hardships):
            found.append(ready)
        if worker.told and not worker.deaf:
            found.append(partial(self.end, worker, Exit(17 if worker.told == signal.SIGHUP else 30, 0)))
        return found

    def bad(self) -> list[Move]:
        """What goes wrong, and what people do."""
        found: list[Move] = [self.command, self.command, self.command, self.wait, self.orphan, self.want]
        for child in list(self.alive.values()):
            match child:
                case Template(state="loading") if child.generation not in self.served and self.may_fail():
                    found.append(partial(self.fail, child))
                case Between(worker=0):
                    found.append(partial(self.fail_to_fork, child))
                case Worker():
                    found += self.worker_mishaps(child)
            if isinstance(child, Template) and self.template_may_die(child):
                found.append(partial(self.end, child, KILLED))
        return found

    def worker_mishaps(self, worker: Worker) -> list[Move]:
        """It dies, cannot get ready, or has done enough."""

        def fail() -> None:
            self.say(worker.generation, events.WorkerFailed(worker.generation, worker.slot, worker.pid, "no such page"))
            self.end(worker, NO_APP)

        def spend() -> None:
            self.say(worker.generation, events.WorkerSpent(worker.generation, worker.slot, worker.pid, "enough"))

        found: list[Move] = []
        if worker.told or worker.generation in self.served or "die while proven" in self.hardships:
            found.append(partial(self.end, worker, CRASHED) if worker.ready or self.luck % 2 else fail)
        if worker.ready:
            found.append(spend)
        return found

    def template_may_die(self, template: Template) -> bool:
        """Whatever else it does; some of it is a hardship."""
        if template.between and "late words" not in self.hardships:
            return False
        if template.generation in self.served:
            return self.planner.proving is None or "fails without a template" in self.hardships
        return self.may_fail()

    def fail(self, template: Template) -> None:
        """The app cannot be loaded, or its import hangs where that has an end."""
        if self.luck % 2 and self.wants[template.generation].boot is not None:
            template.state = "hanging"
            return
        template.state = "failed"
        self.say(template.generation, events.TemplateFailed(template.generation, "no such module"))

    def fail_to_fork(self, between: Between) -> None:
        """The system gives no process for a worker."""
        order = between.order
        self.say(between.generation, events.WorkerNotForked(order.generation, order.slot, "no process"))
        self.end(between, Exit(1, 0))

    def command(self) -> None:
        """Somebody writes to the FIFO."""
        self.ask(self.habit[self.luck % len(self.habit)])

    def ask(self, command: Command) -> None:
        """Somebody asks, and waits for the outcome."""
        if command in ROLLING:
            self.waiting.add(BY_COMMAND[command].outcome)
        self.feed(events.Asked(command))

    def want(self) -> None:
        """More or fewer workers are wanted, or none."""
        self.feed(events.Wanted(self.luck % (self.limit + 1)))

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
            self.now += (0.001, 0.1, 0.3, 1.0, BOOT, 6.0, MERCY, 61.0)[self.luck % 8]
        self.tick()

    def tick(self) -> None:
        """The loop's round is over: whatever is due is done, so that it may sleep if there is nothing to hear."""
        # What the first round ends may make room for something that the second one begins.
        for _ in range(2):
            self.feed(events.Tick())
        coming = self.planner.next_time()
        if self.left is None and not self.zombies and not any(self.words.values()):
            assert coming is None or coming > self.now, "the loop would spin"

    # ---- the story ---------------------------------------------------------------------------------------------------

    def live(self, script: list[int]) -> None:
        """Let things happen as the script says."""
        for number in script:
            if self.left is None:
                moves = self.good() * 4 + self.bad()
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
                assert coming > self.now, "the loop would spin"
                self.now = coming
                self.tick()
            elif not self.good():
                return
        raise AssertionError("it never comes to rest")

    def check_rest(self) -> None:
        """The generation in front has the workers it wants, and nothing else runs; or the first start failed."""
        kin = {pid for pid, child in self.alive.items() if child.generation}
        if self.left is not None:
            assert self.left != 0, "a failed start looks like success"
            assert not self.served, "leaves without having been told"
            return
        front = self.planner.front
        assert front is not None
        assert self.planner.proving is None
        assert list(self.planner.generations) == [front.number]
        workers = {worker.pid: worker for worker in front.workers.values()}
        assert sorted(worker.wid for worker in workers.values()) == list(range(1, front.wanted + 1))
        assert all(worker.phase is WorkerPhase.READY for worker in workers.values())
        assert kin == {front.template, *workers}
        for worker in self.workers():
            assert worker.heard
            assert not worker.told, "lives on although it was told to end"
            assert (worker.slot, worker.wid) == (workers[worker.pid].slot, workers[worker.pid].wid)
        assert not self.waiting, "somebody waits for ever"
        assert not self.reloads, "a reload never ends"

    def stop(self, command: Command, script: list[int]) -> None:
        """A stop; then the script goes on, and in the end everything is gone within the mercy time."""
        before, stopping = self.left, self.planner.stopping
        self.feed(events.Asked(command))
        assert self.left is not None or not self.waiting, "somebody waits for a command that a stop has ended"
        at = self.now
        self.live(script)
        last = max(self.now, at + MERCY)
        self.settle()
        assert self.left is not None, "never leaves"
        if before is None:
            assert self.now <= last, "leaves too late"
            assert self.left == 0 or not self.served, "a stopped server looks like a failed one"
            graceful = stopping is None and command is Command.STOP
            assert self.newcomers is not graceful, "lets people in that nobody will serve, or the reverse"


@dataclass(frozen=True)
class Story:
    """A world from its first start (which succeeds if `quiet`) to its rest, or to its stop."""

    quiet: bool
    hasty: bool
    limit: int
    habit: tuple[Command, ...]
    start: int
    before: list[int]
    stop: Command | None
    after: list[int]

    def tell(self, hardships: frozenset[str]) -> None:
        """Let it happen; AssertionError and the like if a rule is broken."""
        world = World(hardships, self.hasty, self.limit, self.habit)
        world.calm, world.luck = True, 1
        world.begin(events.Start(world.wanted(min(2, self.limit), self.start)))
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
    limit=st.integers(1, 3),
    habit=st.sampled_from(HABITS),
    start=st.integers(0, 3),
    before=st.lists(st.integers(0, 9999), min_size=60, max_size=140),
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
