"""Options of processes and of Python, with real servers: what the app finds is what the configuration says."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from e2e.conftest import Serve, write_app
from harness import uwsgi

APP = """
import json, os, resource, sys

HERE = os.getcwd()

def application(environ, start_response):
    start_response("200 OK", [])
    os.close(os.open(os.path.join(HERE, "made"), os.O_CREAT | os.O_WRONLY, 0o666))
    return [json.dumps({
        "argv": sys.argv,
        "import": HERE,
        "cwd": os.getcwd(),
        "mode": os.stat(os.path.join(HERE, "made")).st_mode & 0o777,
        "as": resource.getrlimit(resource.RLIMIT_AS)[0],
        "nproc": resource.getrlimit(resource.RLIMIT_NPROC)[0],
        "nofile": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        "modules": sorted(name for name in sys.modules if name.startswith("seen")),
        "threads": environ["wsgi.multithread"],
    }).encode()]
"""
MASTERS = pytest.mark.parametrize("more", [(), ("--master",), ("--master", "--lazy-apps")], ids=" ".join)


def seen(address: str) -> Any:
    """What the app says of its surroundings."""
    answer = uwsgi.get(address)
    assert answer.code == 200
    return json.loads(answer.body)


@MASTERS
def test_what_the_app_finds(serve: Serve, run: Path, more: tuple[str, ...]) -> None:
    """Arguments, directories, limits, modules: with and without a master."""
    write_app(
        run,
        {
            "app.py": APP,
            "seen_import.py": "",
            "seen_shared.py": "",
            "seen_original.py": "",
            "later/empty": "",
            "app.ini": "\n".join(
                [
                    "[uwsgi]",
                    f"socket = {run}/s",
                    "wsgi-file = app.py",
                    "pyargv = --config  live",
                    "chdir2 = later",
                    "umask = 027",
                    "limit-as = 8192",
                    "limit-nproc = 20000",
                    "max-fd = 300",
                    "import = seen_import",
                    "import = seen_missing",
                    "shared-import = seen_shared.py",
                    "pymodule-alias = seen_alias=seen_original",
                    "post-pymodule-alias = seen_later=seen_original",
                ]
            ),
        },
    )
    server = serve("--ini", "app.ini", *more, cwd=run)
    assert seen(f"{run}/s") == {
        "argv": ["uwsgi", "--config", "live"],
        "import": str(run),
        "cwd": f"{run}/later",
        "mode": 0o640,
        "as": 8192 * 1024 * 1024,
        "nproc": 20000,
        "nofile": 300,
        "modules": ["seen_alias", "seen_import", "seen_later", "seen_original"],
        "threads": False,
    }
    assert "import = seen_missing: there is no module 'seen_missing'" in server.text()
    assert server.text().count("; the app goes on without it") == 1


@MASTERS
def test_an_app_from_code(serve: Serve, run: Path, more: tuple[str, ...]) -> None:
    """In place of a module or a file."""
    code = "application = lambda environ, start: (start('200 OK', []), [b'from code'])[1]"
    serve("-s", f"{run}/s", "--eval", code, *more, cwd=run)
    assert uwsgi.get(f"{run}/s").body == b"from code"


def test_an_app_of_paste(serve: Serve, run: Path) -> None:
    """By the URI that the configuration has, from where the server stands."""
    write_app(
        run,
        {
            "packages/paste/__init__.py": "",
            "packages/paste/deploy.py": "def loadapp(uri, relative_to):\n"
            "    return lambda environ, start: (start('200 OK', []), [f'{uri} {relative_to}'.encode()])[1]\n",
            "site.ini": f"[uwsgi]\nsocket = {run}/s\npaste = config:%p\nmaster = true\npp = packages\n",
        },
    )
    serve("--ini", "site.ini", cwd=run)
    assert uwsgi.get(f"{run}/s").body == f"config:{run}/site.ini {run}".encode()


TOGETHER = """
import threading
barrier = threading.Barrier(4, timeout=30)

def application(environ, start_response):
    barrier.wait()
    start_response("200 OK", [])
    return [str(environ["wsgi.multithread"]).encode()]
"""


@pytest.mark.parametrize("option", ["gevent", "async", "asyncio"])
def test_many_requests_at_once(serve: Serve, run: Path, option: str) -> None:
    """Each in a thread: four that wait for one another are all answered, and the start says what became of it."""
    write_app(run, {"app.py": TOGETHER})
    server = serve("-s", f"{run}/s", "--wsgi-file", "app.py", f"--{option}", "4", cwd=run)
    assert server.text().count(f"{option} = 4: each worker handles 4 requests at a time, each in a thread\n") == 1
    answers: list[bytes] = []
    threads = [threading.Thread(target=lambda: answers.append(uwsgi.get(f"{run}/s").body)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [b"True"] * 4


REPLACED = """
import threading, select, os

def cooperative(*_):
    raise AssertionError("the server starts its threads with what the app has put there")

threading._start_new_thread = threading.Thread = threading.Lock = cooperative
del select.epoll

os.close = lambda fd: None

def application(environ, start_response):
    start_response("200 OK", [])
    return [str(threading.Lock is cooperative and not hasattr(select, "epoll")).encode()]
"""


@pytest.mark.parametrize("more", [(), ("--master",)], ids=" ".join)
def test_an_app_that_replaces_threads(serve: Serve, run: Path, more: tuple[str, ...]) -> None:
    """As one for gevent does: the server goes on with its own, the app keeps what it has put there, answers end."""
    write_app(run, {"app.py": REPLACED})
    serve("-s", f"{run}/s", "--wsgi-file", "app.py", "--threads", "4", *more, cwd=run)
    assert [uwsgi.get(f"{run}/s").body for _ in range(8)] == [b"True"] * 8


def test_fewer_threads_than_asked_for(serve: Serve, run: Path) -> None:
    """Where the system gives no more, the server serves with those that there are, and says so."""
    write_app(run, {"app.py": APP})
    server = serve("-s", f"{run}/s", "--wsgi-file", "app.py", "--threads", "500", "--limit-as", "400", cwd=run)
    server.process.wait_for_log(" threads in place of 500 (limit-as, limit-nproc?)")
    assert seen(f"{run}/s")["threads"] is True
    server.process.signal(1)
    assert server.process.wait() == 17
