"""Options of HTTP: addresses, limits and what the answers carry.

Pure.  Runs in: the process that reads the configuration.
"""

from typing import ClassVar

from uncork.config.kinds import (
    ADDRESSES,
    FLAG,
    NEEDED_ADDRESSES,
    Argument,
    Choice,
    Kind,
    TextList,
    anything,
    pair,
)
from uncork.config.option import group, option
from uncork.config.quantities import IN_BYTES, LONG_MAX, SECONDS, Integer, OptionalInteger


class OptionalFlag(Kind[bool]):
    """A flag that takes a word on the command line as well."""

    argument: ClassVar[Argument] = "optional"

    def __init__(self) -> None:
        super().__init__("BOOL", FLAG.expected)

    def parse(self, text: str | None) -> bool:
        return FLAG.parse(text)

    def remark(self, text: str | None) -> str:
        return FLAG.remark(text)


class WordyFlag(OptionalFlag):
    """A flag that uWSGI's command line wants a word for."""

    argument = "required"


class HeaderLines(TextList):
    """Lines of a response's head; what would end a line, or is none, is refused."""

    def __init__(self) -> None:
        super().__init__("HEADER", "a header such as X-Frame-Options: DENY", _is_header)

    def counts(self, text: str | None) -> bool:
        """What has no colon is no header, and uWSGI sends it all the same: it is left out."""
        return super().counts(text) and not _is_words(text or "")

    def remark(self, text: str | None) -> str:
        return f"it is left out: expected {self.expected}" if _is_words(text or "") else super().remark(text)


def _is_words(text: str) -> bool:
    return bool(text) and ":" not in text and text.replace("\t", " ").isprintable()


def _is_header(text: str) -> bool:
    name, colon, value = text.partition(":")
    good = bool(name) and name.isascii() and name.isprintable() and not set(name) & set(' \t()<>@,;\\"/[]?={}')
    return good and bool(colon) and value.replace("\t", " ").isprintable()


_BYTES = Integer(maximum=LONG_MAX, scale=IN_BYTES, unsigned=True)


# What no configuration may say of every request: the application would read a body that is not there.
_FRAMING = frozenset({"CONTENT_LENGTH", "HTTP_TRANSFER_ENCODING"})


def _is_no_framing(name: str) -> bool:
    return bool(name) and name not in _FRAMING


