"""The relay as a whole: what is relayed, where it goes, and that neither side waits for the other."""

import os
import selectors
import signal
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from uncork.config.load import load
from uncork.config.options.logging import Logging
from uncork.errors import UncorkError
from uncork.master import logbacklog, logflow, logrelay
from uncork.master.logrelay import LogRelay
from uncork.master.logsieves import alarm_rules
from uncork.master.logsize import SIZE_CHECK
from uncork.system import logwriter
from uncork.system.logfile import LogFile
from uncork.system.process import fork

pytestmark = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")


def options(*argv: str) -> Logging:
    """The options of the log that a command line means."""
    return load(list(argv), {}).settings.logging


class Master:
    """What a process with a relay does, as the master is one."""

    def __init__(self, *argv: str) -> None:
        self.selector = selectors.DefaultSelector()
        self.raised: list[tuple[tuple[str, ...], bytes]] = []
        settings = load(list(argv), {}).settings
        self.relay = LogRelay(
            self.selector,
            settings.logging,
            (-1, -1),
            alarm_rules(settings),
            lambda names, line: self.raised.append((names, line)),
        )

    def reload(self, *argv: str) -> None:
        """Take over other rules."""
        settings = load(list(argv), {}).settings
        self.relay.set(settings.logging, alarm_rules(settings))

    def child(self, act: Callable[[], object]) -> None:
        """Run `act` below the relay, to its end and that of its lines."""

        def main() -> int:
            self.relay.leave_to_child()
            act()
            return 0

        pid = fork(main)
        pidfd = os.pidfd_open(pid)
        self.selector.register(pidfd, selectors.EVENT_READ, lambda: None)
        self.until(lambda: os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None)
        self.selector.unregister(pidfd)
        os.close(pidfd)
        _, status = os.waitpid(pid, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        self.until(lambda: not sum(intake.drain() for intake in self.relay._intakes))

    def until(self, condition: Callable[[], bool]) -> None:
        """Turn the loop until `condition`."""
        end = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < end
            self.turn()

    def turn(self) -> None:
        """One turn of the loop, no longer than the relay lets it wait."""
        next_time = self.relay.next_time()
        wait = 0.05 if next_time is None else max(0.0, min(0.05, next_time - time.monotonic()))
        for key, _ in self.selector.select(wait):
            key.data()
        self.relay.tick(time.monotonic())


def in_master(act: Callable[[], object], out: int | None = None, err: int | None = None) -> None:
    """Run `act` in a process of its own whose stdout and stderr are `out` and `err`; fails if it raises."""
    reasons, reasons_write = os.pipe()

    def main() -> int:
        import traceback

        try:
            for number, fd in ((1, out), (2, out if err is None else err)):
                if fd is not None:
                    os.dup2(fd, number)
            act()
            os.write(reasons_write, b"ok")
        except BaseException:
            os.write(reasons_write, traceback.format_exc().encode())
        os._exit(0)

    pid = fork(main)
    os.close(reasons_write)
    # One message, and not all until the end: what it starts may outlive it.
    outcome = os.read(reasons, 65536).decode()
    os.close(reasons)
    os.waitpid(pid, 0)
    assert outcome == "ok", outcome


def opened(path: Path) -> int:
    """A descriptor that appends to `path`."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def print_both() -> None:
    """What a worker, its library, and a program it starts write."""
    os.write(1, b"to stdout\n")
    os.write(2, b"to stderr\n")
    logwriter.REQUESTS.write(b"GET /\n")


def test_a_log_file_is_not_relayed(tmp_path: Path) -> None:
    """It cannot block: whoever is below the master writes to it directly."""

    def act() -> None:
        master = Master()
        assert not master.relay.carries_log
        assert master.relay.next_time() is None
        assert not master.selector.get_map()
        master.child(print_both)
        logwriter.say("the master")
        master.relay.close()

    in_master(act, opened(tmp_path / "log"))
    assert (tmp_path / "log").read_text() == "to stdout\nto stderr\nGET /\nthe master\n"


@pytest.mark.parametrize("kind", ["pipe", "socket"])
def test_a_pipe_or_a_socket_is_relayed(kind: str) -> None:
    """Below the master stdout and stderr are a pipe of ours, and what is written arrives all the same."""
    with ExitStack() as stack:
        if kind == "pipe":
            read, write = os.pipe()
            stack.callback(os.close, read)
            stack.callback(os.close, write)
        else:
            ours, theirs = socket.socketpair()
            stack.callback(ours.close)
            stack.callback(theirs.close)
            read, write = theirs.fileno(), ours.fileno()
        same = os.fstat(write).st_ino

        def act() -> None:
            master = Master()
            assert master.relay.carries_log
            logwriter.say("the master")

            def check() -> None:
                assert os.fstat(1).st_ino == os.fstat(2).st_ino != same
                assert os.get_blocking(2)
                print_both()

            master.child(check)
            logwriter.say("the end")
            master.relay.close()
            logwriter.say("afterwards")

        in_master(act, write)
        assert os.read(read, 1000).decode() == ("the master\nto stdout\nto stderr\nGET /\nthe end\nafterwards\n")


def test_stdout_and_stderr_stay_apart(tmp_path: Path) -> None:
    """A pipe for one and a file for the other: only the pipe is relayed."""
    read, write = os.pipe()

    def act() -> None:
        master = Master()
        assert not master.relay.carries_log
        master.child(print_both)
        logwriter.say("the master")
        master.relay.close()

    in_master(act, write, opened(tmp_path / "log"))
    assert os.read(read, 100) == b"to stdout\n"
    assert (tmp_path / "log").read_text() == "to stderr\nGET /\nthe master\n"
    os.close(read)
    os.close(write)


def test_two_pipes_stay_apart() -> None:
    """supervisor keeps two logs."""
    ends = os.pipe(), os.pipe()

    def act() -> None:
        master = Master()
        master.child(print_both)
        master.relay.close()

    in_master(act, ends[0][1], ends[1][1])
    assert os.read(ends[0][0], 100) == b"to stdout\n"
    assert os.read(ends[1][0], 100) == b"to stderr\nGET /\n"
    for fd in (*ends[0], *ends[1]):
        os.close(fd)


def test_nobody_below_holds_the_destination() -> None:
    """When the master is gone its reader sees the end, and whoever writes below it gets an error, not a hang."""
    read, write = os.pipe()
    go_read, go_write = os.pipe()
    outcome, outcome_write = os.pipe()

    def act() -> None:
        master = Master()

        def below() -> int:
            os.close(go_write)
            os.close(write)
            master.relay.leave_to_child()
            os.read(go_read, 1)
            try:
                os.write(2, b"x")
            except BrokenPipeError:
                os.write(outcome_write, b"broken")
            return 0

        fork(below)

    in_master(act, write)
    os.close(write)
    os.close(outcome_write)
    assert os.read(read, 1) == b""
    os.close(go_write)
    assert os.read(outcome, 10) == b"broken"
    for fd in (read, go_read, outcome):
        os.close(fd)


@pytest.mark.parametrize("blocking", [True, False])
def test_a_stuck_reader_stops_neither_side(blocking: bool) -> None:
    """4 kB lines by the thousand into a pipe that nobody reads: memory is bounded, the loss is told when one does."""
    read, write = os.pipe()
    os.set_blocking(write, blocking)
    ready, ready_write = os.pipe()
    line = b"x" * 4095 + b"\n"

    def act() -> None:
        master = Master()

        def flood() -> None:
            for _ in range(3000):
                os.write(2, line)

        master.child(flood)
        logwriter.say("worker died")
        outlet = master.relay._outlets[0]
        assert outlet.backlog.size <= logbacklog.BACKLOG_SIZE + logbacklog.RESERVE
        assert master.relay.lost > 2000
        os.write(ready_write, master.relay.lost.to_bytes(4, "little"))
        master.until(lambda: not outlet.backlog.size)
        logwriter.say("goodbye")
        master.relay.close()
        assert os.get_blocking(write) == blocking

    def reader() -> bytes:
        lost = int.from_bytes(os.read(ready, 4), "little")
        taken = b""
        while not taken.endswith(b"goodbye\n"):
            taken += os.read(read, 65536)
        shown = taken.splitlines(keepends=True)
        assert shown.count(line) == 3000 - lost
        assert shown[-3:] == [b"worker died\n", b"%d log lines lost: nobody read them\n" % lost, b"goodbye\n"]
        return taken

    from threading import Thread

    problems: list[BaseException] = []

    def read_all() -> None:
        try:
            reader()
        except BaseException as error:
            problems.append(error)

    thread = Thread(target=read_all)
    thread.start()
    in_master(act, write)
    thread.join()
    assert not problems
    for fd in (read, write, ready, ready_write):
        os.close(fd)


def test_a_burst_is_not_lost() -> None:
    """A reader that works gets every line, however fast they come."""
    read, write = os.pipe()
    taken = bytearray()

    def act() -> None:
        master = Master()

        def burst() -> None:
            os.write(2, b"".join(b"line %d\n" % number for number in range(400_000)))

        master.child(burst)
        master.relay.close()
        assert master.relay.lost == 0

    from threading import Thread

    def read_all() -> None:
        while data := os.read(read, 65536):
            taken.extend(data)

    thread = Thread(target=read_all)
    thread.start()
    in_master(act, write)
    os.close(write)
    thread.join()
    os.close(read)
    assert bytes(taken).count(b"\n") == 400_000


def test_the_end_does_not_wait_long_for_a_stuck_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is it held up by what is said afterwards."""
    monkeypatch.setattr(logrelay, "LAST_CHANCE", 0.05)
    read, write = os.pipe()

    def act() -> None:
        master = Master()
        for _ in range(100):
            logwriter.say("x" * 4000)
        master.relay.close()
        logwriter.say("goodbye")
        assert not master.selector.get_map()

    in_master(act, write)
    os.close(read)
    os.close(write)


def test_a_full_disk_is_waited_for() -> None:
    """Behind `log-master`: lines are kept as far as there is memory for them, the rest is counted."""

    def act() -> None:
        master = Master("--log-master")

        def flood() -> None:
            for _ in range(2000):
                os.write(2, b"x" * 999 + b"\n")

        master.child(flood)
        assert 0 < master.relay.lost < 1100
        assert master.relay._outlets[0].retry_at
        master.relay.close()

    with open("/dev/full", "wb") as full:
        in_master(act, full.fileno())


def test_log_master_relays_a_file(tmp_path: Path) -> None:
    """And follows it when it is opened anew; nobody below has to."""

    def act() -> None:
        log = LogFile(str(tmp_path / "log"))
        log.open()
        master = Master("--log-master")
        assert master.relay.carries_log
        assert not master.relay.has_files
        master.child(print_both)
        name = log.rotate()
        master.relay.renew(rotate=True)
        master.child(print_both)
        master.relay.close()
        assert Path(name).read_text() == "to stdout\nto stderr\nGET /\n"

    in_master(act)
    assert (tmp_path / "log").read_text() == "to stdout\nto stderr\nGET /\n"


def test_loggers_get_every_line_and_the_old_log_none(tmp_path: Path) -> None:
    """Several."""

    def act() -> None:
        os.chdir(tmp_path)
        master = Master("--logger", "file:one", "--logger", f"file:{tmp_path}/two")
        logwriter.say("the master")
        master.child(print_both)
        master.relay.close()

    in_master(act, opened(tmp_path / "old"))
    text = "the master\nto stdout\nto stderr\nGET /\n"
    assert (tmp_path / "one").read_text() == text
    assert (tmp_path / "two").read_text() == text
    assert (tmp_path / "old").read_text() == ""


def test_a_logger_with_a_name_gets_what_routes_send_it(tmp_path: Path) -> None:
    """And nothing else gets those lines; the rest goes where it went."""

    def act() -> None:
        master = Master("--logger", f"named file:{tmp_path}/named", "--log-route", "named std(out|x)")
        logwriter.say("the master")
        master.child(print_both)
        master.relay.close()

    in_master(act, opened(tmp_path / "log"))
    assert (tmp_path / "named").read_text() == "to stdout\n"
    assert (tmp_path / "log").read_text() == "the master\nto stderr\nGET /\n"


@pytest.mark.parametrize("option", ["--logger", "--req-logger"])
def test_lines_of_requests_may_be_routed(tmp_path: Path, option: str) -> None:
    """log-req-route: to a logger of either kind, and the other lines are none of its business."""

    def act() -> None:
        master = Master(option, f"named file:{tmp_path}/named", "--log-req-route", "named GET|std")
        master.child(print_both)
        master.child(lambda: logwriter.REQUESTS.write(b"POST /\n"))
        master.relay.close()

    in_master(act, opened(tmp_path / "log"))
    assert (tmp_path / "named").read_text() == "GET /\n"
    assert (tmp_path / "log").read_text() == "to stdout\nto stderr\nPOST /\n"


def test_encoders_have_their_own_lines(tmp_path: Path) -> None:
    """log-encoder for the log, log-req-encoder for requests that go their own way."""

    def act() -> None:
        master = Master(
            *("--req-logger", f"file:{tmp_path}/requests", "--log-req-encoder", "prefix R "),
            *("--logger", f"file:{tmp_path}/log", "--log-encoder", "prefix L "),
        )
        logwriter.say("the master")
        master.child(print_both)
        master.relay.close()

    in_master(act, opened(tmp_path / "old"))
    assert (tmp_path / "requests").read_text() == "R GET /\n"
    assert (tmp_path / "log").read_text() == "L the master\nL to stdout\nL to stderr\n"


def test_lines_raise_alarms_wherever_they_come_from(tmp_path: Path) -> None:
    """The app's, the master's, and those of programs that it runs; not what an alarm's own program writes."""

    def act() -> None:
        master = Master("--log-alarm", "a one", "--log-alarm", "b two")
        assert master.relay.carries_log
        master.child(lambda: os.write(1, b"one\n"))
        logwriter.say("one and two")
        for private in (False, True):
            # As a program that the master runs, which knows nothing of the relay.
            pid = fork(partial(program, master.relay, private))
            os.waitpid(pid, 0)
            master.turn()
        master.relay.note("one and two: not to be heard")
        master.until(lambda: not sum(intake.drain() for intake in master.relay._intakes))
        assert master.raised == [
            (("a",), b"one\n"),
            (("a", "b"), b"one and two\n"),
            (("b",), b"two of a program, False\n"),
        ]
        master.relay.close()

    in_master(act, opened(tmp_path / "log"))
    assert sorted((tmp_path / "log").read_text().splitlines()) == [
        "one",
        "one and two",
        "one and two: not to be heard",
        "two of a program, False",
        "two of a program, True",
    ]


def program(relay: LogRelay, private: bool) -> int:
    """What a program does that the master runs."""
    relay.stand_in(private)
    os.write(2, f"two of a program, {private}\n".encode())
    return 0


def test_a_reload_brings_other_rules(tmp_path: Path) -> None:
    """Where the master carries the log they count from then on."""

    def act() -> None:
        master = Master("--log-drain", "stdout")
        master.child(print_both)
        master.reload("--log-drain", "stderr", "--log-encoder", "prefix > ", "--log-alarm", "a GET")
        master.child(print_both)
        master.reload("--log-master")
        master.child(print_both)
        assert master.raised == [(("a",), b"GET /\n")]
        master.relay.close()

    in_master(act, opened(tmp_path / "log"))
    assert (tmp_path / "log").read_text() == ("to stderr\nGET /\n> to stdout\n> GET /\nto stdout\nto stderr\nGET /\n")


def test_rules_that_come_too_late_are_told(tmp_path: Path) -> None:
    """Workers write to the file themselves, and nobody can stand between."""

    def act() -> None:
        master = Master()
        master.reload("--log-drain", "stdout")
        master.reload("--log-drain", "stdout")
        master.child(print_both)
        master.relay.close()

    in_master(act, opened(tmp_path / "log"))
    told = "rules for lines of the log take effect when the server is started anew\n"
    assert (tmp_path / "log").read_text() == f"{told}to stdout\nto stderr\nGET /\n"


def test_routes_of_requests_that_come_too_late_are_told(tmp_path: Path) -> None:
    """Workers write requests to the log, and know of no other pipe."""

    def act() -> None:
        master = Master("--log-master")
        master.reload("--log-master", "--log-req-route", "a GET")
        master.child(print_both)
        master.relay.close()

    in_master(act, opened(tmp_path / "log"))
    told = "log-req-route takes effect when the server is started anew\n"
    assert (tmp_path / "log").read_text() == f"{told}to stdout\nto stderr\nGET /\n"


def test_an_expression_without_end_hides_neither_lines_nor_itself(tmp_path: Path) -> None:
    """One line of a stranger, and only one filter: what comes behind it is written, with a word about it before."""

    def act() -> None:
        master = Master("--log-filter", "(a+)+!|BOOM")
        master.child(lambda: os.write(2, b"a" * 60 + b"\nall else\n"))
        master.until(lambda: b"all else" in (tmp_path / "log").read_bytes())
        master.relay.close()
        assert signal.getsignal(signal.SIGVTALRM) == signal.SIG_DFL

    in_master(act, opened(tmp_path / "log"))
    said, hostile, other = (tmp_path / "log").read_text().splitlines()
    assert said.startswith("[uwsgi-alarm] log-filter = (a+)+!|BOOM takes too long over lines of the log, and is left")
    assert (hostile, other) == ("a" * 60, "all else")


def test_what_there_is_no_time_for_waits_for_the_next_turn(tmp_path: Path) -> None:
    """The master's own lines behind it, and nobody reads more from the pipe; the end waits for none of them."""

    def act() -> None:
        master = Master("--log-drain", "(a+)+$", "--log-drain", "(a|aa)+$")
        os.write(master.relay._intakes[0]._write, b"a" * 60 + b"b\n")
        logwriter.say("mine")
        router = master.relay._intakes[0].router
        assert router.resume_at
        next_time = master.relay.next_time()
        assert next_time is not None
        assert next_time <= router.resume_at
        assert "mine" not in (tmp_path / "log").read_text()
        master.relay.close()

    in_master(act, opened(tmp_path / "log"))
    assert (tmp_path / "log").read_text().endswith("\n" + "a" * 60 + "b\nmine\n")


def test_lines_of_requests_go_their_own_way(tmp_path: Path) -> None:
    """`req-logger` alone: all else goes where it went."""

    def act() -> None:
        master = Master("--req-logger", f"file:{tmp_path}/requests", "--req-logger", f"file:{tmp_path}/again")
        assert not master.relay.carries_log
        assert master.relay.has_files
        logwriter.say("the master")
        master.child(print_both)
        master.relay.close()

    in_master(act, opened(tmp_path / "log"))
    assert (tmp_path / "requests").read_text() == (tmp_path / "again").read_text() == "GET /\n"
    assert (tmp_path / "log").read_text() == "the master\nto stdout\nto stderr\n"


def test_logger_and_req_logger_together(tmp_path: Path) -> None:
    """Each has its own lines and no others."""

    def act() -> None:
        master = Master("--req-logger", f"file:{tmp_path}/requests", "--logger", f"file:{tmp_path}/log")
        master.child(print_both)
        master.relay.close()

    in_master(act, opened(tmp_path / "old"))
    assert (tmp_path / "requests").read_text() == "GET /\n"
    assert (tmp_path / "log").read_text() == "to stdout\nto stderr\n"


def test_standard_io_may_be_named_twice(tmp_path: Path) -> None:
    """For the log and for requests: both write to the same place."""

    def act() -> None:
        master = Master("--req-logger", "stdio", "--logger", "stdio")
        master.child(print_both)
        master.relay.close()

    in_master(act, opened(tmp_path / "log"))
    assert sorted((tmp_path / "log").read_text().splitlines()) == ["GET /", "to stderr", "to stdout"]


def test_one_logger_that_is_away_does_not_keep_the_others_waiting(tmp_path: Path) -> None:
    """The syslog daemon is not there; the file has every line, and the daemon gets them when it comes."""

    def act() -> None:
        master = Master("--logger", f"socket:{tmp_path}/sock", "--logger", f"file:{tmp_path}/log")
        master.child(print_both)
        assert (tmp_path / "log").read_text() == "to stdout\nto stderr\nGET /\n"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.settimeout(10)
            sock.bind(f"{tmp_path}/sock")
            master.relay.tick(time.monotonic() + logflow.RETRY)
            assert [sock.recv(100) for _ in range(3)] == [b"to stdout\n", b"to stderr\n", b"GET /\n"]
        assert master.relay.lost == 0
        master.relay.close()

    in_master(act, opened(tmp_path / "old"))


def test_a_logger_that_cannot_be_opened_ends_the_start(tmp_path: Path) -> None:
    """With its reason, and nothing is left half open."""
    before = os.listdir("/proc/self/fd")
    with selectors.DefaultSelector() as selector, pytest.raises(UncorkError) as caught:
        LogRelay(
            selector, options("--req-logger", "stdio", "--logger", "fd:2", "--logger", f"file:{tmp_path}/nosuch/log")
        )

    assert str(caught.value) == (
        f"logger = {tmp_path}/nosuch/log: no such file or directory (check the path and its owner)"
    )
    assert os.listdir("/proc/self/fd") == before
    assert logwriter.voice.carrier is None


def test_log_files_of_loggers_have_mode_and_owner(tmp_path: Path) -> None:
    """`logfile-chmod` and `logfile-chown`, as the log file of `logto`."""
    uid = 12345 if os.geteuid() == 0 else os.geteuid()

    def act() -> None:
        selector = selectors.DefaultSelector()
        relay = LogRelay(selector, options("--logger", f"file:{tmp_path}/log", "--logfile-chmod=604"), (uid, -1))
        relay.close()

    in_master(act)
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o604
    assert (tmp_path / "log").stat().st_uid == uid


def test_a_logger_rotates_its_own_file(tmp_path: Path) -> None:
    """At its `maxsize`, looked at once a second."""

    def act() -> None:
        master = Master("--logger", f"file:logfile={tmp_path}/log,maxsize=50,backupname={tmp_path}/old")
        master.child(lambda: os.write(2, b"x" * 99 + b"\n"))
        master.until((tmp_path / "old").exists)
        assert (tmp_path / "old").stat().st_size == 100
        assert (tmp_path / "log").stat().st_size == 0
        next_time = master.relay.next_time()
        assert next_time is not None
        assert next_time <= time.monotonic() + SIZE_CHECK
        master.child(lambda: os.write(2, b"y\n"))
        master.relay.close()

    in_master(act)
    assert (tmp_path / "log").read_bytes() == b"y\n"


def test_a_rotation_that_fails_is_said_once(tmp_path: Path) -> None:
    """Not every second, into a file that is too large already."""
    (tmp_path / "old").mkdir()

    def act() -> None:
        master = Master("--logger", f"file:logfile={tmp_path}/log,maxsize=5,backupname={tmp_path}/old")
        logwriter.say("a line")
        now = time.monotonic()
        for second in range(1, 10):
            master.relay.tick(now + second * SIZE_CHECK)
        master.relay.close()

    in_master(act)
    assert (tmp_path / "log").read_text() == f"a line\ncannot rotate {tmp_path}/log: is a directory\n"


def test_commands_concern_every_file(tmp_path: Path) -> None:
    """`l` opens them anew, `L` renames them; one that fails does not keep the others from it."""

    def act() -> None:
        (tmp_path / "a").mkdir()
        master = Master("--logger", f"file:{tmp_path}/a/log", "--logger", f"file:{tmp_path}/log")
        logwriter.say("one")
        (tmp_path / "a").rename(tmp_path / "b")
        (tmp_path / "log").rename(tmp_path / "log.1")
        with pytest.raises(UncorkError, match=r"a/log: no such file or directory"):
            master.relay.renew(rotate=False)
        logwriter.say("two")
        with pytest.raises(UncorkError, match=r"^cannot rotate .*a/log"):
            master.relay.renew(rotate=True)
        logwriter.say("three")
        master.relay.close()

    in_master(act)
    assert (tmp_path / "b" / "log").read_text() == "one\ntwo\nthree\n"
    assert (tmp_path / "log.1").read_text() == "one\n"
    assert (tmp_path / "log").read_text() == "three\n"
    rotated = next(path for path in tmp_path.glob("log.*") if path.name != "log.1")
    assert rotated.read_text() == "two\n"


def test_the_masters_own_line_comes_behind_what_was_written_before(tmp_path: Path) -> None:
    """`worker 3 died` stands behind the worker's traceback."""

    def act() -> None:
        master = Master("--logger", f"file:{tmp_path}/log")
        for number in range(50):
            os.write(master.relay._intakes[0]._write, b"traceback %d\n" % number)
            logwriter.say(f"died {number}")
        master.relay.close()

    in_master(act)
    assert (tmp_path / "log").read_text() == "".join(f"traceback {number}\ndied {number}\n" for number in range(50))


def test_the_master_is_not_stopped_by_its_own_pipe(tmp_path: Path) -> None:
    """Its lines do not go through it: a pipe that is full of workers' lines is no matter."""

    def act() -> None:
        master = Master("--logger", f"file:{tmp_path}/log")
        soon = master.relay._intakes[0]._write_soon
        written = 0
        try:
            while True:
                written += os.write(soon, b"x" * 4095 + b"\n")
        except BlockingIOError:
            pass
        logwriter.say("still here")
        master.relay.close()
        assert (tmp_path / "log").stat().st_size == written + len("still here\n")

    in_master(act)


def test_a_closed_relay_leaves_nothing(tmp_path: Path) -> None:
    """No descriptor, no registration, no line through it."""

    def act() -> None:
        before = os.listdir("/proc/self/fd")
        master = Master("--logger", f"file:{tmp_path}/log", "--req-logger", "stdio", "--logger", f"socket:{tmp_path}/s")
        master.child(print_both)
        master.relay.close()
        master.relay.close()
        assert not master.selector.get_map()
        master.selector.close()
        assert os.listdir("/proc/self/fd") == before
        logwriter.say("direct")

    in_master(act, opened(tmp_path / "old"))
    assert (tmp_path / "old").read_text().endswith("direct\n")
