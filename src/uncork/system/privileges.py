"""Become the user that `uid` and `gid` name, for good.

Runs in: master, or the single process, before the sockets are bound (uWSGI's order).
"""

import grp
import os
import pwd

from uncork.errors import UncorkError


def drop(uid: str | None, gid: str | None) -> list[str]:
    """Set group, supplementary groups and user; the lines to log.

    As uWSGI: a user without a group keeps root's group unless `gid` is given, except that here it takes the user's own.
    Raises UncorkError for unknown names, or if this process may not change.
    """
    if uid is None and gid is None:
        return []
    user, name, own_group = (os.geteuid(), "", os.getegid()) if uid is None else _user(uid)
    group = own_group if gid is None else _group(gid)
    if user == os.geteuid() and group == os.getegid():
        return []
    try:
        if name:
            os.initgroups(name, group)
        else:
            os.setgroups([])
        os.setgid(group)
        os.setuid(user)
    except OSError:
        raise UncorkError(
            f"uid = {uid}, gid = {gid}: only root may change them (start as root, or leave them out)"
        ) from None
    lines = [f"setgid() to {group}"]
    if uid is not None:
        lines.append(f"setuid() to {user}")
    return lines


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


def _group(name: str) -> int:
    # The last gid_t stands for "none" (setgid(2)).
    if name.isascii() and name.isdigit() and int(name) < 2**32 - 1:
        return int(name)
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise UncorkError(f"gid = {name}: there is no such group (create it, or name another)") from None
