"""Which hooks are done by which worker."""

import pytest

from uncork.worker.loop import nothing
from uncork.worker.place import Place


@pytest.mark.parametrize(
    ("wid", "master_fd", "first", "moments"),
    [
        (1, 5, True, ["accepting", "accepting-once", "accepting1", "accepting1-once"]),
        (1, 5, False, ["accepting", "accepting1"]),
        (2, 5, True, ["accepting", "accepting-once"]),
        (2, 5, False, ["accepting"]),
        (1, -1, True, ["accepting", "accepting1"]),
    ],
)
def test_moments(wid: int, master_fd: int, first: bool, moments: list[str]) -> None:
    """In uWSGI's order; what is done once needs a master, which knows what was."""
    place = Place(1, wid, master_fd, nothing, lambda _reason: None, first=first)
    assert list(place.moments()) == moments
