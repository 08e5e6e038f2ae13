"""Options of the log: where it goes, which requests it names, and how a line looks.

Runs in: the process that reads the configuration.
"""

from collections.abc import Iterator

from uncork.config.kinds import FLAG, NEEDED_PATH, PATH, Kind, MismatchError, Text
from uncork.config.logger import Logger, Loggers
from uncork.config.logrules import ENCODERS_KIND, REGEXPS, ROUTES, Encoder, Rule
from uncork.config.option import group, option
from uncork.config.quantities import IN_BYTES, IN_MILLISECONDS, LONG_MAX, Integer, Limit

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


class RequiredFlag(Kind[bool]):
    """A flag that uWSGI's table gives an argument."""

    def __init__(self) -> None:
        super().__init__("BOOL", "true or false")

    def parse(self, text: str | None) -> bool:
        return FLAG.parse(text)

    def remark(self, text: str | None) -> str:
        return FLAG.remark(text)


class FileMode(Kind[int]):
    """File permission bits, three octal digits (uwsgi_opt_logfile_chmod)."""

    def __init__(self) -> None:
        super().__init__("MODE", "three octal digits like 640")

    def parse(self, text: str | None) -> int:
        if not text or len(text) != 3 or not set(text) <= set("01234567"):
            raise MismatchError(self.expected)
        return int(text, 8)


@group
class Logging:
    """The server's log and the request log, which share one place."""

    logto: str | None = option(
        "logto",
        kind=NEEDED_PATH,
        default=None,
        help="log to this file instead of standard error; a relative path counts from where the server starts",
    )
    logto2: str | None = option(
        "logto2",
        kind=NEEDED_PATH,
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
        kind=Limit(maximum=LONG_MAX, scale=IN_BYTES, unsigned=True),
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
    log_drain: tuple[str, ...] = option(
        "log-drain",
        kind=REGEXPS,
        default=(),
        help="leave out of the log each line that matches the expression",
        implies_master=True,
    )
    log_filter: tuple[str, ...] = option(
        "log-filter",
        kind=REGEXPS,
        default=(),
        help="leave out of the log each line that matches none of these expressions",
        implies_master=True,
    )
    log_route: tuple[Rule, ...] = option(
        "log-route",
        kind=ROUTES,
        default=(),
        help="send lines that match the expression to the logger of this name, and to no other",
        implies_master=True,
    )
    log_req_route: tuple[Rule, ...] = option(
        "log-req-route",
        kind=ROUTES,
        default=(),
        help="the same for the lines of requests; the logger may be one of logger or of req-logger",
    )
    log_encoder: tuple[Encoder, ...] = option(
        "log-encoder",
        kind=ENCODERS_KIND,
        default=(),
        help="change each line of the log: prefix TEXT, suffix TEXT, nl, format FORM or json FORM, with ${msg}, "
        "${msgnl}, ${unix}, ${micros} and ${strftime:FORM}; ENCODER:NAME is for one logger",
        implies_master=True,
    )
    log_req_encoder: tuple[Encoder, ...] = option(
        "log-req-encoder",
        kind=ENCODERS_KIND,
        default=(),
        help="the same for the lines of requests that a req-logger gets",
        implies_master=True,
    )
    log_reopen: bool = option(
        "log-reopen",
        kind=FLAG,
        default=False,
        help="open log files by their names again at each reload",
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
    log_slow: int = option(
        "log-slow",
        kind=Integer(scale=IN_MILLISECONDS),
        default=0,
        unit="milliseconds",
        help="log requests that take this long or longer, 0 for none, whatever disable-logging says",
    )
    log_big: int = option(
        "log-big",
        kind=Integer(maximum=LONG_MAX, scale=IN_BYTES, unsigned=True),
        default=0,
        unit="bytes",
        help="log answers of this size or larger, 0 for none, whatever disable-logging says",
    )
    log_sendfile: bool = option(
        "log-sendfile",
        kind=RequiredFlag(),
        default=False,
        help="log requests answered by sendfile, whatever disable-logging says",
    )
    log_ioerror: bool = option(
        "log-ioerror",
        kind=RequiredFlag(),
        default=False,
        help="log requests whose client could not be read from or written to, whatever disable-logging says",
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
    logformat_strftime: bool = option(
        "logformat-strftime",
        "log-format-strftime",
        kind=FLAG,
        default=False,
        # As measured with uWSGI 2.0.30, whose line keeps its %Y.
        help="changes nothing, as in uWSGI: %(ltime), %(ctime) and %(time) of log-format are the time",
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


def warnings(logging: Logging) -> Iterator[str]:
    """What of these options does nothing, and why: uWSGI starts with it all the same."""
    known = {logger.name for logger in (*logging.logger, *logging.req_logger)}
    for name, rules in (("log-route", logging.log_route), ("log-req-route", logging.log_req_route)):
        for rule in rules:
            if rule.names[0] not in known:
                yield f"{name} = {rule.names[0]} leads nowhere: no logger has this name"
