"""Decide what the master does next: generations, reloads, commands.

Runs in: master.  Pure: no clock, no system call, no log; `loop` performs the actions.  `crew` decides about the workers
of a generation, by the same rules.

Rules for these files
  1. `now` is monotonic seconds and always comes from the caller.
  2. An action is data.  What needs a system call becomes an action.
  3. Every change of a phase is a `move` of `slots`; the legal moves are in `states`.
  4. A generation in front is drained only after the next one has all its workers ready ("prove, then swap").
  5. A worker that can still serve is ended only when its replacement is ready, or when somebody asked for just that.
"""

import signal
from collections.abc import Iterator

from uncork.control.commands import Command
from uncork.master.crew import Crew, forget_if_empty
from uncork.master.events import (
    Action,
    Asked,
    ChildEnded,
    CommandEnded,
    DismissTemplate,
    Event,
    Forget,
    Kill,
    Leave,
    OfWorker,
    Perform,
    ReadSettings,
    ReloadEnded,
    Say,
    Serving,
    SetPaused,
    SettingsRead,
    SettingsRefused,
    Start,
    StartTemplate,
    StopNewcomers,
    TemplateFailed,
    TemplateLoaded,
    TemplateStarted,
    Tick,
    Wanted,
    Wants,
    WorkerFailed,
    WorkerForked,
    WorkerNotAsked,
    WorkerNotForked,
    WorkerReady,
    WorkerSpent,
    WorkerStopped,
)
from uncork.master.rolling import Rolling
from uncork.master.slots import SLOTS_EACH, Generation, Worker
from uncork.master.states import GenerationPhase, WorkerPhase
from uncork.master.wants import DEFAULT_BOOT
from uncork.supervise.backoff import delay
from uncork.supervise.exits import Exit, ExitCode

_ALL_WORKERS = frozenset({Command.RELOAD_WORKERS, Command.KILL_WORKERS})

# Seconds between the beginnings of two reloads: a storm of them becomes a few.
RELOAD_INTERVAL = 1.0
# Seconds that old workers are given to say that they take nobody new, before a reload counts as ended: one that is in
# the middle of a long call into C cannot.
OLD_WORKERS = 1.0
# Seconds that a template gets to write where it hangs, before it is killed.
LAST_WORDS = 0.3


