"""From the peer's variables to the environ that an application gets."""

import io
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uncork.worker.connection import Connection
from uncork.wsgi.environ import (
    DANGEROUS_VARS,
    BadRequest,
    complete,
    content_length,
    dangerous_vars,
    scheme,
    server_protocol,
    strip_script_name,
)
from uncork.wsgi.input import Input

Wires = Callable[[], AbstractContextManager[tuple[Connection, socket.socket]]]


@pytest.mark.parametrize(
    ("environ", "length"),
    [
        ({}, 0),
        ({"CONTENT_LENGTH": ""}, 0),
        ({"CONTENT_LENGTH": "0"}, 0),
        ({"CONTENT_LENGTH": "42"}, 42),
        ({"CONTENT_LENGTH": "0042"}, 42),
        ({"CONTENT_LENGTH": "9" * 18}, 10**18 - 1),
    ],
)
def test_content_length_is_a_count_of_bytes(environ: dict[str, Any], length: int) -> None:
    """Absent and empty mean that there is no body, as nginx sends it for a GET."""
    assert content_length(environ) == length


@pytest.mark.parametrize(
    "value",
    [
        "5, 6", "5,5", "5 6", "+5", "-5", "-0", " 5", "5 ", "5\n", "5\r", "\t5", "0x10", "1e3", "1_000", "5.0", "five",
        "\u0663", "\xb2", "\xbd", "5;", "9" * 19, "18446744073709551617", "0" * 19,
    ],
)  # fmt: skip
def test_anything_but_ascii_digits_is_no_content_length(value: str) -> None:
    """Two parsers that read a garbled length differently are how requests are smuggled (RFC 9110, 8.6)."""
    with pytest.raises(BadRequest, match="CONTENT_LENGTH is not a whole number"):
        content_length({"CONTENT_LENGTH": value})


@given(st.text(st.characters(max_codepoint=255), max_size=20))
@settings(deadline=None)
def test_content_length_of_any_text_is_a_number_of_digits_or_refused(value: str) -> None:
    """Whatever the peer sends, the answer is what its ASCII digits say, or BadRequest."""
    try:
        length = content_length({"CONTENT_LENGTH": value})
    except BadRequest:
        assert value
        assert not set(value) <= set("0123456789") or len(value) > 18
    else:
        assert length == int(value or "0")


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, "http"),
        ({"HTTPS": "on"}, "https"),
        ({"HTTPS": "1"}, "https"),
        ({"HTTPS": ""}, "http"),
        ({"HTTPS": "off"}, "http"),
        ({"HTTPS": "0"}, "http"),
        ({"UWSGI_SCHEME": "https"}, "https"),
        ({"UWSGI_SCHEME": "http", "HTTPS": "on"}, "http"),
        ({"UWSGI_SCHEME": "", "HTTPS": "on"}, "https"),
        ({"HTTP_X_FORWARDED_PROTO": "https"}, "http"),
        ({"HTTP_X_FORWARDED_SSL": "on"}, "http"),
        ({"HTTP_HTTPS": "on"}, "http"),
    ],
)
def test_the_scheme_is_what_nginx_says_and_not_what_the_client_says(environ: dict[str, Any], expected: str) -> None:
    """UWSGI_SCHEME, else HTTPS; headers of the client do not count."""
    assert scheme(environ) == expected


@pytest.mark.parametrize(
    ("environ", "protocol"),
    [
        ({}, "HTTP/1.0"),
        ({"SERVER_PROTOCOL": ""}, "HTTP/1.0"),
        ({"SERVER_PROTOCOL": "HTTP/1.1"}, "HTTP/1.1"),
        ({"SERVER_PROTOCOL": "HTTP/2.0"}, "HTTP/2.0"),
    ],
)
def test_the_protocol_is_what_the_peer_says(environ: dict[str, Any], protocol: str) -> None:
    """HTTP/1.0 where it says nothing."""
    assert server_protocol(environ) == protocol


@pytest.mark.parametrize("value", ["HTTP/1.1\r\nX: y", "HTTP/1.1\n", "HTTP/1.1\r", "HTTP\0", "\x1b[2J"])
def test_a_protocol_that_would_break_the_status_line_is_refused(value: str) -> None:
    """It is echoed, so it may hold nothing that ends a line."""
    with pytest.raises(BadRequest, match="SERVER_PROTOCOL contains control characters"):
        server_protocol({"SERVER_PROTOCOL": value})


