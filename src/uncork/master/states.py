"""The states of workers and generations, and which of them may follow which.

Pure; a leaf of this package.  `plan` and `crew` are the only ones that move anything.
"""

from enum import Enum


class WorkerPhase(Enum):
    """A worker of one generation."""

    # No process: it waits for its time to be forked (at once, or after a back-off).
    DUE = "due"
    # The template was asked to fork it, or it was forked and is getting ready.
    STARTING = "starting"
    READY = "ready"
    # It serves on until the worker that replaces it is ready.
    RETIRING = "retiring"
    # It was told to end; whoever replaces it has a slot of its own.
    LEAVING = "leaving"


WORKER_MOVES: dict[WorkerPhase, frozenset[WorkerPhase]] = {
    WorkerPhase.DUE: frozenset({WorkerPhase.STARTING}),
    WorkerPhase.STARTING: frozenset({WorkerPhase.READY, WorkerPhase.DUE, WorkerPhase.LEAVING}),
    WorkerPhase.READY: frozenset({WorkerPhase.DUE, WorkerPhase.RETIRING, WorkerPhase.LEAVING}),
    WorkerPhase.RETIRING: frozenset({WorkerPhase.READY, WorkerPhase.LEAVING}),
    WorkerPhase.LEAVING: frozenset(),
}


class GenerationPhase(Enum):
    """A template with its workers."""

    # The template imports the application.
    LOADING = "loading"
    # The template is forking the first workers.
    FORKING = "forking"
    # All workers were ready once; this one is in front.
    SERVING = "serving"
    # A newer one is in front, or the server stops; its workers finish.
    DRAINING = "draining"


GENERATION_MOVES: dict[GenerationPhase, frozenset[GenerationPhase]] = {
    GenerationPhase.LOADING: frozenset({GenerationPhase.FORKING, GenerationPhase.DRAINING}),
    GenerationPhase.FORKING: frozenset({GenerationPhase.SERVING, GenerationPhase.DRAINING}),
    GenerationPhase.SERVING: frozenset({GenerationPhase.DRAINING}),
    GenerationPhase.DRAINING: frozenset(),
}
