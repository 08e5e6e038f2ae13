"""Where requests come in: the addresses of all options that name one, in the order of the configuration.

Pure.  What the addresses mean is read by `system.address`.
"""

from typing import NamedTuple

from uncork.config.settings import Settings
from uncork.config.table import BY_NAME

# What sockets speak; those of `socket` speak what `protocol` says.
PROTOCOLS = {"socket": "", "http-socket": "http", "http11-socket": "http11", "http": "http"}


class Door(NamedTuple):
    """One address: the option that names it, and what is spoken there, `uwsgi`, `http` or `http11`."""

    option: str
    address: str
    protocol: str


def doors(settings: Settings) -> list[Door]:
    """Every address that takes requests; equal ones as often as they are given."""
    found = []
    for name, protocol in PROTOCOLS.items():
        group, option = BY_NAME[name]
        addresses = getattr(getattr(settings, group), option.field_name)
        found += [Door(name, address, protocol or settings.http.protocol) for address in addresses]
    return found if len({door.option for door in found}) < 2 else _in_order(found, settings)


def _in_order(found: list[Door], settings: Settings) -> list[Door]:
    """As they were given: uWSGI numbers its sockets so, whatever they speak."""
    places: dict[tuple[str, str | None], int] = {}
    for place, entry in enumerate(settings.entries):
        if entry.name in BY_NAME and not entry.placeholder:
            places.setdefault((BY_NAME[entry.name].option.name, entry.value), place)
    return sorted(found, key=lambda door: places.get((door.option, door.address), len(places)))


def protocols(settings: Settings, count: int) -> list[str]:
    """What each of `count` sockets speaks, the first of which are those of `doors`; the others were passed."""
    spoken = [door.protocol for door in doors(settings)]
    return (spoken + [settings.http.protocol] * count)[:count]
