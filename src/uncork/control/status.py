"""What `uncork ctl status` is told: which server this is, by every name that it can be found by, and how it is.

Pure.  All paths are absolute: whoever asks is in another directory.
"""

import os
from collections.abc import Iterator, Sequence

from uncork.config.settings import Settings
from uncork.control.stats import ServerFacts


def status(
    facts: ServerFacts,
    settings: Settings,
    origin: str,
    *,
    fifos: Sequence[str] = (),
    pidfiles: Sequence[str] = (),
    stats: str = "",
    paused: bool = False,
    stopping: bool = False,
) -> dict[str, object]:
    """The answer.  `origin` is the directory of the start, `stats` the address of the statistics, "" without them."""
    return {
        "version": facts.version,
        "pid": facts.pid,
        "uid": facts.uid,
        "gid": facts.gid,
        "cwd": facts.cwd,
        "config": list(config_files(settings, origin)),
        "sockets": [_absolute(sock.name, facts.cwd) for sock in facts.sockets],
        "stats": _absolute(stats, facts.cwd) if stats else "",
        "fifos": list(fifos),
        "pidfiles": list(pidfiles),
        "workers": [
            {"id": worker.wid, "pid": worker.pid, "status": worker.status, "respawns": worker.respawns}
            for worker in facts.workers
        ],
        "paused": paused,
        "stopping": stopping,
        "last_reload": facts.extra.get("last_reload"),
    }


def config_files(settings: Settings, origin: str) -> Iterator[str]:
    """The configuration files that were read, each once."""
    names = (entry.origin.rpartition(":")[0] for entry in settings.entries if entry.in_file)
    for name in dict.fromkeys(names):
        yield os.path.join(origin, name)


def _absolute(address: str, directory: str) -> str:
    """An address as whoever is elsewhere has to write it: host:port and `@name` as they are."""
    if address.startswith("@") or (":" in address and not address.startswith(("/", "."))):
        return address
    return os.path.join(directory, address)
