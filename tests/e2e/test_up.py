"""`uncork up` as people use it: real server, real nginx, real signals, at the root and below a mount."""

import http.client
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from harness.processes import Process, children_of, command_of, session_pids, wait_gone
from harness.server import EXAMPLES, Server
from uncork.nginx.binary import wheel_nginx

SYSTEM_NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
NGINXES = [path for path in (SYSTEM_NGINX, wheel_nginx()) if path is not None]

pytestmark = pytest.mark.skipif(not NGINXES, reason="no nginx here")

APP = """
from flask import Flask, request, url_for

shop = Flask(__name__)


@shop.route("/")
def index():
    return f"{request.script_root}|{request.path}|{url_for('item', number=7)}"


@shop.route("/item/<int:number>", methods=["GET", "POST"])
def item(number):
    return f"{request.method} {number} {len(request.get_data())}"


@shop.route("/slow")
def slow():
    with open("started", "w") as started:
        started.write("now")
    with open("go") as go:
        return go.read()
"""

Answer = tuple[int, str, Mapping[str, str]]


class Stack:
    """A running `uncork up`, and its address as it printed it."""

    def __init__(self, process: Process) -> None:
        self.process = process
        found = re.search(r"^ready: (\S+)", process.text(), re.MULTILINE)
        assert found is not None, process.text()
        self.url = found[1]
        self.port = int(self.url.split(":")[2].split("/")[0])

    def get(self, path: str, method: str = "GET", body: bytes | None = None) -> Answer:
        """Status, body and headers of one request through nginx."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), dict(answer.getheaders())
        finally:
            connection.close()

    def children(self) -> dict[str, int]:
        """Pids of the server's and nginx's masters by name."""
        commands = {pid: command_of(pid) for pid in children_of(self.process.pid)}
        return {"nginx" if "nginx" in command else "server": pid for pid, command in commands.items() if command}


Up = Callable[..., Stack]


@pytest.fixture
def up(run: Path) -> Iterator[Up]:
    """A function that brings a project up and returns when it has said that it is ready."""
    with ExitStack() as cleanup:

        def start(*arguments: str, cwd: Path = run, env: Mapping[str, str] | None = None) -> Stack:
            server = Server(("up", "--port", "0", *arguments), run, cwd, env)
            cleanup.callback(server.close)
            return Stack(server.process)

        yield start


@pytest.fixture
def shop(run: Path) -> Path:
    """A project with one file, whose Flask instance has a name of its own."""
    project = run / "shop"
    project.mkdir()
    (project / "server.py").write_text(APP)
    return project


@pytest.mark.parametrize("nginx", NGINXES)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_project_is_served_at_the_root_and_below_a_mount(shop: Path, up: Up, nginx: str, number: int) -> None:
    """Both places work, with links and redirects to match; one signal ends everything, in order, with status 0."""
    stack = up(str(shop), "--mount", "/", "--mount", "/bbb/", "--nginx", nginx)

    assert stack.get("/")[:2] == (200, "|/|/item/7")
    assert stack.get("/bbb/")[:2] == (200, "/bbb|/|/bbb/item/7")
    assert stack.get("/bbb/item/3")[:2] == (200, "GET 3 0")
    status, _, headers = stack.get("/bbb?a=b")
    assert (status, headers["Location"]) == (301, "/bbb/?a=b")
    assert stack.get("/bbbb")[0] == 404
    # More than nginx's own limit of 1 MiB, and than it keeps in memory.
    assert stack.get("/item/1", "POST", bytes(3 << 20))[:2] == (200, f"POST 1 {3 << 20}")

    text = stack.process.text()
    assert text.startswith("app: server:shop (found shop = Flask(...) in server.py)\n")
    assert "\nserver: 2 workers on " in text
    assert re.search(rf"\nnginx: \d+\.\d+\.\d+ \({re.escape(nginx)}\)\n", text)
    assert re.search(rf"\nready: http://127.0.0.1:{stack.port}/ http://127.0.0.1:{stack.port}/bbb/ \(\d+\.\d s\)", text)

    everything = session_pids(stack.process.pid)
    # As a terminal does it: to the whole foreground group.
    os.killpg(stack.process.pid, number)
    assert stack.process.wait() == 0
    assert [pid for pid in everything if pid in session_pids(stack.process.pid)] == []
    assert "goodbye" in stack.process.text().partition("stop: nginx, then the server")[2]
    with pytest.raises(ConnectionRefusedError):
        stack.get("/")


def test_running_requests_are_finished_before_it_ends(shop: Path, up: Up) -> None:
    """Ctrl-C takes nobody's page away: what has begun is answered in full."""
    for name in ("started", "go"):
        os.mkfifo(shop / name)
    stack = up(str(shop))
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(stack.get, "/slow")
        assert (shop / "started").read_text() == "now"
        stack.process.signal(signal.SIGINT)
        stack.process.wait_for_log("stop: nginx, then the server")
        (shop / "go").write_text("all of it")

        assert answer.result()[:2] == (200, "all of it")
    assert stack.process.wait() == 0


