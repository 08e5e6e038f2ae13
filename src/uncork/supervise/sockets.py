"""The listening sockets that a configuration asks for: those at hand are used again, the others are opened.

    start     open_sockets(settings, passed), then settle(passed, new, settings)
    reload    open_sockets(settings, old), which changes nothing that serves, then either
                settle(old.every, new, settings)                    once the new generation serves
                close_unwanted(new.every, old.every, vacuum=True)   if the reload fails

Runs in: master, or the single process.  Decides nothing about processes; lines to log are returned or said by whoever
calls.
"""

import socket
from collections.abc import Iterable
from typing import NamedTuple

from uncork.config.doors import doors
from uncork.config.settings import Settings
from uncork.errors import UncorkError
from uncork.system import inherited
from uncork.system.address import Unix, parse_address
from uncork.system.keep import adjust, serves
from uncork.system.listen import (
    Bound,
    Permissions,
    SocketOption,
    bind,
    check_backlog,
    owner_ids,
    stop_newcomers,
    who_may_connect,
)
from uncork.system.notify import notify

# The statistics show addresses and paths of running requests: not for everybody on the machine.
STATS_MODE = 0o660

# linux/in.h; the socket module has no name for it.
_IP_FREEBIND = 15


class Opened(NamedTuple):
    """The sockets for requests, and the one for statistics."""

    requests: tuple[Bound, ...] = ()
    stats: Bound | None = None

    @property
    def every(self) -> tuple[Bound, ...]:
        """All of them."""
        return self.requests if self.stats is None else (*self.requests, self.stats)


def open_sockets(settings: Settings, at_hand: Opened | tuple[Bound, ...] = ()) -> Opened:
    """The sockets that `settings` ask for: the very ones at hand where they are the same, else fresh ones.

    Those of a server that runs (`Opened`) keep their kind; what was passed at a start has none yet.  Inherited sockets
    that no option names serve requests as well, as in uWSGI.  Raises UncorkError, and has closed then what it opened;
    the others are as they were.
    """
    old = at_hand if isinstance(at_hand, Opened) else Opened()
    sockets = settings.sockets
    check_backlog(sockets.listen)
    if sockets.chown_socket is not None:
        owner_ids(sockets.chown_socket)  # also where nothing is opened: `settle` is too late to refuse it
    for_requests, for_stats = _permissions(settings)
    # (value, permissions, sockets that serve another kind)
    wanted = [(door.address, for_requests, old.every[len(old.requests) :]) for door in doors(settings)]
    if settings.stats.stats is not None:
        wanted.append((settings.stats.stats, for_stats, old.requests))
    pool = list(at_hand.every if isinstance(at_hand, Opened) else at_hand)
    found: list[Bound] = []
    fresh: list[Bound] = []
    try:
        for value, permissions, others in wanted:
            bound = next((bound for bound in pool if not _among(bound, others) and _is(bound, value)), None)
            if bound is None:
                bound = _open(value, sockets.listen, permissions, _options(settings))
                fresh.append(bound)
            else:
                pool.remove(bound)
            found.append(bound)
    except (UncorkError, OSError):
        _undo(fresh)
        raise
    stats = None if settings.stats.stats is None else found.pop()
    return Opened((*found, *(bound for bound in pool if bound.inherited and bound is not old.stats)), stats)


def _undo(fresh: list[Bound]) -> None:
    for bound in fresh:
        if bound.inherited:
            bound.sock.detach()
        else:
            bound.sock.close()
            bound.remove()


def _permissions(settings: Settings) -> tuple[Permissions, Permissions]:
    """For the sockets that take requests, and for the one that tells the statistics."""
    mode, owner = settings.sockets.chmod_socket, settings.sockets.chown_socket
    return Permissions(mode, owner), Permissions(STATS_MODE if mode is None else mode, owner)