@group
class Http:
    """Where HTTP is spoken, and how."""

    http: tuple[str, ...] = option(
        "http",
        "httprouter",
        kind=ADDRESSES,
        default=(),
        help="listen for HTTP here, as http-socket does: workers speak it themselves, there is no router process",
    )
    http_socket: tuple[str, ...] = option(
        "http-socket",
        kind=NEEDED_ADDRESSES,
        default=(),
        help="listen for HTTP here: host:port, :port, a path, or @name for an abstract socket",
    )
    http11_socket: tuple[str, ...] = option(
        "http11-socket",
        kind=NEEDED_ADDRESSES,
        default=(),
        help="listen for HTTP here, as http-socket does; each request has a connection of its own",
    )
    protocol: str = option(
        "protocol",
        "socket-protocol",
        kind=Choice("PROTOCOL", "uwsgi", "http", "http11", needed=True),
        default="uwsgi",
        help="what socket speaks, and sockets that are passed without a name: uwsgi or http",
    )
    http_timeout: int | None = option(
        "http-timeout",
        kind=SECONDS,
        default=None,
        unit="seconds",
        help="how long a client that speaks HTTP may stall, in place of socket-timeout; the app may take longer",
    )
    http_var: tuple[str, ...] = option(
        "http-var",
        kind=TextList("KEY=VALUE", "KEY=VALUE, but not what frames a body", pair("=", _is_no_framing, anything)),
        default=(),
        help="a variable for the environ of every request that comes by HTTP",
    )
    add_header: tuple[str, ...] = option(
        "add-header",
        kind=HeaderLines(),
        default=(),
        help="a line for the head of every answer, such as X-Frame-Options: DENY",
    )
    limit_post: int = option(
        "limit-post",
        kind=_BYTES,
        default=0,
        unit="bytes",
        help="largest body of a request; a larger one is answered 413, and the app not asked; 0 is no limit",
    )
    no_default_app: bool = option(
        "no-default-app",
        kind=FLAG,
        default=False,
        help="a SCRIPT_NAME that no app is mounted at is not served by the app without a mount point",
    )
    catch_exceptions: bool = option(
        "catch-exceptions",
        kind=FLAG,
        default=False,
        help="show the traceback of an app that fails to the client as well: for development only",
    )
    wsgi_disable_file_wrapper: bool = option(
        "wsgi-disable-file-wrapper",
        kind=FLAG,
        default=False,
        help="leave wsgi.file_wrapper out of the environ",
    )

    # ---- of the body -------------------------------------------------------------------------------------------------

    post_buffering: int = option(
        "post-buffering",
        kind=_BYTES,
        default=0,
        unit="bytes",
        acts=False,
        help="read bodies before the app is asked, those beyond so many bytes to a file",
    )
    offload_threads: int = option(
        "offload-threads",
        "offload-thread",
        kind=Integer(),
        default=0,
        unit="threads",
        acts=False,
        help="threads of each worker that send files while the worker serves others",
    )

    # ---- TLS ---------------------------------------------------------------------------------------------------------

    https: tuple[str, ...] = option(
        "https",
        kind=TextList("ADDRESS,CERT,KEY", "an address, a certificate and a key, separated by commas"),
        default=(),
        acts=False,
        help="listen for HTTP over TLS: address, certificate and key, separated by commas",
    )
    https2: tuple[str, ...] = option(
        "https2",
        kind=TextList("KEY=VALUE", "addr=...,cert=...,key=..."),
        default=(),
        acts=False,
        help="the same as https, as addr=ADDRESS,cert=FILE,key=FILE",
    )
    https_socket: tuple[str, ...] = option(
        "https-socket",
        kind=TextList("ADDRESS,CERT,KEY", "an address, a certificate and a key, separated by commas"),
        default=(),
        acts=False,
        help="the same as https, in the workers",
    )
    http_to_https: tuple[str, ...] = option(
        "http-to-https",
        kind=ADDRESSES,
        default=(),
        acts=False,
        help="listen for HTTP here, and send everybody to https",
    )

    # ---- of the connection -------------------------------------------------------------------------------------------

    http_keepalive: int = option(
        "http-keepalive",
        kind=OptionalInteger(),
        default=0,
        acts=False,
        help="serve more than one request on a connection",
    )
    http_auto_chunked: bool = option(
        "http-auto-chunked", kind=FLAG, default=False, acts=False, help="send answers without a length in chunks"
    )
    http_auto_gzip: bool = option(
        "http-auto-gzip", kind=FLAG, default=False, acts=False, help="compress answers with the header uWSGI-Encoding"
    )
    http_websockets: bool = option(
        "http-websockets", kind=FLAG, default=False, acts=False, help="pass websocket connections to the app"
    )
    http_chunked_input: bool = option(
        "http-chunked-input", kind=FLAG, default=False, acts=False, help="let the app read chunks one by one"
    )
    http_enable_proxy_protocol: bool = option(
        "http-enable-proxy-protocol",
        kind=OptionalFlag(),
        default=False,
        acts=False,
        help="take the client's address from a PROXY line before the request",
    )
    http_headers_timeout: int = option(
        "http-headers-timeout",
        kind=SECONDS,
        default=0,
        unit="seconds",
        acts=False,
        help="how long a client may take for the head of its request",
    )
    http_harakiri: int = option(
        "http-harakiri",
        kind=SECONDS,
        default=0,
        unit="seconds",
        acts=False,
        help="how long uWSGI's HTTP router may hang",
    )
    http_server_name_as_http_host: bool = option(
        "http-server-name-as-http-host",
        kind=WordyFlag(),
        default=False,
        acts=False,
        help="make SERVER_NAME what the Host header says",
    )
    http_to: tuple[str, ...] = option(
        "http-to",
        kind=TextList("ADDRESS", "an address"),
        default=(),
        acts=False,
        help="send requests to these servers, as uWSGI's HTTP router does",
    )