def test_a_second_signal_waits_for_nobody(shop: Path, up: Up) -> None:
    """Who presses Ctrl-C again does not want to wait for a request that never ends."""
    for name in ("started", "go"):
        os.mkfifo(shop / name)
    stack = up(str(shop))
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(stack.get, "/slow")
        assert (shop / "started").read_text() == "now"
        everything = session_pids(stack.process.pid)
        stack.process.signal(signal.SIGINT)
        stack.process.wait_for_log("stop: nginx, then the server")
        stack.process.signal(signal.SIGINT)
        stack.process.wait()

        with pytest.raises((http.client.HTTPException, ConnectionError)):
            answer.result()
    for pid in everything:
        wait_gone(pid)


def test_it_can_be_stopped_while_the_app_loads(shop: Path, run: Path) -> None:
    """An app that takes long to import does not take the keyboard away."""
    os.mkfifo(shop / "loading")
    (shop / "server.py").write_text(
        "import select\nwith open('loading', 'w') as file:\n    file.write('.')\nselect.select([], [], [])\n" + APP
    )
    process = Process([sys.executable, "-m", "uncork", "up", str(shop), "--port", "0"], run, run / "up.log", {})
    try:
        assert (shop / "loading").read_text() == "."
        process.signal(signal.SIGINT)
        assert process.wait() == 0
    finally:
        process.close()


def test_only_the_mount_is_the_apps(shop: Path, up: Up) -> None:
    """Mounted alone, the app has nothing outside its prefix."""
    stack = up(str(shop), "--mount", "/bbb")

    assert stack.url.endswith("/bbb/")
    assert stack.get("/bbb/")[0] == 200
    assert stack.get("/")[0] == 404


def test_a_killed_nginx_comes_back_and_nobody_is_refused(shop: Path, up: Up) -> None:
    """The server never notices; clients that come in between wait; the old workers go."""
    stack = up(str(shop))
    before = stack.children()
    worker = children_of(before["nginx"])[0]
    os.kill(before["nginx"], signal.SIGKILL)
    statuses = {stack.get("/")[0] for _ in range(20)}
    wait_gone(worker)
    stack.process.wait_for_log("nginx: killed by signal 9 (SIGKILL); starting it again")

    assert statuses == {200}
    assert stack.get("/")[0] == 200
    after = stack.children()
    assert after["nginx"] != before["nginx"]
    assert after["server"] == before["server"]


def test_a_killed_server_comes_back_and_nginx_bridges_the_gap(shop: Path, up: Up) -> None:
    """Until the server is back nginx shows a page that reloads itself; nobody is refused, nginx never restarts."""
    stack = up(str(shop))
    before = stack.children()
    # Stopped first: nothing of the old server may answer while it is being replaced.
    (shop / "server.py").write_text("import select\nselect.select([], [], [], 1)\n" + APP)
    os.kill(before["server"], signal.SIGKILL)
    gaps = []
    while (answer := stack.get("/"))[0] == 200 and stack.children().get("server") == before["server"]:
        pass
    while (answer := stack.get("/item/1", "POST", b"x"))[0] != 200 or "server: serving" not in stack.process.text():
        if answer[0] != 200:
            gaps.append(answer)

    assert "\nserver: killed by signal 9 (SIGKILL); starting it again\n" in stack.process.text()
    assert answer[:2] == (200, "POST 1 1")
    assert gaps
    for status, page, headers in gaps:
        assert (status, headers["X-Uncork-Unavailable"], headers["Cache-Control"]) == (502, "1", "no-store")
        assert '<meta http-equiv="refresh" content="2">' in page
    assert stack.children()["nginx"] == before["nginx"]


