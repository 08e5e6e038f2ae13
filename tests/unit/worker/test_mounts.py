"""Which application serves which path."""

from typing import Any

import pytest

from uncork.protocol.uwsgi import MODIFIER_STRIP_SCRIPT_NAME, MODIFIER_WSGI
from uncork.worker.mounts import NO_APP, App, Mounts
from uncork.wsgi.environ import Environ


def nobody(environ: Environ, start_response: Any) -> list[bytes]:
    """An application that is never called here."""
    raise AssertionError


def mounts(mountpoints: list[str], manage: bool) -> Mounts:
    """A table of applications, numbered in this order."""
    return Mounts([App(number, mountpoint, nobody, 0) for number, mountpoint in enumerate(mountpoints)], manage)


@pytest.mark.parametrize(
    ("mountpoints", "path", "expected"),
    [
        ([""], "/x", (0, None, "/x")),
        (["", "/bbb"], "/bbb/x", (1, "/bbb", "/x")),
        (["", "/bbb"], "/bbb/", (1, "/bbb", "/")),
        (["", "/bbb"], "/bbb", (1, "/bbb", "")),
        (["", "/bbb"], "/bbbb/x", (0, None, "/bbbb/x")),
        (["", "/bbb"], "/b", (0, None, "/b")),
        (["", "/bbb"], "/BBB/x", (0, None, "/BBB/x")),
        (["", "/bbb"], "", (0, None, "")),
        (["", "/a", "/a/b"], "/a/b/c", (2, "/a/b", "/c")),
        (["", "/a/b", "/a"], "/a/b/c", (1, "/a/b", "/c")),
        (["", "/a", "/a/b"], "/a/bc", (1, "/a", "/bc")),
        (["", "/a", "/a/b"], "/ab", (0, None, "/ab")),
        (["/bbb"], "/bbb/x", (0, "/bbb", "/x")),
        (["/bbb"], "/x", (NO_APP, None, "/x")),
        (["/bbb"], "/", (NO_APP, None, "/")),
        ([], "/", (NO_APP, None, "/")),
    ],
)
def test_manage_script_name_moves_the_mount_point_out_of_the_path(
    mountpoints: list[str], path: str, expected: tuple[int, str | None, str]
) -> None:
    """The longest mount point that ends at a slash of the path wins; SCRIPT_NAME is it, PATH_INFO the rest."""
    environ: Environ = {"PATH_INFO": path}

    number = mounts(mountpoints, True).route(environ, MODIFIER_WSGI)

    assert (number, environ.get("SCRIPT_NAME"), environ["PATH_INFO"]) == expected


@pytest.mark.parametrize(
    ("mountpoints", "script_name", "expected"),
    [
        (["", "/bbb"], "/bbb", 1),
        (["", "/bbb"], "/bbb/", 0),
        (["", "/bbb"], "/bb", 0),
        (["", "/bbb"], "", 0),
        (["", "/bbb"], None, 0),
        (["/bbb"], "/bbb", 0),
        (["/bbb"], "/other", NO_APP),
        (["/bbb"], None, NO_APP),
    ],
)
def test_without_manage_script_name_the_peers_script_name_decides(
    mountpoints: list[str], script_name: str | None, expected: int
) -> None:
    """SCRIPT_NAME must be a mount point exactly; the path is left as it is (uWSGI's uwsgi_get_app_id)."""
    environ: Environ = {"PATH_INFO": "/bbb/x"}
    if script_name is not None:
        environ["SCRIPT_NAME"] = script_name
    before = dict(environ)

    assert mounts(mountpoints, False).route(environ, MODIFIER_WSGI) == expected
    assert environ == before


@pytest.mark.parametrize("manage", [False, True])
def test_modifier_30_strips_script_name_from_the_path(manage: bool) -> None:
    """`uwsgi_modifier1 30` in nginx sends the whole path beside SCRIPT_NAME; the default application serves it."""
    environ: Environ = {"SCRIPT_NAME": "/bbb", "PATH_INFO": "/bbb/x"}

    assert mounts([""], manage).route(environ, MODIFIER_STRIP_SCRIPT_NAME) == 0
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("/bbb", "/x")


@pytest.mark.parametrize("manage", [False, True])
def test_modifier_30_finds_a_mounted_application(manage: bool) -> None:
    """Whether the mount point or SCRIPT_NAME decides, the prefix leaves the path once and only once."""
    environ: Environ = {"SCRIPT_NAME": "/bbb", "PATH_INFO": "/bbb/bbb/x"}

    assert mounts(["", "/bbb"], manage).route(environ, MODIFIER_STRIP_SCRIPT_NAME) == 1
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("/bbb", "/bbb/x")


def test_modifier_30_with_a_slash_behind_script_name_finds_the_mount() -> None:
    """`/bbb/` and `/bbb` mean the same prefix."""
    environ: Environ = {"SCRIPT_NAME": "/bbb/", "PATH_INFO": "/bbb/x"}

    assert mounts(["", "/bbb"], False).route(environ, MODIFIER_STRIP_SCRIPT_NAME) == 1


def test_plain_requests_are_not_stripped() -> None:
    """Without modifier 30 and manage-script-name PATH_INFO is what the peer says."""
    environ: Environ = {"SCRIPT_NAME": "/bbb", "PATH_INFO": "/bbb/x"}

    assert mounts([""], False).route(environ, MODIFIER_WSGI) == 0
    assert environ["PATH_INFO"] == "/bbb/x"
