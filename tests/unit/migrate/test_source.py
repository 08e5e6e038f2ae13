"""Which reader a source goes to."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uncork.migrate.command import MigrateError
from uncork.migrate.source import is_command, read_command, read_file


@pytest.mark.parametrize(
    "word",
    [
        "gunicorn",
        "/srv/bin/gunicorn",
        "gunicorn -w 4 app",
        "python3 app.py",
        "web: gunicorn app",
        "A=1 flask run",
        "exec",
        "ExecStart=/x",
        "uwsgi",
        "poetry run x",
    ],
)
def test_what_begins_a_command_line(word: str) -> None:
    """The program's name, or what stands before it."""
    assert is_command(word)


@pytest.mark.parametrize(
    "word", ["uwsgi.ini", "gunicorn.conf.py", "/etc/uwsgi/app.ini:section", "app.yaml", "-o", "environment.ini"]
)
def test_what_names_a_file(word: str) -> None:
    """A path, even one that begins like a program."""
    assert not is_command(word)


@pytest.mark.parametrize("program", ["hypercorn", "daphne"])
def test_servers_of_asgi_alone_get_a_sentence(program: str) -> None:
    """There is no WSGI app behind them."""
    with pytest.raises(MigrateError, match=f"{program} app:app: that is ASGI"):
        read_command([program, "app:app"], str, {})


def test_an_unknown_program_is_named_with_the_known_ones() -> None:
    """So that a slip is seen."""
    with pytest.raises(MigrateError, match=r"gunicron is no server that can be migrated .*gunicorn"):
        read_command(["gunicron", "app:app"], str, {})


def test_files_go_by_their_names() -> None:
    """Python files are gunicorn's, all others uWSGI's."""
    texts = {"g.py": "workers = 2", "u.conf": "[uwsgi]\nworkers = 3\n"}

    def read(path: str) -> str:
        return texts[path.rpartition("/")[2]]

    assert "processes = 2" in read_file("g.py", "", read).text
    assert "processes = 3" in read_file("u.conf", "", read).text


def test_the_environment_is_that_of_the_command() -> None:
    """gunicorn reads GUNICORN_CMD_ARGS of the shell."""

    def read(path: str) -> str:
        raise FileNotFoundError(path)

    assert "processes = 9" in read_command(["gunicorn", "a:b"], read, {"GUNICORN_CMD_ARGS": "-w 9"}).text


WORDS = st.one_of(
    st.sampled_from(["gunicorn", "uvicorn", "granian", "waitress-serve", "flask", "python", "uwsgi", "run", "app.py"]),
    st.sampled_from(["--interface", "wsgi", "-w", "--bind", "-b:80", "-c", "g.py", "--env", "app:app", "--", "-"]),
    st.sampled_from(["unix:", "${A:-b}", "$(x)", "%(h)s", "100%", "--access-logformat", "-k", "--umask", "", "A=1"]),
    st.text(max_size=12),
)
PYTHON = st.lists(
    st.one_of(
        st.sampled_from(["bind", "workers = ", "'x'", "\n", "os.environ", ".get('A', 'b')", " + ", "(", ")", "[", "]"]),
        st.sampled_from(["f'{", "}'", "cpu_count()", " * 2", "if x:\n    workers = 2\n", "0x", "9" * 50]),
        st.sampled_from(["\ndef post_fork(a):\n    pass\n", "app.run(", "port=", "wsgi_app = "]),
        st.text(max_size=6),
    ),
    max_size=14,
).map("".join)


@given(st.lists(WORDS, max_size=8), PYTHON)
@settings(max_examples=300, deadline=None)
def test_no_command_line_ends_in_a_traceback(words: list[str], text: str) -> None:
    """Whatever is given: a file, or one sentence why not."""
    with suppress(MigrateError):
        assert read_command(words, lambda _path: text, {}).text.startswith("; Written by uncork migrate")


@given(PYTHON)
@settings(max_examples=300, deadline=None)
def test_no_python_file_ends_in_a_traceback(text: str) -> None:
    """The same for files alone."""
    with suppress(MigrateError):
        assert read_file("g.py", "", lambda _path: text).text.startswith("; Written by uncork migrate")
