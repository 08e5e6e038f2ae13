"""The parts of the relay: a destination that may not take what it should, and a pipe that many write into."""

import os
import selectors
import time
from collections.abc import Callable, Iterator

import pytest

from uncork.master import logflow
from uncork.master.logflow import Intake, Outlet
from uncork.system import logwriter
from uncork.system.logwriter import LogWriter


class Target:
    """A destination under the test's control: what it shall answer next, None for as much as there is."""

    def __init__(self) -> None:
        self.taken = b""
        self.answers: list[OSError | int | None] = []
        self.always: OSError | None = None
        self.fd, self.writer = os.pipe()
        self.renewed: list[bool] = []

    def write(self, data: bytes, start: int) -> int:
        """As the test says."""
        answer = self.answers.pop(0) if self.answers else self.always
        if isinstance(answer, OSError):
            raise answer
        count = len(data) - start if answer is None else answer
        self.taken += data[start : start + count]
        return count

    def renew(self, rotate: bool) -> None:
        """Remembered."""
        self.renewed.append(rotate)

    def full(self) -> bool:
        """Never."""
        return False

    def close(self) -> None:
        """Both ends."""
        os.close(self.fd)
        os.close(self.writer)


@pytest.fixture
def selector() -> Iterator[selectors.BaseSelector]:
    """The master's."""
    with selectors.DefaultSelector() as selector:
        yield selector


@pytest.fixture
def target() -> Target:
    """Closed by the outlet's close()."""
    return Target()


@pytest.fixture
def outlet(target: Target, selector: selectors.BaseSelector) -> Iterator[Outlet]:
    """One with a backlog of 100 bytes."""
    outlet = Outlet(target, selector, 100)
    yield outlet
    outlet.close()


NO_SPACE = OSError(28, "No space left on device")


def test_lines_go_at_once_where_there_is_room(outlet: Outlet, target: Target) -> None:
    """And leave nothing behind."""
    target.answers = [2, None]
    outlet.put(b"line\n")

    assert target.taken == b"line\n"
    assert outlet.backlog.size == 0
    assert outlet.retry_at == 0.0


def test_where_there_is_no_room_the_selector_waits(
    outlet: Outlet, target: Target, selector: selectors.BaseSelector
) -> None:
    """For writing, and only as long as something waits."""
    target.answers = [BlockingIOError()]
    outlet.put(b"one\n")
    outlet.put(b"two\n")
    key = selector.get_key(target.fd)
    assert key.events == selectors.EVENT_WRITE
    assert target.taken == b""
    key.data()

    assert target.taken == b"one\ntwo\n"
    assert not selector.get_map()


def test_what_fails_is_tried_again_by_the_clock(
    outlet: Outlet, target: Target, selector: selectors.BaseSelector
) -> None:
    """A full disk is not asked for each line, and a pipe without a reader does not keep the selector busy."""
    target.answers = [BlockingIOError(), NO_SPACE]
    outlet.put(b"one\n")
    selector.get_key(target.fd).data()
    outlet.put(b"two\n")
    assert outlet.retry_at > time.monotonic()
    assert not selector.get_map()
    outlet.flush()

    assert target.taken == b"one\ntwo\n"
    assert outlet.retry_at == 0.0


@pytest.mark.parametrize(
    ("why", "said"), [(BlockingIOError(), "nobody read them"), (NO_SPACE, "no space left on device")]
)
def test_what_was_lost_is_said_once(outlet: Outlet, target: Target, why: OSError, said: str) -> None:
    """With the number and the reason, as soon as somebody reads."""
    target.always = why
    for number in range(30):
        outlet.put(b"line %03d\n" % number)
    target.always = None
    outlet.flush()
    outlet.put(b"next\n")

    lines = target.taken.decode().splitlines()
    assert lines[:11] == [f"line {number:03}" for number in range(11)]
    assert lines[11:] == [f"19 log lines lost: {said}", "next"]
    assert outlet.backlog.dropped == 19


