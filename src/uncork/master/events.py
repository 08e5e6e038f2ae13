"""What the planner hears and what it asks for: plain values.

Pure.  An action is data; `loop` has one method for each kind.
"""

from dataclasses import dataclass

from uncork.control.commands import Command
from uncork.supervise.exits import Exit

# ---- events ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wants:
    """What the settings want of a generation: `workers` of at most `limit` workers with `cores` threads each.

    `boot` is the time, in seconds, that it has to get ready (None: as long as it takes), `probe` whether its workers
    have to answer a request first, `mercy` the seconds that a worker gets to finish (worker-reload-mercy).
    """

    workers: int
    limit: int
    cores: int = 1
    boot: float | None = None
    probe: bool = False
    mercy: float = 60.0


@dataclass(frozen=True, slots=True)
class Start:
    """The sockets are open: bring up the first generation."""

    wants: Wants


@dataclass(frozen=True, slots=True)
class Asked:
    """A command came by FIFO or signal."""

    command: Command


@dataclass(frozen=True, slots=True)
class SettingsRead:
    """The configuration was read again for a reload and is good."""

    wants: Wants


@dataclass(frozen=True, slots=True)
class SettingsRefused:
    """The configuration was read again for a reload and cannot be used."""

    reason: str


@dataclass(frozen=True, slots=True)
class TemplateStarted:
    """The template of generation `generation` runs as `pid`."""

    generation: int
    pid: int


@dataclass(frozen=True, slots=True)
class TemplateLoaded:
    """It has imported the application."""

    generation: int


@dataclass(frozen=True, slots=True)
class TemplateFailed:
    """It could not; it ends by itself."""

    generation: int
    reason: str


@dataclass(frozen=True, slots=True)
class WorkerForked:
    """The worker of slot `slot` runs as `pid`, but is not ready yet."""

    generation: int
    slot: int
    pid: int


@dataclass(frozen=True, slots=True)
class WorkerNotForked:
    """The system gave no process for the worker of slot `slot`."""

    generation: int
    slot: int
    reason: str


@dataclass(frozen=True, slots=True)
class WorkerReady:
    """The worker of slot `slot` accepts connections."""

    generation: int
    slot: int
    pid: int


@dataclass(frozen=True, slots=True)
class WorkerNotAsked:
    """The template of `generation` has too much to do already to be told of slot `slot`, too."""

    generation: int
    slot: int


@dataclass(frozen=True, slots=True)
class WorkerFailed:
    """The worker of slot `slot` cannot get ready, and ends by itself."""

    generation: int
    slot: int
    pid: int
    reason: str


@dataclass(frozen=True, slots=True)
class WorkerSpent:
    """Worker `pid` has done enough and shall be replaced."""

    generation: int
    slot: int
    pid: int
    reason: str


@dataclass(frozen=True, slots=True)
class WorkerStopped:
    """Worker `pid` was told to leave and takes nobody new."""

    generation: int
    slot: int
    pid: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """The generation in front shall have `workers` workers from now on."""

    workers: int


@dataclass(frozen=True, slots=True)
class ChildEnded:
    """A child of the master is gone."""

    pid: int
    exit: Exit


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed."""


# What concerns one worker, by its generation and its slot.
OfWorker = WorkerForked | WorkerNotForked | WorkerReady | WorkerNotAsked | WorkerFailed | WorkerSpent | WorkerStopped

Event = (
    Start
    | Asked
    | SettingsRead
    | SettingsRefused
    | TemplateStarted
    | TemplateLoaded
    | TemplateFailed
    | WorkerForked
    | WorkerNotForked
    | WorkerReady
    | WorkerNotAsked
    | WorkerFailed
    | WorkerSpent
    | WorkerStopped
    | Wanted
    | ChildEnded
    | Tick
)

# ---- actions ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StartTemplate:
    """Fork the template of a new generation, with the settings read last and `slots` slots for workers."""

    generation: int
    slots: int


@dataclass(frozen=True, slots=True)
class ForkWorker:
    """Have the template of `generation` fork worker `wid` for slot `slot`; it is probed before it is ready."""

    generation: int
    slot: int
    wid: int
    probe: bool = False


@dataclass(frozen=True, slots=True)
class Kill:
    """Send a signal to a child."""

    pid: int
    signal: int


@dataclass(frozen=True, slots=True)
class Serving:
    """Generation `generation` is in front from now on."""

    generation: int


@dataclass(frozen=True, slots=True)
class DismissTemplate:
    """No worker of `generation` will be asked for any more."""

    generation: int


@dataclass(frozen=True, slots=True)
class Forget:
    """Generation `generation` has no process left."""

    generation: int


@dataclass(frozen=True, slots=True)
class WorkerGone:
    """The process of worker `wid` is dead; nobody writes slot `slot` any more."""

    generation: int
    slot: int
    wid: int


@dataclass(frozen=True, slots=True)
class StopNewcomers:
    """Let nobody join the queues of the sockets any more; the workers still serve who is in them."""


@dataclass(frozen=True, slots=True)
class ReadSettings:
    """Read the configuration anew; answer with SettingsRead or SettingsRefused."""


@dataclass(frozen=True, slots=True)
class SetPaused:
    """Tell every worker to stop accepting, or to go on."""

    paused: bool


@dataclass(frozen=True, slots=True)
class Perform:
    """Carry out a command that concerns no process: log, statistics, pidfile."""

    command: Command


@dataclass(frozen=True, slots=True)
class Say:
    """One line to the log."""

    text: str


@dataclass(frozen=True, slots=True)
class ReloadEnded:
    """A reload is over: `error` is "" if the new generation is in front, else why the old one still is."""

    error: str


@dataclass(frozen=True, slots=True)
class CommandEnded:
    """A replacement of workers that `command` asked for is over: `error` is "" if all were replaced."""

    command: Command
    error: str


@dataclass(frozen=True, slots=True)
class Leave:
    """Every child is gone: end the master with this status."""

    status: int


Action = (
    StartTemplate
    | ForkWorker
    | Kill
    | Serving
    | DismissTemplate
    | Forget
    | WorkerGone
    | StopNewcomers
    | ReadSettings
    | SetPaused
    | Perform
    | Say
    | ReloadEnded
    | CommandEnded
    | Leave
)