class Planner:
    """The state of the server's processes."""

    def __init__(self) -> None:
        self.crew = Crew()
        self.generations: dict[int, Generation] = {}
        self.front: Generation | None = None
        self.proving: Generation | None = None
        self.paused = False
        self.stopping: Command | None = None
        self._numbers = 0
        self._status = int(ExitCode.OK)
        # A reload that was asked for; all that are asked for until it can begin become one.
        self._reload: Command | None = None
        self._reload_from = 0.0
        self._brutal = False
        # A generation that still takes requests after the next one went in front, and how long that is waited for.
        self._old: Generation | None = None
        self._old_until = 0.0
        # A replacement of workers that somebody asked for.
        self._rolling: Rolling | None = None
        # When to load the app anew after the template in front died and its successor could not be proven.
        self._retry_at: float | None = None
        self._retries = 0

    def handle(self, event: Event, now: float) -> list[Action]:
        """What to do because of `event`."""
        actions = list(self._dispatch(event, now))
        actions += self._settle(now)
        actions += self._due(now)
        actions += self._replace(now)
        for action in actions:
            if isinstance(action, Forget):
                self._forget(action.generation)
        if not any(worker.awaited for each in self.generations.values() for worker in each.workers.values()):
            # Pids come again: the end of some orphan of the application's must not count for a later worker.
            self.crew.unclaimed.clear()
        return [*actions, *self._leave()]

    def _dispatch(self, event: Event, now: float) -> Iterator[Action]:  # noqa: C901 - one line for each kind of event
        crew = self.crew
        match event:
            case Start() | SettingsRead():
                return self._prove(event.wants, now)
            case Asked():
                return self._asked(event, now)
            case SettingsRefused():
                return self._reload_failed(event.reason, now)
            case TemplateStarted() | TemplateLoaded() | TemplateFailed():
                return self._template_said(event, now)
            case WorkerForked():
                return crew.forked(*self._named(event), event, now)
            case WorkerNotForked():
                return crew.not_forked(*self._named(event), event, now)
            case WorkerNotAsked():
                return crew.not_asked(*self._named(event), now)
            case WorkerFailed():
                return crew.failed(self._named(event)[1], event)
            case WorkerReady():
                return crew.ready(*self._named(event), event, now)
            case WorkerSpent():
                return self._spent(event)
            case WorkerStopped():
                return self._stopped(event)
            case Wanted():
                return self._wanted(event)
            case ChildEnded():
                return self._child_ended(event, now)
            case Tick():
                return iter(())

    def _named(self, event: OfWorker) -> tuple[Generation | None, Worker | None]:
        """The generation and the worker that an event is about, as far as they still exist."""
        generation = self.generations.get(event.generation)
        return generation, None if generation is None else generation.workers.get(event.slot)

    def next_time(self) -> float | None:
        """When `handle(Tick())` has something to do, None for never."""
        times = []
        if self._may_reload():
            times += [] if self._retry_at is None else [self._retry_at]
            times += [] if self._reload is None else [self._reload_from]
        if self._old is not None:
            times.append(self._old_until)
        for generation in self.generations.values():
            if generation.deadline is not None and generation.template:
                times.append(generation.deadline)
            times += self.crew.next_times(generation)
        return min(times, default=None)

    # ---- generations -------------------------------------------------------------------------------------------------

    def _prove(self, wants: Wants, now: float) -> Iterator[Action]:
        """Begin a new generation; the one in front goes on serving."""
        self._numbers += 1
        self._retry_at = None
        if self.front is None:
            self.crew.mercy = wants.mercy
        slots = SLOTS_EACH * wants.limit
        generation = Generation(
            self._numbers, wants.cores, wants.workers, slots, {}, wants.probe, wants.boot, wants.mercy
        )
        generation.deadline = None if wants.boot is None else now + wants.boot
        self.generations[generation.number] = self.proving = generation
        yield from self.crew.staff(generation, now)
        yield StartTemplate(generation.number, slots)

    def _template_said(self, event: TemplateStarted | TemplateLoaded | TemplateFailed, now: float) -> Iterator[Action]:
        generation = self.generations.get(event.generation)
        if generation is not None:
            if isinstance(event, TemplateStarted):
                generation.template = event.pid
            elif isinstance(event, TemplateFailed):
                generation.reason = event.reason
            elif generation.phase is GenerationPhase.LOADING:
                generation.move(GenerationPhase.FORKING)
                for worker in generation.workers.values():
                    worker.due = now
        yield from ()

    def _settle(self, now: float) -> Iterator[Action]:
        """What is being proven is proven, or has failed, or is still on its way."""
        old = self._old
        if old is not None and (
            now >= self._old_until or all(worker.stopped or not worker.pid for worker in old.workers.values())
        ):
            # Told last: whoever waits for it shall meet the new code.
            self._old = None
            yield ReloadEnded("")
        generation = self.proving
        if generation is None:
            return
        if generation.failure:
            if self.front is None:
                self._status = generation.status or ExitCode.FAILED
            yield from self._abort(generation, generation.failure, now)
        elif generation.phase is GenerationPhase.FORKING and generation.complete:
            yield from self._swap(generation, now)

    def _swap(self, generation: Generation, now: float) -> Iterator[Action]:
        """`generation` is proven: it goes in front, the one before it drains."""
        old, self.front, self.proving = self.front, generation, None
        yield from self._end_rolling("a reload replaced all workers")
        self._retries = 0
        generation.move(GenerationPhase.SERVING)
        generation.deadline = None
        self.crew.mercy = generation.mercy
        if generation.boot is None:
            # From now on there is something that serves instead.
            generation.boot = DEFAULT_BOOT
        yield Serving(generation.number)
        if old is not None:
            yield from self._drain(old, signal.SIGINT if self._brutal else signal.SIGHUP, now)
            self._old, self._old_until = old, now + OLD_WORKERS
        self._brutal = False

    def _drain(self, generation: Generation, number: signal.Signals, now: float) -> Iterator[Action]:
        """End every worker of `generation` by signal `number`, and its template."""
        if generation.phase is not GenerationPhase.DRAINING:
            loading = generation.phase is GenerationPhase.LOADING
            generation.move(GenerationPhase.DRAINING)
            generation.deadline = now + self.crew.mercy
            if generation.template and not loading:
                yield DismissTemplate(generation.number)
            elif generation.template > 0:
                # It does not listen, and user code may never give it back.
                yield Kill(generation.template, signal.SIGKILL)
        for worker in list(generation.workers.values()):
            if worker.phase is WorkerPhase.DUE:
                del generation.workers[worker.slot]
            else:
                yield from self.crew.end(worker, number, now)
        yield from forget_if_empty(generation)

    def _abort(self, generation: Generation, reason: str, now: float) -> Iterator[Action]:
        """`generation` cannot be proven: give it up; without one in front the server gives up, too."""
        self.proving = None
        if self.front is None:
            self.stopping = self.stopping or Command.KILL
        else:
            yield from self._reload_failed(reason, now)
        yield from self._drain(generation, signal.SIGINT, now)

    def _reload_failed(self, reason: str, now: float) -> Iterator[Action]:
        """The generation in front stays there; if it lost its template, another try comes by itself."""
        self._brutal = False
        yield ReloadEnded(reason)
        yield Say(f"reload failed: {reason}; the workers of before go on serving")
        if self.front is not None and not self.front.template and self.stopping is None:
            self._retries += 1
            self._retry_at = now + delay(self._retries + 1)

    def _template_ended(self, generation: Generation, end: Exit, now: float) -> Iterator[Action]:
        pid, generation.template = generation.template, 0
        self.crew.template_ended(generation)
        if generation.phase is GenerationPhase.DRAINING:
            yield from forget_if_empty(generation)
        elif generation is self.proving:
            reason = generation.reason or f"the process that imports the app (pid: {pid}) {end}"
            if self.front is None:
                self._status = end.code or ExitCode.FAILED
                if not generation.reason or pid < 0:
                    # A template logs its own reason; one that could not be forked does not.
                    yield Say(reason)
            yield from self._abort(generation, _last_line(reason), now)
        else:
            yield Say(f"the template (pid: {pid}) {end}; loading the app anew")
            if self.proving is None and self.stopping is None:
                self._retry_at = now

    def _forget(self, number: int) -> None:
        generation = self.generations.pop(number, None)
        if generation is self.front:
            self.front = None

    def _child_ended(self, event: ChildEnded, now: float) -> Iterator[Action]:
        for generation in list(self.generations.values()):
            if event.pid == generation.template:
                yield from self._template_ended(generation, event.exit, now)
                return
            for worker in list(generation.workers.values()):
                if event.pid == worker.pid:
                    yield from self.crew.ended(generation, worker, event.exit, now)
                    return
        # A worker whose "forked" is still on its way, or an orphan of the application's own.
        self.crew.unclaimed[event.pid] = event.exit

    def _due(self, now: float) -> Iterator[Action]:
        """What time alone brings."""
        if self._retry_at is not None and self._retry_at <= now and self._may_reload():
            self._retry_at = None
            yield ReadSettings()
        elif self._reload is not None and self._may_reload() and self._reload_from <= now:
            self._brutal = self._reload is Command.BRUTAL_RELOAD
            self._reload, self._retry_at, self._reload_from = None, None, now + RELOAD_INTERVAL
            yield Say("...brutally killing workers..." if self._brutal else "...gracefully killing workers...")
            yield ReadSettings()
        for generation in list(self.generations.values()):
            if generation.deadline is not None and generation.deadline <= now and generation.template:
                yield from self._overdue(generation, now)
            yield from self.crew.due(generation, now)

    def _overdue(self, generation: Generation, now: float) -> Iterator[Action]:
        """A dismissed template does not leave, or a new generation does not get ready."""
        if generation.phase is GenerationPhase.DRAINING:
            generation.deadline = None
            yield Say(f"the template (pid: {generation.template}) is taking too much time to die...NO MERCY !!!")
            yield Kill(generation.template, signal.SIGKILL)
        elif not generation.asked and generation.phase is GenerationPhase.LOADING:
            generation.asked = True
            generation.deadline = now + LAST_WORDS
            yield Say(f"the app is still being imported (pid: {generation.template}); this is where it is:")
            yield Kill(generation.template, signal.SIGUSR2)
        else:
            generation.deadline = None
            what = "the import of the app" if generation.phase is GenerationPhase.LOADING else "the workers"
            generation.failure = f"{what} took longer than {generation.boot:g} seconds (boot-timeout)"
            if self.front is None:
                yield Say(generation.failure)
            yield from self._settle(now)

    # ---- commands ----------------------------------------------------------------------------------------------------

    def _asked(self, event: Asked, now: float) -> Iterator[Action]:
        match event.command:
            case Command.STOP | Command.KILL:
                return self._stop(event.command, now)
            case Command.RELOAD | Command.BRUTAL_RELOAD:
                return self._ask_reload(event.command)
            case Command.CHAIN_RELOAD | Command.RELOAD_WORKERS | Command.KILL_WORKERS:
                return self._roll(event.command)
            case Command.PAUSE:
                return self._pause()
            case _:
                return iter((Perform(event.command),))

    def _stop(self, command: Command, now: float) -> Iterator[Action]:
        graceful = command is Command.STOP
        if self.stopping is None:
            yield Say("graceful shutdown triggered..." if graceful else "SIGINT/SIGTERM received...killing workers...")
            if graceful:
                yield StopNewcomers()
        if self.stopping is not Command.KILL:
            self.stopping = command
        self.proving = self._retry_at = None
        yield from self._end_rolling("the server stops")
        if self._old is not None:
            self._old = None
            yield ReloadEnded("")
        for generation in list(self.generations.values()):
            # What was never in front has nothing to finish.
            gently = graceful and generation.phase is not GenerationPhase.FORKING
            yield from self._drain(generation, signal.SIGHUP if gently else signal.SIGINT, now)

    def _ask_reload(self, command: Command) -> Iterator[Action]:
        if self._reload is not Command.BRUTAL_RELOAD:
            self._reload = command
        yield from ()

    def _may_reload(self) -> bool:
        return self.proving is None and self._old is None and self.front is not None and self.stopping is None

    def _pause(self) -> Iterator[Action]:
        self.paused = not self.paused
        yield Say("paused: connections wait in the queue (p or SIGTSTP resumes)" if self.paused else "resumed")
        yield SetPaused(self.paused)

    # ---- replacing workers -------------------------------------------------------------------------------------------

    def _roll(self, command: Command) -> Iterator[Action]:
        """Begin to replace the workers in front: one after another, all beside each other, or all at once."""
        if self.stopping is not None or self.front is None:
            yield CommandEnded(command, "no worker is there to be replaced")
            return
        if self._rolling is not None and self._rolling.command is command is Command.CHAIN_RELOAD:
            yield Say("chain reload already running...")
            return
        if command is Command.CHAIN_RELOAD:
            yield Say("chain reload starting...")
        if self._rolling is None or not {self._rolling.command, command} <= _ALL_WORKERS:
            yield from self._end_rolling("another command took its place")
        # Who waits for the end of the one before waits for the end of this one, which does as much.
        self._rolling = Rolling.of(command, self.front)

    def _end_rolling(self, error: str) -> Iterator[Action]:
        rolling, self._rolling = self._rolling, None
        if rolling is not None:
            yield CommandEnded(rolling.command, error)

    def _replace(self, now: float) -> Iterator[Action]:
        """Go on with what is being replaced."""
        front = self.front
        if front is None or self.stopping is not None:
            return
        if self._rolling is not None:
            yield from self._rolling.step(front, self.crew, now)
            if self._rolling.done:
                if self._rolling.command is Command.CHAIN_RELOAD and not self._rolling.error:
                    yield Say("chain reloading complete")
                yield from self._end_rolling(self._rolling.error)
        elif not any(worker.phase is WorkerPhase.RETIRING for worker in front.workers.values()):
            # One at a time: however many are spent at once, the others serve.
            for worker in front.workers.values():
                if worker.phase is WorkerPhase.READY and worker.spent and front.template:
                    if self.crew.retire(front, worker, now):
                        yield Say(f"...The work of process {worker.pid} is done ({worker.spent}). Seeya!")
                    break
        yield from self.crew.staff(front, now)
        yield from self.crew.due(front, now)

    def _spent(self, event: WorkerSpent) -> Iterator[Action]:
        _, worker = self._named(event)
        if worker is not None and worker.pid == event.pid:
            worker.spent = event.reason
        yield from ()

    def _stopped(self, event: WorkerStopped) -> Iterator[Action]:
        _, worker = self._named(event)
        if worker is not None and worker.pid == event.pid:
            worker.stopped = True
        yield from ()

    def _wanted(self, event: Wanted) -> Iterator[Action]:
        if self.front is not None and self.stopping is None:
            self.front.wanted = event.workers
        yield from ()

    def _leave(self) -> Iterator[Action]:
        if self.stopping is not None and not self.generations:
            yield Leave(self._status)


def _last_line(reason: str) -> str:
    """The sentence behind a traceback."""
    return reason.strip().rpartition("\n")[2]
