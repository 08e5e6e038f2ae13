"""What a generation is to be like, from the command line on."""

import pytest

from uncork.config.load import load
from uncork.config.settings import Settings
from uncork.master.events import Wants
from uncork.master.wants import DEFAULT_BOOT, mercy_of, wants_of


def settings(*argv: str) -> Settings:
    """The settings of a command line."""
    return load(argv, {}).settings


@pytest.mark.parametrize(
    ("argv", "workers", "wants"),
    [
        ((), 1, Wants(1, 1, 1, DEFAULT_BOOT, False, 60.0)),
        (("-p", "4"), 4, Wants(4, 4, 1, DEFAULT_BOOT, False, 60.0)),
        # Fewer to begin with than there may be.
        (("-p", "4"), 2, Wants(2, 4, 1, DEFAULT_BOOT, False, 60.0)),
        (("--threads", "8"), 1, Wants(1, 1, 8, DEFAULT_BOOT, False, 60.0)),
        (("--probe", "/health"), 1, Wants(1, 1, 1, DEFAULT_BOOT, True, 60.0)),
        (("--boot-timeout", "7"), 1, Wants(1, 1, 1, 7.0, False, 60.0)),
        (("--worker-reload-mercy", "5"), 1, Wants(1, 1, 1, DEFAULT_BOOT, False, 5.0)),
    ],
)
def test_wants(argv: tuple[str, ...], workers: int, wants: Wants) -> None:
    """Each setting is where the planner looks for it."""
    assert wants_of(settings(*argv), workers, first=False) == wants


@pytest.mark.parametrize(
    ("argv", "first", "boot"),
    [
        ((), True, None),
        ((), False, 300.0),
        (("--boot-timeout", "7"), True, 7.0),
        (("--boot-timeout", "7"), False, 7.0),
    ],
)
def test_the_time_to_get_ready(argv: tuple[str, ...], first: bool, boot: float | None) -> None:
    """Unless it is given, a first start may take as long as it takes, and new code five minutes."""
    assert wants_of(settings(*argv), 1, first).boot == boot


@pytest.mark.parametrize(
    ("argv", "mercy"),
    [
        ((), 60),
        (("--reload-mercy", "8"), 8),
        (("--worker-reload-mercy", "5"), 5),
        # The special one counts, whichever stands first, also where it says the default.
        (("--reload-mercy", "8", "--worker-reload-mercy", "5"), 5),
        (("--worker-reload-mercy", "5", "--reload-mercy", "8"), 5),
        (("--worker-reload-mercy", "60", "--reload-mercy", "8"), 60),
        (("--reload-mercy", "0"), 0),
    ],
)
def test_mercy(argv: tuple[str, ...], mercy: float) -> None:
    """The seconds that a worker gets to finish."""
    assert mercy_of(settings(*argv)) == mercy
    assert wants_of(settings(*argv), 1, first=True).mercy == mercy
