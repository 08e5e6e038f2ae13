"""Destinations of log lines: none blocks, none changes what others share, and lines arrive as they were written."""

import fcntl
import os
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from uncork.config.logger import Logger, parse_logger
from uncork.errors import UncorkError
from uncork.master import logtargets
from uncork.master.logtargets import (
    DATAGRAM_SIZE,
    DatagramTarget,
    DescriptorTarget,
    FileTarget,
    Target,
    open_target,
    plain_form,
    syslog_form,
)
from uncork.system.logfile import LogFile


@pytest.fixture
def cleanup() -> Iterator[ExitStack]:
    """What is closed when the test ends."""
    with ExitStack() as stack:
        yield stack


def write_until_full(target: Target, line: bytes) -> int:
    """Write `line` again and again; how many whole ones were taken before there was no room."""
    taken = 0
    try:
        while True:
            taken += target.write(line, taken % len(line))
    except BlockingIOError:
        return taken // len(line)


def a_pipe(cleanup: ExitStack) -> tuple[int, int]:
    """(what reads, what is written to)."""
    ends = os.pipe()
    for fd in ends:
        cleanup.callback(os.close, fd)
    return ends


def a_socket(cleanup: ExitStack) -> tuple[int, int]:
    """(what reads, what is written to)."""
    ours, theirs = socket.socketpair()
    cleanup.callback(ours.close)
    cleanup.callback(theirs.close)
    return theirs.fileno(), ours.fileno()


def a_terminal(cleanup: ExitStack) -> tuple[int, int]:
    """(what reads, what is written to)."""
    ends = os.openpty()
    for fd in ends:
        cleanup.callback(os.close, fd)
    return ends


@pytest.mark.parametrize("make", [a_pipe, a_socket, a_terminal])
def test_nobody_who_does_not_read_is_waited_for(
    cleanup: ExitStack, make: Callable[[ExitStack], tuple[int, int]]
) -> None:
    """A pipe, the journal's socket, a stopped terminal: they block everybody else, as they did, and not us."""
    read, write = make(cleanup)
    flags = fcntl.fcntl(write, fcntl.F_GETFL)
    target = DescriptorTarget(write)
    line = b"x" * 99 + b"\n"

    count = write_until_full(target, line)
    assert count > 0
    with pytest.raises(BlockingIOError):
        target.write(line, 0)
    assert fcntl.fcntl(write, fcntl.F_GETFL) == flags

    while select.select([read], [], [], 0)[0]:
        os.read(read, 100_000)
    assert select.select([], [target.fd], [], 5)[1]
    assert target.write(line, 0) > 0
    target.close()


def test_a_pipe_gets_every_byte_once_and_in_order(cleanup: ExitStack) -> None:
    """However often there was no room in between."""
    read, write = a_pipe(cleanup)
    target = DescriptorTarget(write)
    lines = b"".join(b"%d %s\n" % (number, b"." * (number % 300)) for number in range(5000))
    taken = b""
    start = 0
    while start < len(lines):
        try:
            start += target.write(lines[:], start)
        except BlockingIOError:
            taken += os.read(read, 70_000)
    target.close()
    os.set_blocking(read, False)
    try:
        while True:
            taken += os.read(read, 70_000)
    except BlockingIOError:
        pass

    assert taken == lines


def test_a_pipe_of_another_user_is_written_to_without_blocking(cleanup: ExitStack) -> None:
    """A server that changed its user, or a container's: it may not open the pipe again, and does not need to."""
    read, write = a_pipe(cleanup)
    os.set_blocking(write, False)  # the parent's doing: ours to live with
    target = DescriptorTarget(write)
    write_until_full(target, b"line\n")
    os.read(read, 100_000)

    assert target.write(b"line\n", 0) == 5
    target.close()


def test_a_reader_that_is_gone_is_an_error(cleanup: ExitStack) -> None:
    """And not the end of the server."""
    read, write = os.pipe()
    cleanup.callback(os.close, write)
    target = DescriptorTarget(write)
    os.close(read)

    for _ in range(2):
        with pytest.raises(BrokenPipeError):
            target.write(b"line\n", 0)
    target.close()


def test_a_descriptor_is_followed_to_what_it_becomes(cleanup: ExitStack, tmp_path: Path) -> None:
    """The log file behind standard error was opened anew, or a pipe became a file."""
    read, write = a_pipe(cleanup)
    target = DescriptorTarget(write)
    target.write(b"one\n", 0)
    with (tmp_path / "log").open("wb") as file:
        os.dup2(file.fileno(), write)
    target.renew(rotate=False)
    target.write(b"two\n", 0)
    target.renew(rotate=True)
    target.write(b"three\n", 0)
    target.close()

    assert os.read(read, 100) == b"one\n"
    assert (tmp_path / "log").read_bytes() == b"two\nthree\n"
    assert not target.full()


