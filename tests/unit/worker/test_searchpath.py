"""Where imports look, and in which order."""

import json
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Python = Callable[[str], str]

PREPARE = """
    import json, os, sys
    from uncork.worker import searchpath
    before = list(sys.path)
    prefix = sys.prefix
    lines = searchpath.prepare({pythonpath!r}, {home!r})
    print(json.dumps({{
        "added": sys.path[: len(sys.path) - len(before)],
        "kept": sys.path[len(sys.path) - len(before) :] == before,
        "lines": lines,
        "prefix": [sys.prefix, sys.exec_prefix],
        "same prefix": sys.prefix == prefix,
        "VIRTUAL_ENV": os.environ.get("VIRTUAL_ENV"),
    }}))
    {then}
"""


def prepared(python: Python, pythonpath: tuple[str, ...], home: str | None = None, then: str = "") -> dict[str, Any]:
    """What prepare() changes in a fresh Python whose working directory is tmp_path."""
    output = python(PREPARE.format(pythonpath=pythonpath, home=home, then=then))
    result: dict[str, Any] = json.loads(output.splitlines()[0])
    result["then"] = output.splitlines()[1:]
    return result


def test_the_working_directory_is_searched_first(python: Python, tmp_path: Path) -> None:
    """Without pythonpath and home nothing else changes, and nothing is logged."""
    result = prepared(python, ())

    assert (result["added"], result["kept"], result["lines"]) == ([str(tmp_path)], True, [])
    assert result["same prefix"]


def test_the_last_pythonpath_is_searched_first_and_all_before_the_working_directory(
    python: Python, tmp_path: Path
) -> None:
    """uWSGI inserts each at the front; relative ones start in the working directory and become absolute."""
    result = prepared(python, ("one", "/two", "../three"))

    assert result["added"] == [str(tmp_path.parent / "three"), "/two", str(tmp_path / "one"), str(tmp_path)]
    assert result["kept"]
    assert result["lines"] == [
        f"added {tmp_path / 'one'} to pythonpath.",
        "added /two to pythonpath.",
        f"added {tmp_path.parent / 'three'} to pythonpath.",
    ]


def test_wildcards_stand_for_the_directories_that_match(python: Python, tmp_path: Path) -> None:
    """In sorted order, so that every start searches alike; a pattern that matches nothing is a path."""
    for name in ("lib-b", "lib-a", "lib-c", "other"):
        (tmp_path / name).mkdir()

    result = prepared(python, ("lib-*", "nosuch-*"))

    assert [Path(path).name for path in result["added"]] == ["nosuch-*", "lib-c", "lib-b", "lib-a", tmp_path.name]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A virtual environment with a module, and with another that a .pth file points to (an editable install)."""
    made = tmp_path / "venv"
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = made / "lib" / version / "site-packages"
    packages.mkdir(parents=True)
    (made / "pyvenv.cfg").write_text("home = /usr/bin\n")
    (packages / "installed.py").write_text("name = 'installed'\n")
    (packages / "shadowed.py").write_text("name = 'of the environment'\n")
    (tmp_path / "shadowed.py").write_text("name = 'of the project'\n")
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "editable.py").write_text("name = 'editable'\n")
    (packages / "project.pth").write_text(f"{tmp_path / 'src'}\n")
    return made


def test_a_virtual_environment_comes_after_the_project_and_before_our_own_packages(
    python: Python, home: Path, tmp_path: Path
) -> None:
    """Its packages and what its .pth files name win over ours; pythonpath and the project win over them."""
    result = prepared(
        python,
        ("one",),
        "venv",
        "import installed, editable, shadowed; print(installed.name, editable.name, shadowed.name, sep='\\n')",
    )

    packages = sysconfig.get_path("purelib", "venv", {"base": str(home), "platbase": str(home)})
    assert result["added"] == [str(tmp_path / "one"), str(tmp_path), packages, str(tmp_path / "src")]
    assert result["kept"]
    assert result["then"] == ["installed", "editable", "of the project"]


def test_a_virtual_environment_is_named_to_those_who_ask(python: Python, home: Path) -> None:
    """sys.prefix and VIRTUAL_ENV are those of the environment, and the log says so in uWSGI's words."""
    result = prepared(python, (), str(home))

    assert result["prefix"] == [str(home)] * 2
    assert result["VIRTUAL_ENV"] == str(home)
    assert result["lines"] == [f"PEP 405 virtualenv detected: {home}", f"Set PythonHome to {home}"]


def test_our_own_environment_is_not_added_again(python: Python) -> None:
    """`home` often names the environment that the server itself is installed in."""
    result = prepared(python, (), sys.prefix)

    assert result["same prefix"]
    assert len(result["added"]) == 1
    assert result["lines"] == [f"Set PythonHome to {sys.prefix}"]


def test_a_link_to_our_own_environment_is_our_own(python: Python, tmp_path: Path) -> None:
    """Deployments point to the current release with a link."""
    (tmp_path / "current").symlink_to(sys.prefix)

    result = prepared(python, (), "current")

    assert result["same prefix"]
    assert len(result["added"]) == 1
