"""The project's own files, as tests look at them."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def project_files(suffixes: Sequence[str] = ()) -> list[Path]:
    """Every file of the project (what git tracks or would track), sorted; only those with one of `suffixes`, if any.

    Skips the test where there is no git to ask, as in an unpacked archive.
    """
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        answer = subprocess.run(command, capture_output=True, check=True).stdout.decode()
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("there is no git that knows the project's files", allow_module_level=True)
    paths = sorted({ROOT / name for name in answer.split("\0") if name})
    return [path for path in paths if path.is_file() and (not suffixes or path.suffix in suffixes)]