def test_no_descriptor_stays_open(cleanup: ExitStack) -> None:
    """Of a target that was closed; the one it was made for is not its own."""
    before = os.listdir("/proc/self/fd")
    for make in (a_pipe, a_socket):
        with ExitStack() as stack:
            read, write = make(stack)
            target = DescriptorTarget(write)
            target.write(b"line\n", 0)
            target.close()
            assert os.read(read, 5) == b"line\n"
            os.fstat(write)

    assert os.listdir("/proc/self/fd") == before


def test_a_file_is_rotated(tmp_path: Path) -> None:
    """With its limit, under the name that was asked for."""
    target = FileTarget(LogFile(str(tmp_path / "log"), backupname=str(tmp_path / "old")), 10)
    target.write(b"1234567890", 0)
    assert not target.full()
    target.write(b"\n", 0)
    assert target.full()
    target.renew(rotate=True)
    target.write(b"new\n", 0)
    assert not target.full()
    target.close()

    assert (tmp_path / "old").read_bytes() == b"1234567890\n"
    assert (tmp_path / "log").read_bytes() == b"new\n"


def test_a_file_is_opened_anew(tmp_path: Path) -> None:
    """After somebody else has renamed it."""
    target = FileTarget(LogFile(str(tmp_path / "log")))
    target.write(b"one\n", 0)
    (tmp_path / "log").rename(tmp_path / "old")
    target.renew(rotate=False)
    target.write(b"two\n", 0)
    target.close()

    assert (tmp_path / "old").read_bytes() == b"one\n"
    assert (tmp_path / "log").read_bytes() == b"two\n"


def test_a_file_that_cannot_be_opened_anew_is_kept(tmp_path: Path) -> None:
    """The lines go where they went; the error is the caller's to say."""
    (tmp_path / "logs").mkdir()
    target = FileTarget(LogFile(str(tmp_path / "logs" / "log")))
    (tmp_path / "logs").rename(tmp_path / "gone")

    with pytest.raises(UncorkError, match="no such file or directory"):
        target.renew(rotate=False)
    target.write(b"line\n", 0)
    target.close()

    assert (tmp_path / "gone" / "log").read_bytes() == b"line\n"


def receiver(cleanup: ExitStack, path: Path) -> socket.socket:
    """A socket that takes datagrams."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    cleanup.callback(sock.close)
    sock.settimeout(20)
    sock.bind(str(path))
    return sock


def open_by(text: str, tmp_path: Path | None = None) -> Target:
    """The target that an option's value names."""
    return open_target(parse_logger(text), lambda logger: LogFile(logger.where))


def test_each_line_is_a_datagram(cleanup: ExitStack, tmp_path: Path) -> None:
    """With the prefix and its line break, as uWSGI sends it."""
    sock = receiver(cleanup, tmp_path / "sock")
    target = open_by(f"socket:{tmp_path}/sock,shop ")
    cleanup.callback(target.close)
    lines = b"one\ntwo\n"

    assert target.write(lines, 0) == 4
    assert target.write(lines, 4) == 4
    assert sock.recv(100) == b"shop one\n"
    assert sock.recv(100) == b"shop two\n"


@pytest.mark.parametrize("address", ["127.0.0.1", "localhost", "[::1]"])
def test_lines_go_to_a_port(cleanup: ExitStack, address: str) -> None:
    """By UDP, to an address or a name."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    cleanup.callback(sock.close)
    sock.settimeout(20)
    sock.bind((address.strip("[]").replace("localhost", "127.0.0.1"), 0))
    if address == "localhost" and socket.getaddrinfo(address, 1, type=socket.SOCK_DGRAM)[0][0] != socket.AF_INET:
        pytest.skip("localhost is ::1 here")
    target = open_by(f"socket:{address}:{sock.getsockname()[1]}")
    cleanup.callback(target.close)
    target.write(b"line\n", 0)

    assert sock.recv(100) == b"line\n"


def test_a_receiver_that_does_not_read_is_not_waited_for(cleanup: ExitStack, tmp_path: Path) -> None:
    """Its queue is full, and stays so; when it reads there is room."""
    sock = receiver(cleanup, tmp_path / "sock")
    target = open_by(f"socket:{tmp_path}/sock")
    cleanup.callback(target.close)

    count = write_until_full(target, b"line\n")
    assert count > 0
    for _ in range(count):
        assert sock.recv(100) == b"line\n"
    assert select.select([], [target.fd], [], 5)[1]
    assert target.write(b"line\n", 0) == 5


def test_a_receiver_that_comes_late_or_back_is_found(cleanup: ExitStack, tmp_path: Path) -> None:
    """The syslog daemon is started after us, and restarted."""
    target = open_by(f"socket:{tmp_path}/sock")
    cleanup.callback(target.close)
    with pytest.raises(FileNotFoundError):
        target.write(b"line\n", 0)
    for turn in range(2):
        sock = receiver(cleanup, tmp_path / "sock")
        assert target.write(b"%d\n" % turn, 0) == 2
        assert sock.recv(100) == b"%d\n" % turn
        sock.close()
        with pytest.raises(ConnectionRefusedError):
            target.write(b"line\n", 0)
        (tmp_path / "sock").unlink()


def test_a_line_that_no_datagram_holds_loses_its_end(cleanup: ExitStack) -> None:
    """And does not stop those behind it."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    cleanup.callback(sock.close)
    sock.settimeout(20)
    sock.bind(("127.0.0.1", 0))
    target = open_by(f"socket:127.0.0.1:{sock.getsockname()[1]}")
    cleanup.callback(target.close)
    lines = b"x" * 200_000 + b"\nnext\n"

    start = target.write(lines, 0)
    target.write(lines, start)
    assert sock.recv(70_000) == b"x" * DATAGRAM_SIZE
    assert sock.recv(100) == b"next\n"


