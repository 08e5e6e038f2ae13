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
    user = _user(uid) if uid is not None else None
    group = _group(gid) if gid is not None else user.pw_gid if user is not None else os.getegid()
    if (user is None or user.pw_uid == os.geteuid()) and group == os.getegid():
        return []
    try:
        if user is not None:
            os.initgroups(user.pw_name, group)
        else:
            os.setgroups([])
        os.setgid(group)
        if user is not None:
            os.setuid(user.pw_uid)
    except PermissionError:
        raise UncorkError(
            f"uid = {uid}, gid = {gid}: only root may change them (start as root, or leave them out)"
        ) from None
    lines = [f"setgid() to {group}"]
    if user is not None:
        lines.append(f"setuid() to {user.pw_uid}")
    return lines


def _user(name: str) -> pwd.struct_passwd:
    try:
        return pwd.getpwuid(int(name)) if name.isdigit() else pwd.getpwnam(name)
    except KeyError:
        raise UncorkError(f"uid = {name}: there is no such user (create it, or name another)") from None


def _group(name: str) -> int:
    # The last gid_t stands for "none" (setgid(2)).
    if name.isdigit() and int(name) < 2**32 - 1:
        return int(name)
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise UncorkError(f"gid = {name}: there is no such group (create it, or name another)") from None
