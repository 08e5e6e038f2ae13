"""What a mistake gets: the place, what is wrong, what to do, and the right exit status; never a traceback of ours."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from e2e.conftest import Serve, write_app
from harness import uwsgi
from harness.server import free_port


def uncork(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run uncork with `args` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "uncork", *args], cwd=cwd, capture_output=True, text=True, check=False, timeout=30
    )


APPS = {
    "flaskr.py": "def app(environ, start_response):\n    start_response('200 OK', [])\n    return [b'']\n",
    "broken.py": "import os\nraise ValueError('at import')\n",
    "needs.py": "import not_installed_anywhere\n",
    "text.py": "application = 'a string'\n",
    "leaves.py": "import sys\nsys.exit(7)\n",
    "syntax.py": "def :\n",
}


@pytest.mark.parametrize("master", [[], ["--master"]])
@pytest.mark.parametrize(
    ("args", "sentences"),
    [
        (["--module", "flaskt:app"], ["there is no module 'flaskt'", "did you mean 'flaskr'"]),
        (["--module", "flaskr:ap"], ["has no 'ap'", "module = flaskr:app"]),
        (["--module", "flaskr"], ["has no 'application'", "module = flaskr:app"]),
        (["--wsgi-file", "flasker.py"], ["there is no such file", "did you mean 'flaskr.py'"]),
        (
            ["--module", "broken"],
            ["ValueError: at import", 'broken.py", line 2', "it raised ValueError"],
        ),
        (["--module", "needs"], ["not_installed_anywhere", "is not installed here"]),
        (["--module", "text"], ["application is str and no WSGI application"]),
        (["--module", "leaves"], ["it called sys.exit(7) while it was loaded"]),
        (["--module", "syntax"], ["SyntaxError", "syntax.py"]),
        (["--module", "flaskr:app()"], ["TypeError", "module = flaskr, app()"]),
    ],
)
def test_an_app_that_cannot_be_loaded(run: Path, master: list[str], args: list[str], sentences: list[str]) -> None:
    """The log has the user's traceback and one sentence on what to change; the status is 22."""
    write_app(run, APPS)
    done = uncork("--socket", "app.sock", *master, *args, cwd=run)

    assert done.returncode == 22
    for sentence in sentences:
        assert sentence in done.stderr
    assert "uncork/" not in done.stderr.partition("bound to")[2]
    assert "spawned uWSGI worker" not in done.stderr


@pytest.mark.parametrize(
    ("args", "sentences"),
    [
        (["--sock", "x"], ["--sock", "ambiguous", "--socket"]),
        (["--proceses", "4"], ["unknown option --proceses", "--processes"]),
        (["--processes", "four"], ["--processes four", "expected a whole number of 1 or more"]),
        (["--processes", "-1"], ["--processes -1", "expected a whole number of 1 or more"]),
        (["--chmod-socket=99"], ["--chmod-socket", "three octal digits"]),
        (["--socket", "127.0.0.1:http"], ["127.0.0.1:http"]),
        (["--socket", "127.0.0.1:99999"], ["99999", "65535"]),
    ],
)
def test_a_command_line_that_cannot_be_used(run: Path, args: list[str], sentences: list[str]) -> None:
    """Option, value, what was expected and the nearest names; status 1, nothing started."""
    write_app(run, APPS)
    done = uncork("--socket", "app.sock", "--module", "flaskr:app", *args, cwd=run)

    assert done.returncode == 1
    for sentence in sentences:
        assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert not (run / "app.sock").exists()


def test_no_socket_and_no_app_are_named(run: Path) -> None:
    """A start without a socket, or without an app, says which option is missing."""
    write_app(run, APPS)
    without_socket = uncork("--module", "flaskr:app", cwd=run)
    without_app = uncork("--socket", "app.sock", cwd=run)

    assert without_socket.returncode == 1
    assert "--socket" in without_socket.stderr
    assert without_app.returncode == 1
    assert "module" in without_app.stderr


