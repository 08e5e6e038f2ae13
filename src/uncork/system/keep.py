"""A listening socket that goes on with new settings: is it the one that is asked for, and what of it can change?

Runs in: master and single process, at a start that was handed sockets; master, at a reload.  Must not: bind or close
anything.
"""

import ipaddress
import os
import socket
import stat
from collections.abc import Iterator

from uncork.errors import ListenError
from uncork.system.address import Address, Tcp, Unix
from uncork.system.listen import Bound, Permissions, give, owner_ids

# Every address of the machine.
_ANY_IPV4 = ipaddress.IPv4Address(0)
_ANY_IPV6 = ipaddress.IPv6Address(0)


def serves(bound: Bound, address: Address) -> bool:
    """Whether `bound` listens where `address` asks for, and can be reached there."""
    if not bound.reachable:
        return False
    if bound.asked == address:
        return True
    if isinstance(bound.address, Tcp) and isinstance(address, Tcp):
        return bound.address.port == address.port and _same_host(bound.sock, address.host)
    if isinstance(bound.address, Unix) and isinstance(address, Unix):
        return _same_path(bound.address, address)
    return False


def _same_path(one: Unix, other: Unix) -> bool:
    if one.abstract or other.abstract:
        return one == other
    return _real(one.path) == _real(other.path)


def _real(path: str) -> str:
    """The path with the links above its last part resolved, such as /var/run."""
    directory, name = os.path.split(os.path.abspath(path))
    return os.path.join(os.path.realpath(directory), name)


def _same_host(sock: socket.socket, host: str) -> bool:
    here = ipaddress.ip_address(sock.getsockname()[0].partition("%")[0])
    wanted = _numeric(host, sock.family) if host else {_ANY_IPV4}
    if here in wanted:
        return True
    # systemd binds `ListenStream=3031` to [::], which takes IPv4 as well unless it is told not to.
    if here != _ANY_IPV6 or _ANY_IPV4 not in wanted:
        return False
    return not sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)


def _numeric(host: str, family: int) -> set[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    """The addresses that a name stands for; none if it stands for nothing."""
    try:
        return {ipaddress.ip_address(host)}
    except ValueError:
        pass
    try:
        found = socket.getaddrinfo(host, None, family, socket.SOCK_STREAM)
    except OSError:
        return set()
    return {ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found}


def adjust(bound: Bound, backlog: int, permissions: Permissions) -> list[str]:
    """Give a socket that stays open its new backlog, mode and owner; a line to log for each that it cannot have.

    The file of an inherited socket is its holder's, and so is its backlog.  Never raises: the server goes on anyway.
    """
    if not bound.inherited:
        bound.sock.listen(backlog)  # of a socket that listens already it only changes the backlog
    if not isinstance(bound.address, Unix) or bound.address.abstract:
        return []
    try:
        changes = list(_changes(bound.address.path, permissions))
    except ListenError as error:
        return [str(error)]
    return [line for line in (_adjust(bound, *change) for change in changes) if line]


def _changes(path: str, permissions: Permissions) -> Iterator[tuple[str, int, int, int | None]]:
    """What is not yet as it is asked for: (the option as written, uid, gid, mode)."""
    try:
        status = os.lstat(path)
    except OSError:
        return
    if permissions.owner is not None:
        uid, gid = owner_ids(permissions.owner)
        if uid not in {-1, status.st_uid} or gid not in {-1, status.st_gid}:
            yield f"chown-socket = {permissions.owner}", uid, gid, None
    if permissions.mode is not None and permissions.mode != stat.S_IMODE(status.st_mode):
        yield f"chmod-socket = {permissions.mode:03o}", -1, -1, permissions.mode


def _adjust(bound: Bound, asked: str, uid: int, gid: int, mode: int | None) -> str:
    """Make one change; why it cannot be made, "" if it was."""
    path = str(bound.address)
    if bound.inherited:
        return (
            f"{asked}: {path} stays as it is, it belongs to whoever passed it "
            "(in a systemd socket unit: SocketMode=, SocketUser=, SocketGroup=)"
        )
    try:
        give(path, uid, gid, mode, bound.inode)
    except OSError as error:
        return f"{asked}: {path} stays as it is: {str(error.strerror).lower()} (a restart as root would change it)"
    return ""
