"""A development server that an application starts while it is imported does not start."""

from collections.abc import Callable
from pathlib import Path

import pytest

Python = Callable[[str], str]

# Loads `site_of_test` in a fresh interpreter; prints how many lines were said, and the lines.
LOAD = """\
import os, sys
sys.path.insert(0, os.getcwd())
{before}
from uncork.worker.devserver import FLASK_SWITCH, neutralised
said = []
finders = list(sys.meta_path)
environ = dict(os.environ)
try:
    with neutralised(said.append):
        import site_of_test
except ValueError:
    print("ValueError")
assert sys.meta_path == finders
assert dict(os.environ) == environ
print(len(said), *said)
{after}
"""
# By name of what is called: a source whose second line starts a server, and its module.
SERVERS = {
    "Flask.run": ("from flask import Flask\nFlask('x').run()", "flask"),
    "run_simple": ("from werkzeug.serving import run_simple as r\nr('127.0.0.1', 0, print)", "werkzeug.serving"),
    "make_server": (
        "from wsgiref.simple_server import make_server as m\nm('127.0.0.1', 0, print).serve_forever()",
        "wsgiref.simple_server",
    ),
}


def load(python: Python, folder: Path, source: str, before: str = "", after: str = "") -> list[str]:
    """The printed lines."""
    (folder / "site_of_test.py").write_text(source)
    return python(LOAD.format(before=before, after=after)).splitlines()


@pytest.mark.parametrize("called", SERVERS)
@pytest.mark.parametrize("imported_before", [False, True])
def test_the_import_goes_on_and_the_place_is_named_once(
    python: Python, tmp_path: Path, called: str, imported_before: bool
) -> None:
    """One warning with file and line for two servers; what follows them is reached, whoever imported their module."""
    source, module = SERVERS[called]
    before = f"import {module}" if imported_before else f"assert {module!r} not in sys.modules"

    lines = load(
        python,
        tmp_path,
        f"{source}\n{source.splitlines()[1]}\nname = 'reached'",
        before=before,
        after="print(site_of_test.name)",
    )

    assert lines[1:] == ["reached"]
    assert lines[0] == (
        f"1 {tmp_path}/site_of_test.py:2: ignored {called}() while importing: this server serves the app "
        f"(put the call under if __name__ == '__main__':)"
    )


def test_a_server_in_a_with_statement_is_inert_too(python: Python, tmp_path: Path) -> None:
    """What make_server() returns can be used like a server."""
    source = """\
from wsgiref.simple_server import make_server
with make_server("", 8000, print) as server:
    print(server.server_port)
    server.handle_request()
    server.serve_forever(poll_interval=1)
    server.shutdown()
server.server_close()
"""
    lines = load(python, tmp_path, source)

    assert lines[0] == "0"
    assert lines[1].startswith(f"1 {tmp_path}/site_of_test.py:2: ignored make_server()")


def test_the_name_in_the_package_itself_is_inert(python: Python, tmp_path: Path) -> None:
    """`werkzeug.run_simple` is `werkzeug.serving.run_simple`."""
    lines = load(python, tmp_path, "import werkzeug\nwerkzeug.run_simple('127.0.0.1', 0, print)")

    assert lines[0].startswith(f"1 {tmp_path}/site_of_test.py:2: ignored run_simple()")


ALL = "import flask, werkzeug.serving, wsgiref.simple_server"
WHERE_FROM = f"""\
{ALL}
for server in (flask.Flask.run, werkzeug.serving.run_simple, wsgiref.simple_server.make_server):
    print(server.__module__, hasattr(server, "__wrapped__"))
"""


@pytest.mark.parametrize("before", ["", ALL])
@pytest.mark.parametrize("ending", ["", "\nraise ValueError"])
def test_afterwards_the_modules_have_what_they_had(python: Python, tmp_path: Path, before: str, ending: str) -> None:
    """The end of the import gives it back to them, also an end by an exception."""
    lines = load(python, tmp_path, ALL + ending, before=before, after=WHERE_FROM)

    assert lines[-3:] == ["flask.app False", "werkzeug.serving False", "wsgiref.simple_server False"]
    assert lines[:-3] == (["ValueError", "0"] if ending else ["0"])


def test_afterwards_the_application_may_make_a_server(python: Python, tmp_path: Path) -> None:
    """Such as one for metrics in a thread of its own, by a name that it imported meanwhile (prometheus_client does)."""
    after = """\
server = site_of_test.make_server("127.0.0.1", 0, print)
print(server.server_port > 0)
server.server_close()
"""
    source = "from wsgiref.simple_server import make_server"

    assert load(python, tmp_path, source, after=after) == ["0", "True"]


def test_afterwards_the_application_may_run_a_server(python: Python, tmp_path: Path) -> None:
    """The real run_simple() answers, also under the name that the package itself had bound: it checks the port."""
    after = """\
for run_simple in (site_of_test.run_simple, werkzeug.run_simple, werkzeug.serving.run_simple):
    try:
        run_simple("127.0.0.1", "no port", print)
    except TypeError as error:
        print(error)
"""
    source = "from werkzeug import run_simple"

    lines = load(python, tmp_path, source, after=f"import werkzeug.serving\n{after}")

    assert lines == ["0", *["port must be an integer"] * 3]


def test_nothing_is_imported_for_the_sake_of_it(python: Python, tmp_path: Path) -> None:
    """An application without any of these modules does not get them."""
    after = "print({'flask', 'werkzeug', 'wsgiref', 'wsgiref.simple_server'} & set(sys.modules))"

    assert load(python, tmp_path, "", after=after) == ["0", "set()"]


def test_a_neutralised_module_keeps_its_identity(python: Python, tmp_path: Path) -> None:
    """Its source and its origin can be asked for as ever."""
    after = """\
import inspect
from flask import app
print(inspect.getsource(app).count("class Flask("), app.__spec__.name, app.__file__ == app.__spec__.origin)
"""
    assert load(python, tmp_path, "import flask", after=after) == ["0", "1 flask.app True"]


def test_flask_is_told_in_its_own_way(python: Python, tmp_path: Path) -> None:
    """What else looks at Flask's switch finds it while the import lasts."""
    lines = load(python, tmp_path, "import os\nprint(os.environ['FLASK_RUN_FROM_CLI'])", after="print(FLASK_SWITCH)")

    assert lines == ["true", "0", "FLASK_RUN_FROM_CLI"]
