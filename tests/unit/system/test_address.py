"""What `socket = VALUE` names."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uncork.errors import ListenError
from uncork.system.address import Tcp, Unix, parse_address


@pytest.mark.parametrize(
    ("value", "address"),
    [
        (":7777", Tcp("", 7777)),
        ("127.0.0.1:80", Tcp("127.0.0.1", 80)),
        ("localhost:0", Tcp("localhost", 0)),
        ("0.0.0.0:65535", Tcp("0.0.0.0", 65535)),
        ("[::1]:80", Tcp("::1", 80)),
        ("[::]:8000", Tcp("::", 8000)),
        ("::1:80", Tcp("::1", 80)),
        (":08073", Tcp("", 8073)),
        ("host:80 # c", Tcp("host", 80)),
        (":8073 # why", Tcp("", 8073)),
        (":8073#why", Tcp("", 8073)),
        ("host:80/x", Tcp("host", 80)),
        (":8073 # was :8072", Tcp("", 8073)),
        ("127.0.0.1:80 # see http://example.org:81", Tcp("127.0.0.1", 80)),
        ("[::1]:80 # not :81", Tcp("::1", 80)),
        ("app.sock", Unix("app.sock")),
        ("run/app.sock", Unix("run/app.sock")),
        ("/run/app.sock", Unix("/run/app.sock")),
        ("/a:b", Unix("/a:b")),
        ("./a:80", Unix("./a:80")),
        ("../a:80", Unix("../a:80")),
        ("@x", Unix("@x")),
        ("@x:80", Unix("@x:80")),
        ("8000", Unix("8000")),
        ("with space", Unix("with space")),
    ],
)
def test_a_colon_makes_it_tcp_unless_it_is_a_path_or_abstract(value: str, address: Tcp | Unix) -> None:
    """As uWSGI reads it; what follows the digits of a port is ignored."""
    assert parse_address(value) == address


@pytest.mark.parametrize(
    "value",
    ["host:", "host:x", ":", ":-1", ":65536", "host:99999999999999999999", ": 80", "host:http", "a:b:c", ":\u0668"],
)
def test_a_port_that_is_none_is_refused(value: str) -> None:
    """The message has the value, what was found, and what is expected."""
    with pytest.raises(ListenError, match=r"^socket .*: the port is '.*' \(expected 0 to 65535\)$"):
        parse_address(value)


@given(st.text(max_size=30))
@settings(deadline=None)
def test_any_text_is_an_address_or_refused(value: str) -> None:
    """Whatever a configuration holds: never another exception."""
    try:
        address = parse_address(value)
    except ListenError:
        assert ":" in value
    else:
        assert isinstance(address, Unix) == (":" not in value or value[0] in "@/.")


@pytest.mark.parametrize("value", ["127.0.0.1:80", ":7777", "[::1]:80", "app.sock", "@x", "/a:b"])
def test_an_address_is_written_as_it_is_read(value: str) -> None:
    """What messages show can be put into a configuration."""
    assert str(parse_address(value)) == value


@pytest.mark.parametrize(
    ("path", "abstract", "kernel_name"), [("@x", True, "\0x"), ("/a", False, "/a"), ("a@b", False, "a@b")]
)
def test_an_abstract_name_is_no_file(path: str, abstract: bool, kernel_name: str) -> None:
    """The kernel's names begin with a NUL where ours begin with an @."""
    address = Unix(path)

    assert (address.abstract, address.kernel_name) == (abstract, kernel_name)
