"""A site is exactly one text, and what nginx could not serve is no site."""

import pytest

from uncork.nginx.directives import render
from uncork.nginx.site import Listen, Mount, Site, SiteError, Static, check_prefix, server_block

SOCKET = "/run/app.sock"

PARAMS = """\
        uwsgi_pass unix:/run/app.sock;
        uwsgi_param QUERY_STRING $query_string;
        uwsgi_param REQUEST_METHOD $request_method;
        uwsgi_param CONTENT_TYPE $content_type;
        uwsgi_param CONTENT_LENGTH $content_length;
        uwsgi_param REQUEST_URI $request_uri;
        uwsgi_param PATH_INFO $document_uri;
        uwsgi_param DOCUMENT_ROOT $document_root;
        uwsgi_param SERVER_PROTOCOL $server_protocol;
        uwsgi_param REQUEST_SCHEME $scheme;
        uwsgi_param HTTPS $https if_not_empty;
        uwsgi_param REMOTE_ADDR $remote_addr;
        uwsgi_param REMOTE_PORT $remote_port;
        uwsgi_param SERVER_PORT $server_port;
        uwsgi_param SERVER_NAME $server_name;
        uwsgi_param HTTP_PROXY "";
"""

ROOT = f"""\
server {{
    listen 127.0.0.1:8000;
    server_name localhost;
    client_max_body_size 0;
    large_client_header_buffers 4 32k;
    uwsgi_buffer_size 16k;
    uwsgi_buffers 8 16k;
    uwsgi_read_timeout 300s;
    uwsgi_send_timeout 300s;
    location / {{
{PARAMS}    }}
}}
"""

MOUNTED = f"""\
server {{
    listen 0.0.0.0:80;
    listen "[::]:80";
    server_name example.org www.example.org;
    client_max_body_size 8388608;
    large_client_header_buffers 4 32k;
    uwsgi_buffer_size 16k;
    uwsgi_buffers 8 16k;
    uwsgi_read_timeout 60s;
    uwsgi_send_timeout 60s;
    error_page 502 503 504 /.uncork/unavailable.html;
    location = /.uncork/unavailable.html {{
        internal;
        alias "/srv/my app/unavailable.html";
        default_type text/html;
        add_header X-Uncork-Unavailable 1 always;
        add_header Cache-Control no-store always;
        add_header Retry-After 2 always;
    }}
    location ^~ /bbb/static/ {{
        alias /srv/static/;
    }}
    location = /bbb {{
        absolute_redirect off;
        return 301 /bbb/$is_args$args;
    }}
    location ^~ /bbb/ {{
{PARAMS}        uwsgi_param SCRIPT_NAME /bbb;
        uwsgi_modifier1 30;
    }}
    location / {{
        return 404;
    }}
}}
"""


def test_a_site_at_the_root() -> None:
    """The plainest site: everything goes to the app, with nginx's complete list of parameters."""
    site = Site(listen=(Listen("127.0.0.1", 8000),), mounts=(Mount("", SOCKET),))

    assert render([server_block(site)]) == ROOT


def test_a_mounted_site_with_everything() -> None:
    """A mount redirects its bare prefix relatively, names itself in SCRIPT_NAME, and leaves the rest to nobody."""
    site = Site(
        listen=(Listen("0.0.0.0", 80), Listen("::", 80)),
        mounts=(Mount("/bbb", SOCKET),),
        server_names=("example.org", "www.example.org"),
        static=(Static("/bbb/static", "/srv/static/"),),
        client_max_body_size=8 << 20,
        uwsgi_read_timeout=60,
        unavailable_page="/srv/my app/unavailable.html",
    )

    assert render([server_block(site)]) == MOUNTED


@pytest.mark.parametrize("prefix", ["", "/bbb", "/a/b", "/A-1.2_~"])
def test_good_prefixes(prefix: str) -> None:
    """The root and plain paths are mounts."""
    check_prefix(prefix)


@pytest.mark.parametrize(
    "prefix", ["/", "bbb", "/bbb/", "//bbb", "/a//b", "/.", "/a/../b", "/a b", "/a;b", "/$x", "/é", "/a%20b", "/a\n"]
)
def test_bad_prefixes(prefix: str) -> None:
    """What would mean different things in a URL, in a location and in SCRIPT_NAME is refused in one sentence."""
    with pytest.raises(SiteError, match="expected / or a path such as /bbb"):
        check_prefix(prefix)


@pytest.mark.parametrize("socket", ["app.sock", f"/{'x' * 107}"])
def test_bad_sockets(socket: str) -> None:
    """A relative path, or one longer than a unix socket may have, never reaches nginx."""
    with pytest.raises(SiteError, match=r"expected an absolute path|longer than the 107 bytes"):
        Mount("", socket)


def test_the_longest_socket_path_is_allowed() -> None:
    """107 bytes are what sun_path holds."""
    assert Mount("", f"/{'x' * 106}").prefix == ""


def test_static_files_need_a_prefix() -> None:
    """The root belongs to the app."""
    with pytest.raises(SiteError, match="need a prefix"):
        Static("", "/srv")


@pytest.mark.parametrize(
    ("mounts", "static"),
    [((Mount("/a", SOCKET), Mount("/a", SOCKET)), ()), ((Mount("/a", SOCKET),), (Static("/a", "/srv"),))],
)
def test_one_prefix_one_use(mounts: tuple[Mount, ...], static: tuple[Static, ...]) -> None:
    """Two locations of the same name would stop nginx, so they are refused before."""
    with pytest.raises(SiteError, match="/a is given twice"):
        Site(listen=(), mounts=mounts, static=static)


def test_ipv6_addresses_are_bracketed() -> None:
    """An address with colons is written as nginx and URLs write it."""
    assert str(Listen("::1", 80)) == "[::1]:80"
