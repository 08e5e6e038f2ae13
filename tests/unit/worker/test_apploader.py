"""Applications are found under every name that uWSGI accepts, and whatever keeps one from loading is said."""

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from uncork.config.options.python import Python
from uncork.errors import AppLoadError
from uncork.worker.apploader import load_apps, load_file, load_module, mountpoint
from uncork.worker.mounts import App
from uncork.wsgi.environ import Environ
from uncork.wsgi.run import Application

Project = Callable[[str, str], Path]

# An application that answers with its own name.
APP = """
    class App:
        def __init__(self, name):
            self.name = name

        def __call__(self, environ, start_response):
            start_response("200 OK", [])
            return [self.name.encode()]

        def method(self, environ, start_response):
            start_response("200 OK", [])
            return [b"method of " + self.name.encode()]
"""
MODULE = (
    APP
    + """
    application = App("application")
    app = App("app")
    holder = type("Holder", (), {"inner": type("Inner", (), {"deep": App("deep")})})

    def create_app():
        return App("created")

    class Namespace:
        @staticmethod
        def make():
            return App("made")
"""
)


def answer(app: Application) -> str:
    """What the application says of itself."""
    environ: Environ = {}
    return b"".join(app(environ, lambda *_: None)).decode()


def load(options: Python) -> tuple[list[App], list[str]]:
    """The applications, and the lines that were logged."""
    lines: list[str] = []
    return load_apps(options, lines.append), lines


@pytest.mark.parametrize(
    ("target", "default", "name"),
    [
        ("m", None, "application"),
        ("m", "app", "app"),
        ("m:", None, "application"),
        ("m:app", None, "app"),
        ("m:app", "application", "app"),
        ("m:create_app()", None, "created"),
        ("m", "create_app()", "created"),
        ("m:holder.inner.deep", None, "deep"),
        ("m:app.method", None, "method of app"),
        ("m:Namespace.make()", None, "made"),
        ("package.inner", None, "application"),
        ("package.inner:app", None, "app"),
    ],
)
def test_module_names_an_application(project: Project, target: str, default: str | None, name: str) -> None:
    """`module`, `module:name`, `module:factory()` and dotted names; a name in `module` wins over `callable`."""
    project("m.py", MODULE)
    project("package/__init__.py", "")
    project("package/inner.py", MODULE)

    assert answer(load_module(target, default)) == name


@pytest.mark.parametrize("path", ["site.py", "site.wsgi", "conf/wsgi.py", "no-suffix", "with space.py", "ütf.wsgi"])
def test_wsgi_file_is_a_path_of_any_name(project: Project, tmp_path: Path, path: str) -> None:
    """It need be no module name; relative paths start in the working directory, absolute ones do as well."""
    project(path, MODULE)

    assert answer(load_file(path, None)) == "application"
    assert answer(load_file(str(tmp_path / path), "create_app()")) == "created"


def test_a_wsgi_file_is_importable_under_uwsgis_name(project: Project) -> None:
    """pickle and dataclasses look their module up in sys.modules."""
    project(
        "conf/wsgi.py",
        """
        import pickle
        from dataclasses import dataclass

        @dataclass
        class Item:
            name: str

        def application(environ, start_response):
            return [pickle.loads(pickle.dumps(Item("pickled"))).name.encode()]
        """,
    )

    assert answer(load_file("conf/wsgi.py", None)) == "pickled"
    assert sys.modules["uwsgi_file_conf_wsgi_py"].__file__ == "conf/wsgi.py"


def test_the_default_application_comes_first_and_mounts_follow(project: Project) -> None:
    """Numbers count in uWSGI's order; mount points are spelled as SCRIPT_NAME will be."""
    project("m.py", MODULE)
    project("site.py", MODULE)
    project("other.wsgi", MODULE)

    apps, lines = load(
        Python(module="m:app", mount=("/bbb=m:create_app()", "ccc/=site.py", "/d/e/=other.wsgi"), callable="app")
    )

    assert [(app.number, app.mountpoint, answer(app.application)) for app in apps] == [
        (0, "", "app"),
        (1, "/bbb", "created"),
        (2, "/ccc", "app"),
        (3, "/d/e", "app"),
    ]
    assert [line for line in lines if line.startswith("mounting")] == [
        "mounting m:create_app() on /bbb",
        "mounting site.py on /ccc",
        "mounting other.wsgi on /d/e",
    ]


