"""Limits of the kernel, set in a child of the test: what is lowered cannot be raised again."""

import os
import resource
from collections.abc import Callable

import pytest

from uncork.errors import UncorkError
from uncork.system.limits import MEGABYTE, limit
from uncork.system.process import fork

pytestmark = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")


def in_child(story: Callable[[], None]) -> None:
    """Let a child live `story`; what it raises is in the captured log."""

    def main() -> int:
        story()
        return 42

    assert os.waitstatus_to_exitcode(os.waitpid(fork(main), 0)[1]) == 42


def test_what_is_given_is_set() -> None:
    """Both the limit and what it may be raised to; each is logged."""

    def story() -> None:
        lines = limit(4096, 4000, 100)
        assert resource.getrlimit(resource.RLIMIT_AS) == (4096 * MEGABYTE,) * 2
        assert resource.getrlimit(resource.RLIMIT_NPROC) == (4000, 4000)
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (100, 100)
        assert len(lines) == 3

    in_child(story)


def test_nothing_is_changed_unasked() -> None:
    """None is no limit of ours."""
    kinds = (resource.RLIMIT_AS, resource.RLIMIT_NPROC, resource.RLIMIT_NOFILE)
    before = [resource.getrlimit(kind) for kind in kinds]
    assert limit(None, None, None) == []
    assert [resource.getrlimit(kind) for kind in kinds] == before


def test_more_files_than_the_system_allows() -> None:
    """Are as many as it does, and a line says so: uWSGI starts with it."""

    def story() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (50, 60))
        # Beyond what even root may ask for (fs.nr_open).
        (line,) = limit(None, None, 2**31 - 1)
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (60, 60)
        assert line == "max-fd = 2147483647: the system allows 60 open files, and no more"

    in_child(story)


def test_a_limit_that_cannot_be_had() -> None:
    """Is told with the option."""
    with pytest.raises(UncorkError, match=rf"^limit-as = {2**62}: the system does not allow it \("):
        limit(2**62, None, None)
