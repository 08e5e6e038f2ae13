"""What a machine may do to a server: no descriptors, no processes, a clock that jumps, a master that stands still."""

import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from e2e.conftest import Deploy
from harness import uwsgi
from harness.processes import children_of
from harness.server import APPS
from harness.site import INI, Site, Watch, app

RATE = 200


# ---- crash loops -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lines", [pytest.param([], id="template"), pytest.param(["lazy-apps = true"], id="lazy-apps")])
def test_a_first_start_that_fails(run: Path, lines: list[str]) -> None:
    """A server that never came up ends with a status that says so, and with the reason; it does not try for ever."""
    (run / "app.ini").write_text(INI.format(run=run, apps=APPS) + "\n".join(lines))
    (run / "live.py").write_text("raise RuntimeError('no database')\n")
    command = [sys.executable, "-m", "uncork", "--ini", "app.ini"]
    done = subprocess.run(command, cwd=run, capture_output=True, text=True, check=False, timeout=20)

    assert done.returncode != 0
    assert "RuntimeError: no database" in done.stderr
    assert not (run / "fifo").exists()


def test_workers_that_end_right_after_their_start(deploy: Deploy) -> None:
    """They are replaced ever more slowly; meanwhile statistics and commands work, and when it is over so do they."""
    site = deploy(code=app("one", "faults.die_when('{run}/die')"))
    spent = _processor_time(site.server.pid)
    with Watch(site) as watch:
        (site.run / "die").touch()
        time.sleep(3)
        began = time.monotonic()
        site.command("s")
        site.server.process.wait_for_log("requests ***")
        obeyed = time.monotonic() - began
        spent = _processor_time(site.server.pid) - spent
        (site.run / "die").unlink()
    log = site.server.text()
    print(f"statistics within {watch.slowest * 1000:.0f} ms, a command within {obeyed * 1000:.0f} ms")

    # At once, then after 0.5, 1 and 2 seconds, for each of the two.
    assert 4 <= log.count("Respawned uWSGI worker") <= 10
    assert "next try in" in log
    assert len(log.splitlines()) < 100
    assert watch.slowest < 3
    assert obeyed < 5
    assert spent < 1
    site.until(lambda: len(site.pids()) == 2, "two workers")
    assert site.get().code == 200


def _processor_time(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_lazy_worker_that_cannot_come_back(deploy: Deploy) -> None:
    """When code breaks under running lazy-apps workers and one of them dies, the others serve until it is mended."""
    site = deploy("lazy-apps = true")
    victim, *_ = site.pids()
    with site.load(RATE) as load:
        site.deploy("raise RuntimeError('half an upgrade')\n")
        os.kill(victim, signal.SIGKILL)
        site.server.process.wait_for_log("RuntimeError: half an upgrade", 2, patience=10)
        assert len(site.pids()) == 1
        site.deploy(app("two"))
        site.until(lambda: len(site.pids()) == 2, "a second worker")
        seen = load.stop()
    # What the killed worker was in the middle of.
    assert seen.failed <= 1, seen


def test_a_template_that_dies_while_the_code_is_broken(deploy: Deploy) -> None:
    """The workers go on without it, the app is tried again ever more slowly, and serves once it can be loaded."""
    site = deploy()
    before = site.pids()
    with site.load(RATE) as load:
        (template,) = site.templates()
        site.deploy("raise RuntimeError('half an upgrade')\n")
        os.kill(template, signal.SIGKILL)
        site.server.process.wait_for_log("RuntimeError: half an upgrade", 2, patience=10)
        assert site.pids() == before
        site.deploy(app("two"))
        site.until(lambda: site.version() == "two", "the app that can be loaded")
        seen = load.stop()
    assert seen.failed == 0, seen


# ---- processes, descriptors ------------------------------------------------------------------------------------------


# Read by every Python that has its directory on PYTHONPATH: no fork succeeds as long as the file `full` is there.
NO_FORK = """\
import errno, os
fork = os.fork
def no_fork():
    if os.path.exists({full!r}):
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    return fork()
os.fork = no_fork
"""


@pytest.fixture
def crowded(run: Path) -> dict[str, str]:
    """The environment of a server that cannot fork while the file `full` is in `run`: limits do not hold for root."""
    (run / "site").mkdir()
    (run / "site" / "sitecustomize.py").write_text(NO_FORK.format(full=str(run / "full")))
    return {"PYTHONPATH": os.pathsep.join([str(run / "site"), *filter(None, [os.getenv("PYTHONPATH")])])}


def test_no_process_for_a_worker(deploy: Deploy, crowded: dict[str, str]) -> None:
    """While no worker can be forked the ones that live serve, tries are rare, and when it can be, it is."""
    site = deploy(env=crowded)
    victim, other = site.pids()
    with site.load(RATE) as load:
        (site.run / "full").touch()
        os.kill(victim, signal.SIGKILL)
        site.server.process.wait_for_log("could not be forked", 2)
        assert site.pids() == {other}
        assert site.server.text().count("could not be forked") <= 5
        (site.run / "full").unlink()
        site.until(lambda: len(site.pids()) == 2, "a second worker")
        seen = load.stop()
    assert seen.failed <= 1, seen


def test_no_process_for_a_reload(deploy: Deploy, crowded: dict[str, str]) -> None:
    """A reload that the system gives no process for is refused like a broken deploy; a later one works."""
    site = deploy(env=crowded)
    before = site.pids()
    with site.load(RATE) as load:
        (site.run / "full").touch()
        site.command("r")
        assert "process" in site.until_refused()
        assert site.pids() == before
        (site.run / "full").unlink()
        site.command("r")
        site.until_replaced(before)
        seen = load.stop()
    assert seen.failed == 0, seen


def _exhaust(site: Site) -> list[socket.socket]:
    """Give every process 64 descriptors, and the workers more idle clients than that."""
    for pid in [site.server.pid, *children_of(site.server.pid)]:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (64, 64))
    idle = [uwsgi.connect(f"{site.run}/app.sock") for _ in range(200)]
    site.server.process.wait_for_log("Too many open files", 2)
    return idle


