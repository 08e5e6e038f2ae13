"""FLASK_APP, wherever Flask's own command would read it."""

from pathlib import Path

import pytest

from uncork.stack.flaskenv import assignments, flask_app


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("FLASK_APP=blog", "blog"),
        ("export FLASK_APP=blog", "blog"),
        ("  FLASK_APP = 'blog:app' # mine", "blog:app"),
        ('FLASK_APP="blog"', "blog"),
        ("FLASK_APP=blog # mine", "blog"),
        ("FLASK_APP=blog#1", "blog#1"),
        ("FLASK_APP='blog", "'blog"),
        ("FLASK_APP=", ""),
        ("# FLASK_APP=blog", None),
        ("#FLASK_APP=blog", None),
        ("FLASK_APP", None),
        ("FLASK_APP=one\nFLASK_APP=two", "two"),
    ],
)
def test_lines_of_an_env_file(text: str, value: str | None) -> None:
    """Assignments as a shell or python-dotenv would understand them."""
    assert assignments(text).get("FLASK_APP") == value


def test_the_environment_comes_first(tmp_path: Path) -> None:
    """Environment, then .flaskenv, then .env; an empty value counts as none."""
    assert flask_app(str(tmp_path), {}) == ("", "")
    (tmp_path / ".env").write_text("FLASK_APP=a")
    assert flask_app(str(tmp_path), {}) == ("a", "FLASK_APP in .env")
    (tmp_path / ".flaskenv").write_text("FLASK_APP=b")
    assert flask_app(str(tmp_path), {"FLASK_APP": ""}) == ("b", "FLASK_APP in .flaskenv")
    assert flask_app(str(tmp_path), {"FLASK_APP": "c"}) == ("c", "FLASK_APP")
