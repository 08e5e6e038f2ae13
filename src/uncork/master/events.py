"""What the planner hears and what it asks for: plain values.

Pure.  An action is data; `loop` has one method for each kind.
"""

from dataclasses import dataclass

from uncork.control.commands import Command
from uncork.supervise.exits import Exit

# ---- events ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Start:
    """The sockets are open: bring up the first generation, of `workers` workers with `cores` threads each."""

    workers: int
    cores: int


@dataclass(frozen=True, slots=True)
class Asked:
    """A command came by FIFO or signal."""

    command: Command


@dataclass(frozen=True, slots=True)
class SettingsRead:
    """The configuration was read again for a reload and is good; it wants so many workers and threads."""

    workers: int
    cores: int


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
    """Worker `wid` runs as `pid`, but is not ready yet."""

    generation: int
    wid: int
    pid: int


@dataclass(frozen=True, slots=True)
class WorkerNotForked:
    """The system gave no process for worker `wid`."""

    generation: int
    wid: int
    reason: str


@dataclass(frozen=True, slots=True)
class WorkerReady:
    """Worker `wid` accepts connections."""

    generation: int
    wid: int
    pid: int


@dataclass(frozen=True, slots=True)
class ChildEnded:
    """A child of the master is gone."""

    pid: int
    exit: Exit


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed."""


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
    | ChildEnded
    | Tick
)

# ---- actions ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StartTemplate:
    """Fork the template of a new generation, with the settings read last and room for `workers` workers."""

    generation: int
    workers: int


@dataclass(frozen=True, slots=True)
class ForkWorker:
    """Have the template of `generation` fork worker `wid`."""

    generation: int
    wid: int


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
    """The process of worker `wid` is dead; nobody writes its row any more."""

    generation: int
    wid: int


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
    | ReadSettings
    | SetPaused
    | Perform
    | Say
    | ReloadEnded
    | Leave
)
