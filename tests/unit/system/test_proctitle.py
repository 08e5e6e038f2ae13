"""Names of processes.  Whatever sets one does so in a process of its own."""

import importlib.util
import os
from pathlib import Path

import pytest

from uncork.system.process import fork
from uncork.system.proctitle import Titles, set_title

HAS_PACKAGE = importlib.util.find_spec("setproctitle") is not None


@pytest.mark.parametrize(
    ("titles", "master", "template", "worker"),
    [
        (Titles(), "uWSGI master", "uWSGI template", "uWSGI worker 7"),
        (Titles(every="app"), "app", "app", "app"),
        (Titles(every="app", master_only="boss"), "boss", "app", "app"),
        (Titles(master_only="boss"), "boss", "uWSGI template", "uWSGI worker 7"),
        (Titles(prefix="x-", suffix="-y"), "x-uWSGI master-y", "x-uWSGI template-y", "x-uWSGI worker 7-y"),
        (Titles("app", "boss", "x ", " y"), "x boss y", "x app y", "x app y"),
    ],
)
def test_names_are_uwsgis(titles: Titles, master: str, template: str, worker: str) -> None:
    """procname-master before procname before the names of auto-procname; prefix and suffix around each."""
    assert (titles.master(), titles.template(), titles.worker(7)) == (master, template, worker)


def in_child(title: str) -> tuple[str, str, str]:
    """What `set_title` says, and (comm, cmdline) of the process that was given `title`."""
    read, write = os.pipe()

    def main() -> int:
        said = set_title(title)
        facts = [said, Path("/proc/self/comm").read_text().rstrip("\n"), Path("/proc/self/cmdline").read_text()]
        os.write(write, "\n".join(facts).encode())
        return 42

    _, status = os.waitpid(fork(main), 0)
    assert os.waitstatus_to_exitcode(status) == 42
    os.close(write)
    with open(read) as file:
        said, comm, command = file.read().split("\n", 2)
    return said, comm, command


@pytest.mark.skipif(HAS_PACKAGE, reason="the package is installed")
@pytest.mark.parametrize(
    ("title", "short"),
    [
        ("uWSGI worker 12", "uWSGI worker 12"),
        ("uWSGI worker 123", "uWSGI worker 12"),
        ("", ""),
        ("a\0b", "ab"),
    ],
)
def test_without_the_package_the_short_name_is_set(title: str, short: str) -> None:
    """15 bytes of it; the line says what gives the rest."""
    said, comm, _ = in_child(title)
    assert comm == short
    assert said == f"only top shows {short!r}: ps does with the package setproctitle"


@pytest.mark.skipif(not HAS_PACKAGE, reason="the package is not installed")
def test_with_the_package_the_whole_name_is_set() -> None:
    """ps shows it in place of the command line."""
    said, _, command = in_child("a title that is longer than the kernel's name")
    assert said == ""
    assert command.rstrip("\0") == "a title that is longer than the kernel's name"
