"""From options to log files: which one, whose, and how it is rotated.

Runs in: the first process, before anything is forked.
"""

import grp
import pwd

from uncork.config.settings import Settings
from uncork.errors import UncorkError
from uncork.system.logfile import LogFile


def log_file(settings: Settings, option: str) -> LogFile | None:
    """The log file of `logto` or `logto2`, not yet opened; None without the option.  Raises UncorkError."""
    logging = settings.logging
    path = logging.logto if option == "logto" else logging.logto2
    if path is None:
        return None
    return LogFile(
        path, option, logging.logfile_chmod, log_owner(settings), logging.log_backupname, logging.log_truncate
    )


def log_owner(settings: Settings) -> tuple[int, int]:
    """(uid, gid) that log files are given to: with `logfile-chown` those of `uid` and `gid`, -1 for unchanged.

    Raises UncorkError for a name that the system does not know.
    """
    processes = settings.processes
    if not settings.logging.logfile_chown:
        return -1, -1
    uid, gid = -1, -1
    try:
        if processes.uid is not None:
            uid, gid = _user(processes.uid)
        if processes.gid is not None:
            gid = _number(processes.gid)
            gid = grp.getgrnam(processes.gid).gr_gid if gid < 0 else gid
    except KeyError:
        given = ", ".join(
            f"{name} = {value}" for name, value in (("uid", processes.uid), ("gid", processes.gid)) if value
        )
        raise UncorkError(
            f"logfile-chown: {given}: the system knows no such name (create it, or name another)"
        ) from None
    return uid, gid


def _user(name: str) -> tuple[int, int]:
    """(uid, its own gid or -1)."""
    number = _number(name)
    try:
        entry = pwd.getpwnam(name) if number < 0 else pwd.getpwuid(number)
    except KeyError:
        if number < 0:
            raise
        return number, -1
    return entry.pw_uid, entry.pw_gid


def _number(name: str) -> int:
    return int(name) if name.isascii() and name.isdigit() else -1
