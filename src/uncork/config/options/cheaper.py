"""Options of adaptive process spawning: how many of the workers there are at a time (uWSGI: cheaper).

Pure: `problems` and `remarks` say what does not fit, `first_workers` what the options come to.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from uncork.config.kinds import FLAG, Text
from uncork.config.option import group, option
from uncork.config.quantities import IN_BYTES, IN_PERCENT, IN_SECONDS, LONG_MAX, SECONDS, Integer, Limit

if TYPE_CHECKING:
    from uncork.config.settings import Entry, Settings

# Those of uWSGI 2.0.30, as its --cheaper-algo-list prints them.
ALGORITHMS = ("spare", "backlog", "busyness", "manual")

_COUNT = Integer(minimum=1, zero=1)
_BYTES = Limit(maximum=LONG_MAX, metavar="BYTES", scale=IN_BYTES, unsigned=True)


def _percent(default: int) -> Integer:
    """0 is the default for uWSGI too, here and below."""
    return Integer(minimum=1, metavar="PERCENT", zero=default, scale=IN_PERCENT)


@group
class Cheaper:
    """How many workers there are at a time."""

    cheaper: int = option(
        "cheaper",
        kind=Integer(),
        default=0,
        unit="processes",
        implies_master=True,
        help="run so many workers while there is little to do, and up to `processes` as needed; 0 for always all",
    )
    cheaper_initial: int | None = option(
        "cheaper-initial",
        kind=Integer(),
        default=None,
        unit="processes",
        implies_master=True,
        help="run so many workers at the start; as many as cheaper says unless given",
    )
    cheaper_algo: str = option(
        "cheaper-algo",
        kind=Text("NAME", "spare, backlog, busyness or manual", ALGORITHMS),
        default="spare",
        implies_master=True,
        help="what decides: spare (keep one idle), backlog (the listen queue), busyness, manual (+ and - on the FIFO)",
    )
    cheaper_step: int = option(
        "cheaper-step",
        kind=_COUNT,
        default=1,
        unit="processes",
        implies_master=True,
        help="start so many workers at once when more are needed",
    )
    cheaper_overload: int = option(
        "cheaper-overload",
        kind=_COUNT,
        default=3,
        implies_master=True,
        help="spare: seconds of overload, or of calm, before the number changes; backlog: connections that may wait; "
        "busyness: seconds over which it is measured",
    )
    cheaper_rss_limit_soft: int | None = option(
        "cheaper-rss-limit-soft",
        kind=_BYTES,
        default=None,
        unit="bytes",
        implies_master=True,
        help="start no further worker while all together occupy so much memory",
    )
    cheaper_rss_limit_hard: int | None = option(
        "cheaper-rss-limit-hard",
        kind=_BYTES,
        default=None,
        unit="bytes",
        implies_master=True,
        help="end one worker after another, but the last, while all together occupy so much memory",
    )
    cheaper_busyness_max: int = option(
        "cheaper-busyness-max",
        kind=_percent(50),
        default=50,
        unit="%",
        help="more workers are needed when they are busier than this on average",
    )
    cheaper_busyness_min: int = option(
        "cheaper-busyness-min",
        kind=_percent(25),
        default=25,
        unit="%",
        help="fewer workers are needed when they are less busy than this on average",
    )
    cheaper_busyness_multiplier: int = option(
        "cheaper-busyness-multiplier",
        kind=Integer(minimum=1, zero=10),
        default=10,
        help="how many times cheaper-overload it must be calm before a worker is ended",
    )
    cheaper_busyness_penalty: int = option(
        "cheaper-busyness-penalty",
        kind=Integer(minimum=1, zero=2),
        default=2,
        help="by how much that multiplier grows each time a worker was ended too early",
    )
    cheaper_busyness_verbose: bool = option(
        "cheaper-busyness-verbose",
        kind=FLAG,
        default=False,
        help="log every measurement of busyness",
    )
    cheaper_busyness_backlog_alert: int = option(
        "cheaper-busyness-backlog-alert",
        kind=Integer(minimum=1, zero=33),
        default=33,
        unit="connections",
        help="start emergency workers at once when more connections wait",
    )
    cheaper_busyness_backlog_step: int = option(
        "cheaper-busyness-backlog-step",
        kind=_COUNT,
        default=1,
        unit="processes",
        help="start so many emergency workers at a time",
    )
    cheaper_busyness_backlog_multiplier: int = option(
        "cheaper-busyness-backlog-multiplier",
        kind=Integer(minimum=1, zero=3),
        default=3,
        help="the multiplier while there are emergency workers, which are to go sooner",
    )
    cheaper_busyness_backlog_nonzero: int = option(
        "cheaper-busyness-backlog-nonzero",
        kind=Integer(minimum=1, zero=60, scale=IN_SECONDS),
        default=60,
        unit="seconds",
        help="start emergency workers when at least one connection has been waiting all this time",
    )
    cheap: bool = option(
        "cheap",
        kind=FLAG,
        default=False,
        implies_master=True,
        help="start without a worker; the first connection brings them",
    )
    idle: int = option(
        "idle",
        kind=SECONDS,
        default=0,
        unit="seconds",
        implies_master=True,
        help="end all workers after so long without a request, 0 for never; the next connection brings them back",
    )
    die_on_idle: bool = option(
        "die-on-idle",
        kind=FLAG,
        default=False,
        help="stop the server instead when the time of idle is over",
    )


def problems(settings: "Settings") -> Iterator[str]:
    """What cannot work (uWSGI refuses the same)."""
    cheaper, processes = settings.cheaper, settings.processes.processes
    if cheaper.cheaper and cheaper.cheaper >= processes:
        yield f"{_entry(settings, 'cheaper')} (expected less than the number of processes, which is {processes})"
    soft, hard = cheaper.cheaper_rss_limit_soft, cheaper.cheaper_rss_limit_hard
    if hard is not None and soft is None:
        yield f"{_entry(settings, 'cheaper-rss-limit-hard')} (it needs a lower cheaper-rss-limit-soft beside it)"
    elif hard is not None and soft is not None and hard <= soft:
        yield f"{_entry(settings, 'cheaper-rss-limit-hard')} (expected more than cheaper-rss-limit-soft, {soft})"


def remarks(settings: "Settings") -> Iterator[str]:
    """What is taken for something else, with what (uWSGI starts with the same)."""
    cheaper, processes = settings.cheaper, settings.processes.processes
    initial = cheaper.cheaper_initial
    if cheaper.cheaper and initial is not None and not cheaper.cheaper <= initial <= processes:
        taken = first_workers(cheaper, processes)
        yield (
            f"{_entry(settings, 'cheaper-initial')} "
            f"(expected {cheaper.cheaper} to {processes}: cheaper to processes; taken as {taken})"
        )
    if cheaper.cheaper_algo not in ALGORITHMS:
        yield f"{_entry(settings, 'cheaper-algo')} (expected {', '.join(ALGORITHMS)}; taken as {ALGORITHMS[0]})"


def first_workers(cheaper: Cheaper, processes: int) -> int:
    """With how many workers a server of `processes` begins, unless it begins cheap."""
    if not cheaper.cheaper:
        return processes
    initial = cheaper.cheaper if cheaper.cheaper_initial is None else cheaper.cheaper_initial
    return min(max(initial, cheaper.cheaper), processes)


def _entry(settings: "Settings", name: str) -> "Entry":
    from uncork.config.settings import Entry  # which imports this module

    value = getattr(settings.cheaper, name.replace("-", "_"))
    given = settings.given(name)
    return given[-1] if given else Entry(name, str(value), f"--{name}", source="argument")
