"""docs/reference/behaviour.md: numbered promises, each held by tests that exist."""

import ast
import re
from functools import cache
from pathlib import Path

from arch.conftest import ROOT

PAGE = ROOT / "docs" / "reference" / "behaviour.md"

# `B12` in the first cell of a row, the promise in the second, tests in the third.
ROW = re.compile(r"^\| (?:<a id=\"b\d+\"></a>)?B(\d+) \| (.+?) \| (.+?) \|$", re.MULTILINE)
NAME = re.compile(r"`([\w/]+)\.py::(\w+)`")


@cache
def functions_in(path: Path) -> frozenset[str]:
    """Names of the functions in a file."""
    tree = ast.parse(path.read_text())
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def rows() -> list[tuple[int, str, str]]:
    """(number, promise, tests) of every row."""
    return [(int(number), promise, tests) for number, promise, tests in ROW.findall(PAGE.read_text())]


def test_promises_are_numbered_without_a_gap() -> None:
    """B1, B2, ... in order, so that a number names one promise."""
    numbers = [number for number, _, _ in rows()]

    assert numbers == list(range(1, len(numbers) + 1))
    assert numbers


def test_every_promise_names_tests_that_exist() -> None:
    """Each row names at least one test, and each of them is there."""
    missing = []
    for number, _, tests in rows():
        names = NAME.findall(tests)
        if not names:
            missing.append(f"B{number}: no test")
        for file, name in names:
            path = ROOT / "tests" / f"{file}.py"
            if not path.is_file() or name not in functions_in(path):
                missing.append(f"B{number}: {file}.py::{name}")

    assert missing == []
