"""What ps and top call the processes (options `auto-procname` and `procname...`).

Runs in: master, template and workers, each for itself.  The whole title takes the package `setproctitle`; without it
the kernel's short name is set, which top shows, and ps with `-o comm`.
"""

import ctypes
import importlib
from dataclasses import dataclass

# prctl(2), PR_SET_NAME: 15 bytes and a NUL.
_PR_SET_NAME = 15
_SHORT = 15


@dataclass(frozen=True, slots=True)
class Titles:
    """The names, as uWSGI makes them (core/utils.c, uwsgi_set_processname): prefix, name, suffix.  Pure.

    `every` stands for the name of every process, `master_only` for the master's; "" leaves uWSGI's own.
    """

    every: str = ""
    master_only: str = ""
    prefix: str = ""
    suffix: str = ""

    def master(self) -> str:
        """Of the master."""
        return self._title(self.master_only or self.every or "uWSGI master")

    def template(self) -> str:
        """Of the process that imports the app, which uWSGI does not have."""
        return self._title(self.every or "uWSGI template")

    def worker(self, wid: int) -> str:
        """Of worker `wid`; the single process is the first."""
        return self._title(self.every or f"uWSGI worker {wid}")

    def _title(self, name: str) -> str:
        return f"{self.prefix}{name}{self.suffix}"


def set_title(title: str) -> str:
    """Give this process a title; a line to log where only the short name could be set, else ""."""
    try:
        module = importlib.import_module("setproctitle")
    except ImportError:
        name = title.encode(errors="replace").replace(b"\0", b"")[:_SHORT]
        ctypes.CDLL(None).prctl(_PR_SET_NAME, name, 0, 0, 0)
        return f"only top shows {name.decode(errors='replace')!r}: ps does with the package setproctitle"
    module.setproctitle(title)
    return ""
