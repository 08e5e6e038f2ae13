"""What a generation is to be like, from the settings.

Runs in: master.  Pure.
"""

from uncork.config.settings import Settings
from uncork.master.events import Wants

# Seconds that new code has at a reload where boot-timeout is not given.  A first start waits as long as it takes, as
# uWSGI does: there is nothing that could serve instead.
DEFAULT_BOOT = 300.0


def wants_of(settings: Settings, workers: int, first: bool) -> Wants:
    """`workers` to begin with; `first` at the first start."""
    boot = settings.reload.boot_timeout
    return Wants(
        workers=workers,
        limit=settings.processes.processes,
        cores=settings.processes.cores,
        boot=(None if first else DEFAULT_BOOT) if boot is None else float(boot),
        probe=settings.reload.probe is not None,
        mercy=mercy_of(settings),
    )


def mercy_of(settings: Settings) -> float:
    """Seconds that a worker gets to finish: worker-reload-mercy, or else reload-mercy."""
    general = settings.reload.reload_mercy
    if general is not None and not settings.given("worker-reload-mercy"):
        return general
    return settings.processes.worker_reload_mercy