def test_a_socket_file_in_use_is_left_alone(serve: Serve, run: Path) -> None:
    """The second server names the first one's process, leaves with status 1, and the first goes on serving."""
    write_app(run, APPS)
    first = serve("--socket", "app.sock", "--module", "flaskr:app", "--master", cwd=run)
    inode = (run / "app.sock").stat().st_ino
    done = uncork("--socket", "app.sock", "--module", "flaskr:app", cwd=run)

    assert done.returncode == 1
    assert "in use by" in done.stderr
    assert str(first.pid) in done.stderr
    assert (run / "app.sock").stat().st_ino == inode
    assert uwsgi.get(f"{run}/app.sock").code == 200


def test_two_instances_on_one_configuration(serve: Serve, run: Path) -> None:
    """The second refuses, and socket, FIFO, pidfile and statistics of the first are as they were."""
    write_app(run, APPS)
    port = free_port()
    args = ["--socket", f"127.0.0.1:{port}", "--module", "flaskr:app", "--master-fifo", "fifo", "--pidfile", "pid"]
    first = serve(*args, "--stats", "stats.sock", cwd=run)
    before = {name: (run / name).lstat().st_ino for name in ("fifo", "pid", "stats.sock")}
    done = uncork(*args, "--stats", "stats.sock", cwd=run)

    assert done.returncode == 1
    assert str(first.pid) in done.stderr
    assert {name: (run / name).lstat().st_ino for name in before} == before
    assert (run / "pid").read_text() == f"{first.pid}\n"
    assert uwsgi.get(f"127.0.0.1:{port}").code == 200


def test_a_port_in_use_names_its_holder(run: Path) -> None:
    """Whoever holds the port is named with process id."""
    write_app(run, APPS)
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        port = sock.getsockname()[1]
        done = uncork("--socket", f"127.0.0.1:{port}", "--module", "flaskr:app", cwd=run)

    assert done.returncode == 1
    assert f"127.0.0.1:{port}" in done.stderr
    assert str(os.getpid()) in done.stderr


def test_what_is_no_socket_and_no_fifo_is_never_removed(run: Path) -> None:
    """A regular file in the place of socket or FIFO stops the start and stays as it is."""
    write_app(run, {**APPS, "app.sock": "precious", "fifo": "precious"})
    at_socket = uncork("--socket", "app.sock", "--module", "flaskr:app", cwd=run)
    at_fifo = uncork("--socket", "b.sock", "--module", "flaskr:app", "--master-fifo", "fifo", cwd=run)

    assert at_socket.returncode == 1
    assert at_fifo.returncode == 1
    assert (run / "app.sock").read_text() == "precious"
    assert (run / "fifo").read_text() == "precious"


def test_a_warning_for_a_key_that_is_no_option(serve: Serve, run: Path) -> None:
    """An unknown key in a file is a placeholder as in uWSGI, with one hint at what may have been meant."""
    write_app(run, {**APPS, "app.ini": "[uwsgi]\nsocket = app.sock\nmodule = flaskr:app\nharakari = 30\n"})
    server = serve("app.ini", cwd=run)

    hints = [line for line in server.text().splitlines() if "harakari" in line]
    assert len(hints) == 1
    assert "app.ini:4" in hints[0]
    assert "harakiri" in hints[0]


def test_version_and_help(run: Path) -> None:
    """`--version` says whether the request path is compiled, `--help` names the options; both leave with 0."""
    version, usage = uncork("--version", cwd=run), uncork("--help", cwd=run)

    assert version.returncode == 0
    assert version.stdout.split()[1] in {"(compiled)", "(interpreted)"}
    expected = os.environ.get("UNCORK_EXPECT")
    assert expected is None or version.stdout.split()[1] == f"({expected})"
    assert usage.returncode == 0
    assert "--master-fifo" in usage.stdout