def test_every_application_is_announced_as_uwsgi_does(project: Project) -> None:
    """Log readers match this line."""
    project("m.py", MODULE)

    apps, lines = load(Python(module="m", mount=("/bbb=m:app",)))

    ready = [line for line in lines if line.startswith("WSGI app")]
    form = r"WSGI app %s ready in 0 seconds on interpreter 0x[0-9a-f]+ pid: %d"
    assert re.fullmatch(form % (r"0 \(mountpoint=''\)", os.getpid()) + r" \(default app\)", ready[0])
    assert re.fullmatch(form % (r"1 \(mountpoint='/bbb'\)", os.getpid()), ready[1])
    assert [app.startup_time for app in apps] == [0, 0]


def test_module_wins_over_wsgi_file(project: Project) -> None:
    """One default application, not two."""
    project("m.py", MODULE)
    project("site.py", MODULE)

    apps, _ = load(Python(module="m:app", wsgi_file="site.py"))

    assert [answer(app.application) for app in apps] == ["app"]


def test_mounts_alone_have_no_default_application(project: Project) -> None:
    """They are numbered from 0 then."""
    project("m.py", MODULE)

    apps, _ = load(Python(mount=("/bbb=m:app",)))

    assert [(app.number, app.mountpoint) for app in apps] == [(0, "/bbb")]


def test_a_mount_on_the_root_may_be_a_module(project: Project) -> None:
    """`mount = /=package:app` is how many configurations name their only application."""
    project("m.py", MODULE)

    apps, _ = load(Python(mount=("/=m:app",), manage_script_name=True))

    assert [(app.mountpoint, answer(app.application)) for app in apps] == [("", "app")]


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [("", ""), ("/", ""), ("//", ""), ("bbb", "/bbb"), ("/bbb", "/bbb"), ("/bbb/", "/bbb"), ("/a/b/", "/a/b")],
)
def test_a_mount_point_has_one_slash_before_and_none_behind(prefix: str, expected: str) -> None:
    """However the configuration spells it."""
    assert mountpoint(prefix) == expected


# ---- what goes wrong

FILES = {
    "myapp.py": MODULE,
    "microframework.py": """
        class Flask:
            def wsgi_app(self, environ, start_response): ...
            def __call__(self, environ, start_response): ...
        """,
    "flask_like.py": "from microframework import Flask\nsite = Flask()",
    "nested.py": "import flask_of_yore",
    "nested_deep.py": "import nested",
    "package/__init__.py": "",
    "package/app.py": "import package.models_of_yore",
    "number.py": "application = 5\napp = lambda environ, start_response: []",
    "broken.py": "raise RuntimeError('the database is gone')",
    "leaves.py": "import sys\nsys.exit('no config')",
    "interrupted.py": "raise KeyboardInterrupt",
    "stops.py": "raise GeneratorExit",
    "syntax.py": "def application(:",
    "tabs.py": "def f():\n\tx = 1\n        y = 2",
    "factories.py": """
        import importlib
        value = 5
        def nothing(): pass
        def broken(): raise RuntimeError("in the factory")
        def leaves(): raise SystemExit(3)
        def missing(): importlib.import_module("flask_of_yore")
        def wants(argument): return argument
        """,
    "lazy.py": "def __getattr__(name):\n    raise RuntimeError('in getattr')",
    "late.py": "def __getattr__(name):\n    import flask_of_yore",
    "empty.py": "",
}

