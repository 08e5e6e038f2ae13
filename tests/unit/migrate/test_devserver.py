"""`flask run` and `python app.py`."""

from collections.abc import Callable

import pytest

from uncork.migrate.command import MigrateError, parse_command
from uncork.migrate.devserver import migrate_flask, migrate_python
from uncork.migrate.draft import Migrated

Lines = Callable[[Migrated], list[str]]


def flask(line: str) -> Migrated:
    return migrate_flask(parse_command([line]))


def python(text: str, line: str = "python app.py") -> Migrated:
    return migrate_python(parse_command([line]), lambda _path: text)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("flask --app shop:app run", {"module = shop:app", "http-socket = 127.0.0.1:5000", "threads = 4"}),
        (
            "flask --app src/shop.py:app run -h 0.0.0.0 -p 80",
            {"pythonpath = src", "module = shop:app", "http-socket = 0.0.0.0:80"},
        ),
        (
            "FLASK_APP=shop:app FLASK_RUN_PORT=80 python -m flask run",
            {"module = shop:app", "http-socket = 127.0.0.1:80"},
        ),
        ("flask --app 'shop:create_app()' run --without-threads", {"module = shop:create_app()"}),
        ("A=1 flask -A shop:app run --reload", {"env = A=1", "py-autoreload = true"}),
    ],
)
def test_flask_run(lines: Lines, line: str, expected: set[str]) -> None:
    """App, host, port and variables are carried over."""
    found = flask(line)

    assert expected <= set(lines(found))
    assert found.by_hand == ()


def test_what_flask_finds_by_itself_is_left_to_people() -> None:
    """Without a name flask looks into the module, or for the module."""
    assert len(flask("flask --app shop run").by_hand) == 1
    assert len(flask("flask run").by_hand) == 1


def test_other_commands_of_flask_start_no_server() -> None:
    """`flask db upgrade` is nothing to migrate."""
    with pytest.raises(MigrateError, match="only flask run"):
        flask("flask db upgrade")


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("app.run()", {"http-socket = 127.0.0.1:5000", "wsgi-file = app.py", "callable = app", "threads = 4"}),
        ("web.run('0.0.0.0', 80)", {"http-socket = 0.0.0.0:80", "callable = web"}),
        ("app.run(host='::', port=80, threaded=False)", {"http-socket = [::]:80"}),
        ("app.run(port=int(os.environ['PORT']))", {"http-socket = 127.0.0.1:$(PORT)"}),
    ],
)
def test_a_file_that_runs_itself(lines: Lines, call: str, expected: set[str]) -> None:
    """The call of run() in the file says where, and which name the app has."""
    found = python(f"import flask\n\napp = web = flask.Flask('x')\n\nif __name__ == '__main__':\n    {call}\n")

    assert expected <= set(lines(found))
    assert found.by_hand == ()


def test_what_a_call_leaves_to_people() -> None:
    """A debugger, TLS, words behind the file and what is computed are told."""
    assert len(python("app.run(debug=True, ssl_context='adhoc', host=find())", "python app.py --fast").by_hand) == 4


@pytest.mark.parametrize(
    ("line", "text", "why"),
    [
        ("python app.py", "print(1)", "no line of it is app.run"),
        ("python app.py", "def main():\n    app.run()\n", "no line of it is app.run"),
        ("python app.py", "x = = 1", "no Python"),
        ("python -c 1", "", "nobody can see"),
        ("python", "", "nobody can see"),
    ],
)
def test_what_starts_no_server_is_said(line: str, text: str, why: str) -> None:
    """There is nothing to migrate, and a sentence says why."""
    with pytest.raises(MigrateError, match=why):
        python(text, line)