def test_killed_outright_it_takes_everything_with_it(shop: Path, up: Up) -> None:
    """No server and no nginx is left without the process that looks after them."""
    stack = up(str(shop))
    everything = session_pids(stack.process.pid)
    stack.process.signal(signal.SIGKILL)
    for pid in everything:
        if pid != stack.process.pid:
            wait_gone(pid)

    assert len(everything) >= 5
    assert stack.process.wait() == -signal.SIGKILL
    # Started by root, its directory is elsewhere, and nobody was left to remove it.
    for directory in re.findall(r"logs and sockets are in (\S+)", stack.process.text()):
        shutil.rmtree(directory)


def test_the_default_port_gives_way_to_whoever_has_it(shop: Path, run: Path) -> None:
    """Without --port the next free one is taken, and the line says who has 8000."""
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder = rf" by pid {os.getpid()} \(.+\)"
        try:
            taken.bind(("127.0.0.1", 8000))
            taken.listen()
        except OSError:  # somebody of this machine has it already, visible to us or not
            holder = r"( by pid \d+ \(.+\))?"
        server = Server(("up", str(shop)), run, run)
        try:
            stack = Stack(server.process)
            assert stack.port > 8000
            assert re.search(rf"\nport: 8000 is taken{holder}: taking {stack.port}\n", server.text())
        finally:
            server.close()


def ended(run: Path, *arguments: str, env: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Exit status and output of an `uncork up` that ends by itself, with nothing left of it."""
    process = Process([sys.executable, "-m", "uncork", "up", *arguments], run, run / "ended.log", env or {})
    try:
        return process.wait(), process.text()
    finally:
        process.close()


def test_a_port_that_was_asked_for_and_is_taken(shop: Path, run: Path) -> None:
    """The sentence names the holder's pid; status 1."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, text = ended(run, str(shop), "--port", str(port))

    assert status == 1
    assert re.search(rf"uncork up: socket 127\.0\.0\.1:{port}: .*in use by pid {os.getpid()} \(", text)


@pytest.mark.parametrize(
    ("code", "words"), [("import nothing_like_it", "No module named 'nothing_like_it'"), ("1 / 0", "ZeroDivisionError")]
)
def test_an_app_that_does_not_load(shop: Path, run: Path, code: str, words: str) -> None:
    """The server's own words stand on the screen, one sentence more, and its status 22 is passed on."""
    (shop / "server.py").write_text(f"{code}\n{APP}")
    status, text = ended(run, str(shop), "--port", "0")

    assert status == 22
    assert words in text
    assert text.endswith("uncork up: the app did not load: what is wrong with it stands above\n")
    assert "ready:" not in text


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("nowhere",), 1, "uncork up: {}/nowhere: no such file or directory\n"),
        ((".",), 1, "uncork up: no WSGI app found in {}:"),
        (("shop", "--nginx", "/nowhere/nginx"), 1, "uncork up: nginx /nowhere/nginx cannot be started"),
        (("shop", "--mount", "bbb"), 1, "mount 'bbb' (expected / or a path such as /bbb"),
        (("shop", "--port", "99999"), 1, "99999 is not in the range"),
        (("shop", "--workers", "0"), 1, "0 is not in the range"),
        (("shop", "--prot", "1"), 1, "No such option"),
        (("--help",), 0, "Run the app of a project behind a real nginx until Ctrl-C."),
    ],
)
def test_mistakes_are_one_sentence(shop: Path, run: Path, arguments: tuple[str, ...], status: int, words: str) -> None:
    """What cannot be started is said with its place and what to do; never a traceback."""
    given, text = ended(run, *arguments)

    assert given == status
    assert words.format(run) in text
    assert "Traceback" not in text