# (target, the last sentence)
MODULE_FAILURES = [
    ("myap", "module = myap: there is no module 'myap' in .*; did you mean 'myapp'\\? \\(chdir and pythonpath say"),
    ("zzzzzz", "module = zzzzzz: there is no module 'zzzzzz' in .* \\(chdir and pythonpath say where to look\\)"),
    ("pakage.app", "there is no module 'pakage' in .*; did you mean 'package'\\?"),
    ("package.nosuch", "there is no module 'package.nosuch' in "),
    ("myapp.py", "module = myapp.py: .*myapp"),
    ("nested", "module = nested: it was found, but it imports 'flask_of_yore', which is not installed here \\(install"),
    ("nested_deep", "module = nested_deep: it was found, but it imports 'flask_of_yore', which is not installed"),
    ("package.app", "it was found, but it imports 'package.models_of_yore'"),
    (
        "myapp:applicaton",
        "module = myapp: it has no 'applicaton'; it has 'application'.*say module = myapp:application",
    ),
    ("myapp:nosuch", "module = myapp: it has no 'nosuch'; it has .*'app'"),
    ("myapp:app.nosuch", "module = myapp: it has no 'app.nosuch'"),
    ("flask_like", "it has no 'application'; it has .*'site'.*did you mean site\\? say module = flask_like:site"),
    ("empty", "module = empty: it has no 'application' \\(callable = NAME says what the application is called\\)"),
    ("number", "module = number: application is int and no WSGI application; it has 'app' .*say module = number:app"),
    ("broken", "module = broken: it raised RuntimeError while it was loaded \\(/.*/broken.py:\\d+: .*\\)"),
    ("leaves", "module = leaves: it called sys.exit\\('no config'\\) while it was loaded \\(remove that call\\)"),
    ("interrupted", "module = interrupted: it raised KeyboardInterrupt while it was loaded"),
    ("stops", "module = stops: it raised GeneratorExit while it was loaded"),
    ("syntax", "module = syntax: it raised SyntaxError while it was loaded \\(/.*/syntax.py:\\d+: .*\\)"),
    ("tabs", "module = tabs: it raised TabError while it was loaded"),
    ("factories:value()", "factories: 'value' is int and cannot be called \\(remove the parentheses\\)"),
    ("factories:value", "factories: value is int and no WSGI application"),
    ("factories:nothing()", "factories: nothing\\(\\) is NoneType and no WSGI application"),
    ("factories:broken()", "factories, broken\\(\\): it raised RuntimeError while it was loaded"),
    ("factories:leaves()", "factories, leaves\\(\\): it called sys.exit\\(3\\) while it was loaded"),
    ("factories:missing()", "factories, missing\\(\\): it imports 'flask_of_yore', which is not installed here"),
    ("factories:wants()", "factories, wants\\(\\): it raised TypeError while it was loaded"),
    ("factories:nosuch()", "factories: it has no 'nosuch'"),
    ("factories:wants('x')", "factories: it has no "),
    ("", "module = : that is no module name \\(expected package.module or package.module:app\\)"),
    (":app", "that is no module name"),
    ("my-app", "module = my-app: that is no module name"),
    (".myapp", "that is no module name"),
    ("my app:app", "that is no module name"),
    ("os/path", "that is no module name"),
    ("lazy:app", "module = lazy, app: it raised RuntimeError while it was loaded"),
    ("late:app", "module = late, app: it imports 'flask_of_yore', which is not installed here"),
]


@pytest.fixture
def broken_project(project: Project) -> None:
    """Every way in which an application fails to load."""
    for path, source in FILES.items():
        project(path, source)


@pytest.mark.parametrize(("target", "sentence"), MODULE_FAILURES)
def test_a_module_that_cannot_be_loaded_is_explained(broken_project: None, target: str, sentence: str) -> None:
    """The last sentence says what is wrong and what to change; nothing else is ever raised."""
    with pytest.raises(AppLoadError) as caught:
        load_module(target, None)

    assert re.match(f".*{sentence}", str(caught.value).splitlines()[-1])


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("myap.py", "wsgi-file = myap.py: there is no such file in .*; did you mean 'myapp.py'.*\\?"),
        ("zzzzzz.wsgi", "wsgi-file = zzzzzz.wsgi: there is no such file in "),
        (
            "nosuch/app.py",
            "wsgi-file = nosuch/app.py: there is no such file in .* \\(directory nosuch does not exist\\)",
        ),
        ("package", "wsgi-file = package: there is no such file in "),
        ("", "wsgi-file = : there is no such file in "),
        ("broken.py", "wsgi-file = broken.py: it raised RuntimeError while it was loaded"),
        ("leaves.py", "wsgi-file = leaves.py: it called sys.exit\\('no config'\\)"),
        ("interrupted.py", "wsgi-file = interrupted.py: it raised KeyboardInterrupt"),
        ("syntax.py", "wsgi-file = syntax.py: it raised SyntaxError"),
        ("number.py", "wsgi-file = number.py: application is int and no WSGI application; it has 'app'"),
        ("flask_like.py", "wsgi-file = flask_like.py: it has no 'application'; it has .*'site'"),
        ("number.py", ".*did you mean app.*say callable = app\\)"),
        ("nested.py", "wsgi-file = nested.py: it imports 'flask_of_yore', which is not installed here \\(install"),
        ("nested_deep.py", "wsgi-file = nested_deep.py: it imports 'flask_of_yore', which is not installed here"),
    ],
)
def test_a_file_that_cannot_be_loaded_is_explained(broken_project: None, path: str, sentence: str) -> None:
    """As for modules: an AppLoadError with a last sentence that helps, and nothing else."""
    with pytest.raises(AppLoadError) as caught:
        load_file(path, None)

    assert re.match(f".*{sentence}", str(caught.value).splitlines()[-1])


