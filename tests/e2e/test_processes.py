"""The process model: workers die and come back, signals and FIFO mean what the tables say, nothing is left behind."""

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from e2e.conftest import Serve, write_app
from harness import uwsgi
from harness.load import Load
from harness.nginx import Nginx
from harness.processes import children_of, session_pids, wait_gone
from harness.server import Server, read_stats
from uncork.protocol.uwsgi import encode

FRONT = "location / {{ include uwsgi_params; uwsgi_pass unix:{run}/app.sock; }}"


def worker_pids(run: Path) -> list[int]:
    """Process ids of the workers that are there, from the statistics."""
    return [worker["pid"] for worker in read_stats(f"{run}/stats.sock")["workers"] if worker["pid"]]


def start(serve: Serve, run: Path, *more: str) -> Server:
    """A server with a master, statistics and a FIFO in `run`."""
    return serve(
        *("--socket", f"{run}/app.sock", "--chmod-socket=666", "--module", "plain", "--master"),
        *("--stats", f"{run}/stats.sock", "--master-fifo", f"{run}/fifo"),
        *more,
    )


def command(run: Path, character: str) -> None:
    """What a person types."""
    subprocess.run(f"echo {character} >{run}/fifo", shell=True, check=True, timeout=10)


def test_killed_workers_cost_only_their_own_requests(serve: Serve, nginx: Callable[[str], Nginx], run: Path) -> None:
    """Three times `kill -9` of a worker under load lose one request each at the most, and each is replaced."""
    server = start(serve, run, "--processes", "4", "--disable-logging")
    front = nginx(FRONT.format(run=run))
    load = Load(front.port, "/pid", 1_000_000, 16)
    for kill in range(3):
        victim = worker_pids(run)[kill]
        os.kill(victim, signal.SIGKILL)
        server.process.wait_for_log("Respawned uWSGI worker", kill + 1)
    result = load.stop()

    assert result["status"].pop("502", 0) <= 3
    assert result["broken"] == 0
    assert list(result["status"]) == ["200"]
    assert len(worker_pids(run)) == 4


def test_a_dead_worker_is_replaced_by_a_fork_of_the_template(serve: Serve, run: Path) -> None:
    """The replacement is a child of the master, takes requests, and the app is not imported again."""
    server = start(serve, run, "--processes", "1")
    (victim,) = worker_pids(run)
    os.kill(victim, signal.SIGKILL)
    wait_gone(victim)
    served = int(uwsgi.get(f"{run}/app.sock", "/pid").body.split()[0])

    assert served != victim
    assert served in children_of(server.pid)
    assert server.text().count("WSGI app 0") == 1
    assert f"DAMN ! worker 1 (pid: {victim}) died, killed by signal 9" in server.text()


def test_threads_serve_at_the_same_time(serve: Serve, run: Path) -> None:
    """With `--threads 4` four requests are under way in one worker at once."""
    start(serve, run, "--threads", "4")
    held = [run / f"hold{number}" for number in range(4)]
    answers: list[bytes] = []
    clients = [
        threading.Thread(target=lambda path=path: answers.append(uwsgi.get(f"{run}/app.sock", f"/hold?{path}").body))
        for path in held
    ]
    for client in clients:
        client.start()
    for path in held:
        _wait_for(Path(f"{path}.in"))
    busy = [core["in_request"] for core in read_stats(f"{run}/stats.sock")["workers"][0]["cores"]]
    for path in held:
        path.touch()
    for client in clients:
        client.join()

    assert busy == [1, 1, 1, 1]
    assert len({body.split()[1] for body in answers}) == 4
    assert len({body.split()[0] for body in answers}) == 1


def _wait_for(path: Path) -> None:
    end = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < end, path
        time.sleep(0.01)


def test_start_up_lines_keep_their_form(serve: Serve, run: Path) -> None:
    """Other programs match these three lines at the beginning of a line."""
    server = start(serve, run, "--processes", "2", "--threads", "3")
    lines = server.text().splitlines()
    one, two = worker_pids(run)

    assert f"spawned uWSGI master process (pid: {server.pid})" in lines
    assert f"spawned uWSGI worker 1 (pid: {one}, cores: 3)" in lines
    assert f"spawned uWSGI worker 2 (pid: {two}, cores: 3)" in lines
    assert [line for line in lines if line.startswith("WSGI app 0 (mountpoint='') ready in ")] != []