def _leave(idle: list[socket.socket]) -> None:
    for sock in idle:
        sock.close()


def test_no_descriptors_for_the_workers(deploy: Deploy) -> None:
    """With 64 descriptors and 200 idle clients no worker dies or spins, and a reload works."""
    site = deploy("listen = 300", "socket-timeout = 30")
    before = site.pids()
    idle = _exhaust(site)
    try:
        spent = sum(map(_processor_time, before))
        time.sleep(0.5)
        spent = sum(map(_processor_time, before)) - spent
        site.command("r")
        site.until(lambda: site.stats().get("last_reload", {}).get("ok") == 1, "a reload")
    finally:
        _leave(idle)
    after = site.until_replaced(before)

    assert spent < 0.25
    assert site.get().code == 200
    assert site.pids() == after
    assert "DAMN" not in site.server.text()


def test_descriptors_come_back(deploy: Deploy) -> None:
    """When the idle clients have gone somebody is served at once."""
    site = deploy("listen = 300", "socket-timeout = 30")
    _leave(_exhaust(site))
    began = time.monotonic()

    assert site.get().code == 200
    assert time.monotonic() - began < 5


def test_a_stop_without_descriptors(deploy: Deploy) -> None:
    """A worker without a free descriptor still notices that its clients leave, and ends without being killed."""
    site = deploy("listen = 300", "socket-timeout = 30")
    idle = _exhaust(site)
    site.command("q")
    site.server.process.wait_for_log("graceful shutdown triggered...")
    _leave(idle)

    assert site.server.process.wait() == 0
    assert "NO MERCY" not in site.server.text()


# ---- time ------------------------------------------------------------------------------------------------------------


def test_a_master_that_stands_still(deploy: Deploy) -> None:
    """Nobody notices for as long as no worker dies, and what it was told meanwhile it does afterwards."""
    site = deploy()
    before = site.pids()
    with site.load(RATE) as load:
        os.kill(site.server.pid, signal.SIGSTOP)
        try:
            site.command("r")
            time.sleep(1)
        finally:
            os.kill(site.server.pid, signal.SIGCONT)
        site.until_replaced(before)
        seen = load.stop()
    assert seen.failed == 0, seen
    assert seen.slowest < 3, seen