def test_a_project_is_up_once(shop: Path, run: Path, up: Up) -> None:
    """The second one is told the address of the first one, which is not disturbed."""
    stack = up(str(shop))
    status, text = ended(run, str(shop), "--port", "0")

    assert status == 1
    assert f"this project is up already at {stack.url} (pid {stack.process.pid}): stop that first" in text
    assert stack.get("/")[0] == 200


def test_an_ini_file(shop: Path, up: Up) -> None:
    """The server runs with what the file says, plus the private socket."""
    (shop / "uwsgi.ini").write_text("[uwsgi]\nmodule = server\ncallable = shop\nprocesses = 3\nsocket = own.sock\n")
    stack = up(str(shop / "uwsgi.ini"), "--mount", "/bbb")

    assert stack.get("/bbb/")[:2] == (200, "/bbb|/|/bbb/item/7")
    assert "spawned uWSGI worker 3 " in stack.process.text()
    assert (shop / "own.sock").is_socket()


def test_a_project_with_an_awkward_path(run: Path, up: Up) -> None:
    """Neither nginx's syntax nor the length of a socket's path gets in the way."""
    project = run / ('$100; {it\'s} "quoted" # ' + "x" * 100)
    project.mkdir()
    (project / "server.py").write_text(APP)

    assert up(str(project)).get("/")[0] == 200


def test_the_example(run: Path, up: Up) -> None:
    """The blog that comes with the project is found and served, at the root and below a mount."""
    shutil.copytree(EXAMPLES / "flaskr", run / "flaskr", ignore=shutil.ignore_patterns("instance", ".uncork", "run"))
    stack = up(str(run / "flaskr"), "--mount", "/", "--mount", "/bbb", env={"FLASKR_INSTANCE": str(run / "instance")})

    assert stack.process.text().startswith("app: flaskr:app (found app in flaskr/__init__.py)\n")
    status, page, _ = stack.get("/")
    assert (status, "<!doctype html>" in page.lower()) == (200, True)
    status, page, _ = stack.get("/bbb/")
    assert status == 200
    assert not re.search(r'(?:href|src|action)="/(?!bbb/)', page)


def other_user() -> tuple[pwd.struct_passwd, str] | None:
    """An account without rights, and a Python that it can run with what this one has installed; None without."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    for python in (sys.executable, "/usr/bin/python3"):
        try:
            subprocess.run(
                [python, "-c", "import click, flask, uncork.cli.serve"],
                user=nobody.pw_uid, group=nobody.pw_gid, extra_groups=[], cwd="/", check=True, capture_output=True,
                env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONDONTWRITEBYTECODE": "1"},
            )  # fmt: skip
        except (OSError, subprocess.SubprocessError):
            continue
        return nobody, python
    return None


def test_without_root(shop: Path, run: Path) -> None:
    """An ordinary user needs nothing: everything that is written lies in the project's own .uncork directory."""
    found = other_user()
    if found is None:
        pytest.skip("every other test runs without root here, or nobody else can run this Python")
    nobody, python = found
    os.chown(shop, nobody.pw_uid, nobody.pw_gid)
    command = ["setpriv", "--reuid=nobody", f"--regid={nobody.pw_gid}", "--clear-groups", python, "-m", "uncork", "up"]
    env = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONDONTWRITEBYTECODE": "1"}
    process = Process([*command, str(shop), "--port", "0"], run, run / "up.log", env)
    try:
        process.wait_for_log("ready: ")
        stack = Stack(process)
        assert stack.get("/")[0] == 200
        owners = {os.stat(f"/proc/{pid}").st_uid for pid in session_pids(process.pid)}
        process.signal(signal.SIGINT)
        assert process.wait() == 0
    finally:
        process.close()

    assert owners == {nobody.pw_uid}
    assert "\nserver: 2 workers on shop/.uncork/run/app.sock\n" in process.text()
    assert sorted(os.listdir(shop)) == [".uncork", "server.py"]
    assert {".gitignore", "run"} < set(os.listdir(shop / ".uncork"))
    assert not any((shop / ".uncork" / "run" / name).is_socket() for name in os.listdir(shop / ".uncork" / "run"))