@pytest.mark.parametrize(
    ("how", "status"),
    [("q", 0), ("Q", 0), (signal.SIGTERM, 0), (signal.SIGINT, 0), (signal.SIGQUIT, 0)],
)
def test_ways_to_stop(serve: Serve, run: Path, how: str | signal.Signals, status: int) -> None:
    """Every way to stop ends all processes, removes the FIFO and leaves with status 0."""
    server = start(serve, run, "--processes", "2")
    if isinstance(how, str):
        command(run, how)
    else:
        server.process.signal(how)

    assert server.process.wait() == status
    assert session_pids(server.pid) == []
    assert not (run / "fifo").exists()
    assert "goodbye to uWSGI." in server.text()


@pytest.mark.parametrize("how", ["q", signal.SIGTERM])
def test_a_graceful_stop_answers_what_is_under_way(serve: Serve, run: Path, how: str | signal.Signals) -> None:
    """`q` and TERM let the running request finish."""
    server = start(serve, run)
    answers: list[uwsgi.Answer] = []
    client = threading.Thread(target=lambda: answers.append(uwsgi.get(f"{run}/app.sock", f"/hold?{run}/go")))
    client.start()
    _wait_for(run / "go.in")
    if isinstance(how, str):
        command(run, how)
    else:
        server.process.signal(how)
    server.process.wait_for_log("graceful shutdown triggered...")
    (run / "go").touch()
    client.join()

    assert answers[0].code == 200
    assert server.process.wait() == 0


def test_a_brutal_stop_does_not_wait(serve: Serve, run: Path) -> None:
    """`Q` cuts the running request off."""
    server = start(serve, run)
    answers: list[uwsgi.Answer] = []
    client = threading.Thread(target=lambda: answers.append(uwsgi.get(f"{run}/app.sock", f"/hold?{run}/never")))
    client.start()
    _wait_for(run / "never.in")
    command(run, "Q")

    assert server.process.wait() == 0
    client.join()
    assert answers[0].code == 0


def test_mercy_ends(serve: Serve, run: Path) -> None:
    """A worker that does not finish within worker-reload-mercy is killed, and the stop completes."""
    server = start(serve, run, "--worker-reload-mercy", "1")
    client = threading.Thread(target=lambda: uwsgi.get(f"{run}/app.sock", f"/hold?{run}/never"))
    client.start()
    _wait_for(run / "never.in")
    command(run, "q")

    assert server.process.wait() == 0
    client.join()
    assert "is taking too much time to die...NO MERCY !!!" in server.text()


@pytest.mark.parametrize("how", ["r", "R", signal.SIGHUP])
def test_ways_to_reload(serve: Serve, run: Path, how: str | signal.Signals) -> None:
    """Every way to reload brings new workers that imported the app anew; the master stays."""
    server = start(serve, run, "--processes", "2")
    before = worker_pids(run)
    if isinstance(how, str):
        command(run, how)
    else:
        server.process.signal(how)
    server.wait("READY=1")
    for pid in before:
        wait_gone(pid)

    assert set(worker_pids(run)).isdisjoint(before)
    assert server.text().count("WSGI app 0") == 2
    assert read_stats(f"{run}/stats.sock")["pid"] == server.pid
    assert "RELOADING=1" in server.notifications.seen


@pytest.mark.parametrize("how", ["w", "W", "c"])
def test_ways_to_replace_workers(serve: Serve, run: Path, how: str) -> None:
    """`w`, `W` and `c` replace every worker by a fork of the same template."""
    server = start(serve, run, "--processes", "3")
    before = worker_pids(run)
    command(run, how)
    for pid in before:
        wait_gone(pid)
    server.process.wait_for_log("Respawned uWSGI worker", 3)

    assert set(worker_pids(run)).isdisjoint(before)
    assert server.text().count("WSGI app 0") == 1


def test_reload_under_load_loses_nothing(serve: Serve, nginx: Callable[[str], Nginx], run: Path) -> None:
    """Five reloads under load: every request is answered 200."""
    server = start(serve, run, "--processes", "2", "--disable-logging")
    front = nginx(FRONT.format(run=run))
    load = Load(front.port, "/pid", 1_000_000, 8)
    for _ in range(5):
        command(run, "r")
        server.wait("READY=1")
    result = load.stop()

    assert list(result["status"]) == ["200"]
    assert result["broken"] == 0


def test_a_reload_reads_the_configuration_again(serve: Serve, run: Path) -> None:
    """After `r` the number of workers, the environment and the app are those of the changed files."""
    write_app(run, {"app.ini": _ini(run, 2, "one")})
    server = serve("--ini", f"{run}/app.ini")
    assert uwsgi.get(f"{run}/app.sock", "/env?COLOUR").body == b"one"
    write_app(run, {"app.ini": _ini(run, 3, "two")})
    before = worker_pids(run)
    command(run, "r")
    server.wait("READY=1")
    for pid in before:
        wait_gone(pid)

    assert len(worker_pids(run)) == 3
    assert uwsgi.get(f"{run}/app.sock", "/env?COLOUR").body == b"two"