def test_syslog_gets_its_own_form(cleanup: ExitStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Priority, time, program: RFC 3164; the facility that was asked for."""
    sock = receiver(cleanup, tmp_path / "log")
    monkeypatch.setattr(logtargets, "SYSLOG_SOCKET", str(tmp_path / "log"))
    monkeypatch.setattr(time, "ctime", lambda: "Sat Nov  7 03:57:05 2026")
    target = open_by("syslog:shop,local6")
    cleanup.callback(target.close)
    target.write(b"a line\n", 0)

    assert sock.recv(100) == b"<182>Nov  7 03:57:05 shop: a line"


def test_the_form_of_rsyslog_is_uwsgis(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the real one sends it."""
    monkeypatch.setattr(time, "ctime", lambda: "Sat Nov 21 03:57:05 2026")

    assert syslog_form(29, "vm uwsgi")(b"line") == b"<29>Nov 21 03:57:05 vm uwsgi: line"
    assert plain_form("pfx")(b"line") == b"pfxline\n"


def test_rsyslog_without_a_name_has_the_host(cleanup: ExitStack) -> None:
    """And the program, which the receiver files lines by."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    cleanup.callback(sock.close)
    sock.settimeout(20)
    sock.bind(("127.0.0.1", 0))
    target = open_by(f"rsyslog:127.0.0.1:{sock.getsockname()[1]}")
    cleanup.callback(target.close)
    target.write(b"line\n", 0)

    assert sock.recv(100).endswith(f" {socket.gethostname()} uwsgi: line".encode())


def test_a_host_that_does_not_exist_is_an_error_at_the_start() -> None:
    """Names are looked up once, before anything is served."""
    with pytest.raises(UncorkError, match=r"^logger = socket:no\.such\.host\.invalid:1: .* cannot be looked up"):
        open_by("socket:no.such.host.invalid:1")


def test_a_descriptor_that_is_not_there_is_an_error_at_the_start() -> None:
    """With its number."""
    with pytest.raises(UncorkError, match=r"^logger = fd:987: bad file descriptor"):
        open_by("fd:987")


def test_a_descriptor_by_its_number(cleanup: ExitStack) -> None:
    """`fd:N`."""
    read, write = a_pipe(cleanup)
    target = open_by(f"fd:{write}")
    cleanup.callback(target.close)
    target.write(b"line\n", 0)

    assert os.read(read, 10) == b"line\n"


def test_standard_io_is_where_the_log_goes_anyway(capfd: pytest.CaptureFixture[str]) -> None:
    """`stdio`."""
    target = open_by("stdio")
    target.write(b"line\n", 0)
    target.close()

    assert capfd.readouterr().err == "line\n"


def test_a_file_by_its_name(tmp_path: Path) -> None:
    """Whoever opens it chooses its mode and its owner."""
    asked: list[Logger] = []

    def file(logger: Logger) -> LogFile:
        asked.append(logger)
        return LogFile(logger.where, "logger")

    target = open_target(parse_logger(f"file:{tmp_path}/log"), file)
    target.write(b"line\n", 0)
    target.close()

    assert asked == [Logger("file", f"{tmp_path}/log")]
    assert (tmp_path / "log").read_bytes() == b"line\n"


def test_writing_while_somebody_reads_never_waits_for_more_room(cleanup: ExitStack) -> None:
    """A race between reader and writer ends neither in an error nor in a loss."""
    read, write = a_pipe(cleanup)
    target = DescriptorTarget(write)
    data = b"0123456789\n" * 50_000
    taken = bytearray()

    def reader() -> None:
        while len(taken) < len(data):
            taken.extend(os.read(read, 3000))

    thread = threading.Thread(target=reader)
    thread.start()
    start = 0
    while start < len(data):
        try:
            start += target.write(data, start)
        except BlockingIOError:
            select.select([], [target.fd], [], 5)
    thread.join()
    target.close()

    assert bytes(taken) == data


def test_a_datagram_target_has_nothing_to_open_or_to_rotate() -> None:
    """`l` and `L` pass it by."""
    target = DatagramTarget(socket.AF_UNIX, "/nosuch", plain_form(""))
    target.renew(rotate=True)

    assert not target.full()
    assert target.fd == -1
