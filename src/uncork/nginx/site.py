"""One nginx server block from one value: what is served, where, and within which limits.

Runs in: the command line process.  Pure: no file is read or written; `private` puts a whole nginx around it.

Facts behind the choices
  - `location ^~` keeps regex locations away from a mount; `return 301` without `absolute_redirect off` would name
    nginx's own scheme and port, which is wrong behind a balancer or a mapped port (ngx_http_core_module).
  - No `if` and no `rewrite` is generated: nothing here needs one, and captures in `rewrite` have overflowed before
    (CVE-2026-42945, CVE-2026-9256).
  - Modifier 30 makes the server take SCRIPT_NAME off PATH_INFO, because nginx passes the whole path.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from uncork.errors import UncorkError
from uncork.nginx.directives import Directive, Expression, Value, block, line

# A mount is one or more segments of RFC 3986 unreserved characters: these mean the same in a URL, in a `location` and
# in SCRIPT_NAME, and none of them is special to nginx.
PREFIX = re.compile(r"(?:/[A-Za-z0-9._~-]+)+")

# sizeof(sun_path) is 108 with the final NUL (unix(7)).
UNIX_PATH_BYTES = 107

# Answered by nginx itself when it cannot get an answer from the server.
UNAVAILABLE_STATUSES = (502, 503, 504)
UNAVAILABLE_URI = "/.uncork/unavailable.html"

# Marks an answer that nginx gave in place of the app, for whoever waits for the app.
UNAVAILABLE_HEADER = "X-Uncork-Unavailable"

UWSGI_MODIFIER_MANAGE_PATH_INFO = 30

# The parameters of nginx's own `uwsgi_params` file, written out so that a configuration of ours needs no file of
# nginx's. HTTP_PROXY is emptied because a client's `Proxy:` header would arrive under this name (CVE-2016-5385,
# "httpoxy").
UWSGI_PARAMS: tuple[tuple[Value, ...], ...] = (
    ("QUERY_STRING", Expression("$query_string")),
    ("REQUEST_METHOD", Expression("$request_method")),
    ("CONTENT_TYPE", Expression("$content_type")),
    ("CONTENT_LENGTH", Expression("$content_length")),
    ("REQUEST_URI", Expression("$request_uri")),
    ("PATH_INFO", Expression("$document_uri")),
    ("DOCUMENT_ROOT", Expression("$document_root")),
    ("SERVER_PROTOCOL", Expression("$server_protocol")),
    ("REQUEST_SCHEME", Expression("$scheme")),
    ("HTTPS", Expression("$https"), "if_not_empty"),
    ("REMOTE_ADDR", Expression("$remote_addr")),
    ("REMOTE_PORT", Expression("$remote_port")),
    ("SERVER_PORT", Expression("$server_port")),
    ("SERVER_NAME", Expression("$server_name")),
    ("HTTP_PROXY", ""),
)


class SiteError(UncorkError):
    """A site that nginx could not serve."""


@dataclass(frozen=True, slots=True)
class Listen:
    """An address to listen on.  `host`: numeric, IPv6 without brackets."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Mount:
    """An app: `prefix` is "" for the root or like `/bbb`; `socket` the absolute path of its uwsgi unix socket.

    Raises SiteError for a prefix or a path that nginx could not use.
    """

    prefix: str
    socket: str

    def __post_init__(self) -> None:
        check_prefix(self.prefix)
        check_socket_path(self.socket)


@dataclass(frozen=True, slots=True)
class Static:
    """Files under `directory` (absolute) answered by nginx itself under `prefix`, like `/static`."""

    prefix: str
    directory: str

    def __post_init__(self) -> None:
        if not self.prefix:
            raise SiteError("static files need a prefix such as /static: the root belongs to the app")
        check_prefix(self.prefix)


@dataclass(frozen=True, slots=True)
class Site:
    """One server block.

    `client_max_body_size`: bytes, 0 for no limit; `uwsgi_read_timeout`: seconds between two reads from the app;
    `unavailable_page`: absolute path of the page shown for 502, 503 and 504, or None for nginx's own.
    """

    listen: tuple[Listen, ...]
    mounts: tuple[Mount, ...]
    server_names: tuple[str, ...] = ("localhost",)
    static: tuple[Static, ...] = ()
    # nginx's own 1 MiB is what newcomers meet as 413; the app has its own limit (Flask: MAX_CONTENT_LENGTH) and
    # decides.
    client_max_body_size: int = 0
    # nginx's own 60 s is what turns a slow report into a 504.
    uwsgi_read_timeout: int = 300
    unavailable_page: str | None = None

    def __post_init__(self) -> None:
        prefixes = [mount.prefix for mount in self.mounts] + [static.prefix for static in self.static]
        for prefix in prefixes:
            if prefixes.count(prefix) > 1:
                raise SiteError(f"{prefix or '/'} is given twice: every mount and static prefix must be different")


