"""Open the listening sockets: bind, take over what is stale, leave alone what is alive, say who may connect; and shut
the door before the end.

Runs in: master, or the single process.  Must not: remove a socket file that somebody still listens on, or anything that
is not a socket.
"""

import ctypes
import errno
import grp
import os
import pwd
import socket
import stat
import struct
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from uncork.errors import ListenError
from uncork.system.address import Address, Tcp, Unix
from uncork.system.holders import who_holds_tcp, who_holds_unix

SOMAXCONN_FILE = "/proc/sys/net/core/somaxconn"

# asm-generic/socket.h; the socket module has no name for it.
_SO_ATTACH_FILTER = 26

# (code, jump if true, jump if false, k) of classic BPF (linux/filter.h).  A listening TCP socket shows its filter each
# segment from the TCP header on, whose byte 13 holds the flags (RFC 9293, 3.1).  Whoever asks for a connection sends
# SYN (0x02) without ACK (0x10).
_DROP_SYN = (
    (0x30, 0, 0, 13),  # load the byte at 13
    (0x54, 0, 0, 0x12),  # keep SYN and ACK
    (0x15, 0, 1, 0x02),  # SYN alone?
    (0x06, 0, 0, 0),  # drop it
    (0x06, 0, 0, 0xFFFFFFFF),  # let the whole segment pass
)


@dataclass(frozen=True, slots=True)
class Permissions:
    """What chmod-socket and chown-socket ask for: permission bits, and `user`, `user:group` or `:group`."""

    mode: int | None = None
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class Bound:
    """A listening socket, its address as bound (a port chosen by the kernel filled in), and the file behind it.

    `inode` is that of the socket file when it was made, 0 if there is none or it is not ours: by it `remove` knows its
    own.  `asked` is the address that was asked for; `inherited` marks a socket of whoever started us, who goes on
    holding it.
    """

    sock: socket.socket
    address: Address
    inode: int = 0
    asked: Address | None = None
    inherited: bool = False

    @property
    def replaced(self) -> bool:
        """Whether another file stands where ours was."""
        try:
            return self._inode_now() not in {0, self.inode}
        except OSError:
            return False

    @property
    def reachable(self) -> bool:
        """Whether a new client still finds it: nobody has removed or replaced our socket file."""
        try:
            return self._inode_now() == self.inode
        except FileNotFoundError:
            return False
        except OSError:  # not ours to look at; then nobody knows better
            return True

    def _inode_now(self) -> int:
        """That of the file at our path, 0 if there is no file of ours.  Raises OSError."""
        return os.lstat(self.address.path).st_ino if self.inode and isinstance(self.address, Unix) else 0

    def remove(self) -> bool:
        """Remove the socket file (option `vacuum`) unless somebody else has put another in its place."""
        if not isinstance(self.address, Unix) or not self.inode:
            return False
        try:
            if self._inode_now() != self.inode:
                return False
            os.unlink(self.address.path)
        except OSError:
            return False
        return True


def check_backlog(backlog: int) -> None:
    """Refuse a `listen` that the kernel would silently cut down (as uWSGI does).  Raises ListenError."""
    try:
        with open(SOMAXCONN_FILE, encoding="ascii") as file:
            limit = int(file.read())
    except (OSError, ValueError):
        return
    if backlog > limit:
        raise ListenError(
            f"listen = {backlog}: the system allows {limit} (raise it with: sysctl net.core.somaxconn={backlog})"
        )


# (level, name, value) as setsockopt(2) takes them.
SocketOption = tuple[int, int, int]


def bind(
    address: Address,
    backlog: int,
    permissions: Permissions = Permissions(),
    options: tuple[SocketOption, ...] = (),
) -> Bound:
    """A non-blocking listening socket; a TCP socket has `options`, and so have its connections.

    Raises ListenError with who is in the way, where that can be seen.
    """
    if isinstance(address, Tcp):
        return _bind_tcp(address, backlog, options)
    return _bind_unix(address, backlog, permissions)