@pytest.mark.parametrize(
    "options",
    [
        Python(module="broken"),
        Python(wsgi_file="broken.py"),
        Python(module="myapp", mount=("/bbb=broken",)),
        Python(module="myapp", mount=("/bbb=broken.py",)),
        Python(module="myapp", mount=("/bbb",)),
        Python(module="myapp", mount=("/bbb=",)),
    ],
)
def test_one_application_that_fails_fails_them_all(broken_project: None, options: Python) -> None:
    """A server that serves only some of its applications helps nobody."""
    with pytest.raises(AppLoadError):
        load(options)


def test_a_module_that_was_given_as_a_file_says_so(broken_project: None) -> None:
    """What `wsgi-file` was given is looked for as a file, whatever it looks like."""
    with pytest.raises(AppLoadError, match="wsgi-file = myapp:app: there is no such file"):
        load(Python(wsgi_file="myapp:app"))


@pytest.mark.parametrize("target", ["broken", "factories:broken()"])
def test_the_traceback_shows_the_users_code_only(broken_project: None, target: str) -> None:
    """It stands before the sentence, with the user's lines and without those of the server or of importlib."""
    with pytest.raises(AppLoadError) as caught:
        load_module(target, None)

    text = str(caught.value)
    assert text.startswith("Traceback (most recent call last):\n")
    assert f'{target.partition(":")[0]}.py", line' in text
    assert "RuntimeError: " in text
    assert "apploader" not in text
    assert "importlib" not in text


def test_a_syntax_error_shows_its_line(broken_project: None) -> None:
    """File, line and the caret, as Python itself shows them."""
    with pytest.raises(AppLoadError) as caught:
        load_module("syntax", None)

    assert 'syntax.py", line 1' in str(caught.value)
    assert "def application(:" in str(caught.value)


def test_the_user_is_not_sent_to_what_lies_in_the_standard_library(broken_project: None) -> None:
    """Near names are those of the project: `jso` in a project does not mean json."""
    with pytest.raises(AppLoadError) as caught:
        load_module("jso", None)

    assert "did you mean" not in str(caught.value)


def test_a_flask_module_with_the_usual_imports_is_explained(project: Project) -> None:
    """The likeliest mistake of all: `module = hello` where hello.py calls its application `app`."""
    project(
        "hello.py",
        """
        from flask import Flask, current_app, g, request, session

        app = Flask(__name__)
        """,
    )
    with pytest.raises(AppLoadError, match=r"did you mean app.*say module = hello:app"):
        load_module("hello", None)


def test_what_the_application_prints_is_its_own_business(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """Loading changes neither stdout nor the environment of the application."""
    project("prints.py", "print('loading')\napplication = print")
    environ: dict[str, Any] = dict(os.environ)

    load(Python(module="prints"))

    assert capsys.readouterr().out == "loading\n"
    assert dict(os.environ) == environ


CODE = "def application(environ, start_response):\n    start_response('200 OK', [])\n    return [__name__.encode()]\n"


@pytest.fixture
def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """What code and frameworks leave in sys.modules."""
    for name in ("uwsgi_eval_config", "paste", "paste.deploy", "pecan", "pecan.deploy"):
        monkeypatch.setitem(sys.modules, name, sys)
        monkeypatch.delitem(sys.modules, name)


def test_an_app_from_code(project: Project, forget: None) -> None:
    """In a module of uWSGI's name; `callable` says what it is called there."""
    apps, _ = load(Python(eval=CODE))
    assert answer(apps[0].application) == "uwsgi_eval_config"
    apps, _ = load(Python(eval=CODE.replace("application(", "app("), callable="app"))
    assert answer(apps[0].application) == "uwsgi_eval_config"


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("1 / 0", r"eval: it raised ZeroDivisionError while it was loaded \("),
        ("def application(:", r"eval: it raised SyntaxError while it was loaded \(uwsgi_eval_config:1: "),
        ("import no_such_module", "eval: it imports 'no_such_module', which is not installed here"),
        ("app = print", r"eval: it has no 'application'; it has 'app' \(did you mean app\? say callable = app\)"),
    ],
)
def test_code_that_makes_no_app(project: Project, forget: None, code: str, why: str) -> None:
    """The sentence says what is wrong with it, and not what it says: it may hold a password."""
    with pytest.raises(AppLoadError, match=why):
        load(Python(eval=code))


