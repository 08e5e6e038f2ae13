"""Options of the log: where it goes, which requests it names, and how a line looks."""

from dataclasses import dataclass

from uncork.config.kinds import FLAG, LONG_MAX, PATH, Integer, Text
from uncork.config.option import option


@dataclass(frozen=True, slots=True)
class Logging:
    """The server's log and the request log, which share one place."""

    logto: str | None = option(
        "logto",
        kind=PATH,
        default=None,
        help="log to this file instead of standard error; a relative path counts from where the server starts",
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
