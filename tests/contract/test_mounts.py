"""Several applications in one server: which of them gets a request, and what it takes for its root."""

import pytest

from contract.doors import Door
from harness.uwsgi import variables
from uncork.protocol.uwsgi import encode

MOUNTS = ("--mount", "/a=contract:app_a", "--mount", "/a/deep=contract:app_deep", "--mount", "/b=contract:app_b")
ROOT = ("--module", "contract:app_root")
# Chosen by the path; nobody serves the rest.
by_path = pytest.mark.serves(*MOUNTS, "--manage-script-name")
# Chosen by the path; one application serves the rest.
by_path_with_rest = pytest.mark.serves(*ROOT, *MOUNTS, "--manage-script-name")
# Chosen by the peer's SCRIPT_NAME; one application serves the rest.
by_name = pytest.mark.serves(*ROOT, *MOUNTS)


@by_path
@pytest.mark.parametrize(
    ("path", "app", "script_name", "path_info"),
    [
        ("/a/x", "a", "/a", "/x"),
        ("/a/", "a", "/a", "/"),
        ("/a", "a", "/a", ""),
        ("/b/a/deep", "b", "/b", "/a/deep"),
        ("/a/deep", "deep", "/a/deep", ""),
        ("/a/deep/x/y?q=/b", "deep", "/a/deep", "/x/y"),
        ("/a/deeper", "a", "/a", "/deeper"),
        ("/a/dee", "a", "/a", "/dee"),
    ],
)
def test_mount_by_path(door: Door, path: str, app: str, script_name: str, path_info: str) -> None:
    """manage-script-name: the longest mount point that ends at a `/` of the path serves it and becomes SCRIPT_NAME."""
    assert door.get(path).body.decode() == f"{app} {script_name!r} {path_info!r}"


@by_path
@pytest.mark.differs("no app")
@pytest.mark.parametrize("path", ["/", "/c", "/ab", "/A/x", "//a/x", "/bb/x"])
def test_no_application(door: Door, path: str) -> None:
    """A path that no application serves is answered with 500, which the log explains."""
    mark = door.mark()
    answer = door.get(path)
    assert (answer.status, answer.header("Content-Type")) == ("HTTP/1.1 500 Internal Server Error", "text/plain")
    assert "--- no python application found, check your startup logs for errors ---" in door.log(mark)


@by_path_with_rest
@pytest.mark.parametrize(
    ("path", "app", "script_name", "path_info"),
    [
        ("/", "root", "", "/"),
        ("/ab/x", "root", "", "/ab/x"),
        ("/a/x", "a", "/a", "/x"),
        ("/a/deep/x", "deep", "/a/deep", "/x"),
    ],
)
def test_application_for_the_rest(door: Door, path: str, app: str, script_name: str, path_info: str) -> None:
    """What no mount point serves goes to the application that is not mounted, its path untouched."""
    assert door.get(path).body.decode() == f"{app} {script_name!r} {path_info!r}"


@pytest.mark.uwsgi
@by_name
@pytest.mark.parametrize(
    ("script_name", "path", "answer"),
    [
        ("/a", "/x", "a '/a' '/x'"),
        ("/a/deep", "/x", "deep '/a/deep' '/x'"),
        ("/b", "/b/x", "b '/b' '/b/x'"),
        ("", "/a/x", "root '' '/a/x'"),
        ("/c", "/x", "root '/c' '/x'"),
        ("/a/de", "/x", "root '/a/de' '/x'"),
    ],
)
def test_mount_by_script_name(door: Door, script_name: str, path: str, answer: str) -> None:
    """Without manage-script-name the peer's SCRIPT_NAME chooses, exactly, and the path is left alone."""
    assert door.get(path, SCRIPT_NAME=script_name).body.decode() == answer


STRIPPED = [
    ("/bbb", "/bbb/x", "'/bbb' '/x'"),
    ("/bbb", "/bbb/", "'/bbb' '/'"),
    ("/bbb", "/bbb", "'/bbb' ''"),
    ("/bbb/", "/bbb/x", "'/bbb' '/x'"),
    ("/bbb", "/bbbb/x", "'/bbb' '/bbbb/x'"),
    ("/bbb", "/x/bbb/y", "'/bbb' '/x/bbb/y'"),
    ("/bbb", "/bbb/bbb/x", "'/bbb' '/bbb/x'"),
    ("", "/bbb/x", "'' '/bbb/x'"),
]


@pytest.mark.uwsgi
@by_name
@pytest.mark.differs("modifier 30")
@pytest.mark.parametrize(("script_name", "path", "answer"), STRIPPED)
def test_modifier_30(door: Door, script_name: str, path: str, answer: str) -> None:
    """modifier1 30: SCRIPT_NAME is taken off PATH_INFO where it ends at a `/`, and nowhere else."""
    assert door.exchange(encode(variables(path, SCRIPT_NAME=script_name), 30)).body.decode() == f"root {answer}"
