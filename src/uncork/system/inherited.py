"""Listening sockets that whoever started us has opened and passed on: socket activation and the descriptor store.

    LISTEN_PID=4711 LISTEN_FDS=2 LISTEN_FDNAMES=app.socket:uncork.0.127.0.0.1%3A3031

Runs in: the first process, before any fork: LISTEN_PID names it and nobody else (sd_listen_fds(3)).  Standard input is
served as well if it is a listening socket, as uWSGI does (inetd, Emperor).
"""

import os
import socket
from collections.abc import Mapping, MutableMapping

from uncork.errors import ListenError
from uncork.system.address import Address, Tcp, Unix
from uncork.system.listen import Bound

# SD_LISTEN_FDS_START of sd-daemon.h.
FIRST = 3

# How an option names a descriptor that was passed, as uWSGI writes it.
SCHEME = "fd://"

_VARIABLES = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID")

# How the names begin that we give to what we leave in the service manager's descriptor store.
_STORED = "uncork"
# What a name in the store may be made of without being escaped: printable ASCII without the colon that separates names
# in LISTEN_FDNAMES (sd_pid_notify_with_fds(3), FDNAME).
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/@._-[]")
_LONGEST_NAME = 255


def count(environ: Mapping[str, str], pid: int) -> int:
    """How many listening sockets were passed to process `pid`, which is this one.  Changes nothing."""
    return sum(_listens(fd) for fd, _ in _passed(environ, pid))


def take(environ: MutableMapping[str, str], pid: int) -> tuple[tuple[Bound, ...], list[str]]:
    """The listening sockets that were passed to process `pid`, which is this one, and lines to log.

    They are non-blocking and close at an exec; the variables are gone, so that no child takes them for its own.
    """
    found: list[Bound] = []
    lines: list[str] = []
    for fd, name in _passed(environ, pid):
        if not _listens(fd):
            if fd:  # standard input mostly is none
                os.set_inheritable(fd, False)
                lines.append(f"descriptor {fd} was passed and is no listening stream socket: ignored")
            continue
        found.append(_bound(socket.socket(fileno=fd) if fd else _from_stdin(), name))
    for name in _VARIABLES:
        environ.pop(name, None)
    return tuple(found), lines


def store_name(bound: Bound) -> str:
    """The name of a socket of ours in the descriptor store: that it is ours, which file is its own, and where it is."""
    place = "".join(char if char in _PLAIN else f"%{ord(char):02X}" for char in str(bound.address))
    return f"{_STORED}.{bound.inode}.{place}"[:_LONGEST_NAME]


def _inode_in_store(name: str) -> int | None:
    """The inode of the socket file, 0 for none; None if the name is not of our making."""
    first, _, rest = name.partition(".")
    inode = rest.partition(".")[0]
    return int(inode) if first == _STORED and inode.isascii() and inode.isdigit() else None


def adopt(value: str) -> Bound:
    """The listening socket that `value`, such as `fd://4`, names by its descriptor.  Raises ListenError."""
    number = value.removeprefix(SCHEME)
    fd = int(number) if number.isascii() and number.isdigit() and len(number) < 10 else -1
    if fd < FIRST:
        raise ListenError(f"socket {value}: expected fd:// and a number of {FIRST} or more")
    if not _listens(fd):
        raise ListenError(f"socket {value}: no listening stream socket was passed as descriptor {fd}")
    return _bound(socket.socket(fileno=fd), "")


def _bound(sock: socket.socket, name: str) -> Bound:
    sock.set_inheritable(False)
    sock.setblocking(False)
    if sock.family != socket.AF_UNIX:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as for a port that we bind
    inode = _inode_in_store(name)
    return Bound(sock, _address(sock), inode or 0, inherited=inode is None)


def _passed(environ: Mapping[str, str], pid: int) -> list[tuple[int, str]]:
    """(descriptor, its name or "") of everything that was passed, standard input last."""
    fds: list[int] = []
    number = environ.get("LISTEN_FDS", "")
    if environ.get("LISTEN_PID", "") == str(pid) and number.isascii() and number.isdigit():
        # What is open, and not as many as the number says: it may be any.
        beyond = FIRST + int(number[:9])
        fds = sorted(fd for fd in map(int, os.listdir("/proc/self/fd")) if FIRST <= fd < beyond and _is_open(fd))
    names = dict(enumerate(environ.get("LISTEN_FDNAMES", "").split(":"), FIRST))
    return [*((fd, names.get(fd, "")) for fd in fds), (0, "")]


def _is_open(fd: int) -> bool:
    """False for the descriptor that the list of them was read with."""
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def _listens(fd: int) -> bool:
    """Whether it is a listening stream socket of a family that we serve."""
    try:
        sock = socket.socket(fileno=fd)
    except OSError:
        return False
    try:
        return (
            sock.family in {socket.AF_UNIX, socket.AF_INET, socket.AF_INET6}
            and sock.type == socket.SOCK_STREAM
            and bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
        )
    finally:
        sock.detach()  # it stays open


def _from_stdin() -> socket.socket:
    """The socket at descriptor 0, moved away from there: what the app starts must not read it as its input."""
    sock = socket.socket(fileno=os.dup(0))
    null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    os.dup2(null, 0)
    os.close(null)
    return sock


def _address(sock: socket.socket) -> Address:
    name = sock.getsockname()
    if sock.family != socket.AF_UNIX:
        return Tcp(name[0], name[1])
    # An abstract name comes as bytes with a NUL in front (unix(7)).
    return Unix("@" + os.fsdecode(name[1:]) if isinstance(name, bytes) else name)
