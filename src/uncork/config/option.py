"""What one supported option is, and how groups of them are declared: a class, and a field for each option.

Runs in: the process that reads the configuration.  Everything that is known about an option stands in its
declaration; argv, files, environment, `--help` and the reference page are derived from it.
"""

from keyword import iskeyword
from typing import Any, NamedTuple, TypeVar, cast, dataclass_transform

from uncork.config.kinds import Kind

T = TypeVar("T")
C = TypeVar("C", bound=type)


class Option(NamedTuple):
    """One option: `names[0]` is canonical, the others are aliases; `short` and `unit` may be "".

    `own` marks a name that uWSGI does not have, `implies_master` an option that only a master can serve.  One that does
    not `act` is read and checked like any other, and a start with it warns by name.
    """

    names: tuple[str, ...]
    short: str
    kind: Kind[object]
    default: object
    unit: str
    help: str
    implies_master: bool
    own: bool
    acts: bool

    @property
    def name(self) -> str:
        """The canonical name, as in `chmod-socket`."""
        return self.names[0]

    @property
    def field_name(self) -> str:
        """The name of the field in its group, as in `chmod_socket`; a word of Python's gets a `_` behind it."""
        name = self.names[0].replace("-", "_")
        return f"{name}_" if iskeyword(name) else name


def option(
    *names: str,
    kind: Kind[T],
    default: T,
    help: str,  # noqa: A002 - the word of argparse and click for exactly this
    short: str = "",
    unit: str = "",
    implies_master: bool = False,
    own: bool = False,
    acts: bool = True,
) -> T:
    """A field of a group that declares an option: see `Option` for the arguments."""
    # For the type checker the field is the value; `group` takes the declaration away and leaves the default.
    return cast("T", Option(names, short, kind, default, unit, help, implies_master, own, acts))


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(option,))
def group(cls: C) -> C:
    """Make a class a group of options: frozen values, made with keywords, equal if all their options are.

    What `dataclass` would make of it, without the code that it writes and compiles for every class: there are hundreds
    of options, and every start would pay for them.
    """
    declared = {name: value for name, value in vars(cls).items() if isinstance(value, Option)}
    for name, one in declared.items():
        setattr(cls, name, one.default)
    methods = (("__init__", _init), ("__setattr__", _frozen), ("__delattr__", _frozen), ("__eq__", _equal))
    for name, method in (*methods, ("__hash__", _hash), ("__repr__", _represent)):
        setattr(cls, name, method)
    cast("Any", cls).options = tuple(declared.values())
    return cls


def options_of(cls: type) -> tuple[Option, ...]:
    """The options of a group, in the order of their declaration."""
    options: tuple[Option, ...] = cls.__dict__["options"]
    return options


def replaced(values: T, **changes: object) -> T:
    """A group with other values for some of its options."""
    make: Any = type(values)
    return cast("T", make(**{**vars(values), **changes}))


def _init(self: Any, **values: object) -> None:
    for name, value in values.items():
        if not hasattr(self, name):
            raise TypeError(f"{type(self).__name__} has no option {name}")
        self.__dict__[name] = value


def _frozen(self: Any, name: str, _value: object = None) -> None:
    raise AttributeError(f"{type(self).__name__}.{name} cannot be changed")


def _values(self: Any) -> tuple[object, ...]:
    return tuple(getattr(self, option.field_name) for option in options_of(type(self)))


def _equal(self: Any, other: Any) -> bool:
    return type(self) is type(other) and _values(self) == _values(other)


def _hash(self: Any) -> int:
    return hash(_values(self))


def _represent(self: Any) -> str:
    """Only what differs from its default."""
    given = ", ".join(f"{name}={value!r}" for name, value in self.__dict__.items())
    return f"{type(self).__name__}({given})"
