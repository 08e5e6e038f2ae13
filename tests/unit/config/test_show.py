"""What show-config and dump-options print."""

import pytest

from uncork.config.names import uwsgi_names
from uncork.config.settings import Entry
from uncork.config.show import configuration, option_names, print_line
from uncork.config.table import BY_NAME


def test_configuration() -> None:
    """Every entry in order, a flag of the command line as true, what an option stands for not a second time."""
    entries = [
        Entry("master", None, "--master"),
        Entry("vacuum", "", "a.ini:2"),
        Entry("both", "1 2", "a.ini:3"),
        Entry("threads", "1", "a.ini:3", part=True),
        Entry("project", "blog", "a.ini:4"),
    ]
    assert configuration(entries, {}).splitlines() == [
        ";uWSGI instance configuration",
        "[uwsgi]",
        "master = true",
        "vacuum = ",
        "both = 1 2",
        "project = blog",
        ";end of configuration",
    ]


def test_configuration_keeps_secrets() -> None:
    """A secret is not shown."""
    shown = configuration([Entry("env", "DB_PASSWORD=hunter2", "a.ini:2"), Entry("env", "STAGE=test", "a.ini:3")], {})
    assert "hunter2" not in shown
    assert "env = STAGE=test" in shown


def test_option_names() -> None:
    """Every name that is read stands in the list once."""
    names = option_names().splitlines()
    assert len(names) == len(set(names))
    assert set(names) == uwsgi_names() | BY_NAME.keys()


def test_foreign_bytes_stay(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """A path in another encoding is shown as it is in the file."""
    print_line("chdir = /caf\udce9")
    print_line("half = \ud800")
    assert capfdbinary.readouterr().err == b"chdir = /caf\xe9\nhalf = \\ud800\n"
