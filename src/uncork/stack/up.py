"""`uncork up`: decide what to run for a project, and run it until somebody stops it.

Runs in: the process of `uncork up`.  Decides here, acts in `chain`.
"""

import asyncio
import os
import signal
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from uncork.nginx.account import worker_account
from uncork.nginx.binary import NginxBinary, find_nginx
from uncork.nginx.private import PrivateNginx, WorkerAccount, configuration
from uncork.nginx.site import Listen, Mount, Site
from uncork.nginx.unavailable import UNAVAILABLE_PAGE
from uncork.stack.chain import Chain, Links, Say
from uncork.stack.child import Program
from uncork.stack.discover import App, discover
from uncork.stack.notify import NotifySocket
from uncork.stack.place import Place, open_place
from uncork.stack.port import numeric_host, open_port
from uncork.system.listen import Bound
from uncork.system.notify import notify as sd_notify
from uncork.system.program import SERVER

# One that works and one that answers meanwhile: enough to look at an app, and small on any machine.
DEFAULT_WORKERS = 2

SOCKET_NAME = "app.sock"
NOTIFY_NAME = "notify.sock"

LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - recognised here, not bound


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for on the command line.

    `path`: a project directory, a .py file or a uwsgi.ini; `host`: a name or an address; `port`: None for the first
    free one; `mounts`: "" or like `/bbb`; `workers`: None for our default, or for what the ini says; `app`:
    `MODULE[:CALLABLE]`; `nginx`: path of a program.
    """

    path: str = "."
    host: str = "127.0.0.1"
    port: int | None = None
    mounts: tuple[str, ...] = ("",)
    workers: int | None = None
    app: str | None = None
    nginx: str | None = None


def up(request: Request, environ: Mapping[str, str], say: Say) -> int:
    """Run server and nginx until SIGINT, SIGTERM or SIGHUP; the exit status.

    `say(subject, text)` prints a line; whoever started us by sd_notify(3) is told as well.
    Raises UncorkError when it cannot be started, StartError when a program gave up.
    """
    began = time.monotonic()
    app = discover(request.path, environ, request.app)
    say("app", str(app))
    host = numeric_host(request.host)
    binary = find_nginx(request.nginx)
    account = worker_account()
    with ExitStack() as cleanup:
        place = cleanup.enter_context(open_place(app.directory, account))
        if place.note:
            say("files", place.note)
        if account is not None:
            say("note", f"started as root: the app runs as root, nginx's workers run as {account.user}")
        site_mounts = tuple(Mount(prefix, place.path(SOCKET_NAME)) for prefix in request.mounts)
        opened = open_port(host, request.port)
        cleanup.callback(opened.bound.sock.close)
        if opened.note:
            say("port", opened.note)
        notify = NotifySocket(place.path(NOTIFY_NAME))
        cleanup.callback(notify.close)
        listen = Listen(host, int(opened.bound.sock.getsockname()[1]))
        site = Site(listen=(listen,), mounts=site_mounts, unavailable_page=place.path("unavailable.html"))
        server = server_program(app, request.workers, place, account, environ)
        nginx = nginx_program(site, binary, place, account, opened.bound, environ)
        say("server", f"{server_label(app, request.workers)} on {short(place.path(SOCKET_NAME))}")
        say("nginx", str(binary))
        address = Listen(LOOPBACK.get(host, host), listen.port)
        urls = [f"http://{address}{prefix}/" for prefix in request.mounts]

        def ready() -> None:
            place.announce(urls[0])
            say("ready", f"{' '.join(urls)} ({time.monotonic() - began:.1f} s)  Ctrl-C stops")
            sd_notify("READY=1", f"STATUS=serving {urls[0]}")

        links = Links(server, nginx, opened.bound, notify, address, f"{request.mounts[0]}/")
        return asyncio.run(Chain(links, say, ready).run())


def server_program(
    app: App, workers: int | None, place: Place, account: WorkerAccount | None, environ: Mapping[str, str]
) -> Program:
    """The server on its private socket.  It ends gracefully at SIGTERM and at once at SIGINT (uWSGI: brutal kill)."""
    socket = place.path(SOCKET_NAME)
    command = (*SERVER, *server_arguments(app, workers, socket, account))
    told = {**environ, "NOTIFY_SOCKET": place.path(NOTIFY_NAME)}
    return Program("server", command, told, app.directory, signal.SIGTERM, signal.SIGINT, stale=(socket,))


def server_arguments(app: App, workers: int | None, socket: str, account: WorkerAccount | None) -> list[str]:
    """The server's command line.  An ini file comes first, so that what is said here wins over it."""
    arguments = ["--ini", app.ini] if app.ini else ["--chdir", app.directory]
    arguments += ["--socket", socket, "--master"]
    if account is None:
        arguments.append("--chmod-socket=600")
    else:
        arguments += ["--chmod-socket=660", "--chown-socket", f"root:{account.group}"]
    if workers is not None or not app.ini:
        arguments += ["--processes", str(workers or DEFAULT_WORKERS)]
    for directory in app.pythonpath:
        arguments += ["--pythonpath", directory]
    if app.target:
        arguments += ["--module", app.target]
    elif app.wsgi_file:
        arguments += ["--wsgi-file", app.wsgi_file, "--callable", app.callable]
    return arguments


def nginx_program(
    site: Site,
    binary: NginxBinary,
    place: Place,
    account: WorkerAccount | None,
    bound: Bound,
    environ: Mapping[str, str],
) -> Program:
    """nginx with its configuration written out.

    It ends gracefully at SIGQUIT and at once at SIGTERM (nginx: control).
    """
    private = PrivateNginx(place.directory, account, temp_path_modules=binary.temp_path_modules)
    place.write("unavailable.html", UNAVAILABLE_PAGE, 0o640)
    path = place.write("nginx.conf", configuration(site, private), 0o600)
    fd = bound.sock.fileno()
    # nginx takes over listening sockets by number from its environment, as it does in an upgrade (core/nginx.c).
    told = {name: value for name, value in environ.items() if name != "NOTIFY_SOCKET"} | {"NGINX": f"{fd};"}
    command = binary.command(place.directory, path)
    return Program("nginx", command, told, place.directory, signal.SIGQUIT, signal.SIGTERM, inherit=(fd,))


def server_label(app: App, workers: int | None) -> str:
    """`2 workers`, as the server's line says it."""
    if workers is None and app.ini:
        return f"workers as in {os.path.basename(app.ini)}"
    count = workers or DEFAULT_WORKERS
    return f"{count} worker{'' if count == 1 else 's'}"


def short(path: str) -> str:
    """The path as one would type it here: relative if it lies below the current directory."""
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else relative