def test_an_app_of_paste(project: Project, tmp_path: Path, forget: None) -> None:
    """PasteDeploy gets the URI, and the directory that a relative one begins in."""
    project("paste/__init__.py", "")
    project(
        "paste/deploy.py",
        """
        def loadapp(uri, relative_to):
            def app(environ, start_response):
                start_response("200 OK", [])
                return [f"{uri} in {relative_to}".encode()]
            return app
        """,
    )
    apps, _ = load(Python(paste="config:site.ini#main"))
    assert answer(apps[0].application) == f"config:site.ini#main in {tmp_path}"
    apps, _ = load(Python(ini_paste="/srv/site.ini"))
    assert answer(apps[0].application) == f"config:/srv/site.ini in {tmp_path}"


@pytest.mark.parametrize("logged", [{"paste_logger": True, "paste": "config:p.ini"}, {"ini_paste_logged": "p.ini"}])
def test_logging_of_paste(project: Project, forget: None, logged: dict[str, Any]) -> None:
    """Is set up from the same file, before the app is made."""
    project("paste/__init__.py", "")
    project(
        "paste/deploy.py",
        """
        import logging
        def loadapp(uri, relative_to):
            level = logging.getLogger("of.a.test").level
            logging.getLogger("of.a.test").setLevel(logging.NOTSET)
            def app(environ, start_response):
                return [str(level).encode()]
            return app
        """,
    )
    project(
        "p.ini",
        """
        [loggers]
        keys = root, test
        [handlers]
        keys =
        [formatters]
        keys =
        [logger_root]
        handlers =
        [logger_test]
        level = ERROR
        handlers =
        qualname = of.a.test
        """,
    )
    apps, _ = load(Python(**logged))
    assert answer(apps[0].application) == "40"


def test_logging_that_cannot_be_set_up(project: Project, forget: None) -> None:
    """The file is named."""
    with pytest.raises(AppLoadError, match=r"paste = config:missing\.ini, logging: it raised "):
        load(Python(paste="config:missing.ini", paste_logger=True))


def test_an_app_of_pecan(project: Project, tmp_path: Path, forget: None) -> None:
    """It gets the whole path of its file."""
    project("pecan/__init__.py", "")
    project("pecan/deploy.py", "def deploy(path):\n    return lambda environ, start_response: [path.encode()]")
    apps, _ = load(Python(pecan="config.py"))
    assert answer(apps[0].application) == f"{tmp_path}/config.py"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (Python(paste="config:a.ini"), "paste = config:a.ini: PasteDeploy is not installed here ('paste' is missing; "),
        (Python(pecan="a.py"), "pecan = a.py: Pecan is not installed here ('pecan' is missing; install it into "),
    ],
)
def test_a_framework_that_is_not_installed(
    project: Project, forget: None, monkeypatch: pytest.MonkeyPatch, options: Python, sentence: str
) -> None:
    """What to install, and where."""
    monkeypatch.setattr(sys, "path", [path for path in sys.path if not path.endswith("site-packages")])
    with pytest.raises(AppLoadError, match=f"^{re.escape(sentence)}"):
        load(options)


def test_the_first_kind_of_app_is_the_default(project: Project, forget: None) -> None:
    """uWSGI's order: a module, a file, Pecan, Paste, code; the others are left out."""
    project("first.py", CODE)
    project("second.py", CODE)
    apps, _ = load(Python(module="first", wsgi_file="second.py", eval=CODE, paste="config:a", pecan="b"))
    assert [answer(app.application) for app in apps] == ["first"]
    apps, _ = load(Python(eval=CODE, mount=("/two=second",)))
    assert [app.mountpoint for app in apps] == ["", "/two"]
    assert [answer(app.application) for app in apps] == ["uwsgi_eval_config", "second"]
