"""Decide what the master does next.

Runs in: master.  Pure: no clock, no system call, no log; `loop` performs the actions.

Rules for this file
  1. `now` is monotonic seconds and always comes from the caller.
  2. An action is data.  What needs a system call becomes an action.
  3. Every change of a phase is a `move` of `slots`; the legal moves are in `states`.
  4. A generation in front is drained only after the next one has all its workers ready ("prove, then swap").
"""

import signal
from collections.abc import Iterator

from uncork.control.commands import Command
from uncork.master.events import (
    Action,
    Asked,
    ChildEnded,
    DismissTemplate,
    Event,
    Forget,
    ForkWorker,
    Kill,
    Leave,
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
    TemplateFailed,
    TemplateLoaded,
    TemplateStarted,
    Tick,
    WorkerForked,
    WorkerGone,
    WorkerNotForked,
    WorkerReady,
)
from uncork.master.slots import Generation, Worker
from uncork.master.states import GenerationPhase, WorkerPhase
from uncork.supervise.backoff import delay, failures_after
from uncork.supervise.exits import Exit, ExitCode


class Planner:
    """The state of the server's processes.  `mercy`: seconds that a worker gets to finish (worker-reload-mercy)."""

    def __init__(self, mercy: float) -> None:
        self.mercy = mercy
        self.generations: dict[int, Generation] = {}
        self.front: Generation | None = None
        self.proving: Generation | None = None
        self.paused = False
        self.stopping: Command | None = None
        self._numbers = 0
        self._status = int(ExitCode.OK)
        # A reload that was asked for while another one was under way; they become one.
        self._again: Command | None = None
        self._brutal = False
        # Workers still to be replaced by a chain reload.
        self._chain: list[int] = []
        # Workers that ended before the word that they exist had come.
        self._unclaimed: dict[int, Exit] = {}
        # When to load the app anew after the template in front died and its successor could not be proven.
        self._retry_at: float | None = None
        self._retries = 0

    def handle(self, event: Event, now: float) -> list[Action]:
        """What to do because of `event`."""
        actions = list(self._dispatch(event, now))
        actions += self._due(now)
        actions += self._step_chain(now)
        actions += self._leave()
        if not any(
            worker.awaited for generation in self.generations.values() for worker in generation.workers.values()
        ):
            # Pids come again: the end of some orphan of the application's must not count for a later worker.
            self._unclaimed.clear()
        return actions

    def _dispatch(self, event: Event, now: float) -> Iterator[Action]:
        match event:
            case Start() | SettingsRead():
                return self._prove(event.workers, event.cores)
            case Asked():
                return self._asked(event, now)
            case SettingsRefused():
                return self._reload_failed(event.reason, now)
            case TemplateStarted() | TemplateLoaded() | TemplateFailed():
                return self._template_said(event)
            case WorkerForked():
                return self._worker_forked(event, now)
            case WorkerNotForked():
                return self._worker_not_forked(event, now)
            case WorkerReady():
                return self._worker_ready(event, now)
            case ChildEnded():
                return self._child_ended(event, now)
            case Tick():
                return iter(())

    def next_time(self) -> float | None:
        """When `handle(Tick())` has something to do, None for never."""
        times = [] if self._retry_at is None else [self._retry_at]
        for generation in self.generations.values():
            if generation.deadline is not None and generation.template:
                times.append(generation.deadline)
            for worker in generation.workers.values():
                if worker.deadline is not None and worker.pid:
                    times.append(worker.deadline)
                if worker.phase is WorkerPhase.DUE and generation.forking:
                    times.append(worker.due)
        return min(times, default=None)

    # ---- generations -------------------------------------------------------------------------------------------------

    def _prove(self, workers: int, cores: int) -> Iterator[Action]:
        """Begin a new generation; the one in front goes on serving."""
        self._numbers += 1
        self._retry_at = None
        slots = {wid: Worker(wid) for wid in range(1, workers + 1)}
        generation = Generation(self._numbers, cores, slots)
        self.generations[generation.number] = self.proving = generation
        yield StartTemplate(generation.number, workers)

    def _template_said(self, event: TemplateStarted | TemplateLoaded | TemplateFailed) -> Iterator[Action]:
        generation = self.generations.get(event.generation)
        if generation is not None:
            if isinstance(event, TemplateStarted):
                generation.template = event.pid
            elif isinstance(event, TemplateFailed):
                generation.reason = event.reason
            elif generation.phase is GenerationPhase.LOADING:
                generation.move(GenerationPhase.FORKING)
        yield from ()

    def _swap(self, generation: Generation, now: float) -> Iterator[Action]:
        """`generation` is proven: it goes in front, the one before it drains."""
        old, self.front, self.proving = self.front, generation, None
        self._chain = []
        self._retries = 0
        generation.move(GenerationPhase.SERVING)
        yield Serving(generation.number)
        if old is not None:
            yield ReloadEnded("")
            yield from self._drain(old, signal.SIGINT if self._brutal else signal.SIGHUP, now)
        self._brutal = False
        yield from self._reload_again()

    def _drain(self, generation: Generation, number: signal.Signals, now: float) -> Iterator[Action]:
        """End every worker of `generation` by signal `number`, and its template."""
        if generation.phase is not GenerationPhase.DRAINING:
            loading = generation.phase is GenerationPhase.LOADING
            generation.move(GenerationPhase.DRAINING)
            if not loading:
                generation.deadline = now + self.mercy
                yield DismissTemplate(generation.number)
            elif generation.template:
                # A template that imports does not listen, and user code may never give it back.
                yield Kill(generation.template, signal.SIGKILL)
        for worker in list(generation.workers.values()):
            if worker.phase is WorkerPhase.DUE:
                del generation.workers[worker.wid]
            else:
                yield from self._end_worker(worker, WorkerPhase.LEAVING, number, now)
        yield from self._forget(generation)

    def _abort(self, generation: Generation, reason: str, now: float) -> Iterator[Action]:
        """`generation` cannot be proven: give it up; without one in front the server gives up, too."""
        self.proving = None
        self._brutal = False
        if self.front is None:
            self.stopping = self.stopping or Command.KILL
        else:
            yield from self._reload_failed(reason, now)
        yield from self._drain(generation, signal.SIGINT, now)
        yield from self._reload_again()

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
        self._unfork(generation)
        if generation.phase is GenerationPhase.DRAINING:
            yield from self._forget(generation)
        elif generation is self.proving:
            reason = generation.reason or f"the process that imports the app (pid: {pid}) {end}"
            if self.front is None:
                self._status = end.code or ExitCode.FAILED
                if not generation.reason:
                    yield Say(reason)
            yield from self._abort(generation, _last_line(reason), now)
        else:
            yield Say(f"the template (pid: {pid}) {end}; loading the app anew")
            if self.proving is None and self.stopping is None:
                self._retry_at = now

    def _unfork(self, generation: Generation) -> None:
        """Workers that the dead template of `generation` was still to fork will not come."""
        for worker in list(generation.workers.values()):
            if not worker.pid and worker.phase is WorkerPhase.STARTING:
                worker.move(WorkerPhase.DUE)
            elif not worker.pid and worker.phase is WorkerPhase.LEAVING:
                del generation.workers[worker.wid]

    def _forget(self, generation: Generation) -> Iterator[Action]:
        if generation.phase is GenerationPhase.DRAINING and not generation.workers and not generation.template:
            if self.generations.pop(generation.number, None) is not None:
                yield Forget(generation.number)
            if self.front is generation:
                self.front = None

    # ---- workers -----------------------------------------------------------------------------------------------------

    def _worker_forked(self, event: WorkerForked, now: float) -> Iterator[Action]:
        generation = self.generations.get(event.generation)
        worker = generation.workers.get(event.wid) if generation is not None else None
        if generation is None or worker is None:
            yield Kill(event.pid, signal.SIGKILL)
            return
        if worker.pid == event.pid:
            return
        if worker.phase is WorkerPhase.DUE:
            # The process that forked it outlived a killed template.
            worker.move(WorkerPhase.STARTING)
        worker.pid = event.pid
        worker.since = now
        yield Say(
            f"Respawned uWSGI worker {worker.wid} (new pid: {worker.pid})"
            if worker.respawns
            else f"spawned uWSGI worker {worker.wid} (pid: {worker.pid}, cores: {generation.cores})"
        )
        if worker.phase in {WorkerPhase.LEAVING, WorkerPhase.RECYCLING}:
            yield Kill(event.pid, signal.SIGINT)
        end = self._unclaimed.pop(event.pid, None)
        if end is not None:
            yield from self._worker_ended(generation, worker, end, now)

    def _worker_not_forked(self, event: WorkerNotForked, now: float) -> Iterator[Action]:
        generation = self.generations.get(event.generation)
        worker = generation.workers.get(event.wid) if generation is not None else None
        if generation is None or worker is None or worker.phase is WorkerPhase.DUE:
            return
        yield Say(f"worker {event.wid} could not be forked: {event.reason}")
        yield from self._replace(generation, worker, lived=0.0, now=now)

    def _worker_ready(self, event: WorkerReady, now: float) -> Iterator[Action]:
        generation = self.generations.get(event.generation)
        worker = generation.workers.get(event.wid) if generation is not None else None
        if generation is None or worker is None:
            return
        if worker.phase is WorkerPhase.DUE:
            # Its template is gone, and so is whoever forked it: nobody has heard of it, and it will be forked anew.
            yield Kill(event.pid, signal.SIGKILL)
            return
        if worker.awaited:
            # Whoever forked it was killed before it could say so.
            yield from self._worker_forked(WorkerForked(event.generation, event.wid, event.pid), now)
        if worker.pid != event.pid or worker.phase is not WorkerPhase.STARTING:
            return
        worker.move(WorkerPhase.READY)
        if generation is self.proving and all(w.phase is WorkerPhase.READY for w in generation.workers.values()):
            yield from self._swap(generation, now)

    def _child_ended(self, event: ChildEnded, now: float) -> Iterator[Action]:
        for generation in list(self.generations.values()):
            if event.pid == generation.template:
                yield from self._template_ended(generation, event.exit, now)
                return
            for worker in list(generation.workers.values()):
                if event.pid == worker.pid:
                    yield from self._worker_ended(generation, worker, event.exit, now)
                    return
        # A worker whose "forked" is still on its way, or an orphan of the application's own.
        self._unclaimed[event.pid] = event.exit

    def _worker_ended(self, generation: Generation, worker: Worker, end: Exit, now: float) -> Iterator[Action]:
        yield WorkerGone(generation.number, worker.wid)
        phase, pid, lived = worker.phase, worker.pid, now - worker.since
        if phase is WorkerPhase.LEAVING:
            del generation.workers[worker.wid]
            yield from self._forget(generation)
            return
        if phase is WorkerPhase.RECYCLING:
            yield Say(f"worker {worker.wid} killed successfully (pid: {pid})")
            worker.failures = 0
        elif end.signal:
            yield Say(
                f"DAMN ! worker {worker.wid} (pid: {pid}) died, killed by signal {end.signal} :( trying respawn ..."
            )
        else:
            yield Say(f"worker {worker.wid} (pid: {pid}) {end}; trying respawn ...")
        if generation is self.proving:
            del generation.workers[worker.wid]
            if self.front is None:
                self._status = ExitCode.FAILED
            yield from self._abort(generation, f"worker {worker.wid} {end} before it was ready", now)
        else:
            yield from self._replace(generation, worker, lived, now)

    def _replace(self, generation: Generation, worker: Worker, lived: float, now: float) -> Iterator[Action]:
        """Put the slot of a dead worker back in line."""
        if worker.phase is WorkerPhase.LEAVING or generation.phase is GenerationPhase.DRAINING:
            generation.workers.pop(worker.wid, None)
            yield from self._forget(generation)
            return
        if worker.phase is not WorkerPhase.RECYCLING:
            worker.failures = failures_after(worker.failures, lived) if lived else worker.failures + 1
        wait = delay(worker.failures)
        if wait:
            yield Say(f"worker {worker.wid} keeps dying: next try in {wait:g} seconds")
        worker.move(WorkerPhase.DUE)
        worker.pid, worker.deadline, worker.due = 0, None, now + wait
        worker.respawns += 1

    def _end_worker(self, worker: Worker, phase: WorkerPhase, number: signal.Signals, now: float) -> Iterator[Action]:
        """Tell a worker to end by signal `number`; it gets the mercy time."""
        if worker.phase is not phase:
            worker.move(phase)
            worker.deadline = now + self.mercy
        if worker.pid:
            yield Kill(worker.pid, number)

    def _due(self, now: float) -> Iterator[Action]:
        """What time alone brings: workers to fork, and workers whose mercy is over."""
        if self._retry_at is not None and self._retry_at <= now and self.proving is None and self.stopping is None:
            self._retry_at = None
            yield ReadSettings()
        for generation in self.generations.values():
            if generation.deadline is not None and generation.deadline <= now and generation.template:
                generation.deadline = None
                yield Say(f"the template (pid: {generation.template}) is taking too much time to die...NO MERCY !!!")
                yield Kill(generation.template, signal.SIGKILL)
            for worker in generation.workers.values():
                if worker.phase is WorkerPhase.DUE and worker.due <= now and generation.forking:
                    worker.move(WorkerPhase.STARTING)
                    worker.since = now
                    yield ForkWorker(generation.number, worker.wid)
                elif worker.deadline is not None and worker.deadline <= now and worker.pid:
                    worker.deadline = None
                    yield Say(f"worker {worker.wid} (pid: {worker.pid}) is taking too much time to die...NO MERCY !!!")
                    yield Kill(worker.pid, signal.SIGKILL)

    # ---- commands ----------------------------------------------------------------------------------------------------

    def _asked(self, event: Asked, now: float) -> Iterator[Action]:
        match event.command:
            case Command.STOP | Command.KILL:
                return self._stop(event.command, now)
            case Command.RELOAD | Command.BRUTAL_RELOAD:
                return self._reload(event.command)
            case Command.CHAIN_RELOAD:
                return self._chain_reload()
            case Command.RELOAD_WORKERS | Command.KILL_WORKERS:
                return self._recycle(event.command, now)
            case Command.PAUSE:
                return self._pause()
            case _:
                return iter((Perform(event.command),))

    def _stop(self, command: Command, now: float) -> Iterator[Action]:
        graceful = command is Command.STOP
        if self.stopping is None:
            yield Say("graceful shutdown triggered..." if graceful else "SIGINT/SIGTERM received...killing workers...")
        if self.stopping is not Command.KILL:
            self.stopping = command
        self.proving = self._retry_at = None
        for generation in list(self.generations.values()):
            # What was never in front has nothing to finish.
            gently = graceful and generation.phase is not GenerationPhase.FORKING
            yield from self._drain(generation, signal.SIGHUP if gently else signal.SIGINT, now)

    def _reload(self, command: Command) -> Iterator[Action]:
        if self.stopping is not None:
            return
        if self.proving is not None or self.front is None:
            if self._again is not Command.BRUTAL_RELOAD:
                self._again = command
            return
        self._retry_at = None
        self._brutal = command is Command.BRUTAL_RELOAD
        yield Say("...gracefully killing workers..." if not self._brutal else "...brutally killing workers...")
        yield ReadSettings()

    def _reload_again(self) -> Iterator[Action]:
        """Begin the one reload that all those make that were asked for meanwhile."""
        command, self._again = self._again, None
        if command is not None and self.stopping is None and self.front is not None:
            self._brutal = command is Command.BRUTAL_RELOAD
            yield ReadSettings()

    def _recycle(self, command: Command, now: float) -> Iterator[Action]:
        if command is Command.RELOAD_WORKERS:
            for worker in self._workers_in(WorkerPhase.READY):
                yield from self._end_worker(worker, WorkerPhase.RECYCLING, signal.SIGHUP, now)
            return
        for worker in self._workers_in(WorkerPhase.READY, WorkerPhase.RECYCLING):
            yield Say(f"killing worker {worker.wid} (pid: {worker.pid})")
            yield from self._end_worker(worker, WorkerPhase.RECYCLING, signal.SIGINT, now)

    def _chain_reload(self) -> Iterator[Action]:
        if self._chain:
            yield Say("chain reload already running...")
            return
        yield Say("chain reload starting...")
        self._chain = [worker.wid for worker in self._workers_in(WorkerPhase.READY)]

    def _step_chain(self, now: float) -> Iterator[Action]:
        """Replace the next worker of a chain reload once the one before is ready."""
        if not self._chain or self.front is None or self.stopping is not None:
            return
        if any(worker.phase is not WorkerPhase.READY for worker in self.front.workers.values()):
            return
        worker = self.front.workers.get(self._chain.pop(0))
        if worker is not None:
            yield from self._end_worker(worker, WorkerPhase.RECYCLING, signal.SIGHUP, now)
        if not self._chain:
            yield Say("chain reloading complete")

    def _pause(self) -> Iterator[Action]:
        self.paused = not self.paused
        yield Say("paused: connections wait in the queue (p or SIGTSTP resumes)" if self.paused else "resumed")
        yield SetPaused(self.paused)

    def _workers(self) -> list[Worker]:
        return [worker for generation in self.generations.values() for worker in generation.workers.values()]

    def _workers_in(self, *phases: WorkerPhase) -> list[Worker]:
        """The workers in front that are in one of `phases`."""
        workers = self.front.workers.values() if self.front is not None else ()
        return [worker for worker in workers if worker.phase in phases]

    def _leave(self) -> Iterator[Action]:
        if self.stopping is not None and not self.generations:
            yield Leave(self._status)


def _last_line(reason: str) -> str:
    """The sentence behind a traceback."""
    return reason.strip().rpartition("\n")[2]
