"""From another server's command line to a running uncork."""

import http.client
import socket
import subprocess
import sys
from pathlib import Path

from e2e.conftest import Serve
from harness.server import APPS, free_port
from harness.uwsgi import get


def migrated(*words: str) -> str:
    """What `uncork migrate` prints; it has nothing to say besides."""
    run = subprocess.run(
        [sys.executable, "-m", "uncork", "migrate", *words], capture_output=True, text=True, timeout=60, check=False
    )
    assert (run.returncode, run.stderr) == (0, "")
    return run.stdout


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket, as nginx's proxy_pass speaks it."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=30)
        self._path = path

    def connect(self) -> None:
        """See the base class."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(self._path)


def answer(connection: http.client.HTTPConnection, path: str) -> tuple[int, str]:
    """Status and body of a GET."""
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def test_a_gunicorn_line_becomes_a_running_server(run: Path, serve: Serve) -> None:
    """Workers, socket, variables, pidfile and the app are the same behind the same nginx, and requests are answered."""
    port = free_port()
    line = (
        f"A=1 exec gunicorn --workers 2 --bind unix:{run}/app.sock --bind 127.0.0.1:{port} --env COLOUR=red%20 "
        f"--chdir {APPS} --pid {run}/app.pid --timeout 20 --access-logfile - plain:application"
    )
    (run / "app.ini").write_text(migrated(line))
    server = serve("--ini", str(run / "app.ini"), cwd=run)

    assert answer(UnixConnection(f"{run}/app.sock"), "/env?COLOUR") == (200, "red%20")
    assert answer(http.client.HTTPConnection("127.0.0.1", port, timeout=30), "/env?A") == (200, "1")
    assert (run / "app.pid").read_text().strip() == str(server.pid)
    assert "spawned uWSGI worker 2" in server.text()


def test_a_gunicorn_line_that_speaks_uwsgi_goes_on_doing_so(run: Path, serve: Serve) -> None:
    """`--protocol uwsgi` is the socket that nginx's uwsgi_pass connects to."""
    (run / "app.ini").write_text(
        migrated(
            "gunicorn", "--protocol", "uwsgi", "-b", f"unix:{run}/app.sock", "--chdir", str(APPS), "plain:application"
        )
    )
    serve("--ini", str(run / "app.ini"), cwd=run)

    assert get(f"{run}/app.sock", "/pid").code == 200


def test_a_gunicorn_file_becomes_a_running_server(run: Path, serve: Serve) -> None:
    """Calculations and variables of a gunicorn.conf.py are worked out when the new server starts."""
    (run / "gunicorn.conf.py").write_text(
        "import multiprocessing, os\n"
        "workers = multiprocessing.cpu_count() * 0 + 2\n"
        "bind = 'unix:' + os.path.join(os.environ['RUN'], 'app.sock')\n"
        "threads = int(os.environ.get('THREADS', 3))\n"
        "preload_app = True\n"
        f"chdir = {str(APPS)!r}\n"
        "wsgi_app = 'plain:application'\n"
    )
    (run / "app.ini").write_text(migrated(str(run / "gunicorn.conf.py")))
    server = serve("--ini", str(run / "app.ini"), cwd=run, env={"RUN": str(run)})

    assert answer(UnixConnection(f"{run}/app.sock"), "/env?RUN") == (200, str(run))
    assert "spawned uWSGI worker 2" in server.text()
    assert "cores: 3" in server.text()
