"""Become the user that `uid` and `gid` name, for good; and when that is done (uWSGI's order).

Runs in: whichever process `Moment` names.
"""

import enum
import grp
import os
import pwd
from collections.abc import Iterable
from typing import NamedTuple

from uncork.errors import UncorkError


class Moment(enum.Enum):
    """When root's rights are given up, and by whom."""

    BEFORE_SOCKETS = "by the first process, before it opens a socket"
    AFTER_SOCKETS = "by the first process, once its sockets are open"
    BEFORE_APPS = "by the template or the single process, before it imports the app"
    AFTER_APPS = "by whichever process has imported the app"


def moment(chown_socket: bool, after_init: bool, after_apps: bool, master_as_root: bool) -> Moment:
    """The moment that the options ask for.  Pure.

    uWSGI imports the app as root under `master-as-root`; here that takes `drop-after-apps`.
    """
    if after_apps:
        return Moment.AFTER_APPS
    if master_as_root:
        return Moment.BEFORE_APPS
    # chown-socket takes root, so the identity changes after it (uWSGI core/uwsgi.c).
    return Moment.AFTER_SOCKETS if chown_socket or after_init else Moment.BEFORE_SOCKETS


def drop(uid: str | None, gid: str | None, further: Iterable[str] = (), initgroups: bool = True) -> list[str]:
    """Set group, supplementary groups and user; the lines to log.

    Supplementary groups are those that the system gives the user (unless not `initgroups`), and the `further` ones.  As
    uWSGI: a user without a group keeps root's group unless `gid` is given, except that here it takes the user's own.
    Raises UncorkError for unknown names, or if this process may not change.
    """
    wanted = _identity(uid, gid, further)
    if wanted is None:
        return []
    groups = os.getgrouplist(wanted.name, wanted.gid) if wanted.name and initgroups else []
    try:
        os.setgroups([*groups, *(number for number in wanted.further if number not in groups)])
        os.setgid(wanted.gid)
        os.setuid(wanted.uid)
    except OSError:
        raise _not_root(uid, gid) from None
    lines = [f"setgid() to {wanted.gid}"]
    if uid is not None:
        lines.append(f"setuid() to {wanted.uid}")
    return lines


def check(uid: str | None, gid: str | None, further: Iterable[str] = ()) -> None:
    """Raise the UncorkError that `drop` would raise, before anything depends on it."""
    if _identity(uid, gid, further) is not None and os.geteuid() != 0:
        raise _not_root(uid, gid)


def _not_root(uid: str | None, gid: str | None) -> UncorkError:
    return UncorkError(f"uid = {uid}, gid = {gid}: only root may change them (start as root, or leave them out)")


class _Identity(NamedTuple):
    """Whom to become; `name` is the login name, "" for none."""

    uid: int
    gid: int
    name: str
    further: list[int]


def _identity(uid: str | None, gid: str | None, further: Iterable[str]) -> _Identity | None:
    """None if there is nothing to change.  Raises UncorkError for unknown names."""
    if uid is None and gid is None:
        return None
    user, name, own_group = (os.geteuid(), "", os.getegid()) if uid is None else _user(uid)
    group = own_group if gid is None else _group(gid, "gid")
    added = [_group(one, "add-gid") for one in further]
    if user == os.geteuid() and group == os.getegid() and not (added and user == 0):
        return None
    return _Identity(user, group, name, added)


def _user(name: str) -> tuple[int, str, int]:
    """(uid, login name, own gid); a number needs no entry in the system's list of users, as in containers."""
    number = int(name) if name.isascii() and name.isdigit() and int(name) < 2**32 - 1 else -1
    try:
        entry = pwd.getpwuid(number) if number >= 0 else pwd.getpwnam(name)
    except KeyError:
        if number >= 0:
            return number, "", os.getegid()
        raise UncorkError(f"uid = {name}: there is no such user (create it, or name another)") from None
    return entry.pw_uid, entry.pw_name, entry.pw_gid


def _group(name: str, option: str) -> int:
    # The last gid_t stands for "none" (setgid(2)).
    if name.isascii() and name.isdigit() and int(name) < 2**32 - 1:
        return int(name)
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise UncorkError(f"{option} = {name}: there is no such group (create it, or name another)") from None
