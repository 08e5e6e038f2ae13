"""Options of alarms: who is told when something goes wrong.

Runs in: the process that reads the configuration.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from uncork.config.kinds import FLAG, Kind, MismatchError, TextList
from uncork.config.logrules import LOG_ALARMS, Rule
from uncork.config.option import group, option
from uncork.config.options.logging import RequiredFlag
from uncork.config.quantities import IN_BYTES, SECONDS, Integer

# The largest message that is worth anybody's time; what is longer is cut off.
LARGEST_MESSAGE = 2**20
# What goes to a URL, and how; the other keys of uWSGI's module are for mail.
CURL_KEYS = frozenset({"url", "method", "timeout", "conn_timeout"})

# Why an alarm that uWSGI knows, or that is often built for it, is raised in vain here.
_SILENT: Mapping[str, str] = {
    "signal": "there are no uwsgi signals: use cmd:COMMAND",
    "mule": "no message reaches a mule from here: use cmd:COMMAND",
    "xmpp": "no XMPP is spoken: use cmd:COMMAND with a program that does",
    "jabber": "no XMPP is spoken: use cmd:COMMAND with a program that does",
    "speech": "there is no speech: use cmd:COMMAND with a program that speaks",
}
MODULES = ("cmd", "curl", "log")


class Alarm(NamedTuple):
    """Somebody who is told: `module` says how, `argument` whom."""

    name: str
    module: str
    argument: str

    @property
    def silent(self) -> str:
        """Why nobody is told; "" if somebody is."""
        if self.module == "curl":
            return _not_a_request(self.argument)
        known = f"there is no alarm module {self.module}: use {', '.join(MODULES)}"
        return "" if self.module in MODULES else _SILENT.get(self.module, known)


class Watched(NamedTuple):
    """A descriptor that raises the alarm `name` when it can be read, `size` bytes at a time."""

    name: str
    fd: int
    size: int
    message: str


class AlarmKind(Kind[tuple[Alarm, ...]]):
    """Alarms that add up."""

    accumulates = True

    def __init__(self) -> None:
        super().__init__("ALARM", "NAME cmd:COMMAND, NAME curl:URL or NAME log:TEXT")

    def parse(self, text: str | None) -> tuple[Alarm, ...]:
        name, _, rest = (text or "").partition(" ")
        module, colon, argument = rest.lstrip().partition(":")
        if not name or not module or not colon or (module == "cmd" and not argument.strip()):
            raise MismatchError(self.expected)
        return (Alarm(name, module, argument),)

    def combine(self, values: Sequence[tuple[Alarm, ...]]) -> tuple[Alarm, ...]:
        return tuple(alarm for value in values for alarm in value)


class WatchedKind(Kind[tuple[Watched, ...]]):
    """Descriptors that add up: `NAME FD[:BYTES][ MESSAGE]`."""

    accumulates = True

    def __init__(self) -> None:
        super().__init__("ALARM", "NAME FD, NAME FD:BYTES or NAME FD:BYTES MESSAGE")

    def parse(self, text: str | None) -> tuple[Watched, ...]:
        name, _, rest = (text or "").partition(" ")
        where, _, message = rest.partition(" ")
        fd, colon, size = where.partition(":")
        if not name or not _is_number(fd) or (colon and not (_is_number(size) and int(size))):
            raise MismatchError(self.expected)
        return (Watched(name, int(fd), int(size) if colon else 1, message or "alarm"),)

    def combine(self, values: Sequence[tuple[Watched, ...]]) -> tuple[Watched, ...]:
        return tuple(watched for value in values for watched in value)


NAMES = TextList("NAME", "the name of an alarm")


@group
class Alarms:
    """Alarms and what raises them."""

    alarm: tuple[Alarm, ...] = option(
        "alarm",
        kind=AlarmKind(),
        default=(),
        implies_master=True,
        help="an alarm and what it does: cmd:COMMAND gets the message on its standard input and an environment without "
        "the app's variables, curl:URL as a PUT request, log:TEXT writes it to the log",
    )
    log_alarm: tuple[Rule, ...] = option(
        "log-alarm",
        "alarm-log",
        kind=LOG_ALARMS,
        default=(),
        implies_master=True,
        help="raise these alarms at each line of the log that matches the expression",
    )
    not_log_alarm: tuple[Rule, ...] = option(
        "not-log-alarm",
        "not-alarm-log",
        kind=LOG_ALARMS,
        default=(),
        implies_master=True,
        help="a line that matches the expression raises none of the alarms that are configured below",
    )
    alarm_backlog: tuple[str, ...] = option(
        "alarm-backlog",
        "backlog-alarm",
        "lq-alarm",
        "alarm-lq",
        "alarm-listen-queue",
        "listen-queue-alarm",
        kind=NAMES,
        default=(),
        implies_master=True,
        help="raise this alarm when the listen queue of a socket is full",
    )
    alarm_segfault: tuple[str, ...] = option(
        "alarm-segfault",
        "segfault-alarm",
        kind=NAMES,
        default=(),
        implies_master=True,
        help="raise this alarm when a worker died of a segmentation fault",
    )
    alarm_fd: tuple[Watched, ...] = option(
        "alarm-fd",
        kind=WatchedKind(),
        default=(),
        implies_master=True,
        help="raise an alarm when this descriptor, which the server was started with, can be read",
    )
    # uWSGI's default (core/alarm.c).
    alarm_freq: int = option(
        "alarm-freq",
        kind=SECONDS,
        default=3,
        unit="seconds",
        help="how long an alarm is not raised again with the same message",
    )
    alarm_msg_size: int = option(
        "alarm-msg-size",
        kind=Integer(minimum=1, maximum=LARGEST_MESSAGE, zero=8192, scale=IN_BYTES, cut=True),
        default=8192,
        unit="bytes",
        help="how much of a message is sent",
    )
    alarm_cheap: bool = option(
        "alarm-cheap",
        kind=RequiredFlag(),
        default=False,
        help="changes nothing: no alarm has a thread of its own",
    )
    alarm_list: bool = option(
        "alarm-list",
        "alarms-list",
        kind=FLAG,
        default=False,
        help="print the modules that an alarm can have",
    )


def warnings(alarms: Alarms) -> Iterator[str]:
    """What of these options does nothing, and why: uWSGI starts with it all the same."""
    for alarm in alarms.alarm:
        if alarm.silent:
            # The argument may hold a password.
            yield f"alarm = {alarm.name} {alarm.module}:... raises nothing: {alarm.silent}"
    known = {alarm.name for alarm in alarms.alarm}
    for field, names in _used(alarms):
        for name in names:
            if name not in known:
                yield f"{field} = {name} raises nothing: there is no such alarm (alarm = {name} cmd:COMMAND makes one)"


def _used(alarms: Alarms) -> Iterator[tuple[str, Sequence[str]]]:
    for rule in alarms.log_alarm:
        yield "log-alarm", rule.names
    yield "alarm-backlog", alarms.alarm_backlog
    yield "alarm-segfault", alarms.alarm_segfault
    for watched in alarms.alarm_fd:
        yield "alarm-fd", (watched.name,)


def curl_request(argument: str) -> dict[str, str]:
    """The keys of `curl:URL;method=POST`."""
    url, _, rest = argument.partition(";")
    given = dict(part.partition("=")[::2] for part in rest.split(";") if part)
    return {"url": url, **given}


def _not_a_request(argument: str) -> str:
    request = curl_request(argument)
    if not request["url"].startswith(("http://", "https://")):
        return "only http:// and https:// are spoken: use cmd:COMMAND with mail or curl"
    other = sorted(request.keys() - CURL_KEYS)
    return f"{', '.join(other)}: not understood: use cmd:COMMAND with curl" if other else ""


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 8
