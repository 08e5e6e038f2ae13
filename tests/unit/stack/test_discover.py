"""The app of a project is found without importing anything, and what was found is said."""

from pathlib import Path

import pytest

from uncork.stack.discover import App, DiscoveryError, discover

FLASK = "from flask import Flask\n{} = Flask(__name__)\n"
APP = FLASK.format("app")
FACTORY = "def create_app():\n    pass\n"
# Importing any file of a test project would raise at once.
TRAP = "raise RuntimeError('imported')\n"

NOTHING = """\
no WSGI app found in {}:
  FLASK_APP: set neither in the environment nor in .flaskenv or .env
  wsgi.py: not there
  app.py: not there
  server.py: not there
  main.py: not there
name it with --app MODULE:CALLABLE"""


def project(root: Path, files: dict[str, str]) -> str:
    """Write the files below `root`; its path."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + TRAP if name.endswith(".py") and text else text)
    return str(root)


@pytest.mark.parametrize(
    ("files", "target", "why"),
    [
        ({"app.py": APP}, "app:app", "found app in app.py"),
        ({"server.py": FLASK.format("myapp")}, "server:myapp", "found myapp = Flask(...) in server.py"),
        ({"wsgi.py": "from blog import app\n", "app.py": APP}, "wsgi:app", "found app in wsgi.py"),
        ({"wsgi.py": "import sys\n", "app.py": APP}, "app:app", "found app in app.py"),
        ({"main.py": FACTORY}, "main:create_app()", "found create_app() in main.py"),
        ({"blog/__init__.py": FACTORY}, "blog:create_app()", f"found create_app() in {Path('blog/__init__.py')}"),
        ({"blog/__init__.py": FACTORY + APP}, "blog:app", "found app in blog/__init__.py"),
        ({"blog/__init__.py": "", "blog/wsgi.py": APP}, "blog.wsgi:app", "found app in blog/wsgi.py"),
        ({"hello.py": APP, "routes.py": "from hello import app\n"}, "hello:app", "found app in hello.py"),
        ({"hello.py": APP, "test_hello.py": APP, "setup.py": APP, "tests/__init__.py": APP}, "hello:app", None),
        ({"hello.py": APP, "broken.py": "(", "not-a-module.py": APP}, "hello:app", "found app in hello.py"),
        ({"hello.py": APP, "data.txt": "app"}, "hello:app", "found app in hello.py"),
        (
            {".flaskenv": "FLASK_APP=b\n", "app.py": APP, "b.py": APP},
            "b:app",
            "FLASK_APP in .flaskenv names b, found app in b.py",
        ),
    ],
)
def test_a_project_directory(tmp_path: Path, files: dict[str, str], target: str, why: str | None) -> None:
    """The usual files first, then whatever is the only one; the sentence says which and why."""
    directory = project(tmp_path, files)
    app = discover(directory, {})

    assert (app.target, app.directory, app.pythonpath) == (target, directory, ())
    assert why is None or app.why == why
    assert str(app) == f"{target} ({app.why})"


def test_a_src_layout(tmp_path: Path) -> None:
    """A package below src/ is imported from there, while the project stays the working directory."""
    directory = project(tmp_path, {"src/blog/__init__.py": APP})

    assert discover(directory, {}) == App(
        directory, "found app in src/blog/__init__.py", target="blog:app", pythonpath=(f"{directory}/src",)
    )


def test_a_directory_that_is_the_package(tmp_path: Path) -> None:
    """Pointed at the package itself, it is imported from above."""
    project(tmp_path, {"blog/__init__.py": FACTORY})
    app = discover(str(tmp_path / "blog"), {})

    assert (app.directory, app.target) == (str(tmp_path), "blog:create_app()")


def test_an_init_file_by_mistake(tmp_path: Path) -> None:
    """An empty __init__.py beside app.py does not make a package of the project."""
    directory = project(tmp_path, {"__init__.py": "", "app.py": APP})
    app = discover(directory, {})

    assert (app.directory, app.target) == (directory, "app:app")


@pytest.mark.parametrize(
    ("value", "target"),
    [
        ("b", "b:app"),
        ("b.py", "b:app"),
        ("b:other", "b:other"),
        ("b.py:other", "b:other"),
        ("b:create_app()", "b:create_app()"),
        ("pkg", "pkg:create_app()"),
        ("pkg.web", "pkg.web:site"),
        ("pkg/web.py", "pkg.web:site"),
        ("pkg/web", "pkg.web:site"),
        ("installed.elsewhere:app", "installed.elsewhere:app"),
    ],
)
def test_an_app_that_is_named(tmp_path: Path, value: str, target: str) -> None:
    """FLASK_APP and --app take a module, a file, and either with a callable; --app wins."""
    files = {"app.py": APP, "b.py": APP, "pkg/__init__.py": FACTORY, "pkg/web.py": FLASK.format("site")}
    directory = project(tmp_path, files)

    assert discover(directory, {"FLASK_APP": value}).target == target
    chosen = discover(directory, {"FLASK_APP": "nothing"}, value)
    assert chosen.target == target
    assert chosen.why.startswith("--app names ")


def test_a_named_file_elsewhere_brings_its_directory(tmp_path: Path) -> None:
    """A file in a folder that is no package is imported from that folder, as Flask does it."""
    directory = project(tmp_path, {"backend/web.py": APP})
    app = discover(directory, {"FLASK_APP": "backend/web.py"})

    assert (app.directory, app.target, app.pythonpath) == (directory, "web:app", (f"{directory}/backend",))


def test_a_python_file(tmp_path: Path) -> None:
    """A file is served from its own directory, or from above the packages that it lies in."""
    directory = project(tmp_path, {"hello.py": APP, "pkg/__init__.py": "", "pkg/web.py": APP})

    assert discover(f"{directory}/hello.py", {}) == App(directory, "found app in hello.py", target="hello:app")
    assert discover(f"{directory}/pkg/web.py", {}) == App(directory, "found app in pkg/web.py", target="pkg.web:app")
    assert discover(f"{directory}/hello.py", {}, "hello:other").target == "hello:other"


def test_a_file_that_cannot_be_imported_by_name(tmp_path: Path) -> None:
    """my-app.py is no module name: it is loaded as a file."""
    directory = project(tmp_path, {"my-app.py": APP})
    app = discover(f"{directory}/my-app.py", {})

    assert (app.wsgi_file, app.callable, app.target) == (f"{directory}/my-app.py", "app", "")
    assert str(app) == "my-app.py:app (found app in my-app.py)"


def test_an_ini_file(tmp_path: Path) -> None:
    """The file is the server's to read; its directory is the project."""
    directory = project(tmp_path, {"uwsgi.ini": "[uwsgi]\nmodule = blog:app\n"})
    app = discover(f"{directory}/uwsgi.ini", {"FLASK_APP": "ignored"})

    assert (app.ini, app.directory, app.target) == (f"{directory}/uwsgi.ini", directory, "")
    assert str(app) == "uwsgi.ini (the file names the app)"


