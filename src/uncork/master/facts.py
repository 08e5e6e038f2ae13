"""What the master tells of itself and of its workers: the facts that the statistics are made of.

Runs in: master.
"""

import os
import time
from collections.abc import Mapping, Sequence

from uncork import __version__
from uncork.config.doors import protocols
from uncork.config.settings import Settings
from uncork.control import stats
from uncork.master.family import Family
from uncork.master.plan import Planner
from uncork.master.slots import Worker
from uncork.scoreboard.ledger import Ledger
from uncork.system import listen
from uncork.system.listen import Bound


def server_facts(
    planner: Planner,
    front: Family | None,
    ledger: Ledger,
    harakiris: Mapping[int, int],
    bound: Sequence[Bound],
    directory: str,
    extra: Mapping[str, object],
) -> stats.ServerFacts:
    """All of them, as of now."""
    spoken = protocols(Settings() if front is None else front.settings, len(bound))
    sockets = [
        stats.SocketFacts(str(each.address), *listen.queue(each.sock), proto)
        for each, proto in zip(bound, spoken, strict=True)
    ]
    apps = front.apps if front is not None else ()
    return stats.ServerFacts(
        version=__version__,
        pid=os.getpid(),
        uid=os.getuid(),
        gid=os.getgid(),
        cwd=directory,
        monotonic=time.monotonic(),
        epoch=time.time(),
        sockets=sockets,
        workers=_workers(planner, front, ledger, harakiris),
        apps=[stats.AppFacts(number, mount, took, directory) for number, (mount, took) in enumerate(apps)],
        extra=extra,
    )


def _workers(
    planner: Planner, front: Family | None, ledger: Ledger, harakiris: Mapping[int, int]
) -> list[stats.WorkerFacts]:
    """One row for each worker that there may be; those that there are not at the moment are cheap."""
    if planner.front is None or front is None:
        return []
    there = {worker.wid: worker for worker in planner.front.staying()}
    found = []
    for wid in range(1, front.settings.processes.processes + 1):
        # The last slot, which nobody writes, stands for one that is not there.
        worker = there.get(wid) or Worker(wid, front.board.slots, respawns=-1)
        status = "cheap" if not worker.pid else "pause" if planner.paused else "idle"
        found.append(
            stats.WorkerFacts(
                wid=wid,
                slot=worker.slot,
                pid=worker.pid,
                status=status,
                respawns=worker.respawns + 1,
                board=front.board,
                ledger=ledger,
                harakiris=harakiris.get(wid, 0),
            )
        )
    return found
