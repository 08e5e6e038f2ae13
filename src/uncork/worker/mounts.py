"""Which application serves a request: mount points, SCRIPT_NAME and `manage-script-name`.

Runs in: worker (compiled by mypyc).  Pure but for the environ it rewrites.  Behaviour: uWSGI core/protocol.c
(manage-script-name) and core/utils.c (uwsgi_get_app_id).
"""

from uncork.protocol.uwsgi import MODIFIER_STRIP_SCRIPT_NAME
from uncork.wsgi.environ import Environ, strip_script_name
from uncork.wsgi.run import Application

# The answer of `Mounts.route` when no application serves the path.
NO_APP = -1


class App:
    """A loaded application: its `number` (from 0), where it is mounted ("" is everywhere), how long it took to load.

    `startup_time` is in whole seconds, as the statistics show it.
    """

    def __init__(self, number: int, mountpoint: str, application: Application, startup_time: int) -> None:
        self.number = number
        self.mountpoint = mountpoint
        self.application = application
        self.startup_time = startup_time


class Mounts:
    """The routing table of one worker.  `manage` is manage-script-name, `fallback` the opposite of no-default-app."""

    def __init__(self, apps: list[App], manage: bool, fallback: bool = True) -> None:
        self.apps = apps
        self._default: int = NO_APP
        self._by_script_name: dict[str, int] = {}
        self._prefixes: list[tuple[str, int]] = []
        for app in apps:
            if app.mountpoint == "" and fallback:
                self._default = app.number
            else:
                self._by_script_name[app.mountpoint] = app.number
                if manage and app.mountpoint != "":
                    self._prefixes.append((app.mountpoint, app.number))
        # The longest mount point that fits wins.
        self._prefixes.sort(key=_by_length, reverse=True)

    def route(self, environ: Environ, modifier1: int) -> int:
        """Number of the application for this request, or NO_APP; sets SCRIPT_NAME and PATH_INFO for it."""
        if len(self._prefixes) > 0:
            path: str = environ.get("PATH_INFO", "")
            for prefix, number in self._prefixes:
                if path.startswith(prefix) and (len(path) == len(prefix) or path[len(prefix)] == "/"):
                    environ["SCRIPT_NAME"] = prefix
                    environ["PATH_INFO"] = path[len(prefix) :]
                    return number
        if modifier1 == MODIFIER_STRIP_SCRIPT_NAME:
            strip_script_name(environ)
        if len(self._by_script_name) > 0:
            name: str = environ.get("SCRIPT_NAME", "")
            return self._by_script_name.get(name, self._default)
        return self._default


def _by_length(prefix: tuple[str, int]) -> int:
    return len(prefix[0])
