"""What must not stand in any file, and what must stand in every module."""

import ast
import re
from pathlib import Path

import pytest

from arch.conftest import ROOT, project_files

# Written so that these lines do not match themselves.
HOMES = re.compile(r"/(?:home|Users)/(?!ada\b)\w{2}|/root[/]")
REGISTRIES = re.compile(r"(?:pypi|pythonhosted|npmjs|crates|rubygems)[.](?:org|io|com)")

# Whose text is not ours to choose.
BINARY = {".png"}

MODULES = [path.relative_to(ROOT) for path in project_files([".py"]) if path.is_relative_to(ROOT / "src")]


def test_no_file_names_a_path_of_somebodys_machine() -> None:
    """No text holds a home directory, other than that of ada, who lives in the examples."""
    assert _matching(HOMES) == []


def test_no_file_names_a_package_registry() -> None:
    """Where packages come from is the business of whoever installs them."""
    assert _matching(REGISTRIES) == []


def _matching(pattern: re.Pattern[str]) -> list[str]:
    """`file:line: text` of every line that matches."""
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in project_files()
        if path.suffix not in BINARY
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if pattern.search(line)
    ]


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_every_module_says_where_it_runs(module: Path) -> None:
    """A module names in its docstring the process that it runs in, or says that it is pure, if it has any function."""
    tree = ast.parse((ROOT / module).read_text())
    docstring = ast.get_docstring(tree)

    assert docstring
    if any(isinstance(node, ast.FunctionDef) for node in ast.walk(tree)):
        assert "Runs in:" in docstring or "Pure" in docstring
