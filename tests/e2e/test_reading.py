"""Reading the configuration, as a start does it: what is shown, what falls back, what is said, all of it at once."""

import os
import subprocess
import sys
from pathlib import Path

from e2e.conftest import Serve, write_app
from harness import uwsgi
from harness.server import Server
from uncork import __version__

APP = """
import os

def app(environ, start_response):
    start_response("200 OK", [])
    return [os.environ.get("WHEN", "one").encode()]
"""
INI = "[uwsgi]\nsocket = app.sock\nmodule = app:app\n"
BAD = INI.replace("app:app", "nosuch:app") + "fallback-config = good.ini\n"


def uncork(*args: str, cwd: Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run uncork with `args` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "uncork", *args],
        cwd=cwd,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def test_show_config(run: Path, serve: Serve) -> None:
    """The configuration is shown as it was understood, secrets hidden, and the server starts."""
    write_app(run, {"app.py": APP, "app.ini": INI + "show-config\nname = blog\nenv = A=%(name)\n"})
    server = serve("app.ini", "--set-ph", "db_password=hunter2", cwd=run)
    shown = server.text().partition(";uWSGI instance configuration\n")[2].partition(";end of configuration")[0]
    assert shown.splitlines() == [
        "[uwsgi]",
        "set-ph = db_password=***",
        "db_password = ***",
        "socket = app.sock",
        "module = app:app",
        "show-config = ",
        "name = blog",
        "env = A=blog",
    ]
    assert uwsgi.get(str(run / "app.sock")).body == b"one"


def test_fallback_config(run: Path, serve: Serve) -> None:
    """A start that fails, for whatever reason, is one with the fallback; the reason stands in the log."""
    write_app(run, {"app.py": APP, "good.ini": INI, "bad.ini": BAD})
    server = serve("--ini", "bad.ini", cwd=run)
    assert "there is no module 'nosuch'" in server.text()
    assert "starting with good.ini instead (fallback-config)" in server.text()
    assert uwsgi.get(str(run / "app.sock")).body == b"one"


def test_fallback_config_runs_nothing_of_the_directory(run: Path) -> None:
    """A file of the project with the name of a module is not imported in its place."""
    traps = dict.fromkeys(("uncork.py", "json.py", "select.py"), "open('trap', 'w').close()\nraise SystemExit(7)\n")
    write_app(run, {"app.py": APP, "good.ini": INI, "bad.ini": BAD, **traps})
    server = Server(["--ini", "bad.ini"], run, run, program=[sys.executable, "-P", "-m", "uncork"])
    try:
        assert uwsgi.get(str(run / "app.sock")).body == b"one"
        assert not (run / "trap").exists()
    finally:
        server.close()


def test_fallbacks_take_no_turns(run: Path) -> None:
    """Two files that fall back to one another end."""
    for name, other in (("a", "b"), ("b", "a")):
        (run / f"{name}.ini").write_text(f"[uwsgi]\nprocesses = {name}\nfallback-config = {other}.ini\n")
    done = uncork("a.ini", cwd=run)
    assert done.returncode == 1
    assert "a.ini:2: processes = a (expected a whole number of 1 or more)" in done.stderr
    assert done.stderr.count("b.ini:2: processes = b") == 1


def test_all_mistakes_at_once(run: Path) -> None:
    """Nobody has to start a server once for each mistake in its configuration."""
    lines = (
        "processes = four\nharakiri = x\nini = nosuch.ini\nchdir = /nosuch\nsocket = tcp://x\nhook-master-start = foo\n"
    )
    (run / "app.ini").write_text(f"[uwsgi]\n{lines}")
    done = uncork("app.ini", cwd=run)
    assert done.returncode == 1
    for number in range(2, 7):
        assert f"app.ini:{number}: " in done.stderr, number
    assert "Traceback" not in done.stderr
    # What is missing is not said of a configuration that could not be read.
    assert "no app" not in done.stderr


def test_print_and_exit(run: Path) -> None:
    """iprint and print write to the log, each at its time; exit leaves with a status."""
    (run / "a.ini").write_text("[uwsgi]\niprint = now %(x)\nx = 1\nexit = 3\nini = nosuch.ini\n")
    done = uncork("a.ini", cwd=run)
    assert (done.returncode, done.stderr) == (3, "now %(x)\n")


def test_dump_options(run: Path) -> None:
    """All names, one a line."""
    done = uncork("--dump-options", cwd=run)
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) > 1263
    assert "socket" in done.stdout.splitlines()
    wrong = uncork("--dump-options", "--bogus", cwd=run)
    assert (wrong.returncode, wrong.stdout) == (1, "")


def test_questions_read_nothing(run: Path) -> None:
    """Asking for help works in spite of everything else."""
    for word, begin in (("--help", "uncork up"), ("--version", __version__)):
        done = uncork("--ini", "nosuch.ini", "--foobarbaz", word, cwd=run)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(begin)


def test_output_that_nobody_reads(run: Path) -> None:
    """`uncork --dump-options | head -1` ends without a traceback."""
    for words in ("--dump-options", "--help", "explain harakiri", "ctl --help"):
        reader, writer = os.pipe()
        os.close(reader)
        command = [sys.executable, "-m", "uncork", *words.split()]
        done = subprocess.run(command, cwd=run, stdout=writer, stderr=subprocess.PIPE, check=False, timeout=30)
        os.close(writer)
        assert (done.returncode, done.stderr) == (1, b""), words


def test_configuration_from_standard_input(run: Path, serve: Serve) -> None:
    """A configuration may come through a pipe, and a reload still knows it."""
    write_app(run, {"app.py": APP})
    script = f'exec "{sys.executable}" -m uncork --ini - <<E\n{INI}master-fifo = fifo\nenv = WHEN=piped\nE\n'
    (run / "start.sh").write_text(script)
    server = Server(["start.sh"], run, run, program=["/bin/sh"])
    try:
        assert uwsgi.get(str(run / "app.sock")).body == b"piped"
        (run / "fifo").write_text("r")
        server.wait("READY=1")
        assert uwsgi.get(str(run / "app.sock")).body == b"piped"
    finally:
        server.close()


def test_conditions_of_a_reload(run: Path, serve: Serve) -> None:
    """if-reload counts at a reload and not before."""
    blocks = "if-reload =\nenv = WHEN=reload\nendif =\nif-not-reload =\nenv = WHEN=start\nendif =\n"
    write_app(run, {"app.py": APP, "app.ini": f"{INI}master-fifo = fifo\n{blocks}"})
    server = serve("app.ini", cwd=run)
    assert uwsgi.get(str(run / "app.sock")).body == b"start"
    (run / "fifo").write_text("r")
    server.wait("READY=1")
    assert uwsgi.get(str(run / "app.sock")).body == b"reload"
