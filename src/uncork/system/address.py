"""What the value of `socket` or `stats` names: a TCP endpoint, a socket file or an abstract socket.

Pure.  As uWSGI reads it (core/socket.c): a colon makes it TCP, a leading `@` abstract, anything else is a path.
"""

import re
from dataclasses import dataclass

from uncork.errors import ListenError


@dataclass(frozen=True, slots=True)
class Tcp:
    """`host` is "" for every IPv4 address of the machine; IPv6 is written in brackets."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Unix:
    """`path` of a socket file; an abstract name begins with `@`."""

    path: str

    @property
    def abstract(self) -> bool:
        """Whether it is a name in the kernel and no file."""
        return self.path.startswith("@")

    @property
    def kernel_name(self) -> str:
        """What bind(2) and connect(2) take."""
        return "\0" + self.path[1:] if self.abstract else self.path

    def __str__(self) -> str:
        return self.path


Address = Tcp | Unix

# An IPv6 address is best written in brackets; without them its last colon is the port's.
_ENDPOINT = re.compile(r"(?P<host>\[[^\]]*\]|[^:]*|[0-9a-fA-F:.]*):0*(?P<port>[0-9]+)")


def parse_address(value: str) -> Address:
    """The address that `value` names.

    The port is read as uWSGI reads it, digits first and whatever follows ignored (`:8073 # why`).
    Raises ListenError for a port that is none.
    """
    if ":" not in value or value.startswith(("@", "/", ".")):
        return Unix(value)
    found = _ENDPOINT.match(value)
    if found is None or len(found["port"]) > 5 or int(found["port"]) > 65535:
        raise ListenError(f"socket {value}: the port is {value.rpartition(':')[2]!r} (expected 0 to 65535)")
    return Tcp(found["host"].strip("[]"), int(found["port"]))
