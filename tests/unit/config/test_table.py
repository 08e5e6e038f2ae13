"""The option table agrees with itself, with `Settings` and with uWSGI's tables."""

from collections import Counter
from dataclasses import fields

import pytest

from uncork.config.names import uwsgi_name, uwsgi_names
from uncork.config.settings import Settings
from uncork.config.table import GROUPS, OPTIONS, Declared

OF_UWSGI = [declared for declared in OPTIONS if not declared.option.own]


def name_of(declared: Declared) -> str:
    """The identifier of a test."""
    return declared.option.name


def test_groups_are_the_fields_of_settings() -> None:
    """Every group of the table is a field of `Settings`, and there is no other group."""
    defaults = Settings()
    groups = {field.name: type(getattr(defaults, field.name)) for field in fields(Settings) if field.name != "entries"}
    assert groups == GROUPS


def test_no_name_is_declared_twice() -> None:
    """A name and a short letter belong to one option."""
    names = Counter(name for _, option in OPTIONS for name in option.names)
    shorts = Counter(option.short for _, option in OPTIONS if option.short)
    assert set(names.values()) == {1}
    assert set(shorts.values()) == {1}


@pytest.mark.parametrize("declared", OPTIONS, ids=name_of)
def test_field_is_named_like_its_option(declared: Declared) -> None:
    """An option is found in its group under its canonical name, and starts with its default."""
    group = GROUPS[declared.group]()
    assert getattr(group, declared.option.field_name) == declared.option.default
    assert not declared.option.help.endswith(".")


@pytest.mark.parametrize("declared", OF_UWSGI, ids=name_of)
def test_facts_are_those_of_uwsgi(declared: Declared) -> None:
    """Name, short letter, argument and whether a master is implied are the same as in uWSGI, for every alias."""
    option = declared.option
    for name in option.names:
        known = uwsgi_name(name)
        assert known is not None
        assert known.argument == option.kind.argument
        assert known.implies_master == option.implies_master
        assert known.short in ("", option.short)
    first = uwsgi_name(option.name)
    assert first is not None
    assert first.short == option.short


@pytest.mark.parametrize("declared", OF_UWSGI, ids=name_of)
def test_all_aliases_are_declared(declared: Declared) -> None:
    """What uWSGI treats as the same option is the same option here."""
    names = set(declared.option.names)
    for name in uwsgi_names():
        known = uwsgi_name(name)
        assert known is not None
        if name in names and known.alias_of:
            assert known.alias_of in names
        if known.alias_of in names:
            assert name in names


@pytest.mark.parametrize("declared", [declared for declared in OPTIONS if declared.option.own], ids=name_of)
def test_own_names_are_not_names_of_uwsgi(declared: Declared) -> None:
    """A name of our own takes none away from uWSGI."""
    assert not uwsgi_names() & set(declared.option.names)
