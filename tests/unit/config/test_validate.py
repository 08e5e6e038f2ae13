"""What is found out before anything starts."""

import os
import sys
from pathlib import Path

import pytest

from uncork.config import validate as checks
from uncork.config.load import load
from uncork.config.validate import validate
from uncork.errors import ConfigError

RUNNING = f"python{sys.version_info.major}.{sys.version_info.minor}"
SERVABLE = ["--socket", ":1", "--module", "app"]


def problems(*argv: str, directory: Path | str = "/", stdin_is_socket: bool = False) -> list[str]:
    """What is wrong with a command line, beside nothing."""
    try:
        validate(load(argv, {}).settings, str(directory), stdin_is_socket=stdin_is_socket)
    except ConfigError as error:
        return list(error.problems)
    return []


def problem(*argv: str, directory: Path | str = "/") -> str:
    """The one thing that is wrong with options added to a servable command line."""
    (found,) = problems(*SERVABLE, *argv, directory=directory)
    return found


def test_servable() -> None:
    """A socket and an app are enough."""
    assert problems(*SERVABLE) == []


def test_nothing_to_serve() -> None:
    """Without app and socket both sentences say what to add; descriptor 0 may be the socket."""
    no_app, no_socket = problems()
    assert no_app.startswith("no app (name it: --module ")
    assert no_socket.startswith("no socket (add one")
    assert problems("--module", "app", stdin_is_socket=True) == []


@pytest.mark.parametrize("app", [["--module", "a"], ["--wsgi-file", "a.py"], ["--mount", "/a=b:c"]])
def test_ways_to_name_an_app(app: list[str]) -> None:
    """A module, a file or a mount is an app."""
    assert problems("--socket", ":1", *app) == []


@pytest.mark.parametrize("option", ["logto", "master-fifo", "pidfile", "stats", "socket"])
def test_directory_must_exist(option: str, tmp_path: Path) -> None:
    """A file in a directory that is not there is refused with option and path; a directory is no file."""
    (tmp_path / "there").mkdir()
    (tmp_path / "app.ini").write_text(f"[uwsgi]\n{option} = {tmp_path}/gone/x\n")
    assert problem("--ini", str(tmp_path / "app.ini")) == (
        f"{tmp_path}/app.ini:2: {option} = {tmp_path}/gone/x "
        f"(directory {tmp_path}/gone does not exist; create it or change the path)"
    )
    assert problems(*SERVABLE, f"--{option}", f"{tmp_path}/there/x") == []
    assert problem(f"--{option}", f"{tmp_path}/there") == (
        f"--{option} {tmp_path}/there ({tmp_path}/there is a directory; name a file in it)"
    )


@pytest.mark.parametrize("option", ["master-fifo", "stats", "socket"])
def test_relative_paths_begin_after_chdir(option: str, tmp_path: Path) -> None:
    """A relative path counts from the directory that chdir names, itself relative to the start."""
    (tmp_path / "app" / "run").mkdir(parents=True)
    assert problems(*SERVABLE, "--chdir", "app", f"--{option}", "run/x", directory=tmp_path) == []
    assert "does not exist" in problem(f"--{option}", "run/x", directory=tmp_path)


@pytest.mark.parametrize("option", ["logto", "pidfile"])
def test_log_and_pidfile_begin_before_chdir(option: str, tmp_path: Path) -> None:
    """A relative log or pidfile counts from the start."""
    (tmp_path / "app").mkdir()
    (tmp_path / "log").mkdir()
    assert problems(*SERVABLE, "--chdir", "app", f"--{option}", "log/x", directory=tmp_path) == []


def test_chdir_must_exist(tmp_path: Path) -> None:
    """A missing working directory is said once, not once more for each path in it."""
    assert problem("--chdir", "gone", "--master-fifo", "run/x", directory=tmp_path) == (
        f"--chdir gone (directory {tmp_path}/gone does not exist; create it or change the path)"
    )
    (tmp_path / "file").touch()
    assert problem("--chdir", "file", directory=tmp_path) == f"--chdir file ({tmp_path}/file is no directory)"


@pytest.mark.parametrize(
    "address", [":0", ":65535", "127.0.0.1:3031", "[::1]:80", ":8073  # why", "@abstract", "app.sock"]
)
@pytest.mark.parametrize("option", ["socket", "stats"])
def test_address(option: str, address: str) -> None:
    """Addresses that uWSGI binds pass."""
    assert problems(*SERVABLE, f"--{option}", address) == []


@pytest.mark.parametrize(
    ("address", "why"),
    [
        (":65536", "the port is '65536', expected 0 to 65535"),
        (":-1", "the port is '-1', expected 0 to 65535"),
        (":http", "the port is 'http', expected 0 to 65535"),
        ("127.0.0.1:", "the port is '', expected 0 to 65535"),
        (":$(PORT)", "the port is '$(PORT)', expected 0 to 65535"),
        ("http://127.0.0.1:80", "expected host:port or a path, without http://"),
        ("unix:/run/app.sock", "expected host:port or a path: write /run/app.sock"),
        ("unix:///run/app.sock", "expected host:port or a path, without unix://"),
        ("=0", "expected host:port or a path: shared sockets are not supported"),
        ("/" + "x" * 107, "a socket path has 107 bytes at most"),
        ("@" + "é" * 54, "a socket path has 107 bytes at most"),
    ],
)
def test_not_an_address(address: str, why: str) -> None:
    """What cannot be bound is refused with what could."""
    assert problem("--socket", address) == f"--socket {address} ({why})"


