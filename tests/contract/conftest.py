"""The fixture `door`: a test that asks for it runs at each door; not at the oracle if it is marked `differs`, and not
where HTTP is spoken if it is marked `uwsgi`.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

import pytest

from contract.doors import DIFFERS, DOORS, ORACLE, Door, opened
from harness.server import uwsgi_program

# What a server is started with unless a test's marker `serves` says otherwise.
SHARED_ARGV = ("--module", "contract:application")

# The real uWSGI is not built for every Python; where it is missing, the report says so.
needs_uwsgi = pytest.mark.skipif(not os.access(uwsgi_program()[0], os.X_OK), reason="the pyuwsgi package is missing")


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers."""
    config.addinivalue_line("markers", "differs(topic): not what uWSGI does; contract.doors.DIFFERS says how")
    config.addinivalue_line("markers", "uwsgi: about the uwsgi protocol, and so nothing that holds for HTTP")
    config.addinivalue_line("markers", "serves(*argv): the server's command line, beside what its door takes")


@cache
def start(name: str, argv: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """The parameter of the fixture `door`: one object for one server, by which pytest knows that it runs already."""
    return name, argv


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a test with a `door` its doors; the tests of a module run at one door after the other."""
    if "door" not in metafunc.fixturenames:
        return
    differs = metafunc.definition.get_closest_marker("differs")
    serves = metafunc.definition.get_closest_marker("serves")
    uwsgi_only = metafunc.definition.get_closest_marker("uwsgi") is not None
    assert differs is None or differs.args[0] in DIFFERS, f"{metafunc.definition.nodeid}: no such topic"
    argv = SHARED_ARGV if serves is None else serves.args
    doors = [
        pytest.param(start(name, argv), id=name, marks=[needs_uwsgi] if name == ORACLE else [])
        for name in DOORS
        if (differs is None or name != ORACLE) and not (uwsgi_only and name.startswith("http"))
    ]
    metafunc.parametrize("door", doors, indirect=True, scope="module")


@contextmanager
def judged(name: str, argv: tuple[str, ...], run: Path) -> Iterator[Door]:
    """A running server, of which the validator has nothing to say in the end."""
    with opened(name, argv, run) as door:
        yield door
        log = door.server.text()
        assert "AssertionError" not in log
        assert "garbage collected without being closed" not in log


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Door]]:
    """The servers that most tests share, started when they are first wanted."""
    with ExitStack() as stack:

        @cache
        def get(name: str) -> Door:
            return stack.enter_context(judged(name, SHARED_ARGV, tmp_path_factory.mktemp(name)))

        yield get


@pytest.fixture(scope="module")
def door(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, shared: Callable[[str], Door]
) -> Iterator[Door]:
    """A running server at one door."""
    name, argv = request.param
    if argv == SHARED_ARGV:
        yield shared(name)
    else:
        with judged(name, argv, tmp_path_factory.mktemp(name)) as door:
            yield door