@pytest.mark.parametrize(
    ("files", "environ", "chosen", "message"),
    [
        ({}, {}, None, NOTHING),
        ({"app.py": "x = 1\n"}, {}, None, "app.py: no application, app, Flask(...), create_app() or make_app()"),
        ({"app.py": "app = FastAPI()\n"}, {}, None, "app.py: app is an ASGI app (FastAPI)"),
        ({"other.py": ")"}, {}, None, "other.py:1: unmatched ')'"),
        ({"app.py": "import os\napp = (\n"}, {}, None, "app.py:2: '(' was never closed (correct that, or name another"),
        ({"app.py": FLASK.format("a") + FLASK.format("b")}, {}, None,
         "app.py: a and b are both Flask apps (name one: --app app:a)"),
        ({"one.py": APP, "two/__init__.py": FACTORY}, {}, None,
         "several apps in {}: one:app, two:create_app() (name one: --app one:app)"),
        ({"app.py": APP}, {"FLASK_APP": "gone"}, None, "FLASK_APP gone: there is no such module in {}"),
        ({"app.py": APP}, {"FLASK_APP": "gone.py:app"}, None, "FLASK_APP gone.py:app: there is no such module in {}"),
        ({"app.py": APP}, {}, "not a name:app", "--app not a name:app: there is no such module in {}"),
        ({"app.py": "x = 1\n"}, {}, "app", "--app app: app.py: no application, app"),
        ({"app.py": APP}, {}, "app:create_app('dev')", "expected a name or a call without arguments"),
    ],
)  # fmt: skip
def test_a_vain_search_says_what_to_do(
    tmp_path: Path, files: dict[str, str], environ: dict[str, str], chosen: str | None, message: str
) -> None:
    """The error lists what was looked at, the place of a syntax error, or the candidates; and how to name the app."""
    directory = project(tmp_path, files)
    with pytest.raises(DiscoveryError) as caught:
        discover(directory, environ, chosen)

    assert message.format(directory) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "chosen", "message"),
    [
        ("gone", None, "gone: no such file or directory"),
        ("notes.txt", None, "notes.txt: expected a project directory, a .py file or a uwsgi.ini"),
        ("uwsgi.ini", "a:b", "--app a:b: uwsgi.ini names the app itself"),
        (
            "empty.py",
            None,
            "empty.py: no application, app, Flask(...), create_app() or make_app() (name it: --app empty:",
        ),
    ],
)
def test_a_path_that_will_not_do(tmp_path: Path, name: str, chosen: str | None, message: str) -> None:
    """What is neither a project, a Python file nor an ini file is refused in one sentence."""
    directory = project(tmp_path, {"notes.txt": "", "uwsgi.ini": "", "empty.py": ""})
    with pytest.raises(DiscoveryError) as caught:
        discover(f"{directory}/{name}", {}, chosen)

    assert message in str(caught.value)