# The wall clock of a process, shifted by as many seconds as the file that CLOCK_SHIFT names says.
CLOCK = """\
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static const volatile long *shift;
__attribute__((constructor)) static void begin(void) {
    shift = mmap(NULL, sizeof *shift, PROT_READ, MAP_SHARED, open(getenv("CLOCK_SHIFT"), O_RDONLY), 0);
}
int clock_gettime(clockid_t clock, struct timespec *now) {
    int failed = (int)syscall(SYS_clock_gettime, clock, now);
    if (!failed && clock == CLOCK_REALTIME && shift) now->tv_sec += *shift;
    return failed;
}
int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec precise;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &precise)) return -1;
    now->tv_sec = precise.tv_sec;
    now->tv_usec = precise.tv_nsec / 1000;
    return 0;
}
time_t time(time_t *when) {
    struct timespec precise;
    if (clock_gettime(CLOCK_REALTIME, &precise)) return -1;
    if (when) *when = precise.tv_sec;
    return precise.tv_sec;
}
"""
DAY = 86400


@pytest.fixture
def clock(run: Path) -> Path:
    """A file whose eight bytes are by how many seconds the wall clock is wrong for whoever preloads clock.so."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler here")
    (run / "clock.c").write_text(CLOCK)
    command = [compiler, "-shared", "-fPIC", "-O1", "-o", str(run / "clock.so"), str(run / "clock.c")]
    subprocess.run(command, check=True, timeout=60)
    (run / "shift").write_bytes(bytes(8))
    return run / "shift"


def test_a_clock_that_jumps(deploy: Deploy, clock: Path) -> None:
    """A day forth and two days back ends no worker and no request; a reload afterwards is a reload."""
    env = {"LD_PRELOAD": str(clock.with_name("clock.so")), "CLOCK_SHIFT": str(clock)}
    site = deploy("harakiri = 5", "max-worker-lifetime = 3600", env=env)
    before = site.pids()
    with site.load(RATE) as load:
        for shift in (DAY, -DAY):
            with clock.open("r+b") as file:
                file.write(shift.to_bytes(8, sys.byteorder, signed=True))
            assert site.get("/nap?0.5").code == 200
        assert site.pids() == before
        site.command("r")
        site.until_replaced(before)
        seen = load.stop()
    last = site.stats()["last_reload"]

    assert seen.failed == 0, seen
    assert seen.slowest < 3, seen
    assert site.total("harakiri_count") == 0
    # The jump was seen at all.
    assert abs(last["at"] + DAY - time.time()) < 60
    assert 0 <= last["seconds"] < 60


# ---- threads before the fork -----------------------------------------------------------------------------------------

USES = """\
import faults, importlib, io, logging, threading, time
from concurrent.futures import ThreadPoolExecutor
handler = logging.StreamHandler(io.StringIO())
log = logging.getLogger("app")
log.addHandler(handler)
log.propagate = False

def application(environ, start_response):
    log.warning("a request")
    importlib.import_module("colorsys")
    with ThreadPoolExecutor(1) as fresh:
        fresh.submit(len, "").result()
    return faults.application(environ, start_response)

def always(act):
    def loop():
        while True:
            act()
            time.sleep(0.0005)
    threading.Thread(target=loop, daemon=True).start()

def hold(lock):
    with lock:
        time.sleep(0.005)

"""
ARRANGEMENTS = {
    "a thread that waits": "threading.Thread(target=time.sleep, args=(600,)).start()",
    "a timer": "threading.Timer(600, print).start()",
    "a pool that was used": "pool = ThreadPoolExecutor(4)\nlist(pool.map(time.sleep, [0.01] * 8))",
    "a thread that holds the lock of a log": "always(lambda: hold(handler.lock))",
    "a thread that holds the lock of all logs": "always(lambda: hold(logging._lock))",
    "a thread that imports": "always(lambda: importlib.reload(importlib.import_module('colorsys')))",
    "a thread that starts threads": "always(lambda: threading.Thread(target=time.sleep, args=(0.001,)).start())",
}


@pytest.mark.parametrize("arrangement", list(ARRANGEMENTS))
def test_threads_before_the_fork(deploy: Deploy, arrangement: str) -> None:
    """What the threads of a library do or hold while workers are forked keeps none from serving, nor from leaving."""
    site = deploy(code=USES + ARRANGEMENTS[arrangement] + "\n")
    for _ in range(10):
        before = site.pids()
        assert [site.get().code for _ in range(4)] == [200] * 4
        site.command("w")
        site.until_replaced(before)
    before = site.pids()
    site.command("r")
    site.until_replaced(before)
    site.until(lambda: len(site.templates()) == 1, "the end of the template before")

    assert site.get().code == 200
    assert "NO MERCY" not in site.server.text()
    assert "DAMN" not in site.server.text()