def test_a_deploy_by_symlink_takes_effect(serve: Serve, run: Path) -> None:
    """`chdir` through a link that a deploy turns to the next release: `r` loads from there, and the old one may go."""
    for release in ("one", "two"):
        write_app(run / release, {"site_app.py": _release(release)})
    (run / "current").symlink_to("one")
    write_app(run, {"app.ini": _ini(run, 1, "x").replace("module = plain", "module = site_app\nchdir = current")})
    server = serve("--ini", "app.ini", cwd=run)
    assert uwsgi.get(f"{run}/app.sock").body == b"one"
    (run / "current").unlink()
    (run / "current").symlink_to("two")
    shutil.rmtree(run / "one")
    (before,) = worker_pids(run)
    command(run, "r")
    server.wait("READY=1")
    wait_gone(before)

    assert uwsgi.get(f"{run}/app.sock").body == b"two"
    assert len(worker_pids(run)) == 1


def _release(name: str) -> str:
    return f"def application(environ, start_response):\n    start_response('200 OK', [])\n    return [b'{name}']\n"


def test_a_reload_says_what_it_cannot_change(serve: Serve, run: Path) -> None:
    """An option of what was opened once is named with its place; the rest of the reload goes on."""
    write_app(run, {"app.ini": _ini(run, 1, "one")})
    server = serve("--ini", f"{run}/app.ini")
    write_app(run, {"app.ini": f"{_ini(run, 1, 'two')}pidfile = {run}/app.pid\n"})
    command(run, "r")
    server.wait("READY=1")

    assert f"{run}/app.ini:9: pidfile has changed" in server.text()
    assert uwsgi.get(f"{run}/app.sock", "/env?COLOUR").body == b"two"
    assert server.text().count("has changed") == 1


def _ini(run: Path, workers: int, colour: str) -> str:
    return (
        f"[uwsgi]\nsocket = {run}/app.sock\nmodule = plain\nmaster = true\nprocesses = {workers}\n"
        f"stats = {run}/stats.sock\nmaster-fifo = {run}/fifo\nenv = COLOUR={colour}\n"
    )


@pytest.mark.parametrize("broken", ["raise RuntimeError('deploy')", "import sys; sys.exit(3)", "no = python"])
def test_a_broken_deploy_leaves_the_old_workers_serving(serve: Serve, run: Path, broken: str) -> None:
    """A reload that meets broken code changes nothing for the clients; the next good one heals."""
    good = (Path(__file__).parent.parent / "apps" / "plain.py").read_text()
    write_app(run, {"plain.py": good})
    server = serve(
        *("--socket", "app.sock", "--module", "plain", "--master", "--processes", "2"),
        *("--stats", "stats.sock", "--master-fifo", "fifo"),
        cwd=run,
    )
    before = worker_pids(run)
    write_app(run, {"plain.py": broken})
    command(run, "r")
    server.process.wait_for_log("reload failed")

    assert uwsgi.get(f"{run}/app.sock", "/pid").code == 200
    assert worker_pids(run) == before
    last = read_stats(f"{run}/stats.sock")["last_reload"]
    assert last["ok"] == 0
    assert last["error"].startswith("module = plain")
    write_app(run, {"plain.py": good})
    server.notifications.seen.clear()
    command(run, "r")
    for pid in before:
        wait_gone(pid)
    assert uwsgi.get(f"{run}/app.sock", "/pid").code == 200


def test_pause_and_resume(serve: Serve, run: Path) -> None:
    """While paused nobody is served and the statistics say so; after the second `p` those who waited are."""
    server = start(serve, run, "--processes", "2")
    command(run, "p")
    _wait_until(lambda: not any(worker["accepting"] for worker in read_stats(f"{run}/stats.sock")["workers"]))
    with uwsgi.connect(f"{run}/app.sock") as sock:
        sock.sendall(encode(uwsgi.variables("/pid")))
        sock.settimeout(0.5)
        with pytest.raises(TimeoutError):
            sock.recv(1)
        assert {worker["status"] for worker in read_stats(f"{run}/stats.sock")["workers"]} == {"pause"}
        server.process.signal(signal.SIGTSTP)
        sock.settimeout(20)
        assert uwsgi.receive(sock).code == 200


