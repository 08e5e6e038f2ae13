"""Options of the log: where it goes, which requests it names, and how a line looks.

Runs in: the process that reads the configuration.
"""

from dataclasses import dataclass

from uncork.config.kinds import FLAG, LONG_MAX, PATH, Integer, Kind, MismatchError, Text
from uncork.config.logger import Logger, Loggers
from uncork.config.option import option

# ctime(3), as strftime(3) writes it.
CTIME = "%a %b %e %H:%M:%S %Y"


class LogDate(Kind[str]):
    """A form of strftime(3); true or no value is that of ctime(3) (uwsgi_opt_log_date), false is none."""

    argument = "optional"

    def __init__(self) -> None:
        super().__init__("FORMAT", "a form of strftime(3)")

    def parse(self, text: str | None) -> str:
        if not text or text.lower() in ("true", "1", "on", "yes"):
            return CTIME
        return text if FLAG.parse(text) else ""


class FileMode(Kind[int]):
    """File permission bits, three octal digits (uwsgi_opt_logfile_chmod)."""

    def __init__(self) -> None:
        super().__init__("MODE", "three octal digits like 640")

    def parse(self, text: str | None) -> int:
        if not text or len(text) != 3 or not set(text) <= set("01234567"):
            raise MismatchError(self.expected)
        return int(text, 8)


@dataclass(frozen=True, slots=True)
class Logging:
    """The server's log and the request log, which share one place."""

    logto: str | None = option(
        "logto",
        kind=PATH,
        default=None,
        help="log to this file instead of standard error; a relative path counts from where the server starts",
    )
    logto2: str | None = option(
        "logto2",
        kind=PATH,
        default=None,
        help="like logto, but opened as the user that the server runs as, once it has become that",
    )
    logfile_chown: bool = option(
        "logfile-chown",
        kind=FLAG,
        default=False,
        help="give log files to the user and the group that uid and gid name",
    )
    logfile_chmod: int | None = option(
        "logfile-chmod",
        kind=FileMode(),
        default=None,
        help="permission bits of log files, such as 640",
    )
    log_truncate: bool = option(
        "log-truncate",
        kind=FLAG,
        default=False,
        help="empty the log file at the start",
    )
    log_maxsize: int | None = option(
        "log-maxsize",
        kind=Integer(minimum=1, maximum=LONG_MAX),
        default=None,
        unit="bytes",
        help="rename the log file and begin another when it is larger, looked at once a second",
        implies_master=True,
    )
    log_backupname: str | None = option(
        "log-backupname",
        kind=PATH,
        default=None,
        help="name that a rotated log file gets, in place of an earlier one; else it is the log's with the time",
    )
    log_date: str | None = option(
        "log-date",
        "logdate",
        "log-prefix",
        kind=LogDate(),
        default=None,
        help="put the time before the server's own lines, as strftime(3) does or, with no value, ctime(3)",
    )
    log_master: bool = option(
        "log-master",
        kind=FLAG,
        default=False,
        help="have all output of the workers written by the master, which no log can block",
        implies_master=True,
    )
    logger: tuple[Logger, ...] = option(
        "logger",
        kind=Loggers(),
        default=(),
        help="where the master writes the log: file:PATH, stdio, syslog[:IDENT[,FACILITY]], rsyslog:HOST:PORT[,IDENT], "
        "socket:ADDRESS[,PREFIX] or fd:N",
        implies_master=True,
    )
    req_logger: tuple[Logger, ...] = option(
        "req-logger",
        "logger-req",
        kind=Loggers(),
        default=(),
        help="where the master writes the lines of requests, in the words of logger; needs a master",
    )
    disable_logging: bool = option(
        "disable-logging",
        short="L",
        kind=FLAG,
        default=False,
        help="log no requests, save those that another log option asks for",
    )
    log_4xx: bool = option(
        "log-4xx",
        kind=FLAG,
        default=False,
        help="log requests answered with a 4xx status, whatever disable-logging says",
    )
    log_5xx: bool = option(
        "log-5xx",
        kind=FLAG,
        default=False,
        help="log requests answered with a 5xx status, whatever disable-logging says",
    )
    log_zero: bool = option(
        "log-zero",
        kind=FLAG,
        default=False,
        help="log answers without a body, whatever disable-logging says",
    )
    log_slow: int | None = option(
        "log-slow",
        kind=Integer(),
        default=None,
        unit="milliseconds",
        help="log requests that take longer, whatever disable-logging says",
    )
    log_big: int | None = option(
        "log-big",
        kind=Integer(maximum=LONG_MAX),
        default=None,
        unit="bytes",
        help="log answers that are larger, whatever disable-logging says",
    )
    log_micros: bool = option(
        "log-micros",
        kind=FLAG,
        default=False,
        help="give times in microseconds and not in milliseconds",
    )
    log_format: str | None = option(
        "log-format",
        "logformat",
        kind=Text("FORMAT", "a line with variables like %(method) %(uri) %(status)"),
        default=None,
        help="form of a request's line, with variables like %(addr), %(method), %(uri) and %(status)",
    )
    log_x_forwarded_for: bool = option(
        "log-x-forwarded-for",
        kind=FLAG,
        default=False,
        help="log the client that X-Forwarded-For names, and not the peer",
    )
    ignore_sigpipe: bool = option(
        "ignore-sigpipe",
        kind=FLAG,
        default=False,
        help="say nothing of clients that went away while their answer was written",
    )
    ignore_write_errors: bool = option(
        "ignore-write-errors",
        kind=FLAG,
        default=False,
        help="say nothing of any failure to write an answer",
    )
