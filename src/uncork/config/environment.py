"""Options from the environment: `UWSGI_SOCKET=:3031` is `socket = :3031`.

Runs in: the process that was started.  Pure.
"""

from collections.abc import Iterator, Mapping

from uncork.config.settings import Entry

_PREFIX = "UWSGI_"

# What uWSGI and its Emperor tell their children in the environment; none of it is an option (core/uwsgi.c).
_INTERNAL = {
    "UWSGI_RELOADS",
    "UWSGI_VASSALS_DIR",
    "UWSGI_BROODLORD_NUM",
    "UWSGI_EMPEROR_PROXY",
    "UWSGI_JAIL_PID",
    "UWSGI_ORIGINAL_PROC_NAME",
}
_INTERNAL_PREFIX = "UWSGI_EMPEROR_FD"


def environment_entries(environ: Mapping[str, str]) -> Iterator[Entry]:
    """The entries of all `UWSGI_*` variables, in the order of the environment.  An empty value switches a flag on."""
    for variable, value in environ.items():
        if not variable.startswith(_PREFIX) or variable in _INTERNAL or variable.startswith(_INTERNAL_PREFIX):
            continue
        name = variable.removeprefix(_PREFIX).lower().replace("_", "-")
        yield Entry(name, value, variable, source="variable")