def test_variables_that_would_choose_code_are_named() -> None:
    """All of uWSGI's and only those, sorted, for one log line."""
    assert dangerous_vars({"UWSGI_SCRIPT": "x", "PATH_INFO": "/", "UWSGI_FILE": "exec://x"}) == (
        "UWSGI_FILE, UWSGI_SCRIPT"
    )
    assert dangerous_vars({"UWSGI_SCHEME": "https", "PATH_INFO": "/", "HTTP_UWSGI_FILE": "x"}) == ""
    assert dangerous_vars(dict.fromkeys(DANGEROUS_VARS, "")).count(", ") == len(DANGEROUS_VARS) - 1


@pytest.mark.parametrize(
    ("script_name", "path_info", "expected"),
    [
        ("/bbb", "/bbb/x", ("/bbb", "/x")),
        ("/bbb", "/bbb/", ("/bbb", "/")),
        ("/bbb", "/bbb", ("/bbb", "")),
        ("/bbb", "/bbbb/x", ("/bbb", "/bbbb/x")),
        ("/bbb", "/x", ("/bbb", "/x")),
        ("/bbb", "/BBB/x", ("/bbb", "/BBB/x")),
        ("/bbb", "", ("/bbb", "")),
        ("/bbb", "/bbb/bbb/x", ("/bbb", "/bbb/x")),
        ("/bbb/", "/bbb/x", ("/bbb", "/x")),
        ("/bbb//", "/bbb", ("/bbb", "")),
        ("/a/b", "/a/b/c", ("/a/b", "/c")),
        ("/a/b", "/a/x", ("/a/b", "/a/x")),
        ("/", "/x", ("", "/x")),
        ("", "/x", ("", "/x")),
    ],
)
def test_script_name_is_stripped_at_a_slash_only(script_name: str, path_info: str, expected: tuple[str, str]) -> None:
    """PATH_INFO is what follows SCRIPT_NAME; a path that only begins with the same letters stays whole."""
    environ = {"SCRIPT_NAME": script_name, "PATH_INFO": path_info}

    strip_script_name(environ)

    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == expected


def test_without_a_script_name_nothing_is_stripped() -> None:
    """A peer that sends no SCRIPT_NAME gets its path as it is."""
    environ = {"PATH_INFO": "/x"}

    strip_script_name(environ)

    assert environ == {"PATH_INFO": "/x"}


def test_the_servers_own_keys_win(open_wire: Wires) -> None:
    """A peer that sends keys of PEP 3333 changes none of them."""
    errors = io.StringIO()
    base = {"wsgi.version": (1, 0), "wsgi.errors": errors, "wsgi.multithread": False, "uwsgi.version": b"1"}
    environ: dict[str, Any] = dict.fromkeys((*base, "wsgi.input", "wsgi.url_scheme"), "forged")
    environ["HTTPS"] = "on"
    with open_wire() as (connection, _):
        body = Input(connection, b"", 0)

        complete(environ, base, body)

        assert environ["wsgi.input"] is body
    assert {key: environ[key] for key in base} == base
    assert environ["wsgi.errors"] is errors
    assert environ["wsgi.url_scheme"] == "https"


def test_the_base_is_not_changed_by_a_request(open_wire: Wires) -> None:
    """What belongs to one request does not reach the next through the keys they share."""
    base = {"wsgi.version": (1, 0)}
    with open_wire() as (connection, _):
        complete({"PATH_INFO": "/secret"}, base, Input(connection, b"", 0))

    assert base == {"wsgi.version": (1, 0)}


def test_headers_that_pose_as_something_else_are_dropped(open_wire: Wires) -> None:
    """HTTP_PROXY (CVE-2016-5385) never reaches an application; length and type are known by their CGI names only."""
    environ = {
        "HTTP_PROXY": "http://evil.invalid",
        "HTTP_CONTENT_LENGTH": "7",
        "HTTP_CONTENT_TYPE": "text/x",
        "CONTENT_LENGTH": "5",
        "CONTENT_TYPE": "text/plain",
        "HTTP_PROXY_AUTHORIZATION": "kept",
    }
    with open_wire() as (connection, _):
        complete(environ, {}, Input(connection, b"", 0))

    assert {key for key in environ if key.startswith("HTTP_")} == {"HTTP_PROXY_AUTHORIZATION"}
    assert (environ["CONTENT_LENGTH"], environ["CONTENT_TYPE"]) == ("5", "text/plain")


@pytest.mark.parametrize("sent", [{}, {"SCRIPT_NAME": "/bbb"}, {"PATH_INFO": "/x"}])
def test_script_name_and_path_info_are_always_there(open_wire: Wires, sent: dict[str, str]) -> None:
    """Applications index them, so an absent one is empty."""
    environ: dict[str, Any] = dict(sent)
    with open_wire() as (connection, _):
        complete(environ, {}, Input(connection, b"", 0))

    assert environ["SCRIPT_NAME"] == sent.get("SCRIPT_NAME", "")
    assert environ["PATH_INFO"] == sent.get("PATH_INFO", "")