def test_log_over_udp() -> None:
    """uWSGI logs to a UDP address in logto; here that is an error, and not a file of that name."""
    assert problem("--logto", "192.0.2.1:514").endswith("(expected a path: logging to a UDP address is not supported)")


def test_home(tmp_path: Path) -> None:
    """A virtual environment must be there, and be of the Python that runs."""
    good, other, none = (tmp_path / name for name in ("good", "other", "none"))
    (good / "lib" / RUNNING).mkdir(parents=True)
    (other / "lib" / "python2.7").mkdir(parents=True)
    none.mkdir()
    assert problems(*SERVABLE, "-H", str(good)) == []
    assert problems(*SERVABLE, "-H", "good", directory=tmp_path) == []
    assert problem("-H", str(other)) == (
        f"-H {other} (it holds python2.7, and this is {RUNNING}; install uncork there and start it from there)"
    )
    assert problem("-H", str(none)) == f"-H {none} (it has no lib/{RUNNING}; make it with: {RUNNING} -m venv {none})"
    assert problem("-H", f"{none}/x").endswith(f"(directory {none}/x does not exist; create it or change the path)")


def test_environment_of_this_python() -> None:
    """The environment that the tests run in would do."""
    assert problems(*SERVABLE, "-H", sys.prefix) == []


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--module", "app.py"], "--module app.py (expected a module, and this is a file: use wsgi-file = app.py)"),
        (
            ["--module", "b/a.py:app"],
            "--module b/a.py:app (expected a module, and this is a file: use wsgi-file = b/a.py and callable = app)",
        ),
        (
            ["--wsgi-file", "pkg.mod:app"],
            "--wsgi-file pkg.mod:app (expected a file, and this is a module: use module = pkg.mod:app)",
        ),
        (["--mount", "/bbb"], "--mount /bbb (expected /prefix=package.module:app or /prefix=file.py)"),
        (["--mount", "/bbb="], "--mount /bbb= (expected /prefix=package.module:app or /prefix=file.py)"),
        (["--mount", "=app"], "--mount =app (expected /prefix=package.module:app or /prefix=file.py)"),
    ],
)
def test_mixed_up(argv: list[str], said: str) -> None:
    """A value in the wrong option is sent to the right one."""
    assert problem(*argv) == said


def test_file_with_a_colon_in_its_name(tmp_path: Path) -> None:
    """A file that is there is a file, whatever it looks like."""
    (tmp_path / "pkg.mod:app").touch()
    assert problems(*SERVABLE, "--wsgi-file", "pkg.mod:app", directory=tmp_path) == []


def test_settings_without_origin() -> None:
    """Settings that were made by hand are checked too; the option stands for the missing origin."""
    from uncork.config.options.sockets import Sockets
    from uncork.config.settings import Settings

    with pytest.raises(ConfigError, match="--socket :99999 "):
        validate(Settings(sockets=Sockets(socket=(":99999",))), os.getcwd())


def local(*argv: str, directory: Path) -> list[bool]:
    """Of each problem, whether it is one of this machine."""
    return [problem.here for problem in checks.problems(load(argv, {}).settings, str(directory))]


@pytest.mark.parametrize(
    "argv",
    [
        ["--chdir", "gone"],
        ["--logto", "gone/x"],
        ["--socket", "gone/x.sock"],
        ["--home", "gone"],
        ["--home", "there"],
        ["--pidfile", "there"],
        ["--chdir", "file"],
    ],
)
def test_facts_of_this_machine(tmp_path: Path, argv: list[str]) -> None:
    """Directories and environments may be there elsewhere."""
    (tmp_path / "there").mkdir()
    (tmp_path / "file").touch()
    assert local(*argv, directory=tmp_path) == [True]


@pytest.mark.parametrize(
    "argv",
    [
        ["--socket", "127.0.0.1:99999"],
        ["--socket", "http://127.0.0.1:80"],
        ["--module", "app.py"],
        ["--wsgi-file", "pkg.mod:app"],
        ["--mount", "/x"],
        ["--logto", "127.0.0.1:514"],
        ["--cheaper", "5", "--processes", "2"],
    ],
)
def test_mistakes(tmp_path: Path, argv: list[str]) -> None:
    """What cannot work anywhere is no fact of this machine."""
    assert local(*argv, directory=tmp_path) == [False]


def test_processors_of_this_machine(tmp_path: Path) -> None:
    """Too few processes for cheaper are no mistake where a file counts the processors of the machine."""
    (tmp_path / "app.ini").write_text("[uwsgi]\ncores = %k\nprocesses = %(cores)\ncheaper = 9999\n")
    assert local("--ini", str(tmp_path / "app.ini"), directory=tmp_path) == [True]
    (tmp_path / "app.ini").write_text("[uwsgi]\nprocesses = 2\ncheaper = 9999\n")
    assert local("--ini", str(tmp_path / "app.ini"), directory=tmp_path) == [False]


def test_missing() -> None:
    """An app and a socket are asked for apart from what is wrong with the others."""
    settings = load(["--socket", ":1"], {}).settings
    assert list(checks.missing(settings)) == ["app"]
    assert list(checks.missing(load([], {}).settings)) == ["app", "socket"]
    assert list(checks.missing(load([], {}).settings, stdin_is_socket=True)) == ["app"]
    assert checks.problems(settings, "/") == []


def test_reason() -> None:
    """A problem has its entry, and why without it."""
    (problem,) = checks.problems(load(["--socket", ":99999"], {}).settings, "/")
    assert problem.entry is not None
    assert problem.entry.value == ":99999"
    assert problem.text == f"--socket :99999 ({problem.reason})"
