"""What is imported beside the app, and what it sees as its command line."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from uncork.errors import AppLoadError
from uncork.worker import preload

Project = Callable[[str, str], Path]


@pytest.fixture
def said() -> list[str]:
    """What was logged."""
    return []


@pytest.mark.parametrize(
    ("words", "argv"),
    [(None, ["uwsgi"]), ("", ["uwsgi"]), ("a  b c", ["uwsgi", "a", "b", "c"]), ("'a b'", ["uwsgi", "'a", "b'"])],
)
def test_arguments(monkeypatch: pytest.MonkeyPatch, words: str | None, argv: list[str]) -> None:
    """Words between blanks, as in uWSGI; never those of the server."""
    monkeypatch.setattr(sys, "argv", ["uncork", "--module", "app"])
    preload.set_arguments(words)
    assert sys.argv == argv


def test_modules_and_files(project: Project, said: list[str]) -> None:
    """In order; a file is one by its name."""
    project("first.py", "order = ['first']")
    project("sub/second.py", "import first; first.order.append(__name__)")
    project("third.py", "import first; first.order.append(__name__)")
    preload.imports(("first", "sub/second.py", "third.py"), "import", said.append)
    assert sys.modules["first"].order == ["first", "uwsgi_file_sub_second_py", "uwsgi_file_third_py"]
    assert said == []


def test_what_fails_is_left_out(project: Project, said: list[str]) -> None:
    """As in uWSGI: the app may do without it; the log says which and why."""
    project("broken.py", "1 / 0")
    project("good.py", "")
    preload.imports(("missing", "broken", "missing.py", "good"), "shared-import", said.append)
    assert "good" in sys.modules
    assert len(said) == 3
    assert all(line.endswith("; the app goes on without it") for line in said)
    assert said[0].startswith("shared-import = missing: there is no module 'missing' in ")
    assert "ZeroDivisionError" in said[1]
    assert said[2].startswith("shared-import = missing.py: there is no such file in ")


def test_a_development_server_is_not_started(project: Project, said: list[str]) -> None:
    """Whatever is imported, this process has a server."""
    project("serving.py", "from wsgiref.simple_server import make_server\nmake_server('', 0, None).serve_forever()\n")
    preload.imports(("serving",), "import", said.append)
    assert "serving" in sys.modules


def test_aliases(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a module, and of a file that is no module of its own."""
    monkeypatch.setitem(sys.modules, "settings", sys)
    monkeypatch.setitem(sys.modules, "config", sys)
    project("production.py", "name = __name__")
    preload.aliases(("settings=production", f"config={tmp_path}/production.py"), "pymodule-alias")
    assert sys.modules["settings"].name == "production"
    assert sys.modules["config"].name == "config"


@pytest.mark.parametrize("target", ["missing", "./missing.py", "production.py"])
def test_an_alias_that_cannot_be_had(project: Project, target: str) -> None:
    """Ends the start, as in uWSGI: what the app is to find under that name is not there."""
    project("production.py", "")
    with pytest.raises(AppLoadError, match=rf"pymodule-alias = settings={target}: "):
        preload.aliases((f"settings={target}",), "pymodule-alias")
