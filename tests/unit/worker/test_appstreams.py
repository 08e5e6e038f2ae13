"""What the application prints: at once, whole, and never an error because of the log."""

import io
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from uncork.system import logwriter
from uncork.system.process import fork
from uncork.worker import appstreams

pytestmark = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")


def in_child(act: Callable[[], None], out: str | Path, err: str | Path | None = None) -> None:
    """Run `act` with the streams installed, on top of files, in a process of its own; fails if it raises."""
    reasons_read, reasons = os.pipe()

    def main() -> int:
        for number, path in ((1, out), (2, err or out)):
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            os.dup2(fd, number)
        try:
            appstreams.install()
            act()
        except BaseException as error:
            os.write(reasons, repr(error).encode())
            os._exit(1)
        os._exit(42)

    _, status = os.waitpid(fork(main), 0)
    os.close(reasons)
    with open(reasons_read, "rb") as file:
        assert file.read() == b""
    assert os.waitstatus_to_exitcode(status) == 42


def test_a_line_leaves_at_its_end(tmp_path: Path) -> None:
    """Also into a file, where Python would hold it back for kilobytes, and lose it when the worker is killed."""

    def act() -> None:
        print("one", 2)
        print("err", file=sys.stderr)
        assert (tmp_path / "out").read_text() == "one 2\n"
        assert (tmp_path / "err").read_text() == "err\n"

    in_child(act, tmp_path / "out", tmp_path / "err")


def test_a_line_is_one_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that those of other workers do not come in between."""
    writes: list[bytes] = []
    monkeypatch.setattr(logwriter.STDERR, "write", writes.append)

    def act() -> None:
        print("a", "b", {"c": 1}, file=sys.stderr)
        logging.StreamHandler().emit(logging.makeLogRecord({"msg": "logged"}))
        assert writes == [b"a b {'c': 1}\n", b"logged\n"]

    in_child(act, tmp_path / "out")


def test_a_full_disk_raises_nothing() -> None:
    """Neither printing, nor logging, nor writing bytes, nor flushing; the lines are counted."""

    def act() -> None:
        before = logwriter.losses.lines
        print("out")
        print("err", file=sys.stderr)
        sys.stdout.buffer.write(b"bytes\n")
        sys.stderr.writelines(["two\n", "three\n"])
        logging.StreamHandler().emit(logging.makeLogRecord({"msg": "logged"}))
        sys.stdout.flush()
        sys.stderr.flush()
        assert logwriter.losses.lines == before + 6

    in_child(act, "/dev/full")


def test_any_text_can_be_printed(tmp_path: Path) -> None:
    """Whatever the locale, and what is no text escaped."""

    def act() -> None:
        print("ü € \udcff")
        print("ü € \udcff", file=sys.stderr)

    in_child(act, tmp_path / "out")
    assert (tmp_path / "out").read_text("utf-8") == "ü € \\udcff\n" * 2


def test_the_streams_are_such_as_programs_expect(tmp_path: Path) -> None:
    """Descriptor, encoding, bytes below, and the same under their other names."""

    def act() -> None:
        for number, stream, other in ((1, sys.stdout, sys.__stdout__), (2, sys.stderr, sys.__stderr__)):
            assert isinstance(stream, io.TextIOWrapper)
            assert stream is other
            assert stream.fileno() == stream.buffer.fileno() == number
            assert not stream.isatty()
            assert stream.encoding == "utf-8"
            assert stream.writable()
            assert not stream.readable()
            assert stream.name == ("<stdout>", "<stderr>")[number - 1]
            with pytest.raises(io.UnsupportedOperation):
                stream.read()
        subprocess.run(["echo", "from a program"], stdout=sys.stdout, check=True)

    in_child(act, tmp_path / "out")
    assert (tmp_path / "out").read_text() == "from a program\n"


def test_half_a_line_is_not_lost_at_the_end(tmp_path: Path) -> None:
    """A flush writes it, and so does every fork of ours before and after it."""

    def act() -> None:
        print("half", end="")
        assert (tmp_path / "out").read_text() == ""
        sys.stdout.flush()
        assert (tmp_path / "out").read_text() == "half"

    in_child(act, tmp_path / "out")


def test_what_was_printed_before_comes_first(tmp_path: Path) -> None:
    """What Python held back until now is written before the streams are replaced."""
    script = "import sys; print('before'); from uncork.worker.appstreams import install; install(); print('after')"
    with (tmp_path / "out").open("wb") as out:
        subprocess.run([sys.executable, "-c", script], stdout=out, check=True, timeout=20)

    assert (tmp_path / "out").read_text() == "before\nafter\n"


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_a_server_without_output_is_no_error(closed: str) -> None:
    """A service manager may start it with closed descriptors."""
    script = "from uncork.worker.appstreams import install; install(); import sys; print(1); print(2, file=sys.stderr)"

    command = f'exec "$PYTHON" -c "{script}" {closed}'
    subprocess.run(command, shell=True, env={**os.environ, "PYTHON": sys.executable}, check=True, timeout=20)


def test_a_full_disk_changes_no_exit_status() -> None:
    """Python leaves with 120 when its last flush fails; a service manager would call the stop a failure."""
    script = "from uncork.worker.appstreams import install; install(); print('lost')"
    with open("/dev/full", "wb") as full:
        subprocess.run([sys.executable, "-c", script], stdout=full, stderr=full, check=True, timeout=20)
