"""A whole nginx of our own: its text, and what real nginx programs say to it."""

import os
import pwd
import socket
import subprocess
from pathlib import Path

import pytest

from uncork.nginx.account import worker_account
from uncork.nginx.binary import NginxBinary
from uncork.nginx.private import PrivateNginx, WorkerAccount, configuration
from uncork.nginx.site import Listen, Mount, Site, Static

SOCKET = "/run/app.sock"
LISTEN = (Listen("127.0.0.1", 8000),)


def test_everything_that_nginx_writes_is_inside() -> None:
    """Every path outside the server block lies in the private directory, and nginx stays in the foreground."""
    text = configuration(Site(LISTEN, (Mount("", SOCKET),)), PrivateNginx("/private"))
    head, _, _ = text.partition("    server {")

    assert head.startswith(
        "# Written by uncork at every start: changes made here are lost.\n"
        "daemon off;\n"
        "master_process on;\n"
        "worker_processes 1;\n"
        "pid /private/nginx.pid;\n"
        "lock_file /private/nginx.lock;\n"
        "error_log /private/error.log warn;\n"
        "events {\n"
        "    worker_connections 1024;\n"
        "}\n"
        "http {\n"
        "    types {\n"
        "        text/html html htm;\n"
    )
    assert head.endswith(
        "    default_type application/octet-stream;\n"
        "    access_log /private/access.log;\n"
        "    client_body_temp_path /private/client_body_temp;\n"
        "    proxy_temp_path /private/proxy_temp;\n"
        "    fastcgi_temp_path /private/fastcgi_temp;\n"
        "    uwsgi_temp_path /private/uwsgi_temp;\n"
        "    scgi_temp_path /private/scgi_temp;\n"
        "    sendfile on;\n"
        "    tcp_nopush on;\n"
        "    server_tokens off;\n"
    )


def test_workers_of_root_get_an_account() -> None:
    """Started by root, nginx is told whom to become; otherwise nothing is said, because nginx would complain."""
    site = Site(LISTEN, (Mount("", SOCKET),))
    account = WorkerAccount("www-data", "web", 33, 34)

    assert "\nuser www-data web;\n" in configuration(site, PrivateNginx("/private", account))
    assert "\nuser " not in configuration(site, PrivateNginx("/private"))


def test_modules_that_nginx_lacks_are_not_mentioned() -> None:
    """The temporary path of a module that is not built in would be an unknown directive."""
    text = configuration(Site(LISTEN, (Mount("", SOCKET),)), PrivateNginx("/private", temp_path_modules=("uwsgi",)))

    assert "uwsgi_temp_path" in text
    assert "scgi_temp_path" not in text


SITES = {
    "root": Site(LISTEN, (Mount("", SOCKET),)),
    "mounts": Site(LISTEN, (Mount("", SOCKET), Mount("/bbb", "/run/b.sock"), Mount("/c/d~", SOCKET))),
    "only a mount": Site(LISTEN, (Mount("/bbb", SOCKET),)),
    "static": Site(LISTEN, (Mount("", SOCKET),), static=(Static("/static", "/srv/a b; c"), Static("/s/t", "/srv/"))),
    "page": Site(LISTEN, (Mount("/bbb", SOCKET),), unavailable_page='/srv/#"quoted"\\ {page}.html'),
    "names": Site((*LISTEN, Listen("127.0.0.1", 8001)), (Mount("", SOCKET),), ("example.org", "*.example.org")),
    "odd socket": Site(LISTEN, (Mount("", '/run/it\'s: a "socket";.sock'),)),
    "limits": Site(LISTEN, (Mount("", SOCKET),), client_max_body_size=10 << 30, uwsgi_read_timeout=3600),
}


@pytest.mark.parametrize("name", SITES)
def test_real_nginx_accepts_every_configuration(name: str, nginx: NginxBinary, tmp_path: Path) -> None:
    """`nginx -t` says ok, without a warning, and leaves nothing outside the private directory."""
    directory = tmp_path / "it's {private}; #1"
    directory.mkdir(mode=0o700)
    path = directory / "nginx.conf"
    account = worker_account()
    path.write_text(configuration(SITES[name], PrivateNginx(str(directory), account, 1, nginx.temp_path_modules)))
    answer = subprocess.run(
        [*nginx.command(str(directory), str(path)), "-t"], capture_output=True, text=True, cwd=tmp_path, check=False
    )

    assert answer.returncode == 0, answer.stderr
    assert answer.stderr.splitlines() == [
        f"nginx: the configuration file {path} syntax is ok",
        f"nginx: configuration file {path} test is successful",
    ]
    assert os.listdir(tmp_path) == [directory.name]


def test_values_mean_in_nginx_what_they_meant_here(nginx: NginxBinary, tmp_path: Path) -> None:
    """A file below a directory with every awkward character is found and sent: the quoting is nginx's own."""
    directory = tmp_path / "p"
    directory.mkdir(mode=0o700)
    static = tmp_path / 'it\'s "x"; {y} #z \\ é\tt'
    static.mkdir()
    (static / "hello.txt").write_text("found me\n")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # nginx does not set inherited sockets so by itself.
        listener.setblocking(False)
        port = listener.getsockname()[1]
        site = Site((Listen("127.0.0.1", port),), (Mount("/app", SOCKET),), static=(Static("/s", str(static)),))
        path = directory / "nginx.conf"
        account = _myself() if os.geteuid() == 0 else None
        path.write_text(configuration(site, PrivateNginx(str(directory), account, 1, nginx.temp_path_modules)))
        fd = listener.fileno()
        with subprocess.Popen(
            nginx.command(str(directory), str(path)), env={"NGINX": f"{fd};"}, pass_fds=[fd]
        ) as process:
            try:
                body = _get(port, "/s/hello.txt")
            finally:
                process.terminate()

    assert body.endswith("\r\n\r\nfound me\n")
    assert "\r\nContent-Type: text/plain\r\n" in body


def _myself() -> WorkerAccount:
    """The test's own directories are closed to everybody else."""
    entry = pwd.getpwuid(os.geteuid())
    return WorkerAccount(entry.pw_name, "root", entry.pw_uid, entry.pw_gid)


def _get(port: int, path: str) -> str:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
        with client.makefile("rb") as answer:
            return answer.read().decode()
