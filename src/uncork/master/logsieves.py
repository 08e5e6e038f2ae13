"""From options to the sieves for lines of the log.

Runs in: master.  What sieves do is in `logroute`, and in `logencode`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from uncork.config.logrules import Encoder, Rule
from uncork.config.options.logging import Logging
from uncork.config.settings import Settings
from uncork.config.table import BY_NAME
from uncork.master.logencode import Encode, chain
from uncork.master.logflow import Outlet
from uncork.master.logroute import Expression, Sieve
from uncork.system.timelimit import TimeLimit

# The options of `Logging` that are rules for lines, and take effect at a reload.
RULES = ("log_drain", "log_filter", "log_route", "log_req_route", "log_encoder", "log_req_encoder")

# Destinations by the name of their logger.
Named = Mapping[str, Sequence[Outlet]]


class AlarmRule(NamedTuple):
    """A matching line raises the alarms `names`; none at all means that it raises none of the rules behind, either."""

    names: tuple[str, ...]
    pattern: str


def alarm_rules(settings: Settings) -> tuple[AlarmRule, ...]:
    """log-alarm and not-log-alarm together, in the order in which they were given: it counts."""
    raising, skipping = iter(settings.alarms.log_alarm), iter(settings.alarms.not_log_alarm)
    found = []
    for entry in settings.entries:
        if entry.placeholder:
            continue
        if entry.name in BY_NAME["log-alarm"].option.names:
            found += [AlarmRule(rule.names, rule.pattern) for rule in _next(raising)]
        elif entry.name in BY_NAME["not-log-alarm"].option.names:
            found += [AlarmRule((), rule.pattern) for rule in _next(skipping)]
    return tuple(found)


def _next(rules: Iterator[Rule]) -> list[Rule]:
    rule = next(rules, None)
    return [] if rule is None else [rule]


def asks_for_relay(logging: Logging, alarms: Sequence[AlarmRule]) -> bool:
    """Whether some option has the master carry the log (uWSGI: UWSGI_OPT_LOG_MASTER)."""
    # Loggers that all have a name leave the rest of the lines where they went before.
    return bool(logging.log_master or logging.logger or alarms or any(getattr(logging, name) for name in RULES))


def sieve_for_log(
    logging: Logging,
    alarms: Sequence[AlarmRule],
    named: Named,
    limit: TimeLimit,
    complain: Callable[[str], None],
) -> Sieve[Outlet] | None:
    """The rules for the log; None where there are none.  `limit` and `complain` as in Sieve."""
    if not (alarms or logging.log_drain or logging.log_filter or logging.log_route):
        return None
    return Sieve(
        [(Expression("log-alarm", rule.pattern), rule.names) for rule in alarms],
        [Expression("log-drain", pattern) for pattern in logging.log_drain],
        [Expression("log-filter", pattern) for pattern in logging.log_filter],
        _routes("log-route", logging.log_route, named),
        limit,
        complain,
    )


def sieve_for_requests(
    logging: Logging, named: Named, limit: TimeLimit, complain: Callable[[str], None]
) -> Sieve[Outlet] | None:
    """The rules for lines of requests that go their own way; None where there are none."""
    rules = logging.log_req_route
    return Sieve([], [], [], _routes("log-req-route", rules, named), limit, complain) if rules else None


def _routes(option: str, rules: Sequence[Rule], named: Named) -> list[tuple[Expression, Sequence[Outlet]]]:
    # A rule for a logger that there is not is none, as in uWSGI.
    return [(Expression(option, rule.pattern), named.get(rule.names[0], ())) for rule in rules]


def encodes(encoders: Sequence[Encoder], outlets: Sequence[Outlet], named: Named) -> dict[Outlet, Encode]:
    """The destinations whose lines change their form, and how."""
    names = {outlet: name for name, same in named.items() for outlet in same}
    made = {outlet: chain(encoders, names.get(outlet, "")) for outlet in outlets}
    return {outlet: encode for outlet, encode in made.items() if encode is not None}