def test_the_notice_has_the_time_where_it_is_asked_for(
    outlet: Outlet, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is a line of the server's own (option `log-date`)."""
    monkeypatch.setattr(logwriter.voice, "date", "noon")
    target.always = NO_SPACE
    outlet.put(b"x" * 60 + b"\n")
    outlet.put(b"x" * 60 + b"\n")
    target.always = None
    outlet.flush()

    assert target.taken.endswith(b"\nnoon - 1 log lines lost: no space left on device\n")


def test_a_destination_that_cannot_be_watched_is_tried_by_the_clock(
    target: Target, selector: selectors.BaseSelector, tmp_path: os.PathLike[str]
) -> None:
    """epoll knows no regular files."""
    os.close(target.fd)
    target.fd = os.open(os.path.join(tmp_path, "file"), os.O_CREAT | os.O_WRONLY)
    outlet = Outlet(target, selector)
    target.answers = [BlockingIOError()]
    outlet.put(b"line\n")

    assert outlet.retry_at > 0
    outlet.close()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[float], None]]:
    """Lets time pass."""
    now = 1000.0

    def advance(seconds: float) -> None:
        nonlocal now
        now += seconds

    with monkeypatch.context() as patch:
        patch.setattr(time, "monotonic", lambda: now)
        yield advance


HALF = b"x" * 59 + b"\n"


def test_one_that_is_behind_is_waited_for(outlet: Outlet, target: Target, clock: Callable[[float], None]) -> None:
    """A burst is not lost: less than half of the backlog is no delay, and more is one."""
    target.always = BlockingIOError()
    outlet.put(b"x" * 40 + b"\n")
    assert not outlet.congested
    outlet.put(b"x" * 40 + b"\n")
    assert outlet.congested
    target.always = None
    outlet.flush()
    assert not outlet.congested


def test_one_that_takes_nothing_is_not_waited_for_long(
    outlet: Outlet, target: Target, clock: Callable[[float], None]
) -> None:
    """It is stuck, and those who write are not yet out of patience."""
    target.always = BlockingIOError()
    outlet.put(HALF)
    assert outlet.congested
    clock(logflow.STUCK_AFTER - 0.01)
    assert outlet.congested
    clock(0.02)
    assert not outlet.congested
    assert logflow.STUCK_AFTER < logwriter.PATIENCE


def test_one_that_stays_behind_is_not_waited_for_long(
    outlet: Outlet, target: Target, clock: Callable[[float], None]
) -> None:
    """It takes some all the time, and less than comes: that must not slow the server."""
    target.always = BlockingIOError()
    outlet.put(HALF)
    steps = round(logflow.PATIENCE / logflow.STUCK_AFTER) + 1
    for _ in range(steps):
        assert outlet.congested
        clock(logflow.PATIENCE / steps + 0.001)
        target.answers = [1, BlockingIOError()]
        outlet.flush()
        outlet.put(b"\n")
    assert outlet.backlog.size == len(HALF)
    assert not outlet.congested
    target.always = None
    outlet.flush()
    target.always = BlockingIOError()
    outlet.put(HALF)
    assert not outlet.backlog.dropped
    assert outlet.congested


def test_one_that_fails_is_not_waited_for(outlet: Outlet, target: Target) -> None:
    """A full disk will not have room in a second."""
    target.always = NO_SPACE
    outlet.put(b"x" * 80 + b"\n")

    assert not outlet.congested


def test_renewing_writes_what_waited(outlet: Outlet, target: Target) -> None:
    """The new file has room."""
    target.answers = [NO_SPACE]
    outlet.put(b"line\n")
    outlet.renew(rotate=True)

    assert target.renewed == [True]
    assert target.taken == b"line\n"


def test_the_end_waits_for_somebody_who_reads_and_not_for_others(outlet: Outlet, target: Target) -> None:
    """Bounded: the last lines are worth a moment."""
    target.always = BlockingIOError()
    outlet.put(b"line\n")
    began = time.monotonic()
    outlet.finish(began + 0.05)
    assert time.monotonic() >= began + 0.05
    target.always = NO_SPACE
    outlet.finish(time.monotonic() + 1000)
    target.always = None
    outlet.finish(time.monotonic())

    assert target.taken == b"line\n"


