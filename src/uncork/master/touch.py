"""Watch files whose touch is a command, to the server or to a shell: the touch-* options, and fs-reload.

    Watch(path, place, command, whole)   one line of the table
    TouchWatch.tick                      once a second: which commands have come, by which file

Runs in: master.  It looks by stat(2) and reads no file.  What it has seen outlives a reload, so that a touch during one
is found by the next look.  Must not: open what it watches, or carry anything out.
"""

import os
import stat
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from uncork.config.options.touch import Touch
from uncork.config.secrets import mask
from uncork.control.commands import Command

# How often the files are looked at, in seconds: uWSGI's master cycle.
INTERVAL: Final = 1.0
# A directory with more entries is watched for new and removed ones only: the master has no time for them all.
MAX_ENTRIES: Final = 1000


class Run(NamedTuple):
    """Run `command` by /bin/sh (touch-exec)."""

    command: str


class Watch(NamedTuple):
    """A file that is watched: `path` as configured, `place` absolute.

    A touch is a newer modification time, or that the file came or went (uWSGI 2.0.30, core/utils.c; as measured there,
    an older time is none).  With `whole` it is any change of it and, if it is a directory, of a file in it.
    """

    path: str
    place: str
    command: Command | Run
    whole: bool = False


_OPTIONS: Final = (
    ("fs_brutal_reload", Command.BRUTAL_RELOAD, True),
    ("fs_reload", Command.RELOAD, True),
    ("touch_reload", Command.RELOAD, False),
    ("touch_workers_reload", Command.RELOAD_WORKERS, False),
    ("touch_chain_reload", Command.CHAIN_RELOAD, False),
    ("touch_logrotate", Command.ROTATE_LOG, False),
    ("touch_logreopen", Command.REOPEN_LOG, False),
)

# What a command does anyway need not be asked for with it.
_INCLUDES: Final[Mapping[Command, frozenset[Command]]] = {
    Command.BRUTAL_RELOAD: frozenset({Command.RELOAD, Command.RELOAD_WORKERS, Command.CHAIN_RELOAD}),
    Command.RELOAD: frozenset({Command.RELOAD_WORKERS, Command.CHAIN_RELOAD}),
    Command.RELOAD_WORKERS: frozenset({Command.CHAIN_RELOAD}),
    Command.ROTATE_LOG: frozenset({Command.REOPEN_LOG}),
}

_WORDS: Final[Mapping[Command, str]] = {
    Command.BRUTAL_RELOAD: "reap them all",
    Command.RELOAD: "grace them all",
    Command.RELOAD_WORKERS: "workers reload",
    Command.CHAIN_RELOAD: "chain reload",
    Command.ROTATE_LOG: "log rotation",
    Command.REOPEN_LOG: "log reopen",
}

# What a look at a file finds: its times, () if there is no file, None if nobody can tell.
_Seen = tuple[object, ...] | None


def table(touch: Touch, directory: str) -> list[Watch]:
    """What the options say; relative paths count from `directory`."""
    watches = [
        Watch(path, os.path.join(directory, path), command, whole)
        for field, command, whole in _OPTIONS
        for path in getattr(touch, field)
    ]
    for path, _, command in (value.partition(" ") for value in touch.touch_exec):
        watches.append(Watch(path, os.path.join(directory, path), Run(command.strip())))
    return watches


def line(command: Command | Run, path: str) -> str:
    """What the log says of a touch."""
    if isinstance(command, Run):
        return f"[uwsgi-touch-exec] running {mask(command.command)}"
    return f"*** {path} has been touched... {_WORDS[command]} !!! ***"


class TouchWatch:
    """Watches the files of `watches` from `now` (monotonic seconds) on."""

    def __init__(self, watches: Iterable[Watch], now: float) -> None:
        self._watches: list[Watch] = []
        self._seen: dict[tuple[str, bool], _Seen] = {}
        self._next = now + INTERVAL
        self.watch(watches)

    def watch(self, watches: Iterable[Watch]) -> None:
        """Watch these from now on.  A touch of one that was watched before counts, whenever it happened."""
        self._watches = list(watches)
        before, self._seen = self._seen, {}
        for watch in self._watches:
            key = watch.place, watch.whole
            self._seen[key] = before[key] if key in before else _look(*key)

    def next_time(self) -> float | None:
        """When `tick` wants to be called, None for never."""
        return self._next if self._watches else None

    def tick(self, now: float) -> list[tuple[Command | Run, str]]:
        """The commands that have come since the last look, each with the path as configured."""
        if now < self._next:
            return []
        self._next = now + INTERVAL
        looks = {key: _look(*key) for key in self._seen}
        found: dict[Command | Run, str] = {}
        for watch in self._watches:
            key = watch.place, watch.whole
            if _touched(self._seen[key], looks[key], watch.whole):
                found.setdefault(watch.command, watch.path)
        self._seen |= {key: look for key, look in looks.items() if look is not None}
        needless = {command for asked in found if isinstance(asked, Command) for command in _INCLUDES.get(asked, ())}
        return [(command, path) for command, path in found.items() if command not in needless]


def _touched(before: _Seen, after: _Seen, whole: bool) -> bool:
    if before is None or after is None:
        return False
    if whole or not before or not after:
        return before != after
    # Both are a modification time.
    return after > before


def _look(place: str, whole: bool) -> _Seen:
    try:
        status = os.stat(place)
        if not whole:
            return (status.st_mtime_ns,)
        entries = _entries(place) if stat.S_ISDIR(status.st_mode) else ()
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except OSError:
        # No right to look, a loop of links, a file system that is away: that is no touch.
        return None
    return (*_times(status), entries)


def _entries(place: str) -> object:
    """The names in a directory, each with the times of its file."""
    with os.scandir(place) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    if len(entries) > MAX_ENTRIES:
        return len(entries)
    return tuple(_entry(entry) for entry in entries)


def _entry(entry: os.DirEntry[str]) -> object:
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError:
        return entry.name
    # A directory's times tell of what is below, which is none of our business.
    return entry.name, status.st_ino, () if stat.S_ISDIR(status.st_mode) else _times(status)


def _times(status: os.stat_result) -> tuple[int, ...]:
    return status.st_ino, status.st_mtime_ns, status.st_ctime_ns
