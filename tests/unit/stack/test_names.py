"""Which names of a module can be served, told from its source alone."""

import pytest

from uncork.stack.names import find_names


@pytest.mark.parametrize(
    ("source", "callable_"),
    [
        ("from flask import Flask\napp = Flask(__name__)", "app"),
        ("application = make()\napp = make()", "application"),
        ("app: object = make()", "app"),
        ("from blog import app", "app"),
        ("from blog import site as application", "application"),
        ("def application(environ, start_response): ...", "application"),
        ("def app(environ, start_response, extra=1): ...", "app"),
        ("def app(*args): ...", "app"),
        ("@Request.application\ndef application(request): ...", "application"),
        ("class app:\n    def __call__(self, e, s): ...", "app"),
        ("import flask\nmyapp = flask.Flask(__name__)", "myapp"),
        ("from flask import Flask as F\nmyapp = F(__name__)", "myapp"),
        ("if DEBUG:\n    app = a()\nelse:\n    app = b()", "app"),
        ("try:\n    app = a()\nexcept E:\n    app = b()", "app"),
        ("with x:\n    app = a()", "app"),
        ("app = None\napp = Flask(__name__)", "app"),
        ("def create_app(): ...", "create_app()"),
        ("def create_app(config=None, *, debug=False): ...", "create_app()"),
        ("def make_app(*args, **kw): ...", "make_app()"),
        ("from factory import create_app", "create_app()"),
        ("app = FastAPI()\nsite = Flask(__name__)", "site"),
        ("# -*- coding: latin-1 -*-\napp = make('é')", "app"),
    ],
)
def test_what_is_taken(source: str, callable_: str) -> None:
    """application, app, the one Flask instance, a factory that needs nothing: in this order."""
    found = find_names(source.encode("latin-1")).found

    assert found is not None
    assert found.callable == callable_


@pytest.mark.parametrize(
    ("source", "remark"),
    [
        ("", ""),
        ("import app", ""),
        ("from . import app", ""),
        ("from flask import current_app as app", ""),
        ("def f():\n    app = Flask(__name__)", ""),
        ("if __name__ == '__main__':\n    app = Flask(__name__)", ""),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from blog import app", ""),
        ("import typing\nif typing.TYPE_CHECKING:\n    from blog import app", ""),
        ("app = None", "app is no app there"),
        ("app = 'flask'", "app is no app there"),
        (
            "from fastapi import FastAPI\napp = FastAPI()",
            "app is an ASGI app (FastAPI), which a WSGI server cannot serve",
        ),
        ("async def app(scope, receive, send): ...", "app is an async function, which a WSGI server cannot serve"),
        ("def app(): ...", "app() does not take (environ, start_response)"),
        ("def app(a, b, c): ...", "app() does not take (environ, start_response)"),
        ("def app(a, b, *, c): ...", "app() does not take (environ, start_response)"),
        (
            "def create_app(config): ...",
            "create_app needs arguments: give them defaults, or make the app in a wsgi.py of your own",
        ),
        ("async def create_app(): ...", "create_app is an async function, which a WSGI server cannot call"),
        ("create_app = 3", ""),
    ],
)
def test_what_is_not_taken(source: str, remark: str) -> None:
    """Nothing is served that importing would not bind or a WSGI server could not call; the reason is kept."""
    names = find_names(source.encode())

    assert names.found is None
    assert "; ".join(names.remarks) == remark


def test_imports_can_be_left_out() -> None:
    """`from hello import app` is a use of the app, where a module is not expected to be the app's home."""
    assert find_names(b"from hello import app", imports=False).found is None
    assert find_names(b"from flask import Flask as F\nx = F('x')", imports=False).found is not None


def test_two_flask_apps_are_a_tie() -> None:
    """Nobody can tell which of two instances is meant; one called app would be."""
    names = find_names(b"one = Flask('1')\ntwo = Flask('2')\ndef create_app(): ...")

    assert names.found is None
    assert names.rivals == ("one", "two")
    assert find_names(b"one = Flask('1')\napp = Flask('2')").rivals == ()


@pytest.mark.parametrize("source", [b"app = (", b"\xff\xfe", b"app = 1\0"])
def test_what_is_no_python_is_an_error(source: bytes) -> None:
    """A file that this Python cannot read is reported, not guessed at."""
    with pytest.raises((SyntaxError, ValueError)):
        find_names(source)


def test_odd_escapes_are_not_complained_about() -> None:
    """A warning about somebody's string literal would only hide the answer."""
    assert find_names(rb"app = make('\d')").found is not None
