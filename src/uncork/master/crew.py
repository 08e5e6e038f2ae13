"""Decide what happens to the workers of a generation: fork, ready, replace, end.

Runs in: master.  Pure; a part of the planner, under the rules of `plan`.

Who is to be replaced serves until its replacement is ready (`retire`), so that recycling costs no capacity; who dies is
replaced in its own slot (`ended`), at once or after a back-off.
"""

import signal
from collections.abc import Iterator

from uncork.master.events import (
    Action,
    Forget,
    ForkWorker,
    Kill,
    Say,
    WorkerFailed,
    WorkerForked,
    WorkerGone,
    WorkerNotForked,
    WorkerReady,
)
from uncork.master.slots import Generation, Worker
from uncork.master.states import GenerationPhase, WorkerPhase
from uncork.supervise.backoff import delay, failures_after
from uncork.supervise.exits import Exit

# Seconds after which a template whose queue is full is asked again: it forks several workers in that time.
ASK_AGAIN = 0.1


class Crew:
    """`mercy`: seconds that a worker gets to finish (worker-reload-mercy)."""

    def __init__(self) -> None:
        self.mercy = 0.0
        # Processes that ended before the word that they exist had come.
        self.unclaimed: dict[int, Exit] = {}

    # ---- what is heard -----------------------------------------------------------------------------------------------

    def forked(
        self, generation: Generation | None, worker: Worker | None, event: WorkerForked, now: float
    ) -> Iterator[Action]:
        """Its process exists."""
        if generation is None or worker is None:
            if self.unclaimed.pop(event.pid, None) is None:
                yield Kill(event.pid, signal.SIGKILL)
            return
        if worker.pid == event.pid:
            return
        if worker.phase is WorkerPhase.DUE:
            # The process that forked it outlived a killed template.
            worker.move(WorkerPhase.STARTING)
        worker.pid = event.pid
        worker.since = now
        if worker.phase is WorkerPhase.STARTING and generation.boot is not None:
            worker.deadline = now + generation.boot
        yield Say(
            f"Respawned uWSGI worker {worker.wid} (new pid: {worker.pid})"
            if worker.respawns
            else f"spawned uWSGI worker {worker.wid} (pid: {worker.pid}, cores: {generation.cores})"
        )
        if worker.phase is WorkerPhase.LEAVING:
            yield Kill(event.pid, signal.SIGINT)
        end = self.unclaimed.pop(event.pid, None)
        if end is not None:
            yield from self.ended(generation, worker, end, now)

    def not_forked(
        self, generation: Generation | None, worker: Worker | None, event: WorkerNotForked, now: float
    ) -> Iterator[Action]:
        """The system gave no process for it."""
        if generation is None or worker is None or worker.phase is WorkerPhase.DUE:
            return
        yield Say(f"worker {worker.wid} could not be forked: {event.reason}")
        worker.reason = event.reason
        worker.failures += 1
        yield from self._again(generation, worker, now)

    def not_asked(self, generation: Generation | None, worker: Worker | None, now: float) -> Iterator[Action]:
        """The template has too much to do already."""
        if generation is None or worker is None or worker.pid:
            return
        if worker.phase is WorkerPhase.STARTING:
            worker.move(WorkerPhase.DUE)
            worker.due, worker.deadline = now + ASK_AGAIN, None
        elif worker.phase is WorkerPhase.LEAVING:
            yield from self.remove(generation, worker)

    def failed(self, worker: Worker | None, event: WorkerFailed) -> Iterator[Action]:
        """It cannot get ready; the reason is for those who ask why, its end follows."""
        if worker is not None and worker.pid in {0, event.pid}:
            worker.reason = event.reason
        yield from ()

    def ready(
        self, generation: Generation | None, worker: Worker | None, event: WorkerReady, now: float
    ) -> Iterator[Action]:
        """It takes requests; whom it replaces leaves."""
        if generation is None or worker is None:
            return
        if worker.phase is WorkerPhase.DUE:
            # Its template is gone, and so is whoever forked it: nobody has heard of it, and it will be forked anew.
            yield Kill(event.pid, signal.SIGKILL)
            return
        if worker.awaited:
            # Whoever forked it was killed before it could say so.
            yield from self.forked(generation, worker, WorkerForked(event.generation, event.slot, event.pid), now)
        if worker.pid != event.pid or worker.phase is not WorkerPhase.STARTING:
            return
        worker.move(WorkerPhase.READY)
        worker.deadline, worker.reason = None, ""
        for other in generation.named(worker.wid):
            if other.phase is WorkerPhase.RETIRING:
                yield from self.end(other, signal.SIGHUP, now)

    def ended(self, generation: Generation, worker: Worker, end: Exit, now: float) -> Iterator[Action]:
        """Its process is gone."""
        yield WorkerGone(generation.number, worker.slot, worker.wid)
        if worker.phase is WorkerPhase.LEAVING:
            if generation.phase is GenerationPhase.SERVING:
                yield Say(f"worker {worker.wid} killed successfully (pid: {worker.pid})")
            yield from self.remove(generation, worker)
            return
        proving = generation.phase in {GenerationPhase.LOADING, GenerationPhase.FORKING}
        yield Say(_obituary(worker, end, replaced=not proving))
        if proving and not generation.failure:
            generation.failure, generation.status = _why_not_ready(worker, end), end.code
        if proving or worker.phase is WorkerPhase.RETIRING:
            yield from self.remove(generation, worker)
            return
        if worker.phase is WorkerPhase.READY:
            worker.reason = ""
            worker.failures = failures_after(worker.failures, now - worker.since)
        else:
            # However long it took: it never served.
            worker.reason = worker.reason or str(end)
            worker.failures += 1
        yield from self._again(generation, worker, now)

    def template_ended(self, generation: Generation) -> None:
        """Workers that the dead template of `generation` was still to fork will not come."""
        for worker in list(generation.workers.values()):
            if not worker.pid and worker.phase is WorkerPhase.STARTING:
                worker.move(WorkerPhase.DUE)
                worker.deadline = None
            elif not worker.pid and worker.phase is WorkerPhase.LEAVING:
                del generation.workers[worker.slot]

    # ---- what is decided ---------------------------------------------------------------------------------------------

    def retire(self, generation: Generation, worker: Worker, now: float) -> bool:
        """Begin to replace a ready worker, which serves meanwhile; False if there is no room for another one yet."""
        slot = generation.free_slot()
        if slot is None:
            return False
        worker.move(WorkerPhase.RETIRING)
        self._succeed(generation, worker, slot, now)
        return True

    def replace_now(self, generation: Generation, worker: Worker, now: float) -> Iterator[Action]:
        """End a worker at once, and begin to replace it; where every slot is taken, once its own is free."""
        slot = generation.free_slot()
        if slot is None:
            worker.deadline = now + self.mercy
            yield Kill(worker.pid, signal.SIGINT)
            return
        yield from self.end(worker, signal.SIGINT, now)
        self._succeed(generation, worker, slot, now)

    def keep(self, generation: Generation, wid: int, now: float) -> Iterator[Action]:
        """Give up the replacement of worker `wid`, which serves on; if it has died, the replacement has its place."""
        members = generation.named(wid)
        if not any(worker.phase is WorkerPhase.RETIRING for worker in members):
            return
        for worker in members:
            if worker.phase is WorkerPhase.RETIRING:
                worker.move(WorkerPhase.READY)
            elif worker.phase is WorkerPhase.DUE:
                yield from self.remove(generation, worker)
            elif worker.phase is WorkerPhase.STARTING:
                yield from self.end(worker, signal.SIGINT, now)

    def end(self, worker: Worker, number: signal.Signals, now: float) -> Iterator[Action]:
        """Tell a worker to end by signal `number`; it gets the mercy time."""
        if worker.phase is not WorkerPhase.LEAVING:
            worker.move(WorkerPhase.LEAVING)
            worker.deadline = now + self.mercy
        if worker.pid:
            yield Kill(worker.pid, number)

    def staff(self, generation: Generation, now: float) -> Iterator[Action]:
        """Have as many workers as are wanted: hire the lowest ids that are missing, dismiss the highest."""
        staying = list(generation.staying())
        for worker in reversed(staying[generation.wanted :]):
            for each in generation.named(worker.wid):
                if each.phase is WorkerPhase.DUE:
                    yield from self.remove(generation, each)
                elif each.phase is not WorkerPhase.LEAVING:
                    yield from self.end(each, signal.SIGHUP, now)
        missing = generation.wanted - len(staying)
        taken = {worker.wid for worker in staying}
        wid = 1
        while missing > 0 and (slot := generation.free_slot()) is not None:
            if wid not in taken:
                generation.workers[slot] = Worker(wid, slot, due=now)
                missing -= 1
            wid += 1

    def due(self, generation: Generation, now: float) -> Iterator[Action]:
        """What time alone brings: workers to fork, and workers whose time is over."""
        for worker in generation.workers.values():
            if worker.phase is WorkerPhase.DUE and worker.due <= now and generation.forking:
                worker.move(WorkerPhase.STARTING)
                worker.since, worker.reason = now, ""
                worker.deadline = None if generation.boot is None else now + generation.boot
                probe = generation.probe and generation.phase is GenerationPhase.FORKING
                yield ForkWorker(generation.number, worker.slot, worker.wid, probe)
            elif worker.deadline is not None and worker.deadline <= now and worker.pid:
                worker.deadline = None
                if worker.phase is not WorkerPhase.STARTING:
                    yield Say(f"worker {worker.wid} (pid: {worker.pid}) is taking too much time to die...NO MERCY !!!")
                else:
                    worker.reason = f"not ready within {generation.boot:g} seconds (boot-timeout)"
                    yield Say(f"worker {worker.wid} (pid: {worker.pid}) is {worker.reason}")
                yield Kill(worker.pid, signal.SIGKILL)

    def next_times(self, generation: Generation) -> Iterator[float]:
        """When `due` has something to do."""
        for worker in generation.workers.values():
            if worker.deadline is not None and worker.pid:
                yield worker.deadline
            if worker.phase is WorkerPhase.DUE and generation.forking:
                yield worker.due

    def remove(self, generation: Generation, worker: Worker) -> Iterator[Action]:
        """Its slot is free again."""
        generation.workers.pop(worker.slot, None)
        yield from forget_if_empty(generation)

    def _succeed(self, generation: Generation, worker: Worker, slot: int, now: float) -> None:
        generation.workers[slot] = Worker(worker.wid, slot, due=now, respawns=worker.respawns + 1)

    def _again(self, generation: Generation, worker: Worker, now: float) -> Iterator[Action]:
        """Put a worker that could not stay back in line, in its own slot."""
        if worker.phase is WorkerPhase.LEAVING or generation.phase is GenerationPhase.DRAINING:
            yield from self.remove(generation, worker)
            return
        wait = delay(worker.failures)
        if wait:
            yield Say(f"worker {worker.wid} keeps dying: next try in {wait:g} seconds")
        worker.move(WorkerPhase.DUE)
        worker.pid, worker.deadline, worker.due, worker.spent = 0, None, now + wait, ""
        worker.respawns += 1


def forget_if_empty(generation: Generation) -> Iterator[Action]:
    """A drained generation without a process is over."""
    if generation.phase is GenerationPhase.DRAINING and not generation.workers and not generation.template:
        yield Forget(generation.number)


def _obituary(worker: Worker, end: Exit, replaced: bool) -> str:
    again = " trying respawn ..." if replaced else ""
    if end.signal:
        return f"DAMN ! worker {worker.wid} (pid: {worker.pid}) died, killed by signal {end.signal} :({again}"
    return f"worker {worker.wid} (pid: {worker.pid}) {end}{';' if again else ''}{again}"


def _why_not_ready(worker: Worker, end: Exit) -> str:
    if worker.reason:
        return f"worker {worker.wid}: {worker.reason}"
    return f"worker {worker.wid} {end} before it was ready"
