"""Guide one, from the command line: the server on a port or a file socket, nginx in front."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from e2e.conftest import Serve, write_app
from harness import uwsgi
from harness.nginx import Nginx
from harness.server import free_port

SERVER_PY = """\
from flask import Flask, url_for

myapp = Flask(__name__)


@myapp.route("/")
def index():
    return f"hello from {url_for('index')}"

myapp.run()
"""

# As the guide prints it.
GUIDE_BLOCK = """
location / {{ try_files $uri @app; }}
location @app {{
    include uwsgi_params;
    uwsgi_pass {address};
}}
"""


@pytest.fixture
def project(run: Path) -> Path:
    """The guide's server.py, with its trap: app.run() outside the guard."""
    return write_app(run, {"server.py": SERVER_PY})


def test_the_guide_word_for_word_gives_a_page(serve: Serve, nginx: Callable[[str], Nginx], project: Path) -> None:
    """`--socket 127.0.0.1:PORT --module server --callab myapp` behind the guide's nginx block serves the app."""
    port = free_port()
    server = serve("--socket", f"127.0.0.1:{port}", "--module", "server", "--callab", "myapp", cwd=project)
    front = nginx(GUIDE_BLOCK.format(address=f"127.0.0.1:{port}"))
    (front.run / "html" / "plain.txt").write_text("from nginx itself")

    assert urlopen(f"{front.url}/").read() == b"hello from /"
    assert urlopen(f"{front.url}/plain.txt").read() == b"from nginx itself"
    with pytest.raises(HTTPError, match="404"):
        urlopen(f"{front.url}/missing")
    warnings = [line for line in server.text().splitlines() if "ignored Flask.run()" in line]
    assert [line.split(": ")[0] for line in warnings] == [f"{project}/server.py:10"]


@pytest.mark.parametrize(
    "socket_args",
    [
        ["--socket", "app.sock", "--chmod-socket"],
        ["--socket", "app.sock", "--chmod-socket=666"],
        ["-s", "app.sock", "-C666"],
        ["--socket", "app.sock", "--chown-socket", "nobody"],
    ],
)
def test_a_file_socket_serves_behind_nginx(
    serve: Serve, nginx: Callable[[str], Nginx], project: Path, socket_args: list[str]
) -> None:
    """The same over a file socket, with its permissions given in every spelling."""
    serve(*socket_args, "--module", "server:myapp", cwd=project)
    front = nginx(GUIDE_BLOCK.format(address=f"unix:{project}/app.sock"))

    assert urlopen(f"{front.url}/").read() == b"hello from /"


def test_the_log_says_who_may_connect(serve: Serve, project: Path) -> None:
    """One line names mode and owner of a file socket, and the first parent directory that shuts others out."""
    inner = project / "private"
    inner.mkdir(mode=0o700)
    server = serve("--socket", "private/app.sock", "--chmod-socket=660", "--module", "server:myapp", cwd=project)

    lines = [line for line in server.text().splitlines() if "may connect" in line]
    assert len(lines) == 1
    assert "private/app.sock has mode 0660" in lines[0]
    assert f"directory {inner} (mode 0700)" in lines[0]


def test_an_abstract_socket_serves(serve: Serve, project: Path) -> None:
    """`@name` is an abstract socket: it serves and leaves no file."""
    name = f"@uncork-test-{project.name}"
    serve("--socket", name, "--module", "server:myapp", cwd=project)

    assert uwsgi.get(name).code == 200
    assert not (project / name).exists()


@pytest.mark.parametrize(
    "app_args",
    [
        ["--module", "server:myapp"],
        ["--wsgi", "server:myapp"],
        ["-w", "server", "--callable", "myapp"],
        ["--module", "server:create_app()"],
        ["--module", "server"],
        ["--wsgi-file", "server.py", "--callable", "myapp"],
        ["--file", "server.py"],
    ],
)
def test_every_way_to_name_the_app(serve: Serve, run: Path, app_args: list[str]) -> None:
    """Module, factory, file, and the default name `application` all lead to the app."""
    write_app(
        run,
        {
            "server.py": "from flask import Flask\nmyapp = application = Flask(__name__)\n"
            "myapp.route('/')(lambda: 'here')\ndef create_app():\n    return myapp\n"
        },
    )
    serve("--socket", "app.sock", *app_args, cwd=run)

    assert uwsgi.get(f"{run}/app.sock").body == b"here"


def test_chdir_and_pythonpath(serve: Serve, run: Path) -> None:
    """The app is found in `chdir`, what it imports in each `pythonpath`; relative socket names follow `chdir`."""
    write_app(
        run,
        {
            "site/server.py": "import os\nimport one, two\n"
            "def application(environ, start_response):\n    start_response('200 OK', [])\n"
            "    return [f'{one.NAME} {two.NAME} {os.getcwd()}'.encode()]\n",
            "lib/a/one.py": "NAME = 'one'\n",
            "lib/b/two.py": "NAME = 'two'\n",
        },
    )
    serve(
        *("--chdir", "site", "--socket", "app.sock", "--module", "server"),
        *("--pythonpath", f"{run}/lib/a", "--pp", f"{run}/lib/b"),
        cwd=run,
    )

    assert uwsgi.get(f"{run}/site/app.sock").body == f"one two {run}/site".encode()


@pytest.mark.parametrize("option", ["--virtualenv", "--home", "--venv", "-H"])
def test_virtualenv(serve: Serve, run: Path, option: str) -> None:
    """Packages of the virtual environment are found, before those of the server."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", run / "venv"], check=True)
    packages = next((run / "venv" / "lib").glob("python*")) / "site-packages"
    write_app(packages, {"onlythere.py": "VALUE = 'from the venv'\n"})
    write_app(
        run,
        {
            "server.py": "import onlythere, os, sys\ndef application(environ, start_response):\n"
            "    start_response('200 OK', [])\n"
            "    return [f'{onlythere.VALUE} {sys.prefix} {os.environ[\"VIRTUAL_ENV\"]}'.encode()]\n"
        },
    )
    serve(option, str(run / "venv"), "--socket", "app.sock", "--module", "server", cwd=run)

    assert uwsgi.get(f"{run}/app.sock").body == f"from the venv {run}/venv {run}/venv".encode()
