"""What each action of a hook does, in which order those of a moment are done, and how one that fails is told."""

import contextlib
import os
import signal
import socket
import stat
from pathlib import Path

import pytest

from harness.rights import AS_ROOT
from uncork.config.options.control import Control
from uncork.config.options.hooks import ACTIONS, IDLE, Hooks
from uncork.config.options.processes import Processes
from uncork.config.settings import Settings
from uncork.errors import UncorkError
from uncork.supervise import hookactions
from uncork.supervise.hookactions import HookExit, Interrupted, run_first_hooks, run_hooks, run_last_hooks
from uncork.system.process import fork

# A command takes a fork, and pytest may have threads.
pytestmark = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory to be in; what hooks do to the environment is undone."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOOK_TEST", "before")
    return tmp_path


def do(*hooks: str) -> None:
    """Do hooks before the app."""
    run_hooks(Settings(hooks=Hooks(hook_pre_app=hooks)), "pre-app")


def test_every_action_is_done() -> None:
    """What the configuration may name there is, and no more."""
    assert hookactions._DOING.keys() | hookactions._RUNNING.keys() == ACTIONS.keys()
    assert not ACTIONS.keys() & IDLE.keys()


@pytest.mark.parametrize(
    ("hooks", "file", "text"),
    [
        (("write:f one two",), "f", "one two"),
        (("write:f one", "write:f 2"), "f", "2"),
        (("writen:f one", "appendn:f two"), "f", "one\ntwo\n"),
        (("append:f one", "append:f  two"), "f", "one two"),
        (("write:f one", "create:f"), "f", ""),
        (("creat:f",), "f", ""),
        (("mkdir:d", "cd:d", "create:g", "chdir:..", "write:f x"), "d/g", ""),
        (("putenv:HOOK_TEST=a=b", 'exec:printf "$HOOK_TEST" > f'), "f", "a=b"),
        (("putenv:HOOK_TEST", 'exec:printf "${HOOK_TEST-gone}" > f'), "f", "gone"),
        (("safeexec:exit 3", "write:f still"), "f", "still"),
        (("create:g", "unlink:g", "write:f x"), "f", "x"),
        (("call:symbol", "write:f x"), "f", "x"),
    ],
)
def test_files_and_commands(directory: Path, hooks: tuple[str, ...], file: str, text: str) -> None:
    """One after the other, as they stand."""
    do(*hooks)
    assert (directory / file).read_text() == text


def test_modes(directory: Path) -> None:
    """Of new files and directories nobody but their owner may change them; chmod and sticky say otherwise."""
    do("create:f", "mkdir:d", "create:g", "chmod:g 0640", "mkdir:s", "sticky:s")
    modes = {name: stat.S_IMODE(os.stat(directory / name).st_mode) for name in ("f", "d", "g", "s")}
    assert modes["f"] & 0o022 == modes["d"] & 0o022 == 0
    assert modes["g"] == 0o640
    assert modes["s"] & stat.S_ISVTX


@AS_ROOT
def test_owners(directory: Path) -> None:
    """By name or number; chown2 takes numbers only."""
    do("create:f", "chown:f nobody 4711", "create:g", "chown2:g 4712 4713")
    assert os.stat(directory / "f").st_gid == 4711
    assert (os.stat(directory / "g").st_uid, os.stat(directory / "g").st_gid) == (4712, 4713)


@pytest.mark.parametrize(
    "hook", ["write:link x", "append:link x", "create:link", "chmod:link 600", "sticky:link", "chown2:link 1 1"]
)
def test_a_link_is_nobodys_file(directory: Path, hook: str) -> None:
    """Hooks are run by root, in directories of others."""
    (directory / "target").write_text("precious")
    (directory / "link").symlink_to("target")
    before = os.stat(directory / "target")
    with pytest.raises(UncorkError, match=r"link"):
        do(hook)
    after = os.stat(directory / "target")
    assert (before.st_mode, before.st_uid, before.st_mtime_ns) == (after.st_mode, after.st_uid, after.st_mtime_ns)


