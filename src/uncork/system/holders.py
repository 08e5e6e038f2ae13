"""Say which process holds a TCP port or a unix socket.

Runs in: any process that was refused an address.  Reads /proc only (proc(5), net/tcp and net/unix): it connects to
nobody and changes nothing.  Another user's descriptors are not readable without root; then the answer is None although
somebody holds the address.
"""

import ipaddress
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass

# The kernel's TCP_LISTEN (include/net/tcp_states.h), as the `st` column of /proc/net/tcp prints it.
LISTENING = "0A"

# A command line is shown in one line of a message; longer ones end in an ellipsis.
COMMAND_LENGTH = 120

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Holder:
    """A process with an open socket.  `command`: its argv joined by spaces, printable, never empty."""

    pid: int
    command: str

    def __str__(self) -> str:
        return f"pid {self.pid} ({self.command})"


def who_holds_tcp(host: str, port: int) -> Holder | None:
    """The process that listens where `host:port` would bind; None if nobody does or it cannot be seen.

    `host` is a numeric address; anything else is taken as "every address".
    """
    wanted = _numeric(host)
    return _first_owner(
        inode
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        for address, bound_port, inode in _listeners(table)
        if bound_port == port and _overlap(address, wanted)
    )


def who_holds_unix(path: str) -> Holder | None:
    """The process that has bound the unix socket `path` (`@name` for an abstract one); None if it cannot be seen."""
    wanted = os.fsencode(path)
    return _first_owner(inode for bound, inode in _unix_sockets() if bound == wanted)


def _numeric(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _overlap(bound: Address, wanted: Address | None) -> bool:
    """Whether two sockets on these addresses would contend for a port: equal, or one of them takes every address."""
    if wanted is None or bound.is_unspecified or wanted.is_unspecified:
        return True
    return _unmapped(bound) == _unmapped(wanted)


def _unmapped(address: Address) -> Address:
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _rows(table: str) -> Iterator[list[bytes]]:
    try:
        with open(table, "rb") as file:
            next(file, None)  # the heading
            for line in file:
                yield line.split()
    except OSError:  # no IPv6, or a /proc that hides it
        return


def _listeners(table: str) -> Iterator[tuple[Address, int, bytes]]:
    for row in _rows(table):
        if row[3].decode() == LISTENING:
            address, _, port = row[1].decode().partition(":")
            yield _decode_address(address), int(port, 16), row[9]


def _decode_address(digits: str) -> Address:
    """`0100007F` -> 127.0.0.1: the kernel prints each 32-bit word of the address in the machine's own byte order."""
    words = (int(digits[start : start + 8], 16) for start in range(0, len(digits), 8))
    return ipaddress.ip_address(b"".join(word.to_bytes(4, sys.byteorder) for word in words))


def _unix_sockets() -> Iterator[tuple[bytes, bytes]]:
    """Path and inode of every bound unix socket.  A path may hold spaces: it is everything after the seventh column."""
    try:
        with open("/proc/net/unix", "rb") as file:
            next(file, None)
            for line in file:
                columns = line.rstrip(b"\n").split(None, 7)
                if len(columns) == 8:
                    yield columns[7], columns[6]
    except OSError:
        return


def _first_owner(inodes: Iterator[bytes]) -> Holder | None:
    wanted = {f"socket:[{inode.decode()}]" for inode in inodes}
    if not wanted:
        return None
    # The oldest process first: a master, not one of the workers that inherited its socket.
    for pid in sorted(int(name) for name in os.listdir("/proc") if name.isdecimal()):
        if not wanted.isdisjoint(_descriptors(pid)):
            return Holder(pid, _command(pid))
    return None


def _descriptors(pid: int) -> Iterator[str]:
    folder = f"/proc/{pid}/fd"
    try:
        names = os.listdir(folder)
    except OSError:  # gone, or another user's
        return
    for name in names:
        try:
            yield os.readlink(f"{folder}/{name}")
        except OSError:
            continue


def _command(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read(4096).replace(b"\0", b" ").decode(errors="replace").split()
        if not words:
            with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
                words = file.read().split()
    except OSError:
        words = []
    text = "".join(char if char.isprintable() else "?" for char in " ".join(words)) or "unknown command"
    return text if len(text) <= COMMAND_LENGTH else text[: COMMAND_LENGTH - 1] + "…"
