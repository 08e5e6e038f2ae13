"""All of uWSGI's names, and what an abbreviation or a slip of the finger stands for."""

import pytest

from uncork.config.names import (
    argument_of_long,
    complete,
    is_immediate,
    is_known,
    long_of_short,
    uwsgi_name,
    uwsgi_names,
)


def test_list_is_complete() -> None:
    """The list has every name of uWSGI's tables (two of its 1,263 rows repeat one)."""
    assert len(uwsgi_names()) == 1261
    assert all(uwsgi_name(name) for name in uwsgi_names())


@pytest.mark.parametrize(
    ("prefix", "names"),
    [
        ("callab", ["callable"]),
        ("process", ["processes"]),
        ("master", ["master"]),
        ("socket", ["socket"]),
        ("stats", ["stats"]),
        ("mast", ["master", "master-fifo", "master-as-root"]),
        ("nosuch", []),
        # Names of our own: exact, or where no name of uWSGI begins so.
        ("allow-from", ["allow-from"]),
        ("allow-", ["allow-from"]),
        ("allow", ["allowed-modifiers"]),
        ("stats-u", ["stats-unsafe-vars"]),
    ],
)
def test_complete(prefix: str, names: list[str]) -> None:
    """A prefix means what it means to getopt_long with all of uWSGI's options."""
    assert complete(prefix) == names


def test_own_names_make_nothing_ambiguous() -> None:
    """`--stats-` offers what uWSGI offers, without our own."""
    assert "stats-unsafe-vars" not in complete("stats-")
    assert len(complete("stats-")) > 1


@pytest.mark.parametrize(
    ("letter", "name"),
    [
        ("s", "socket"),
        ("p", "processes"),
        ("w", "module"),
        ("H", "home"),
        ("t", "harakiri"),
        ("h", "help"),
        ("Z", None),
    ],
)
def test_long_of_short(letter: str, name: str | None) -> None:
    """A letter stands for its option, supported or not."""
    assert long_of_short(letter) == name


def test_facts_of_one_name() -> None:
    """Flags and arguments are read from the list."""
    assert is_immediate("listen")
    assert not is_immediate("socket")
    assert not is_immediate("allow-from")
    assert is_known("allow-from")
    assert is_known("harakiri")
    assert not is_known("harakari")
    assert argument_of_long("need-app") == "optional"
    assert argument_of_long("chmod-socket") == "optional"
    with pytest.raises(KeyError):
        argument_of_long("harakari")
