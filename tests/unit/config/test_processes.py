"""What the options of the processes come to: the number of threads, and bits of files."""

import pytest

from uncork.config.kinds import MismatchError
from uncork.config.load import load
from uncork.config.options.processes import MAX_GREENLETS, Processes, Umask


@pytest.mark.parametrize(
    ("given", "cores"),
    [
        (Processes(), 1),
        (Processes(threads=4), 4),
        (Processes(gevent=10), 10),
        (Processes(async_=3), 3),
        (Processes(asyncio=5), 5),
        (Processes(gevent=2, threads=8), 8),
        (Processes(gevent=20, threads=8), 20),
        (Processes(gevent=0), 1),
        (Processes(gevent=1000), MAX_GREENLETS),
        (Processes(gevent=1000, threads=500), 500),
    ],
)
def test_whoever_asks_for_greenlets_gets_threads(given: Processes, cores: int) -> None:
    """As many as were asked for, within reason; `threads` alone is taken as it is."""
    assert given.cores == cores


@pytest.mark.parametrize(
    ("given", "remark"),
    [
        (Processes(threads=4), ""),
        (Processes(gevent=2, threads=8), ""),
        (Processes(gevent=10), "gevent = 10: each worker handles 10 requests at a time, each in a thread"),
        (Processes(async_=400), "async = 400: each worker handles 100 requests at a time, each in a thread"),
    ],
)
def test_a_start_says_what_became_of_them(given: Processes, remark: str) -> None:
    """Once, and only where it is not what `threads` says."""
    assert given.remark == remark


def test_from_the_command_line() -> None:
    """A comment behind the number does not count, as for every number."""
    given = load(["-s", "s", "--gevent", "400  # each costs little", "--async", "7"], {}).settings.processes
    assert (given.gevent, given.async_) == (400, 7)


@pytest.mark.parametrize(("text", "bits"), [("022", 0o22), ("0027", 0o27), ("0", 0), ("77", 0o77), ("777", 0o777)])
def test_umask(text: str, bits: int) -> None:
    """Octal, as the command umask has it."""
    assert Umask().parse(text) == bits


@pytest.mark.parametrize("text", [None, "", "8", "27x", "00022", "1777", "-22", "u=rwx"])
def test_no_umask(text: str | None) -> None:
    """uWSGI makes 0 of some of these, and everybody may write then."""
    with pytest.raises(MismatchError, match="octal digits like 022"):
        Umask().parse(text)
