"""A configuration that is a Python file, such as gunicorn.conf.py, read without running it.

Pure: the file is parsed, and the usual expressions are worked out on the tree.  Nothing of it is executed, imported
or looked up; what is not understood is said, with its line.
"""

import ast
import warnings
from typing import NamedTuple, TypeGuard

from uncork.config.secrets import mask
from uncork.migrate.command import MigrateError
from uncork.migrate.expressions import Known, as_value, evaluate, shown
from uncork.migrate.values import Given, ManualError

# Configuration files are small; parsing takes time and memory with the size.
_LARGEST = 512 * 1024

_SHOWN = 100  # characters of a line in a comment


class Module(NamedTuple):
    """What a file says, each with its place (`gunicorn.conf.py:3`).

    `given` are its assignments in order, `unread` those that were not understood (place, name, why), `functions` the
    functions that it defines (place, name), `statements` what else it does when it is run (place, what).
    """

    given: list[Given]
    unread: list[tuple[str, str, str]]
    functions: list[tuple[str, str]]
    statements: list[tuple[str, str]]


def parse_module(text: str, name: str) -> Module:
    """Read a Python file; `name` is its name in comments.  Raises MigrateError."""
    reading = _Reading(text, name)
    for node in parsed(text, name).body:
        reading.statement(node)
    return reading.module


def parsed(text: str, name: str) -> ast.Module:
    """The tree of a Python file.  Raises MigrateError."""
    if len(text) > _LARGEST:
        raise MigrateError(f"{name} is larger than {_LARGEST // 1024} KiB")
    try:
        with warnings.catch_warnings(action="ignore"):  # what is odd about the file is not asked here
            return ast.parse(text)
    except SyntaxError as error:
        raise MigrateError(f"{name}:{error.lineno or 0}: this is no Python ({error.msg})") from None
    except (ValueError, RecursionError, MemoryError):
        raise MigrateError(f"{name}: this cannot be read as Python") from None


class _Reading:
    """A file while it is walked: what its names are known to be so far."""

    def __init__(self, text: str, shown: str) -> None:
        self._lines = text.splitlines()
        self._shown = shown
        self._names: dict[str, Known | ManualError] = {}
        self.module = Module([], [], [], [])

    def statement(self, node: ast.stmt) -> None:
        """Take in one statement of the module."""
        place = f"{self._shown}:{node.lineno}"
        if isinstance(node, ast.Assign) and all(isinstance(target, ast.Name) for target in node.targets):
            for target in node.targets:
                self._assigned(place, target, node.value)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            if node.value is not None:
                self._assigned(place, node.target, node.value)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            self.module.functions.append((place, node.name))
        elif not isinstance(node, ast.Import | ast.ImportFrom | ast.ClassDef | ast.Pass) and not _is_docstring(node):
            self._other(place, node)

    def _assigned(self, place: str, target: ast.expr, value: ast.expr) -> None:
        name = target.id if isinstance(target, ast.Name) else ""
        line = self._lines[value.lineno - 1].strip() if value.lineno <= len(self._lines) else ""
        source = f"{place} {mask(line)[:_SHOWN]}"
        self.module.given[:] = [one for one in self.module.given if one.name != name]
        try:
            self._names[name] = found = evaluate(value, self._names)
            self.module.given.append(Given(name, as_value(found), source))
        except (ManualError, RecursionError) as error:
            why = error if isinstance(error, ManualError) else ManualError("the expression is nested too deep")
            self._names[name] = why
            self.module.unread.append((source, name, str(why)))

    def _other(self, place: str, node: ast.stmt) -> None:
        """What depends on something, or changes a value that is there: names in it are unknown from here on."""
        changed = {name.id for name in ast.walk(node) if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)}
        touched = {name.value.id for name in ast.walk(node) if _is_part(name) and isinstance(name.value, ast.Name)}
        changed |= touched & self._names.keys()
        why = ManualError(f"line {node.lineno} decides it when the file is run")
        for name in sorted(changed):
            self._names[name] = why
            self.module.given[:] = [one for one in self.module.given if one.name != name]
            self.module.unread.append((place, name, f"{name}: {why}"))
        if not changed:
            self.module.statements.append((place, f"{mask(shown(node, _SHOWN))} is run"))


def _is_part(node: ast.AST) -> TypeGuard[ast.Subscript | ast.Attribute]:
    """`name.append(...)` and `name[...] = ...` may change what a name stands for."""
    return isinstance(node, ast.Attribute) or (isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store))


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
