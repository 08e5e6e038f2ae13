"""Options of uWSGI that need nothing done: accepted without a word, each with the reason.

Runs in: the process that reads the configuration.  A reason completes the sentence "... is accepted: ...".
"""

import re
from collections.abc import Mapping
from typing import NamedTuple


class Accepted(NamedTuple):
    """Why an option needs nothing done; `values` is a regular expression for the values that this holds for."""

    reason: str
    values: str = ".*"


_THREADS = Accepted("Python threads are always available")
_INTERPRETER = Accepted("all apps of a server share one interpreter")
_END_OF_BLOCK = Accepted("it only closes a block")
# A value is one plugin or several, separated by commas or spaces.
_PLUGIN = r"(python[0-9.]*|http|router_\w+|logfile|syslog|cheaper_\w+)"
_PLUGINS = Accepted("what these plugins do is built in", rf"\s*{_PLUGIN}([,\s]+{_PLUGIN})*[,\s]*")
_PLUGIN_FOLDER = Accepted("there are no plugin files")
_LINES = Accepted("lines of any usual length reach the master whole")
_FORK_HOOKS = Accepted("workers are forked by Python, which runs its own fork hooks")

ACCEPTED: Mapping[str, Accepted] = {
    "need-app": Accepted("always on: a server whose app cannot be loaded does not start"),
    "enable-threads": _THREADS,
    "no-threads-wait": Accepted("the end of a worker is bounded by worker-reload-mercy"),
    "single-interpreter": _INTERPRETER,
    "thunder-lock": Accepted("the kernel wakes one worker per connection (EPOLLEXCLUSIVE)"),
    "lock-engine": Accepted("no request takes a lock that processes share"),
    "plugin": _PLUGINS,
    "plugins": _PLUGINS,
    "need-plugin": _PLUGINS,
    "need-plugins": _PLUGINS,
    "plugin-dir": _PLUGIN_FOLDER,
    "plugins-dir": _PLUGIN_FOLDER,
    "protocol": Accepted("sockets speak it anyway", "uwsgi"),
    "socket-protocol": Accepted("sockets speak it anyway", "uwsgi"),
    "max-apps": Accepted("the number of apps has no limit"),
    "reaper": Accepted("the master collects every child that ends"),
    "close-on-exec": Accepted("Python opens every descriptor close-on-exec (PEP 446)"),
    "close-on-exec2": Accepted("Python opens every descriptor close-on-exec (PEP 446)"),
    "py-call-osafterfork": _FORK_HOOKS,
    "py-call-uwsgi-fork-hooks": _FORK_HOOKS,
    "disable-write-exception": Accepted("a client that went away ends the iteration and raises nothing in the app"),
    "threaded-logger": Accepted("the master relays lines without waiting for any destination"),
    "log-master-bufsize": _LINES,
    "log-master-stream": _LINES,
    "log-master-req-stream": _LINES,
    "pcre-jit": Accepted("regular expressions are Python's"),
    "endif": _END_OF_BLOCK,
    "end-if": _END_OF_BLOCK,
    "endfor": _END_OF_BLOCK,
    "end-for": _END_OF_BLOCK,
}


def reason_to_accept(name: str, value: str | None) -> str | None:
    """Why this option with this value needs nothing done, or None if that is not so."""
    accepted = ACCEPTED.get(name)
    # Patterns are compiled when they are needed: that costs more than all else in this module.
    return accepted.reason if accepted and re.fullmatch(accepted.values, value or "", re.DOTALL) else None
