"""Decide whom nginx's workers run as when nginx is started by root.

Runs in: the command line process.  Parsing strangers' bytes is not root's work, so nginx must drop to an account
without rights.  Whether that is possible is tried, not guessed: in a user namespace or without capabilities "root"
is only a name for the ordinary user who made it, and there is nobody else to become.
"""

import grp
import os
import pwd
import subprocess
from collections.abc import Iterator

from uncork.nginx.binary import NginxError
from uncork.nginx.private import WorkerAccount

# The account that a distribution's own nginx uses comes first (Debian, Fedora and nginx.org, Arch); nobody is
# everywhere.
CANDIDATES = ("www-data", "nginx", "http", "nobody")


def worker_account() -> WorkerAccount | None:
    """The account for nginx's workers, or None when nginx is not started as root and simply stays who it is.

    Raises NginxError when root has no account without rights to give nginx.
    """
    if os.geteuid() != 0:
        return None
    accounts = list(_existing(CANDIDATES))
    for account in accounts:
        if _can_become(account):
            return account
    if accounts:
        return WorkerAccount("root", grp.getgrgid(0).gr_name, 0, 0)
    raise NginxError(
        f"nginx is started as root and there is no account without rights for its workers: create one of"
        f" {', '.join(CANDIDATES)}, or start as an ordinary user"
    )


def _existing(names: tuple[str, ...]) -> Iterator[WorkerAccount]:
    for name in names:
        try:
            entry = pwd.getpwnam(name)
            group = grp.getgrgid(entry.pw_gid)
        except KeyError:
            continue
        yield WorkerAccount(name, group.gr_name, entry.pw_uid, entry.pw_gid)


def _can_become(account: WorkerAccount) -> bool:
    """Whether this process may start another one as `account`: setgroups, setgid, setuid, as nginx does it."""
    try:
        subprocess.run(
            ["/bin/sh", "-c", ":"], user=account.uid, group=account.gid, extra_groups=[], check=True, timeout=10
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return True
