"""Options from the environment."""

import pytest

from uncork.config.environment import environment_entries
from uncork.config.settings import Entry


def test_names() -> None:
    """`UWSGI_` goes, the rest is lower case with hyphens, in the order of the environment."""
    environ = {"UWSGI_PROCESSES": "3", "PATH": "/bin", "UWSGI_CHMOD_SOCKET": "", "UWSGI_foo_Bar": "x", "UWSGI_": "k"}
    assert list(environment_entries(environ)) == [
        Entry("processes", "3", "UWSGI_PROCESSES", source="variable"),
        Entry("chmod-socket", "", "UWSGI_CHMOD_SOCKET", source="variable"),
        Entry("foo-bar", "x", "UWSGI_foo_Bar", source="variable"),
        Entry("", "k", "UWSGI_", source="variable"),
    ]


@pytest.mark.parametrize(
    "variable",
    [
        "UWSGI_RELOADS",
        "UWSGI_VASSALS_DIR",
        "UWSGI_EMPEROR_FD",
        "UWSGI_EMPEROR_FD_CONFIG",
        "UWSGI_BROODLORD_NUM",
        "UWSGI_EMPEROR_PROXY",
        "UWSGI_JAIL_PID",
        "UWSGI_ORIGINAL_PROC_NAME",
        "uwsgi_processes",
        "XUWSGI_PROCESSES",
    ],
)
def test_not_options(variable: str) -> None:
    """What uWSGI tells its children is not taken for options."""
    assert list(environment_entries({variable: "1"})) == []
