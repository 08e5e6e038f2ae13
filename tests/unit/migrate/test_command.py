"""Command lines as they stand in Procfiles, units and shells."""

import pytest

from uncork.migrate.command import Command, MigrateError, parse_command, split

GUNICORN = ("-w", "4", "app:app")


@pytest.mark.parametrize(
    "line",
    [
        "gunicorn -w 4 app:app",
        "/srv/venv/bin/gunicorn -w 4 app:app",
        "exec gunicorn -w 4 app:app",
        "python -m gunicorn -w 4 app:app",
        "/usr/bin/python3.12 -u -m gunicorn -w 4 app:app",
        "poetry run gunicorn -w 4 app:app",
        "pipenv run gunicorn -w 4 app:app",
        "uv run --frozen gunicorn -w 4 app:app",
        "web: gunicorn -w 4 app:app",
        "web: exec env gunicorn -w 4 app:app",
        "ExecStart=/srv/venv/bin/gunicorn -w 4 app:app",
        "ExecStart=-/srv/venv/bin/gunicorn \\\n    -w 4 \\\n    app:app",
        "command = gunicorn -w 4 app:app",
        'CMD ["gunicorn", "-w", "4", "app:app"]',
        '["gunicorn", "-w", "4", "app:app"]',
        "CMD gunicorn -w 4 app:app",
        "gunicorn '-w' \"4\" app:app",
    ],
)
def test_what_stands_around_the_server_is_taken_off(line: str) -> None:
    """Labels, runners, interpreters and quotes make no difference, in one word and in several."""
    assert parse_command([line]) == Command("gunicorn", GUNICORN, (), ())


def test_words_of_a_shell_are_taken_as_they_are() -> None:
    """Words behind `--` were taken apart by the shell already."""
    assert parse_command(["web:", "gunicorn", "--env", "A=b c"]).words == ("--env", "A=b c")
    assert parse_command(["ExecStart=/x/gunicorn", "app"]) == Command("gunicorn", ("app",), (), ())


def test_variables_and_wrappers_are_told() -> None:
    """What is set for the server, and what it is started through, is not lost."""
    command = parse_command(["PORT=80 A='b c' newrelic-admin run-program gunicorn app:app"])

    assert command.variables == (("PORT", "80"), ("A", "b c"))
    assert command.wrappers == ("newrelic-admin",)
    assert command.program == "gunicorn"


def test_a_file_of_python_is_a_program_of_its_own() -> None:
    """`python app.py` has no server's name in it."""
    assert parse_command(["python3 app.py"]) == Command("python", ("app.py",), (), ())


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("", "no server is named"),
        ("A=1", "no server is named"),
        ("gunicorn 'app", "cannot be taken apart"),
        ("cd /srv && gunicorn app:app", "belongs to the shell"),
        ("gunicorn app:app > log", "belongs to the shell"),
        ("gunicorn app:app | tee log", "belongs to the shell"),
        ("[gunicorn]", "json"),
    ],
)
def test_what_is_no_command_is_said(line: str, why: str) -> None:
    """A line that is no single command is refused with a sentence."""
    with pytest.raises(MigrateError, match=why):
        parse_command([line])


def test_words_of_a_variable_are_split_as_a_shell_does() -> None:
    """GUNICORN_CMD_ARGS holds words with quotes."""
    assert split("--bind=:80 --env 'A=b c'") == ["--bind=:80", "--env", "A=b c"]
