"""The uwsgi packet, both ways."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uncork.protocol.uwsgi import (
    HEADER_SIZE,
    HTTP_METHODS,
    MAX_BLOCK_SIZE,
    MODIFIER_STRIP_SCRIPT_NAME,
    MODIFIER_WSGI,
    PacketError,
    block_size,
    check_header,
    decode_vars,
    encode,
    speaks_http,
)

LATIN_1 = st.characters(max_codepoint=255)
VARIABLES = st.dictionaries(st.text(LATIN_1, min_size=1, max_size=80), st.text(LATIN_1, max_size=300), max_size=6)


def decoded(block: bytes, max_vars: int = 128) -> dict[str, Any]:
    """The variables of a block that stands alone."""
    environ: dict[str, Any] = {}
    decode_vars(block, 0, len(block), environ, max_vars)
    return environ


def variable(key: bytes, value: bytes) -> bytes:
    """One variable as it is on the wire."""
    return len(key).to_bytes(2, "little") + key + len(value).to_bytes(2, "little") + value


@given(VARIABLES.filter(bool), st.integers(0, 255), st.integers(0, 255), st.binary(max_size=40))
@settings(deadline=None)
def test_what_is_encoded_is_decoded_again(
    variables: dict[str, str], modifier1: int, modifier2: int, body: bytes
) -> None:
    """encode and decode_vars are inverse, and the header says how long the block is and what the modifiers are."""
    packet = encode(variables, modifier1, modifier2)
    environ: dict[str, Any] = {}

    count = decode_vars(packet + body, HEADER_SIZE, len(packet), environ, len(variables))

    assert environ == variables
    assert count == len(variables)
    assert block_size(packet + body) == len(packet) - HEADER_SIZE
    assert (packet[0], packet[3]) == (modifier1, modifier2)


def test_the_packet_is_laid_out_as_uwsgi_lays_it_out() -> None:
    """Little-endian lengths, no padding, modifiers around the size."""
    assert encode({"A": "xyz", "BC": ""}, 30, 7) == b"\x1e\x0e\x00\x07\x01\x00A\x03\x00xyz\x02\x00BC\x00\x00"


def test_decoding_adds_to_the_environ_it_is_given() -> None:
    """What is in the dict already stays, unless the packet says otherwise."""
    environ = {"A": "old", "B": "kept"}
    block = variable(b"A", b"new")

    decode_vars(block, 0, len(block), environ, 1)

    assert environ == {"A": "new", "B": "kept"}


@given(VARIABLES.filter(bool))
@settings(deadline=None, max_examples=30)
def test_a_block_cut_short_is_refused_unless_the_cut_is_between_two_variables(variables: dict[str, str]) -> None:
    """Every truncation is either a shorter block of whole variables or a PacketError, and nothing else."""
    block = encode(variables)[HEADER_SIZE:]
    whole = {0: 0}
    for count, (key, value) in enumerate(variables.items(), 1):
        whole[max(whole) + 4 + len(key) + len(value)] = count

    for end in range(len(block)):
        if whole.get(end):
            assert decoded(block[:end]) == dict(list(variables.items())[: whole[end]])
        else:
            with pytest.raises(PacketError):
                decoded(block[:end])


@given(st.binary(max_size=200))
@settings(deadline=None, max_examples=300)
def test_random_bytes_decode_completely_or_are_refused(block: bytes) -> None:
    """Whatever the block holds, it is accounted for to the last byte, or PacketError says why not."""
    environ: dict[str, Any] = {}
    try:
        count = decode_vars(block, 0, len(block), environ, 128)
    except PacketError:
        return

    assert 1 <= len(environ) <= count
    if len(environ) == count:
        assert encode(environ)[HEADER_SIZE:] == block


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        (b"", "empty uwsgi request"),
        (b"\x01", "a key's length is cut off"),
        (b"\x05\x00ab", "a key runs past the block"),
        (b"\x01\x00a", "a key runs past the block"),
        (b"\x01\x00a\x05", "a key runs past the block"),
        (b"\xff\xffa\x00\x00", "a key runs past the block"),
        (b"\x00\x00\x01\x00x", "a key is empty"),
        (b"\x01\x00a\x02\x00x", "a value runs past the block"),
        (b"\x01\x00a\xff\xffx", "a value runs past the block"),
        (variable(b"a", b"b") + b"\x00", "a key's length is cut off"),
    ],
)
def test_a_broken_block_is_refused_with_its_fault(block: bytes, reason: str) -> None:
    """The message names what is wrong, in one line."""
    with pytest.raises(PacketError, match=reason):
        decoded(block)


@pytest.mark.parametrize("following", [b"\x00\x00", b"x" * 40])
def test_lengths_are_held_against_the_block_and_not_against_what_follows_it(following: bytes) -> None:
    """A value may not reach into the request's body, even if there are bytes enough."""
    block = b"\x01\x00a\x10\x00x"

    with pytest.raises(PacketError, match="a value runs past the block"):
        decode_vars(block + following, 0, len(block), {}, 128)


