"""Real processes in a short temporary directory, ended with the test; nothing may outlive it."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest

from harness.nginx import Nginx
from harness.server import APPS, Server, free_port
from harness.site import FRONT, Site, app


@pytest.fixture
def run() -> Iterator[Path]:
    """A directory whose path leaves room for socket names (107 bytes, unix(7)) and lets others pass."""
    path = Path(tempfile.mkdtemp(prefix="uncork-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


class Serve(Protocol):
    """Starts a server; it serves when this returns."""

    def __call__(self, *args: str, cwd: Path = APPS, env: Mapping[str, str] | None = None) -> Server: ...


@pytest.fixture
def serve(run: Path) -> Iterator[Serve]:
    """A function that starts uncork with the given arguments."""
    with ExitStack() as stack:

        def start(*args: str, cwd: Path = APPS, env: Mapping[str, str] | None = None) -> Server:
            server = Server(args, run, cwd, env)
            stack.callback(server.close)
            return server

        yield start


@pytest.fixture
def nginx(run: Path) -> Iterator[Callable[[str], Nginx]]:
    """A function that starts an nginx with the given contents of its server block."""
    with ExitStack() as stack:
        started: list[Nginx] = []

        def start(server: str) -> Nginx:
            front = Nginx(run / f"nginx{len(started)}", free_port(), server)
            started.append(front)
            stack.callback(front.close)
            return front

        yield start


class Deploy(Protocol):
    """Brings a site up, its app.ini ending with `lines`; `{run}` in them and in `code` is its directory."""

    def __call__(self, *lines: str, code: str = app("one"), env: Mapping[str, str] | None = None) -> Site: ...


@pytest.fixture
def deploy(serve: Serve, nginx: Callable[[str], Nginx], run: Path) -> Deploy:
    """A function that brings a site up."""

    def start(*lines: str, code: str = app("one"), env: Mapping[str, str] | None = None) -> Site:
        site = Site(run, lines, code.replace("{run}", str(run)))
        # Two deploys within a second with files of one size: Python's cache of compiled files cannot tell them apart.
        server = serve("--ini", "app.ini", cwd=run, env={"PYTHONDONTWRITEBYTECODE": "1", **(env or {})})
        site.up(server, nginx(FRONT.format(run=run)))
        return site

    return start


def write_app(directory: Path, files: Mapping[str, str]) -> Path:
    """`files` written below `directory`."""
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return directory


__all__: Sequence[str] = ("Deploy", "Serve", "write_app")

# The tests start servers by `python -m uncork`; nothing of the test run's own configuration may reach them.
for name in [name for name in os.environ if name.startswith("UWSGI_")]:
    del os.environ[name]