def check_prefix(prefix: str) -> None:
    """Raises SiteError unless `prefix` is "" or like `/bbb` or `/a/b`."""
    segments = prefix.split("/")
    if prefix and (not PREFIX.fullmatch(prefix) or "." in segments or ".." in segments):
        raise SiteError(
            f"mount {prefix!r} (expected / or a path such as /bbb: segments of letters, digits and . _ ~ -,"
            " no / at the end)"
        )


def check_socket_path(path: str) -> None:
    """Raises SiteError unless a unix socket can have this path and nginx can be told so."""
    if not path.startswith("/"):
        raise SiteError(f"socket {path!r} (expected an absolute path)")
    if len(path.encode(errors="surrogateescape")) > UNIX_PATH_BYTES:
        raise SiteError(f"socket {path!r} (longer than the {UNIX_PATH_BYTES} bytes that a unix socket may have)")


def server_block(site: Site) -> Directive:
    """The `server { ... }` of a site.  Raises NginxTextError when a path cannot be written in nginx's syntax."""
    return block("server", children=_server(site))


def _server(site: Site) -> Iterator[Directive]:
    for listen in site.listen:
        yield line("listen", str(listen))
    yield line("server_name", *site.server_names)
    yield line("client_max_body_size", site.client_max_body_size)
    # Long cookies and redirects with long URLs: nginx's own 8 KiB and 4 KiB answer 400, 414 or 502 to them.
    yield line("large_client_header_buffers", 4, "32k")
    yield line("uwsgi_buffer_size", "16k")
    yield line("uwsgi_buffers", 8, "16k")
    yield line("uwsgi_read_timeout", f"{site.uwsgi_read_timeout}s")
    yield line("uwsgi_send_timeout", f"{site.uwsgi_read_timeout}s")
    if site.unavailable_page is not None:
        yield from _unavailable(site.unavailable_page)
    for static in site.static:
        yield _static(static)
    for mount in site.mounts:
        yield from _mount(mount)
    if all(mount.prefix for mount in site.mounts):
        # Without it nginx would look for files in its compiled-in html folder.
        yield block("location", "/", children=[line("return", 404)])


def _unavailable(page: str) -> Iterator[Directive]:
    yield line("error_page", *UNAVAILABLE_STATUSES, UNAVAILABLE_URI)
    yield block(
        "location",
        "=",
        UNAVAILABLE_URI,
        children=[
            line("internal"),
            line("alias", page),
            line("default_type", "text/html"),
            line("add_header", UNAVAILABLE_HEADER, "1", "always"),
            line("add_header", "Cache-Control", "no-store", "always"),
            line("add_header", "Retry-After", "2", "always"),
        ],
    )


def _static(static: Static) -> Directive:
    # `alias` replaces exactly what the location matched: both end in a slash, or file names would run together.
    alias = line("alias", static.directory.rstrip("/") + "/")
    return block("location", "^~", f"{static.prefix}/", children=[alias])


def _mount(mount: Mount) -> Iterator[Directive]:
    # nginx inherits uwsgi_param only into a location that has none of its own: every location has them all.
    children = [line("uwsgi_pass", f"unix:{mount.socket}"), *(line("uwsgi_param", *param) for param in UWSGI_PARAMS)]
    if not mount.prefix:
        yield block("location", "/", children=children)
        return
    yield block(
        "location",
        "=",
        mount.prefix,
        children=[
            line("absolute_redirect", "off"),
            line("return", 301, Expression(f"{mount.prefix}/$is_args$args")),
        ],
    )
    children.append(line("uwsgi_param", "SCRIPT_NAME", mount.prefix))
    children.append(line("uwsgi_modifier1", UWSGI_MODIFIER_MANAGE_PATH_INFO))
    yield block("location", "^~", f"{mount.prefix}/", children=children)