def test_a_repeated_key_keeps_its_last_value() -> None:
    """As in uWSGI, and both of them count."""
    block = variable(b"A", b"1") + variable(b"B", b"2") + variable(b"A", b"3")
    environ: dict[str, Any] = {}

    assert decode_vars(block, 0, len(block), environ, 3) == 3
    assert environ == {"A": "3", "B": "2"}


def test_bytes_become_latin_1_text() -> None:
    """PEP 3333: each byte is one character, whatever encoding the client meant."""
    block = variable(b"PATH_INFO", "/ü".encode())

    assert decoded(block) == {"PATH_INFO": "/Ã¼"}


@pytest.mark.parametrize("keys", [[b"K%d" % n for n in range(129)], [b"K"] * 129])
def test_more_variables_than_allowed_are_refused(keys: list[bytes]) -> None:
    """128 variables pass a limit of 128, one more does not, be it a repeated one; the message names the option."""
    pairs = [variable(key, b"v") for key in keys]

    decoded(b"".join(pairs[:128]), 128)
    with pytest.raises(PacketError, match=r"129 variables \(max 128; see max-vars"):
        decoded(b"".join(pairs), 128)


@pytest.mark.parametrize("modifier1", [MODIFIER_WSGI, MODIFIER_STRIP_SCRIPT_NAME])
def test_a_block_as_large_as_the_limit_passes_and_one_byte_more_does_not(modifier1: int) -> None:
    """buffer-size is the largest block, not the first one that is refused."""
    check_header(bytes([modifier1]) + (4096).to_bytes(2, "little") + b"\0", 4096)
    with pytest.raises(PacketError, match=r"invalid request block size: 4097 \(max 4096; see buffer-size"):
        check_header(bytes([modifier1]) + (4097).to_bytes(2, "little") + b"\0", 4096)


@given(st.binary(min_size=HEADER_SIZE, max_size=20), st.integers(1, MAX_BLOCK_SIZE))
@settings(deadline=None, max_examples=300)
def test_a_header_passes_exactly_when_modifier_and_size_are_ours(data: bytes, limit: int) -> None:
    """Only modifiers 0 and 30 within the limit pass; all else is a PacketError, whatever follows the header."""
    served = data[0] in (0, 30) and int.from_bytes(data[1:3], "little") <= limit
    try:
        check_header(data, limit)
    except PacketError:
        assert not served
    else:
        assert served


@pytest.mark.parametrize("modifier1", [1, 17, 18, 29, 31, 100, 110, 111, 173, 255])
def test_modifiers_that_make_uwsgi_do_other_things_are_refused(modifier1: int) -> None:
    """Spooler, signals, cache, RPC and all the rest of uWSGI's modifiers reach nothing here."""
    with pytest.raises(PacketError, match=f"modifier1 {modifier1} is not served here"):
        check_header(bytes([modifier1, 0, 0, 0]), MAX_BLOCK_SIZE)


@pytest.mark.parametrize("method", HTTP_METHODS)
def test_http_on_a_uwsgi_socket_is_recognised_from_four_bytes_on(method: bytes) -> None:
    """The likeliest mistake in an nginx configuration is named, however little of the request has come."""
    request = method + b"/ HTTP/1.1\r\nHost: localhost\r\n\r\n"

    for size in range(HEADER_SIZE, len(request) + 1):
        assert speaks_http(request[:size])
        with pytest.raises(PacketError, match=r"speaks HTTP to this uwsgi socket .*uwsgi_pass"):
            check_header(request[:size], MAX_BLOCK_SIZE)


@pytest.mark.parametrize("data", [b"GETX", b"get ", b"POSH", b"PUT\t", b"\x00GET "])
def test_what_only_resembles_http_is_not_called_http(data: bytes) -> None:
    """Method names are matched whole, with their space and their case (RFC 9110, 9.1)."""
    assert not speaks_http(data)


@pytest.mark.parametrize("minor", [0, 1, 3])
def test_tls_on_a_uwsgi_socket_is_recognised(minor: int) -> None:
    """A handshake record of any version from SSL 3.0 on (RFC 8446, 5.1)."""
    with pytest.raises(PacketError, match="speaks TLS to this uwsgi socket"):
        check_header(bytes([22, 3, minor, 2, 0]), MAX_BLOCK_SIZE)


def test_the_largest_block_that_the_protocol_carries_is_encoded() -> None:
    """65535 bytes of block fit, and come back."""
    variables = {"K": "v" * (MAX_BLOCK_SIZE - 5)}
    packet = encode(variables)

    assert block_size(packet) == MAX_BLOCK_SIZE
    assert decoded(packet[HEADER_SIZE:]) == variables


@pytest.mark.parametrize(
    "variables",
    [
        {"K": "v" * (MAX_BLOCK_SIZE - 4)},
        {"K": "v" * (MAX_BLOCK_SIZE + 1)},
        {"K" * (MAX_BLOCK_SIZE + 1): ""},
        {"A": "v" * 40000, "B": "v" * 40000},
        {"K": "\u20ac"},
    ],
)
def test_what_does_not_fit_a_packet_is_not_encoded(variables: dict[str, str]) -> None:
    """No length is cut down to its u16, no character to its byte: it is a ValueError."""
    with pytest.raises(ValueError, match=r"K|big|latin-1"):
        encode(variables)
