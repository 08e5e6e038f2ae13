"""A whole nginx configuration for a process of our own: everything that nginx writes stays in one private directory.

Runs in: the command line process.  Pure.  Works without root, with any compiled-in prefix, and reads no other file,
so the nginx of a distribution and one from a wheel behave alike.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from uncork.nginx.directives import Directive, block, line, render
from uncork.nginx.site import Site, server_block

# Modules that make a temporary directory at start even when they are not used; without these lines nginx would try
# its compiled-in paths, which only root may write.
TEMP_PATH_MODULES = ("proxy", "fastcgi", "uwsgi", "scgi")

# What a web page is commonly made of; anything else is application/octet-stream (RFC 2046 4.5.1).
TYPES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("text/html", ("html", "htm")),
    ("text/css", ("css",)),
    ("text/javascript", ("js", "mjs")),
    ("text/plain", ("txt",)),
    ("text/csv", ("csv",)),
    ("text/xml", ("xml",)),
    ("application/json", ("json", "map")),
    ("application/manifest+json", ("webmanifest",)),
    ("application/pdf", ("pdf",)),
    ("application/wasm", ("wasm",)),
    ("application/zip", ("zip",)),
    ("font/woff", ("woff",)),
    ("font/woff2", ("woff2",)),
    ("font/ttf", ("ttf",)),
    ("image/avif", ("avif",)),
    ("image/gif", ("gif",)),
    ("image/jpeg", ("jpeg", "jpg")),
    ("image/png", ("png",)),
    ("image/svg+xml", ("svg",)),
    ("image/webp", ("webp",)),
    ("image/x-icon", ("ico",)),
    ("audio/mpeg", ("mp3",)),
    ("video/mp4", ("mp4",)),
    ("video/webm", ("webm",)),
)

WORKER_CONNECTIONS = 1024


@dataclass(frozen=True, slots=True)
class WorkerAccount:
    """Whom nginx's workers run as when its master is root: names, as the `user` directive takes them, and their ids."""

    user: str
    group: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class PrivateNginx:
    """An nginx of our own.

    `directory`: absolute, exists, private to us; `account`: None when nginx is not started as root;
    `temp_path_modules`: those of TEMP_PATH_MODULES that this nginx was built with.
    """

    directory: str
    account: WorkerAccount | None = None
    worker_processes: int = 1
    temp_path_modules: tuple[str, ...] = TEMP_PATH_MODULES

    def path(self, name: str) -> str:
        """Absolute path of one file of this nginx, as `path("error.log")`."""
        return f"{self.directory}/{name}"


def configuration(site: Site, nginx: PrivateNginx) -> str:
    """The text of nginx.conf.  Raises NginxTextError when a path cannot be written in nginx's syntax."""
    heading = "# Written by uncork at every start: changes made here are lost.\n"
    return heading + render(_main(site, nginx))


def _main(site: Site, nginx: PrivateNginx) -> Iterator[Directive]:
    yield line("daemon", "off")
    yield line("master_process", "on")
    yield line("worker_processes", nginx.worker_processes)
    if nginx.account is not None:
        yield line("user", nginx.account.user, nginx.account.group)
    yield line("pid", nginx.path("nginx.pid"))
    yield line("lock_file", nginx.path("nginx.lock"))
    yield line("error_log", nginx.path("error.log"), "warn")
    yield block("events", children=[line("worker_connections", WORKER_CONNECTIONS)])
    yield block("http", children=_http(site, nginx))


def _http(site: Site, nginx: PrivateNginx) -> Iterator[Directive]:
    yield block("types", children=(line(media_type, *endings) for media_type, endings in TYPES))
    yield line("default_type", "application/octet-stream")
    yield line("access_log", nginx.path("access.log"))
    yield line("client_body_temp_path", nginx.path("client_body_temp"))
    for module in nginx.temp_path_modules:
        yield line(f"{module}_temp_path", nginx.path(f"{module}_temp"))
    yield line("sendfile", "on")
    yield line("tcp_nopush", "on")
    yield line("server_tokens", "off")
    yield server_block(site)
