"""What stdout and stderr are."""

import ast
import os
from pathlib import Path

import pytest

from uncork.system.process import fork
from uncork.system.streams import could_block, streams

pytestmark = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")


def test_standard_streams_are_one_or_two(tmp_path: Path) -> None:
    """As they were opened."""

    def below(out: str, err: str) -> list[tuple[int, ...]]:
        read, write = os.pipe()

        def main() -> int:
            for number, name in ((1, out), (2, err)):
                os.dup2(os.open(tmp_path / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), number)
            os.write(write, repr(streams()).encode())
            return 0

        os.waitpid(fork(main), 0)
        os.close(write)
        with os.fdopen(read) as answer:
            found: list[tuple[int, ...]] = ast.literal_eval(answer.read())
        return found

    assert below("a", "a") == [(1, 2)]
    assert below("a", "b") == [(1,), (2,)]


@pytest.mark.parametrize(("path", "blocks"), [("/dev/null", False), ("/dev/full", False), ("log", False)])
def test_files_and_devices_do_not_block(tmp_path: Path, path: str, blocks: bool) -> None:
    """They are written to directly."""
    fd = os.open(tmp_path / path, os.O_WRONLY | os.O_CREAT)
    assert could_block(fd) == blocks
    os.close(fd)
    assert not could_block(fd)
