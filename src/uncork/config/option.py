"""What one supported option is, and the helper that declares it as a dataclass field.

Runs in: the process that reads the configuration.  Everything that is known about an option stands in its
declaration; argv, files, environment, `--help` and the reference page are derived from it.
"""

from dataclasses import field
from typing import NamedTuple, TypeVar

from uncork.config.kinds import Kind

T = TypeVar("T")

METADATA_KEY = "option"


class Option(NamedTuple):
    """One option: `names[0]` is canonical, the others are aliases; `short` and `unit` may be "".

    `own` marks a name that uWSGI does not have, `implies_master` an option that only a master can serve.
    """

    names: tuple[str, ...]
    short: str
    kind: Kind[object]
    default: object
    unit: str
    help: str
    implies_master: bool
    own: bool

    @property
    def name(self) -> str:
        """The canonical name, as in `chmod-socket`."""
        return self.names[0]

    @property
    def field_name(self) -> str:
        """The name of the field in its group, as in `chmod_socket`."""
        return self.names[0].replace("-", "_")


def option(
    *names: str,
    kind: Kind[T],
    default: T,
    help: str,  # noqa: A002 - the word of argparse and click for exactly this
    short: str = "",
    unit: str = "",
    implies_master: bool = False,
    own: bool = False,
) -> T:
    """A dataclass field that declares an option: see `Option` for the arguments."""
    declared = Option(names, short, kind, default, unit, help, implies_master, own)
    return field(default=default, metadata={METADATA_KEY: declared})
