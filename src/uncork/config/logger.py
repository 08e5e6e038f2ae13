"""What a value of `logger` or `req-logger` names: `[NAME ]ENGINE[:WHERE]`, with uWSGI's engines.

Pure.  Nothing is opened, resolved or looked up here.
"""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from uncork.config.kinds import Kind, MismatchError, leading_number

# RFC 5424, table 1.
FACILITIES = {
    "kern": 0, "user": 1, "mail": 2, "daemon": 3, "auth": 4, "syslog": 5, "lpr": 6, "news": 7, "uucp": 8, "cron": 9,
    "authpriv": 10, "ftp": 11, **{f"local{number}": 16 + number for number in range(8)},
}  # fmt: skip
# RFC 5424, table 2: how uWSGI's syslog and rsyslog engines mark a line.
INFO, NOTICE = 6, 5
# What syslog calls the program, as uWSGI's engine does unless told otherwise.
IDENT = "uwsgi"
SYSLOG_PORT = "514"

_NAMED = re.compile(r"([A-Za-z0-9]+) +(.*)", re.DOTALL)
_ENDPOINT = r"(\[[^\]]*\]|[^:/]*):[0-9]{1,5}"
_FILE_KEYS = ("logfile", "backupname", "maxsize")


class Logger(NamedTuple):
    """One destination of log lines.

    `where` is a path (file), an address (socket: host:port, a path or `@name`; rsyslog: host:port) or the number of a
    descriptor (fd); `prefix` stands before each line, `ident` and `priority` are syslog's.  `maxsize` is bytes, 0 for
    no limit.
    """

    engine: str
    where: str = ""
    name: str = ""
    prefix: str = ""
    ident: str = ""
    priority: int = 0
    backupname: str = ""
    maxsize: int = 0

    def __str__(self) -> str:
        return f"{self.engine}:{self.where}" if self.where else self.engine


def parse_logger(text: str) -> Logger:
    """The logger that `text` names.  Raises ValueError with what was expected."""
    named = _NAMED.fullmatch(text)
    name, value = named.groups() if named else ("", text)
    engine, _, rest = value.partition(":")
    read = _ENGINES.get(engine)
    if read is None:
        raise ValueError(
            "file:PATH, stdio, syslog[:IDENT[,FACILITY]], rsyslog:HOST:PORT[,IDENT], socket:ADDRESS[,PREFIX] or fd:N"
        )
    return read(rest)._replace(name=name)


def _file(rest: str) -> Logger:
    """`file:PATH`, or `file:logfile=PATH,maxsize=BYTES,backupname=PATH`."""
    if not rest.startswith(tuple(f"{key}=" for key in _FILE_KEYS)):
        if not rest:
            raise ValueError("file:PATH")
        return Logger("file", rest)
    given = dict(part.partition("=")[::2] for part in rest.split(","))
    maxsize = leading_number(given.get("maxsize", "0"))
    if not given.get("logfile") or maxsize is None or maxsize < 0 or given.keys() - set(_FILE_KEYS):
        raise ValueError("file:logfile=PATH,maxsize=BYTES,backupname=PATH")
    return Logger("file", given["logfile"], backupname=given.get("backupname", ""), maxsize=maxsize)


def _stdio(_rest: str) -> Logger:
    return Logger("stdio")


def _syslog(rest: str) -> Logger:
    ident, _, facility = rest.partition(",")
    if facility and facility not in FACILITIES:
        raise ValueError(f"syslog[:IDENT[,FACILITY]] with a facility of {', '.join(FACILITIES)}")
    return Logger("syslog", ident=ident or IDENT, priority=FACILITIES[facility or "daemon"] << 3 | INFO)


def _rsyslog(rest: str) -> Logger:
    where, _, ident = rest.partition(",")
    if where and ":" not in where:
        where = f"{where}:{SYSLOG_PORT}"
    if not re.fullmatch(_ENDPOINT, where):
        raise ValueError("rsyslog:HOST:PORT[,IDENT]")
    return Logger("rsyslog", where, ident=ident, priority=FACILITIES["daemon"] << 3 | NOTICE)


def _socket(rest: str) -> Logger:
    where, _, prefix = rest.partition(",")
    if not where or (":" in where and where[0] not in "/@." and not re.fullmatch(_ENDPOINT, where)):
        raise ValueError("socket:HOST:PORT[,PREFIX] or socket:PATH[,PREFIX]")
    return Logger("socket", where, prefix=prefix)


def _fd(rest: str) -> Logger:
    if not re.fullmatch("[0-9]{1,7}", rest):
        raise ValueError("fd:N with the number of a descriptor that the server is started with")
    return Logger("fd", rest)


_ENGINES: dict[str, Callable[[str], Logger]] = {
    "file": _file,
    "stdio": _stdio,
    "syslog": _syslog,
    "rsyslog": _rsyslog,
    "socket": _socket,
    "fd": _fd,
}


class Loggers(Kind[tuple[Logger, ...]]):
    """Loggers that add up, one for each time the option is given."""

    accumulates = True

    def __init__(self) -> None:
        super().__init__("LOGGER", "file:PATH, stdio, syslog, rsyslog:HOST:PORT, socket:ADDRESS or fd:N")

    def parse(self, text: str | None) -> tuple[Logger, ...]:
        if not text:
            raise MismatchError(self.expected)
        try:
            return (parse_logger(text),)
        except ValueError as error:
            raise MismatchError(str(error)) from None

    def combine(self, values: Sequence[tuple[Logger, ...]]) -> tuple[Logger, ...]:
        return tuple(logger for value in values for logger in value)
