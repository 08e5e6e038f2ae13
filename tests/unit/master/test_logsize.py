"""When the log of `logto` is to be rotated."""

from pathlib import Path

import pytest

from uncork.master.logsize import SIZE_CHECK, SizeWatch
from uncork.system.logfile import LogFile


@pytest.mark.parametrize(
    ("size", "now", "due"), [(11, 0.0, True), (10, 0.0, False), (11, -1.0, False), (None, 0.0, False)]
)
def test_the_log_is_looked_at_once_a_second(tmp_path: Path, size: int | None, now: float, due: bool) -> None:
    """Option `log-maxsize`: larger than that, and not before it is time; a log that is gone is no matter."""
    if size is not None:
        (tmp_path / "log").write_bytes(b"x" * size)
    watch = SizeWatch(LogFile(str(tmp_path / "log")), 10)
    at = watch.next_time() + now

    assert watch.tick(at) == due
    assert watch.next_time() == (at + SIZE_CHECK if now >= 0 else at - now)