@pytest.fixture
def intake(outlet: Outlet, selector: selectors.BaseSelector) -> Iterator[Intake]:
    """In the place of no descriptor."""
    intake = Intake((), [outlet], selector)
    yield intake
    intake.close()


@pytest.fixture
def writer(intake: Intake) -> LogWriter:
    """What a worker has."""
    writer = LogWriter(-1)
    intake.hand_to(writer)
    return writer


def turn(selector: selectors.BaseSelector) -> int:
    """One turn of the master's loop; how many descriptors had something."""
    ready = selector.select(0)
    for key, _ in ready:
        key.data()
    return len(ready)


def test_what_a_worker_writes_arrives(
    writer: LogWriter, target: Target, selector: selectors.BaseSelector, intake: Intake
) -> None:
    """By the line."""
    writer.write(b"one\ntw")
    assert turn(selector) == 1
    assert target.taken == b"one\n"
    writer.write(b"o\n")
    intake.drain()
    assert target.taken == b"one\ntwo\n"


def test_after_a_read_the_pipe_rests(
    writer: LogWriter, target: Target, selector: selectors.BaseSelector, intake: Intake
) -> None:
    """Many lines cost the master few turns; once none comes the selector watches again."""
    writer.write(b"one\n")
    turn(selector)
    due = intake.rests_until
    writer.write(b"two\n")
    assert turn(selector) == 0
    intake.rested(due - 0.001)
    assert target.taken == b"one\n"
    intake.rested(due)
    assert target.taken == b"one\ntwo\n"
    assert intake.rests_until > due
    intake.rested(intake.rests_until)
    assert intake.rests_until == 0.0
    writer.write(b"three\n")
    assert turn(selector) == 1
    assert target.taken == b"one\ntwo\nthree\n"


def test_the_pipe_holds_a_megabyte(writer: LogWriter, intake: Intake) -> None:
    """While the master is busy nobody waits."""
    lost = logwriter.losses.lines
    for _ in range(250):
        writer.write(b"x" * 4095 + b"\n")

    assert logwriter.losses.lines == lost


class Flood(Target):
    """Takes everything, and each time more comes than it took."""

    write_fd = -1

    def write(self, data: bytes, start: int) -> int:
        """All of it."""
        self.taken += data[start:]
        assert len(self.taken) < 10 * logflow.PIPE_SIZE
        try:
            for _ in range(40):
                os.write(self.write_fd, b"x" * 4095 + b"\n")
        except BlockingIOError:
            pass  # as full as it gets
        return len(data) - start


def test_a_flood_ends_a_turn(selector: selectors.BaseSelector) -> None:
    """One drain takes a megabyte at most: the master has more to do."""
    target = Flood()
    outlet = Outlet(target, selector)
    intake = Intake((), [outlet], selector)
    target.write_fd = intake._write_soon
    for _ in range(40):
        os.write(target.write_fd, b"x" * 4095 + b"\n")

    assert intake.drain()
    assert 0 < len(target.taken) <= logflow.PIPE_SIZE
    intake.close()
    outlet.close()


def test_while_a_destination_is_behind_the_pipe_is_left_alone(
    writer: LogWriter, intake: Intake, target: Target
) -> None:
    """It fills, and whoever writes takes a little longer; then lines are dropped, not kept."""
    target.always = BlockingIOError()
    writer.write(b"x" * 60 + b"\n")
    assert intake.drain()
    writer.write(b"y\n")
    assert intake.drain()
    target.always = None
    intake.outlets[0].flush()
    intake.drain()

    assert target.taken.endswith(b"x\ny\n")


def test_in_the_end_everything_is_passed_on(writer: LogWriter, intake: Intake, target: Target) -> None:
    """Half a line, too."""
    writer.write(b"one\nhalf")
    intake.finish(time.monotonic() + 10)

    assert target.taken == b"one\nhalf\n"