def _options(settings: Settings) -> tuple[SocketOption, ...]:
    """What the configuration asks of TCP sockets, in the order of tcp(7) and socket(7)."""
    sockets = settings.sockets
    asked = (
        (sockets.so_keepalive, socket.SOL_SOCKET, socket.SO_KEEPALIVE),
        (sockets.reuse_port, socket.SOL_SOCKET, socket.SO_REUSEPORT),
        (sockets.socket_sndbuf, socket.SOL_SOCKET, socket.SO_SNDBUF),
        (sockets.socket_rcvbuf, socket.SOL_SOCKET, socket.SO_RCVBUF),
        (sockets.freebind, socket.IPPROTO_IP, _IP_FREEBIND),
        (sockets.tcp_fast_open, socket.IPPROTO_TCP, socket.TCP_FASTOPEN),
    )
    return tuple((level, name, int(value)) for value, level, name in asked if value)


def _is(bound: Bound, value: str) -> bool:
    if value.startswith(inherited.SCHEME):
        return value == f"{inherited.SCHEME}{bound.sock.fileno()}"
    return serves(bound, parse_address(value))


def _open(value: str, backlog: int, permissions: Permissions, options: tuple[SocketOption, ...]) -> Bound:
    if value.startswith(inherited.SCHEME):
        return inherited.adopt(value)
    return bind(parse_address(value), backlog, permissions, options)


def describe(opened: Opened, known: Iterable[Bound] = ()) -> list[str]:
    """Lines to log on each socket for requests that is not among `known`."""
    lines = []
    for number, bound in enumerate(opened.requests):
        if _among(bound, known):
            continue
        unix = isinstance(bound.address, Unix)
        how = f"inherited {'UNIX' if unix else 'INET'}" if bound.inherited else f"bound to {'UNIX' if unix else 'TCP'}"
        lines.append(f"uwsgi socket {number} {how} address {bound.address} fd {bound.sock.fileno()}")
        if isinstance(bound.address, Unix) and not bound.address.abstract:
            try:
                lines.append(who_may_connect(bound.address.path))
            except FileNotFoundError:
                lines.append(f"{bound.address} does not exist any more: nobody can connect")
            except OSError as error:
                lines.append(f"{bound.address}: who may connect cannot be seen ({str(error.strerror).lower()})")
    return lines


def settle(old: Iterable[Bound], new: Opened, settings: Settings) -> list[str]:
    """`new` serves from now on: change what was kept, close what nobody wants any more; lines to log.

    What was opened is left with the service manager too: if it has a descriptor store, a server that is killed loses
    nobody who waits in a queue (sd_pid_notify_with_fds(3)).
    """
    old = tuple(old)
    lines = close_unwanted(old, new.every, settings.processes.vacuum)
    for_requests, for_stats = _permissions(settings)
    for bound in new.every:
        if _among(bound, old):
            rights = for_stats if bound is new.stats else for_requests
            lines += adjust(bound, settings.sockets.listen, rights)
        elif not bound.inherited:
            notify("FDSTORE=1", f"FDNAME={inherited.store_name(bound)}", fds=(bound.sock.fileno(),))
    return lines


def close_unwanted(old: Iterable[Bound], new: Iterable[Bound], vacuum: bool) -> list[str]:
    """Close the sockets of `old` that are not in `new`, with `vacuum` their files too; lines to log.

    Workers that have them still serve who waits in their queues; nobody new gets in.
    """
    lines = []
    for bound in old:
        if _among(bound, new):
            continue
        if not bound.inherited:
            notify("FDSTOREREMOVE=1", f"FDNAME={inherited.store_name(bound)}")
        stop_newcomers(bound)
        bound.sock.close()
        if vacuum and bound.replaced:
            lines.append(f"VACUUM WARNING: unix socket {bound.address} changed inode. Skip removal")
        elif vacuum and bound.remove():
            lines.append(f"VACUUM: unix socket {bound.address} removed.")
    return lines


def _among(bound: Bound, some: Iterable[Bound]) -> bool:
    """By identity: a closed socket may have the descriptor of another."""
    return any(bound is one for one in some)


def close_others(every: Iterable[Bound], own: Iterable[Bound]) -> None:
    """Close what a generation does not serve.  Runs in: its template, right after the fork: a socket that a reload
    gives up must not stay open in the processes that it starts.
    """
    for bound in every:
        if not _among(bound, own):
            bound.sock.close()