def test_workers_leave_with_their_master(serve: Serve, run: Path) -> None:
    """`kill -9` of the master: within seconds no process is left, and the same command starts again."""
    server = start(serve, run, "--processes", "2")
    pids = session_pids(server.pid)
    os.kill(server.pid, signal.SIGKILL)
    server.process.wait()
    for pid in pids:
        wait_gone(pid, 5)
    start(serve, run, "--processes", "2")

    assert uwsgi.get(f"{run}/app.sock", "/pid").code == 200


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGTERM, 30), (signal.SIGINT, 30), (signal.SIGQUIT, 30), (signal.SIGHUP, 17)]
)
def test_without_a_master(serve: Serve, run: Path, number: signal.Signals, status: int) -> None:
    """One process serves alone, and signals mean to it what they mean to a worker."""
    server = serve("--socket", f"{run}/app.sock", "--module", "plain")

    assert int(uwsgi.get(f"{run}/app.sock", "/pid").body.split()[0]) == server.pid
    assert children_of(server.pid) == []
    server.process.signal(number)
    assert server.process.wait() == status


def test_vacuum_removes_what_was_made(serve: Serve, run: Path) -> None:
    """With `vacuum` sockets and pidfile go at the end; without it a next start replaces the stale ones."""
    server = start(serve, run, "--vacuum", "--pidfile", f"{run}/pid")
    assert (run / "pid").read_text() == f"{server.pid}\n"
    assert (run / "pid").stat().st_mode & 0o777 == 0o644
    command(run, "q")
    server.process.wait()

    assert sorted(path.name for path in run.iterdir() if not path.name.startswith(("notify", "server"))) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_vacuum_without_a_master(serve: Serve, run: Path, number: signal.Signals) -> None:
    """Ctrl-C of the one process removes its socket and its pidfile, too."""
    server = serve("--socket", f"{run}/app.sock", "--module", "plain", "--vacuum", "--pidfile", f"{run}/pid")
    server.process.signal(number)

    assert server.process.wait() == 30
    assert not (run / "app.sock").exists()
    assert not (run / "pid").exists()


def test_a_worker_that_logs_no_requests_follows_the_log(serve: Serve, run: Path) -> None:
    """`l` reopens the log in every worker, also for tracebacks when requests are not logged."""
    start(serve, run, "--logto", f"{run}/log", "--disable-logging")
    (run / "log").rename(run / "log.1")
    command(run, "l")
    _wait_for(run / "log")
    _wait_until(lambda: read_stats(f"{run}/stats.sock")["workers"][0]["signals"] == 1)
    uwsgi.get(f"{run}/app.sock", "/pid")
    uwsgi.get(f"{run}/app.sock", "/boom")
    _wait_until(lambda: "RuntimeError: boom" in (run / "log").read_text())

    assert "RuntimeError: boom" not in (run / "log.1").read_text()


def test_a_removed_fifo_comes_back(serve: Serve, run: Path) -> None:
    """A FIFO that somebody removes is made anew, and obeys."""
    server = start(serve, run)
    (run / "fifo").unlink()
    _wait_for(run / "fifo")
    command(run, "q")

    assert server.process.wait() == 0


def test_the_log_is_reopened_and_rotated(serve: Serve, run: Path) -> None:
    """`l` follows a renamed log, `L` renames it itself; master and workers write to the new file."""
    server = start(serve, run, "--logto", f"{run}/log", "--processes", "2")
    (run / "log").rename(run / "log.1")
    command(run, "l")
    server_log = run / "log"
    _wait_for(server_log)
    # Said when the workers have been told, too.
    _wait_until(lambda: "log reopened" in server_log.read_text())
    uwsgi.get(f"{run}/app.sock", "/one")
    # The line about a request is written when its answer is out.
    _wait_until(lambda: "GET /one" in server_log.read_text())
    command(run, "L")
    _wait_until(lambda: len(list(run.glob("log.*"))) == 2)
    uwsgi.get(f"{run}/app.sock", "/two")
    _wait_until(lambda: "GET /two" in server_log.read_text())
    rotated = next(path for path in run.glob("log.*") if path.name != "log.1")

    assert "GET /one" in rotated.read_text()
    assert "GET /two" not in rotated.read_text()
    assert "GET" not in (run / "log.1").read_text()
    assert server.process.popen.poll() is None


def _wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_statistics_on_demand_in_the_log(serve: Serve, run: Path) -> None:
    """`s` and USR1 write one line for each worker."""
    server = start(serve, run, "--processes", "2")
    command(run, "s")
    server.process.wait_for_log("requests ***", 1)
    server.process.signal(signal.SIGUSR1)
    server.process.wait_for_log("requests ***", 2)

    assert server.text().count("worker 2 (pid: ") >= 2
