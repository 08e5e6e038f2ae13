"""What tests that become somebody else need: root to begin with, and a Python that others may read."""

import os
import stat
from pathlib import Path

import pytest


def _others_may_read(file: str) -> bool:
    path = Path(file).resolve()
    passable = all(parent.stat().st_mode & stat.S_IXOTH for parent in path.parents)
    return passable and bool(path.stat().st_mode & stat.S_IROTH)


AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")

# Python below /root, say, is of no use to another user.
FOR_OTHERS = pytest.mark.skipif(
    os.geteuid() != 0 or not _others_may_read(os.__file__) or not _others_may_read(__file__),
    reason="only root can become somebody else, who must be able to read Python and the tests",
)

# A user without rights, by number: containers have no names for them.
NOBODY = 65534
