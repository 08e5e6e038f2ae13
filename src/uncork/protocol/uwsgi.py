"""The uwsgi packet: four bytes of header, then a block of variables; the request body follows bare.

    u8 modifier1 | u16le size of the block | u8 modifier2 | (u16le length, key, u16le length, value)* | body

Runs in: worker (compiled by mypyc), tests and diagnosis.  Must not: touch a socket, a clock or a log.
Behaviour as in uWSGI 2.0 (proto/uwsgi.c, core/protocol.c); every rejected packet raises `PacketError`, nothing else.
"""

from typing import Any, Final

HEADER_SIZE: Final = 4
# The block's size is a u16: no packet can be larger (nginx refuses to build one: "uwsgi request is too big").
MAX_BLOCK_SIZE: Final = 65535

# modifier1 of a WSGI request, and of one whose PATH_INFO still carries SCRIPT_NAME (uwsgi_modifier1 30 in nginx).
MODIFIER_WSGI: Final = 0
MODIFIER_STRIP_SCRIPT_NAME: Final = 30

# What a client speaking HTTP to a uwsgi socket sends first (RFC 9110, 9.3; PRI is the preface of HTTP/2).
HTTP_METHODS: Final = (
    b"GET ", b"POST ", b"HEAD ", b"PUT ", b"DELETE ", b"OPTIONS ", b"PATCH ", b"CONNECT ", b"TRACE ", b"PRI ",
)  # fmt: skip
# The first byte of a TLS handshake record (RFC 8446, 5.1).
TLS_HANDSHAKE: Final = 22


class PacketError(Exception):
    """The peer sent something that is not a request we serve; the message is the reason, fit for one log line."""


def block_size(data: bytes) -> int:
    """Size of the variables block that the header at the start of `data` (4 bytes or more) announces."""
    return data[1] | data[2] << 8


def check_header(data: bytes, limit: int) -> None:
    """Refuse a header (the first 4 bytes of `data`, or more) that announces what this server does not read.

    Raises PacketError for HTTP or TLS on a uwsgi socket, a block larger than `limit` (option `buffer-size`),
    and a modifier1 other than 0 and 30.
    """
    modifier1 = data[0]
    size = data[1] | data[2] << 8
    if size <= limit and (modifier1 == MODIFIER_WSGI or modifier1 == MODIFIER_STRIP_SCRIPT_NAME):  # noqa: SIM109 - no tuple
        return
    if speaks_http(data):
        raise PacketError("a client speaks HTTP to this uwsgi socket (in nginx use uwsgi_pass here, not proxy_pass)")
    if modifier1 == TLS_HANDSHAKE and data[1] == 3:
        raise PacketError("a client speaks TLS to this uwsgi socket")
    if size > limit:
        raise PacketError(f"malformed uwsgi packet: invalid request block size: {size} (max {limit}; see buffer-size)")
    raise PacketError(f"malformed uwsgi packet: modifier1 {modifier1} is not served here (0 and 30 are)")


def speaks_http(data: bytes) -> bool:
    """Whether `data` begins like an HTTP request, judged by as many bytes as there are (4 or more)."""
    return any(data.startswith(method[: len(data)]) for method in HTTP_METHODS)


def decode_vars(data: bytes, start: int, end: int, environ: dict[str, Any], max_vars: int) -> int:
    """Decode the block `data[start:end]` into `environ`; returns how many variables it held.

    Keys and values become latin-1 text (PEP 3333, "bytes as unicode").  A repeated key keeps its last value.
    Raises PacketError for an empty block, a null key, a length that runs past the block, or more than `max_vars`
    variables.
    """
    text = data.decode("latin-1")
    position = start
    count = 0
    while position < end:
        if position + 2 > end:
            raise PacketError("malformed uwsgi packet: a key's length is cut off")
        key_length = data[position] | data[position + 1] << 8
        position += 2
        key_end = position + key_length
        if key_end + 2 > end:
            raise PacketError("malformed uwsgi packet: a key runs past the block")
        if key_length == 0:
            raise PacketError("malformed uwsgi packet: a key is empty")
        value_start = key_end + 2
        value_end = value_start + (data[key_end] | data[key_end + 1] << 8)
        if value_end > end:
            raise PacketError("malformed uwsgi packet: a value runs past the block")
        environ[text[position:key_end]] = text[value_start:value_end]
        position = value_end
        count += 1
    if count == 0:
        raise PacketError("empty uwsgi request")
    if count > max_vars:
        raise PacketError(
            f"malformed uwsgi packet: {count} variables (max {max_vars}; see max-vars, which counts in twos)"
        )
    return count


def encode(variables: dict[str, str], modifier1: int = 0, modifier2: int = 0) -> bytes:
    """The packet for `variables` (latin-1), as nginx would send it; the body is not part of it.

    Raises ValueError if a key, a value or the whole block does not fit its u16 length.
    """
    parts: list[bytes] = []
    for key, value in variables.items():
        for item in (key.encode("latin-1"), value.encode("latin-1")):
            if len(item) > MAX_BLOCK_SIZE:
                raise ValueError(f"{key}: {len(item)} bytes do not fit a uwsgi variable")
            parts.append(len(item).to_bytes(2, "little"))
            parts.append(item)
    block = b"".join(parts)
    if len(block) > MAX_BLOCK_SIZE:
        raise ValueError(f"uwsgi request is too big: {len(block)} bytes (max {MAX_BLOCK_SIZE})")
    return bytes([modifier1]) + len(block).to_bytes(2, "little") + bytes([modifier2]) + block