def _bind_tcp(address: Tcp, backlog: int, options: tuple[SocketOption, ...]) -> Bound:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Accepted sockets inherit it: a stream of small chunks must not wait for Nagle.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        for option in options:
            sock.setsockopt(*option)
        sock.bind((address.host, address.port))
        sock.listen(backlog)
    except socket.gaierror as error:
        sock.close()
        raise ListenError(
            f"socket {address}: {address.host} is no address of this machine ({error.strerror})"
        ) from None
    except OSError as error:
        sock.close()
        raise ListenError(f"socket {address}: {_why_not_tcp(error, address)}") from None
    sock.setblocking(False)
    return Bound(sock, Tcp(address.host, sock.getsockname()[1]), asked=address)


def _why_not_tcp(error: OSError, address: Tcp) -> str:
    if error.errno == errno.EADDRINUSE:
        holder = who_holds_tcp(address.host, address.port)
        return f"the port is in use{f' by {holder}' if holder else ''} (stop that, or choose another port)"
    if error.errno == errno.EACCES:
        return "permission denied (ports below 1024 need root; let nginx listen there instead)"
    return str(error.strerror).lower()


def _bind_unix(address: Unix, backlog: int, permissions: Permissions) -> Bound:
    path = address.path
    uid, gid = (-1, -1) if permissions.owner is None else owner_ids(permissions.owner)
    if not address.abstract:
        _clear_stale(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    inode = 0
    try:
        sock.bind(address.kernel_name)
        if not address.abstract:
            inode = give(path, uid, gid, permissions.mode)
        sock.listen(backlog)
    except OSError as error:
        sock.close()
        Bound(sock, address, inode).remove()
        raise ListenError(f"socket {path}: {_why_not_unix(error, address)}") from None
    sock.setblocking(False)
    return Bound(sock, address, inode, asked=address)


def give(path: str, uid: int, gid: int, mode: int | None, inode: int = 0) -> int:
    """Set owner (-1: leave) and mode (None: leave) of our socket file, which has `inode` unless it was just made; its
    inode.  Raises OSError.

    By descriptor: whoever may write to the directory could put a link in the place of the name meanwhile, and this may
    run as root.
    """
    fd = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        status = os.fstat(fd)
        if not stat.S_ISSOCK(status.st_mode) or status.st_nlink != 1 or inode not in {0, status.st_ino}:
            raise PermissionError(errno.EPERM, "somebody put another file in its place")
        # chown(2) and chmod(2) take no O_PATH descriptor, but its name in /proc leads to the inode (proc(5)).
        name = f"/proc/self/fd/{fd}"
        if uid != -1 or gid != -1:
            os.chown(name, uid, gid)
        if mode is not None:
            os.chmod(name, mode)
    finally:
        os.close(fd)
    return status.st_ino


_NO_FILE = {
    errno.EROFS: "the file system is read-only (choose a path below /run)",
    errno.ENOSPC: "no space is left for a socket file (free some, or choose a path below /run)",
}


def _why_not_unix(error: OSError, address: Unix) -> str:
    if error.errno == errno.EADDRINUSE:
        holder = who_holds_unix(address.path)
        return f"it is in use{f' by {holder}' if holder else ''} (stop that, or choose another name)"
    if error.errno == errno.ENOENT:
        return f"directory {os.path.dirname(address.path) or '.'} does not exist (create it or change the path)"
    # AF_UNIX path too long raises OSError without an errno.
    if error.errno is None:
        return "the path is too long for a socket (107 bytes are allowed; choose a shorter one)"
    return _NO_FILE.get(error.errno, str(error.strerror).lower())


def _clear_stale(path: str) -> None:
    """Remove the socket file that a dead server left behind.  Raises ListenError if it is alive or no socket at all."""
    try:
        status = os.lstat(path)
    except OSError:
        return
    if not stat.S_ISSOCK(status.st_mode):
        raise ListenError(f"socket {path}: the path exists and is not a socket (remove it or choose another path)")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(path)
        except BlockingIOError:
            pass  # a full queue: alive
        except (ConnectionRefusedError, FileNotFoundError):
            try:
                os.unlink(path)
            except OSError as error:
                raise ListenError(f"socket {path}: a stale socket file cannot be removed: {error.strerror}") from None
            return
        except OSError as error:
            raise ListenError(f"socket {path}: {str(error.strerror).lower()}") from None
    holder = who_holds_unix(path)
    raise ListenError(
        f"socket {path}: it is in use{f' by {holder}' if holder else ''} (stop that, or choose another path)"
    )


def owner_ids(owner: str) -> tuple[int, int]:
    """(uid, gid) for `user`, `user:group` or `:group`, names or numbers; -1 for a part that is not given.

    Raises ListenError for an unknown name.
    """
    user, _, group = owner.partition(":")
    try:
        uid = -1 if not user else int(user) if user.isdigit() else pwd.getpwnam(user).pw_uid
        gid = -1 if not group else int(group) if group.isdigit() else grp.getgrnam(group).gr_gid
    except KeyError as error:
        raise ListenError(f"chown-socket = {owner}: {error.args[0]}") from None
    return uid, gid


def who_may_connect(path: str) -> str:
    """One line on a socket file: its mode and owner, and the first parent directory that shuts others out.

    To connect takes write permission on the file and search permission on every directory above it (unix(7)).
    """
    status = os.stat(path)
    mode = stat.S_IMODE(status.st_mode)
    owner, group = _name(pwd.getpwuid, status.st_uid), _name(grp.getgrgid, status.st_gid)
    may = [f"user {owner}"] if mode & stat.S_IWUSR else []
    if mode & stat.S_IWGRP:
        may.append(f"group {group}")
    if mode & stat.S_IWOTH:
        may = ["everybody"]
    line = f"{path} has mode {mode:04o}, owner {owner}:{group}: {' and '.join(may) or 'only root'} may connect"
    for directory in _parents(path):
        found = os.stat(directory)
        bits = stat.S_IMODE(found.st_mode)
        if not bits & stat.S_IXOTH:
            inside = [f"user {_name(pwd.getpwuid, found.st_uid)}"]
            if bits & stat.S_IXGRP:
                inside.append(f"group {_name(grp.getgrgid, found.st_gid)}")
            return f"{line}, but directory {directory} (mode {bits:04o}) lets only {' and '.join(inside)} pass"
    if mode & stat.S_IWOTH:
        return line
    return f"{line} (nginx under another user needs chmod-socket = 660 and its group, or 666)"


def _parents(path: str) -> Iterator[str]:
    """The directories above `path`, from the root down."""
    parts = os.path.dirname(os.path.abspath(path)).split(os.sep)
    for count in range(1, len(parts) + 1):
        yield os.sep.join(parts[:count]) or os.sep


def _name(lookup: Callable[[int], pwd.struct_passwd | grp.struct_group], number: int) -> str:
    try:
        return lookup(number)[0]
    except KeyError:
        return str(number)


def stop_newcomers(bound: Bound) -> bool:
    """Let nobody new into the queue of a listening socket, in whichever process, for good; whether that was done.

    Who waits in it can still be accepted; once `accept` finds nobody there will be nobody any more.  A new client of a
    unix socket is refused.  One of a TCP socket hears nothing, asks again after a second (RFC 6298), and is refused
    once the last process has closed the socket, or served by the next server.  The queue of an inherited socket is left
    to its holder.
    """
    if bound.inherited:
        return False
    try:
        if isinstance(bound.address, Unix):
            # unix_stream_connect() in net/unix/af_unix.c refuses once the listener takes nothing in.  It then counts as
            # readable for ever (unix_poll()): who waits for it has to stop waiting.
            bound.sock.shutdown(socket.SHUT_RD)
        else:
            code = b"".join(struct.pack("HBBI", *instruction) for instruction in _DROP_SYN)
            buffer = ctypes.create_string_buffer(code, len(code))
            program = struct.pack("HP", len(_DROP_SYN), ctypes.addressof(buffer))  # struct sock_fprog
            bound.sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)
    except OSError:
        return False
    return True


def queue(sock: socket.socket) -> tuple[int, int]:
    """(connections waiting to be accepted, how many may wait) of a listening TCP socket; (0, 0) for any other.

    Linux keeps them in tcpi_unacked and tcpi_sacked of a listener (tcp(7), TCP_INFO).
    """
    if sock.family not in {socket.AF_INET, socket.AF_INET6}:
        return 0, 0
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 32)
    except OSError:
        return 0, 0
    return int.from_bytes(info[24:28], sys.byteorder), int.from_bytes(info[28:32], sys.byteorder)
