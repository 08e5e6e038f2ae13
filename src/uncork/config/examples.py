"""A value to show for each option: one that it takes, and such as people have.

Pure.
"""

import re
from collections.abc import Iterator, Mapping

from uncork.config.kinds import MismatchError
from uncork.config.option import Option

# What a kind expects whose options only stand there.
NOTHING = "nothing"

# By the canonical name, where the form of the value does not say enough.
_BY_NAME: Mapping[str, str] = {
    "cache2": "name=blog,items=1000",
    "callable": "app",
    "chdir": "/srv/blog",
    "cheaper": "2",
    "cheaper-algo": "busyness",
    "chmod-socket": "660",
    "chown-socket": "ada:www-data",
    "daemonize": "/var/log/blog.log",
    "daemonize2": "/var/log/blog.log",
    "declare-option": "limits=harakiri=$1;max-requests=$2",
    "emperor": "/etc/uwsgi/vassals",
    "emperor-cap": "net_bind_service",
    "emperor-use-clone": "pid,mnt",
    "env": "FLASK_ENV=production",
    "gid": "www-data",
    "harakiri": "30",
    "home": "/srv/blog/venv",
    "hook-master-start": "unix_signal:15 gracefully_kill_them_all",
    "http": ":8080",
    "http-socket": ":8080",
    "if-env": "DEBUG=1",
    "if-not-env": "DEBUG",
    "if-opt": "http-socket",
    "json": "other.json",
    "listen": "1024",
    "log-backupname": "/var/log/blog.log.1",
    "logto": "/var/log/blog.log",
    "logto2": "/var/log/blog.log",
    "master-fifo": "/run/blog/fifo",
    "max-requests": "5000",
    "mimefile": "/etc/mime.types",
    "module": "blog:app",
    "mount": "/blog=blog:app",
    "mule": "jobs.py",
    "pidfile": "/run/blog/pid",
    "pidfile2": "/run/blog/pid",
    "processes": "4",
    "py-autoreload": "2",
    "py-sharedarea": "10",
    "pythonpath": "/srv/blog/lib",
    "safe-pidfile": "/run/blog/pid",
    "safe-pidfile2": "/run/blog/pid",
    "sharedarea": "10",
    "socket": "127.0.0.1:3031",
    "spooler": "/srv/blog/spool",
    "stats": "/run/blog/stats.sock",
    "threads": "2",
    "toml": "other.toml",
    "touch-reload": "/srv/blog/reload",
    "uid": "ada",
    "wsgi-file": "app.py",
    "xml": "other.xml",
    "yaml": "other.yaml",
}

# By the form of the value, and by its unit.
_BY_METAVAR: Mapping[str, str] = {
    "ACTION": "mkdir:/run/blog",
    "ADDRESS": "127.0.0.1:3031",
    "ALARM": "ops cmd:/usr/local/bin/page",
    "BYTES": "1048576",
    "COMMAND": "/usr/local/bin/notify",
    "CRON": "0 3 -1 -1 -1 /usr/local/bin/backup",
    "CRON2": "minute=0,hour=3 /usr/local/bin/backup",
    "DIR": "/srv/blog",
    "ENCODER": "prefix blog:",
    "FILE": "other.ini",
    "FILE[:SECTION]": "other.ini:production",
    "FORMAT": "%%Y-%%m-%%d",
    "GROUP": "www-data",
    "HEADER": "Server",
    "KEY=VALUE": "greeting=hello",
    "KEY=VALUE,...": "cmd=redis-server,freq=10",
    "LOGGER": "file:/var/log/blog.log",
    "MB": "512",
    "MODULE": "blog.jobs",
    "N": "4",
    "NAME": "blog",
    "NAME REGEX": "blog ERROR",
    "NAME=VALUE": "base=/srv/blog",
    "NAME[=VALUE]": "blog",
    "PAGES": "10",
    "PATH": "/srv/blog/file",
    "PATH COMMAND": "/srv/blog/deployed /usr/local/bin/notify",
    "PATH [SECONDS]": "/health",
    "PATTERN": "/srv/*/app.ini",
    "PERCENT": "50",
    "REGEX": "^web",
    "REGEXP": "^/static/",
    "STATUS": "0",
    "TEXT": "blog",
    "USER": "ada",
    "WORDS": "blog shop",
}
_BY_UNIT: Mapping[str, str] = {"seconds": "60"}

# What a kind may take if nothing else fits.
_LAST_RESORTS = ("1", "blog", "blog 1", "/srv/blog", "127.0.0.1:3031", "name=value", "660")


def example_of(option: Option) -> str:
    """A value that the option takes; "" if it needs none, or if these tables have none."""
    kind = option.kind
    if kind.expected == NOTHING:
        return ""
    if kind.argument == "no":
        return "true"
    for candidate in _candidates(option):
        try:
            kind.parse(candidate)
        except MismatchError:
            continue
        return candidate
    return ""


def _candidates(option: Option) -> Iterator[str]:
    """Values to try, those that say most before those that may be all that fits."""
    kind = option.kind
    if option.name in _BY_NAME:
        yield _BY_NAME[option.name]
    shown = re.search(r"(?:such as|as in|like) (.+)$", kind.expected)
    if shown:
        yield shown[1]
    if isinstance(option.default, int) and not isinstance(option.default, bool) and option.default:
        yield str(option.default)
    if option.unit in _BY_UNIT:
        yield _BY_UNIT[option.unit]
    if kind.metavar in _BY_METAVAR:
        yield _BY_METAVAR[kind.metavar]
    yield re.split(r",| or ", kind.expected)[0]  # of words to choose from, the first
    yield from _LAST_RESORTS