@pytest.mark.parametrize(
    ("hook", "why"),
    [
        ("exec:exit 3", "the command ended with status 3"),
        ("exec:kill -9 $$", "the command was killed by signal 9"),
        ("mkdir:a/b", "no such file or directory"),
        ("chdir:nowhere", "no such file or directory"),
        ("unlink:nothing", "no such file or directory"),
        ("write:f", "expected FILE TEXT"),
        ("write:nowhere/f x", "no such file or directory"),
        ("writefifo:nothing x", "no such file or directory"),
        ("chmod:f", "expected FILE MODE"),
        ("chmod:f 999", "expected FILE MODE, MODE in octal digits like 660"),
        ("chown:f root", "expected FILE USER GROUP"),
        ("chown:f no-such-user 0", "there is no such user or group (getpwnam(): name not found: 'no-such-user')"),
        ("chown2:f root root", "expected FILE UID GID, both in digits"),
        ("putenv:=x", "expected NAME=VALUE"),
        ("writefifo:. x", "is a directory"),
        ("writefifo:plain x", "plain is no named pipe (mkfifo makes one)"),
        (f"chown2:plain {'1' * 5000} 0", "expected FILE UID GID, both in digits"),
        (f"chown2:plain 0 {2**32 - 1}", "expected FILE UID GID, both in digits"),
        ("create:a\0b", "embedded null byte"),
    ],
)
def test_one_that_fails(directory: Path, hook: str, why: str) -> None:
    """The sentence names the hook and why; what stands behind it is not done."""
    (directory / "plain").write_text("precious")
    with pytest.raises(UncorkError) as caught:
        do(hook, "create:later")
    assert str(caught.value) == f"hook-pre-app = {hook}: {why}"
    assert caught.value.exit_code == 1
    assert not (directory / "later").exists()
    assert (directory / "plain").read_text() == "precious"


def test_a_secret_is_not_shown(capfd: pytest.CaptureFixture[str]) -> None:
    """Neither when a hook is done nor when it fails."""
    with pytest.raises(UncorkError) as caught:
        do("putenv:DB_PASSWORD=hush", "exec:DB_PASSWORD=hush false")
    said = capfd.readouterr().err
    assert 'running "putenv:DB_PASSWORD=***" (hook-pre-app)...' in said
    assert "hush" not in said
    assert "hush" not in str(caught.value)
    del os.environ["DB_PASSWORD"]


@pytest.mark.parametrize(("words", "status"), [("exit:", 0), ("exit:7 of it", 7), ("exit:x", 0), ("exit:258", 2)])
def test_a_hook_may_end_the_server(words: str, status: int) -> None:
    """With the status that it names."""
    with pytest.raises(HookExit, match="hook-pre-app = exit:") as caught:
        do(words)
    assert caught.value.exit_code == status


def test_hooks_come_before_commands(capfd: pytest.CaptureFixture[str]) -> None:
    """Of one moment; another moment's are not done."""
    hooks = Hooks(exec_asap=("echo command",), hook_asap=("print:hook", "log: second"), exec_in_jail=("echo other",))
    run_hooks(Settings(hooks=hooks), "asap")
    lines = [line for line in "".join(capfd.readouterr()).splitlines() if not line.startswith("running ")]
    assert sorted(lines) == [" second", "command", "hook"]


def test_order(directory: Path) -> None:
    """As given, hooks before commands."""
    hooks = Hooks(exec_asap=("echo c >> f", "echo d >> f"), hook_asap=("appendn:f a", "appendn:f b"))
    run_hooks(Settings(hooks=hooks), "asap")
    assert (directory / "f").read_text() == "a\nb\nc\nd\n"


def test_the_masters_start_may_have_other_actions_than_signals(directory: Path) -> None:
    """The signals are for whoever listens to them."""
    hooks = ("unix_signal:15 gracefully_kill_them_all", "write:f x")
    run_hooks(Settings(control=Control(hook_master_start=hooks)), "master-start")
    assert (directory / "f").read_text() == "x"


def test_the_end_comes_whatever_fails(capfd: pytest.CaptureFixture[str]) -> None:
    """A hook at the end that fails is told, no more."""
    run_last_hooks(Settings(hooks=Hooks(exec_as_user_atexit=("exit 4",))))
    assert "exec-as-user-atexit = exit 4: the command ended with status 4\n" in capfd.readouterr().err


