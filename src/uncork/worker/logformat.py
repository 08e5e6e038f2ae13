"""`logformat`: uWSGI's %(variables) for a request line of one's own.

Runs in: worker.  The format is taken apart once; every variable is one row of a table (core/logging.c).  Unknown or
empty ones become `-`.
"""

import re
import time
from collections.abc import Callable

from uncork.system.process import memory_usage
from uncork.worker.requestlog import Exchange

Getter = Callable[[Exchange], str]


def _var(name: str) -> Getter:
    return lambda exchange: str(exchange.environ.get(name, ""))


def _apache_time(exchange: Exchange) -> str:
    return time.strftime("%d/%b/%Y:%H:%M:%S %z", time.localtime(exchange.started))


VARIABLES: dict[str, Getter] = {
    "uri": _var("REQUEST_URI"),
    "method": _var("REQUEST_METHOD"),
    "user": _var("REMOTE_USER"),
    "addr": _var("REMOTE_ADDR"),
    "host": _var("HTTP_HOST"),
    "uagent": _var("HTTP_USER_AGENT"),
    "referer": _var("HTTP_REFERER"),
    "cl": lambda x: str(x.environ.get("CONTENT_LENGTH") or 0),
    "proto": lambda x: x.protocol,
    "status": lambda x: x.status,
    "rsize": lambda x: str(x.body_size),
    "hsize": lambda x: str(x.head_size),
    "size": lambda x: str(x.head_size + x.body_size),
    "headers": lambda x: str(x.headers),
    "micros": lambda x: str(x.duration),
    "msecs": lambda x: str(x.duration // 1000),
    "secs": lambda x: f"{x.duration / 1_000_000:.6f}",
    "time": lambda x: str(int(x.started)),
    "tmsecs": lambda x: str(int(x.started * 1000)),
    "tmicros": lambda x: str(int(x.started * 1_000_000)),
    "ctime": lambda x: time.ctime(x.started),
    "ltime": _apache_time,
    "ftime": _apache_time,
    "epoch": lambda _: str(int(time.time())),
    "pid": lambda x: str(x.pid),
    "wid": lambda x: str(x.wid),
    "core": lambda x: str(x.core),
    "switches": lambda _: "1",
    "vars": lambda x: str(x.vars),
    "pktsize": lambda x: str(x.packet_size),
    "modifier1": lambda x: str(x.modifier1),
    "modifier2": lambda x: str(x.modifier2),
    "rss": lambda _: str(memory_usage()[0]),
    "vsz": lambda _: str(memory_usage()[1]),
    "rssM": lambda _: str(memory_usage()[0] >> 20),
    "vszM": lambda _: str(memory_usage()[1] >> 20),
    "werr": lambda x: str(int(x.write_error)),
    "rerr": lambda x: str(int(x.read_error)),
    "ioerr": lambda x: str(int(x.write_error) + int(x.read_error)),
}

_VARIABLE = re.compile(r"%\(([^)]*)\)")


def compile_format(text: str) -> Callable[[Exchange], str]:
    """A function from a finished request to its line."""
    # re.split with one group alternates literal text and variable names.
    pieces = _VARIABLE.split(text)
    literals, getters = pieces[::2], [_getter(name) for name in pieces[1::2]]

    def line(exchange: Exchange) -> str:
        values = [getter(exchange) or "-" for getter in getters]
        return literals[0] + "".join(value + literal for value, literal in zip(values, literals[1:], strict=True))

    return line


def _getter(name: str) -> Getter:
    if name.startswith("var."):
        return _var(name.removeprefix("var."))
    return VARIABLES.get(name, lambda _: "")
