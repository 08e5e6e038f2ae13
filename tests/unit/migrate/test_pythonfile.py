"""Configuration files written in Python, read without running them."""

from pathlib import Path

import pytest

from uncork.migrate.command import MigrateError
from uncork.migrate.pythonfile import parse_module
from uncork.migrate.values import Formula, Given


def test_assignments_know_their_lines() -> None:
    """Each value has its file, line and text; names that were set before may be used."""
    module = parse_module('"""doc"""\nimport os\nn = 2\nworkers: int = n * 2\n', "g.py")

    assert module.given == [
        Given("n", Formula("2"), "g.py:3 n = 2"),
        Given("workers", Formula("4"), "g.py:4 workers: int = n * 2"),
    ]
    assert (module.unread, module.functions, module.statements) == ([], [], [])


def test_the_last_assignment_counts() -> None:
    """As when the file is run; one that is not understood takes the earlier value away."""
    assert [one.value for one in parse_module("a = 1\na = 2\n", "g.py").given] == [Formula("2")]
    module = parse_module("a = 1\na = f()\n", "g.py")
    assert module.given == []
    assert [name for _, name, _ in module.unread] == ["a"]


def test_what_depends_on_a_condition_is_unknown() -> None:
    """A value that a branch, a loop or a method changes is not guessed, and neither is what is made of it."""
    module = parse_module("a = 1\nb = ['x']\nif DEBUG:\n    a = 2\nb.append('y')\nc = a\n", "g.py")

    assert module.given == []
    assert [(place, name) for place, name, _ in module.unread] == [
        ("g.py:3", "a"),
        ("g.py:5", "b"),
        ("g.py:6 c = a", "c"),
    ]


def test_functions_and_other_statements_are_told() -> None:
    """Hooks are functions; whatever else is run at import is named with its line."""
    module = parse_module("def post_fork(a, b):\n    pass\nprint('hello')\n", "g.py")

    assert module.functions == [("g.py:1", "post_fork")]
    assert module.statements == [("g.py:3", "print('hello') is run")]


def test_secrets_are_not_repeated_in_comments() -> None:
    """The line of a value is shown, without what is secret in it."""
    source = parse_module('raw_env = ["DB_PASSWORD=hidden"]\n', "g.py").given[0].source

    assert "hidden" not in source


def test_nothing_is_run(tmp_path: Path) -> None:
    """A file that would do something when it is imported does nothing when it is read."""
    mark = tmp_path / "mark"
    module = parse_module(f"import os\nos.mkdir({str(mark)!r})\nworkers = os.mkdir({str(mark)!r}) or 4\n", "g.py")

    assert not mark.exists()
    assert [name for _, name, _ in module.unread] == ["workers"]
    assert len(module.statements) == 1


@pytest.mark.parametrize("text", ["workers = = 4", "a\0b", "(" * 5000, "x = " + "-" * 100_000 + "1", "a" * 600_000])
def test_what_is_no_python_is_said(text: str) -> None:
    """A file that cannot be parsed is refused with its name, and never ends in a traceback."""
    with pytest.raises(MigrateError, match=r"g\.py"):
        parse_module(text, "g.py")
