"""Settings are frozen values that know where they came from."""

import pytest

from uncork.config.options.processes import Processes
from uncork.config.options.stats import Stats
from uncork.config.settings import Entry, Settings


@pytest.mark.parametrize(
    ("settings", "master"),
    [
        (Settings(), False),
        (Settings(processes=Processes(master=True)), True),
        (Settings(processes=Processes(processes=2)), True),
        (Settings(processes=Processes(processes=1, threads=8)), False),
        (Settings(processes=Processes(master_fifo=("f",))), True),
        (Settings(stats=Stats(stats=":1717")), True),
        (Settings(stats=Stats(stats_http=True)), True),
        (Settings(stats=Stats(memory_report=True)), False),
    ],
)
def test_master(settings: Settings, master: bool) -> None:
    """A master runs when asked for, when an option needs it, and when there are several workers."""
    assert settings.master is master


def test_frozen() -> None:
    """Nobody changes settings in passing."""
    with pytest.raises(AttributeError, match="cannot be changed"):
        Settings().processes.processes = 3  # type: ignore[misc]


def test_origin_is_the_last_under_any_name() -> None:
    """The place to name in a message is the one whose value counts, under whichever alias it was given."""
    settings = Settings(
        entries=(
            Entry("processes", "2", "app.ini:3"),
            Entry("workers", "4", "--workers"),
            Entry("threads", "4", "app.ini:9", placeholder=True),
        )
    )
    assert settings.origin("processes") == "--workers"
    assert [entry.value for entry in settings.given("processes")] == ["2", "4"]
    assert settings.origin("threads") == "default"


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        (Entry("processes", "four", "app.ini:12"), "app.ini:12: processes = four"),
        (Entry("module", "", "app.ini:12"), "app.ini:12: module ="),
        (Entry("processes", "four", "-:5"), "-:5: processes = four"),
        (Entry("processes", "four", "-a.ini:5"), "-a.ini:5: processes = four"),
        (Entry("processes", "four", "--proc", source="argument"), "--proc four"),
        (Entry("master", None, "-M", source="argument"), "-M"),
        (Entry("processes", "four", "--set processes", source="definition"), "--set processes=four"),
        (Entry("processes", "four", "UWSGI_SET processes", source="definition"), "UWSGI_SET processes=four"),
        (Entry("processes", "four", "UWSGI_PROCESSES", source="variable"), "UWSGI_PROCESSES=four"),
        (Entry("env", "PASSWORD=abc", "app.ini:12"), "app.ini:12: env = PASSWORD=***"),
        (Entry("env", "PASSWORD=abc", "--env", source="argument"), "--env PASSWORD=***"),
    ],
)
def test_entry_as_quoted(entry: Entry, text: str) -> None:
    """A message quotes an entry as it was written, and shows no secret."""
    assert str(entry) == text
