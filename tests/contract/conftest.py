"""The fixture `door`: every test that asks for it runs at each door, and at the oracle unless it is marked `differs`."""

import os
from collections.abc import Iterator

import pytest
from contract.doors import DIFFERS, DOORS, ORACLE, Door, opened
from harness.server import uwsgi_program

# The real uWSGI is not built for every Python; where it is missing, the report says so.
needs_uwsgi = pytest.mark.skipif(not os.access(uwsgi_program()[0], os.X_OK), reason="the pyuwsgi package is missing")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line("markers", "differs(topic): Uncork does this otherwise than uWSGI; see contract.doors.DIFFERS")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run tests with a `door` at every door; those of a module at one door after the other."""
    if "door" not in metafunc.fixturenames:
        return
    marker = metafunc.definition.get_closest_marker("differs")
    assert marker is None or marker.args[0] in DIFFERS, f"{metafunc.definition.nodeid}: no such topic"
    doors = [
        pytest.param(name, marks=needs_uwsgi) if name == ORACLE else name
        for name in DOORS
        if marker is None or name != ORACLE
    ]
    metafunc.parametrize("door", doors, indirect=True, scope="module")


@pytest.fixture(scope="module")
def door(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """A server with the options OPTIONS of the module, if it has some, at one door."""
    options: tuple[str, ...] = getattr(request.module, "OPTIONS", ())
    with opened(request.param, tmp_path_factory.mktemp(request.param), *options) as door:
        yield door
        log = door.server.text()
        # What wsgiref.validate found wrong with the server.
        assert "AssertionError" not in log
        assert "garbage collected without being closed" not in log