def test_waiting_for_what_is_there(directory: Path) -> None:
    """Takes no time."""
    (directory / "f").touch()
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as unix:
        unix.bind("s")
        unix.listen()
        do("wait_for_file:f", "wait_for_dir:.", "wait_for_fs:f", "wait_for_fs:.", "wait_for_socket:s")
        do(f"wait_for_socket:127.0.0.1:{tcp.getsockname()[1]}", f"wait_for_socket::{tcp.getsockname()[1]}")


@pytest.mark.parametrize(
    "hook",
    ["wait_for_file:.", "wait_for_dir:f", "wait_for_fs:g", "wait_for_socket:f", f"wait_for_socket::{'9' * 5000}"],
)
def test_waiting_has_an_end(directory: Path, monkeypatch: pytest.MonkeyPatch, hook: str) -> None:
    """A file is no directory, and what does not come fails the start."""
    monkeypatch.setattr(hookactions, "WAIT", 0.02)
    monkeypatch.setattr(hookactions, "LOOK", 0.01)
    (directory / "f").touch()
    with pytest.raises(UncorkError, match=r"it is not there after 0\.02 seconds"):
        do(hook)


def test_waiting_for_what_comes(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes on once it is there."""
    monkeypatch.setattr("time.sleep", lambda _seconds: (directory / "f").touch())
    do("wait_for_file:f")


def test_a_pipe_that_nobody_reads_keeps_nobody(directory: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """It is told; one that is read gets the text."""
    os.mkfifo(directory / "fifo")
    do("writefifo:fifo lost")
    assert "fifo: nobody reads this pipe\n" in capfd.readouterr().err
    reader = os.open(directory / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    try:
        do("writefifo:fifo heard by one")
        assert os.read(reader, 100) == b"heard by one"
    finally:
        os.close(reader)


def test_a_pipe_that_is_full(directory: Path) -> None:
    """Nobody waits for a reader that does not go on."""
    os.mkfifo(directory / "fifo")
    reader = os.open(directory / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(directory / "fifo", os.O_WRONLY | os.O_NONBLOCK)
    try:
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(writer, b"x" * 4096)
        for hook in ("writefifo:fifo x", "append:fifo x"):
            with pytest.raises(UncorkError, match="the pipe is full: whoever reads it does not go on"):
                do(hook)
        os.read(reader, 4096)
        with pytest.raises(UncorkError, match=r"only 4096 of 9000 bytes found room"):
            do(f"writefifo:fifo {'x' * 9000}")
    finally:
        os.close(reader)
        os.close(writer)


def test_a_command_that_takes_too_long(directory: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Is killed and named; one that may fail is only told."""
    hooks = Hooks(hook_accepting=("safeexec:sleep 1000", "create:f", "exec:sleep 1000; true"))
    with pytest.raises(UncorkError) as caught:
        run_hooks(Settings(hooks=hooks), "accepting", 0.2)
    why = "it took longer than 0.2 seconds, and was killed"
    assert str(caught.value) == f"hook-accepting = exec:sleep 1000; true: {why}"
    assert f"{why}\n" in capfd.readouterr().err
    assert (directory / "f").exists()


def test_a_command_hears_nothing_of_the_service_manager(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is meant for the server is not for it."""
    monkeypatch.setenv("NOTIFY_SOCKET", "@nobody")
    do("exec:echo ${NOTIFY_SOCKET-none} $HOOK_TEST > f")
    assert (directory / "f").read_text() == "none before\n"


def test_the_end_has_an_end(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """Of a command that hangs, too."""
    monkeypatch.setattr(hookactions, "LIMIT", 0.2)
    run_last_hooks(Settings(hooks=Hooks(exec_as_user_atexit=("sleep 1000",))))
    assert "sleep 1000: it took longer than 0.2 seconds, and was killed\n" in capfd.readouterr().err


@pytest.mark.parametrize("late", [False, True])
def test_a_further_signal_at_the_end(directory: Path, late: bool, capfd: pytest.CaptureFixture[str]) -> None:
    """Gives up what is left; one that came before it began is none."""
    hooks = Hooks(exec_as_user_atexit=("kill $SERVER; sleep 1000" if late else "true", "touch f"))

    def main() -> int:
        signal.alarm(30)
        os.kill(os.getpid(), signal.SIGTERM)
        os.environ["SERVER"] = str(os.getpid())
        run_last_hooks(Settings(hooks=hooks))
        return 42

    assert os.waitstatus_to_exitcode(os.waitpid(fork(main), 0)[1]) == 42
    assert (directory / "f").exists() is not late
    told = "SIGTERM received; what was to be done at the end is not\n" in capfd.readouterr().err
    assert told is late


@AS_ROOT
def test_the_end_is_the_users(directory: Path) -> None:
    """Also of a process that is root still, and that stays it."""
    directory.chmod(0o777)
    settings = Settings(
        processes=Processes(uid="65534", gid="65534"),
        hooks=Hooks(hook_as_user_atexit=("write:f x",), exec_as_user_atexit=("id -u > g",)),
    )
    assert hookactions._shown("read while it may be read") == "read while it may be read"
    run_last_hooks(settings)
    assert os.geteuid() == 0
    assert os.stat(directory / "f").st_uid == 65534
    assert (directory / "g").read_text() == "65534\n"


@AS_ROOT
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_end_of_a_user_has_an_end(directory: Path, number: int) -> None:
    """A signal ends what is done aside, too, and nothing of it outlives the process."""
    directory.chmod(0o777)
    os.mkfifo(directory / "up", 0o666)
    os.chmod(directory / "up", 0o666)
    settings = Settings(
        processes=Processes(uid="65534"), hooks=Hooks(exec_as_user_atexit=("exec > up; echo x; sleep 1000; :",))
    )
    assert hookactions._shown("") == ""

    def main() -> int:
        signal.alarm(30)
        run_last_hooks(settings)
        return 42

    pid = fork(main)
    with (directory / "up").open() as up:
        assert up.readline() == "x\n"
        os.kill(pid, number)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == (42 if number == signal.SIGTERM else -9)
        assert up.read() == ""


def test_a_signal_ends_what_the_first_process_does(directory: Path) -> None:
    """With the status of a shell, and a handler as before; in place of a traceback or of a death without a word."""

    def main() -> int:
        signal.alarm(30)
        os.environ["SERVER"] = str(os.getpid())
        before = signal.getsignal(signal.SIGTERM)
        with pytest.raises(Interrupted, match=r"^SIGTERM received$") as caught:
            run_first_hooks(Settings(hooks=Hooks(hook_asap=("exec:kill $SERVER; sleep 1000",))), "asap")
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(Interrupted, match=r"^SIGINT received$"):
            run_first_hooks(Settings(hooks=Hooks(hook_asap=("wait_for_file:nothing",))), "asap")
        same = signal.getsignal(signal.SIGTERM) is before
        return 42 if same and caught.value.exit_code == 128 + signal.SIGTERM else 1

    assert os.waitstatus_to_exitcode(os.waitpid(fork(main), 0)[1]) == 42


@AS_ROOT
def test_hostname(monkeypatch: pytest.MonkeyPatch) -> None:
    """Is the system's to change; here a stand-in for it is."""
    named: list[str] = []
    monkeypatch.setitem(hookactions._DOING, "hostname", named.append)
    do("hostname:there")
    assert named == ["there"]


def test_a_command_has_the_signals_of_a_fresh_process(directory: Path) -> None:
    """Whoever runs it: the master blocks its own signals at its end, and Python ignores SIGPIPE."""

    def main() -> int:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGHUP})
        do("exec:exec grep -E '^Sig(Blk|Ign)' /proc/self/status > f")
        return 42

    assert os.waitstatus_to_exitcode(os.waitpid(fork(main), 0)[1]) == 42
    masks = dict(line.split() for line in (directory / "f").read_text().splitlines())
    assert {name: int(mask, 16) & 0x5007 for name, mask in masks.items()} == {"SigBlk:": 0, "SigIgn:": 0}
