"""The generated reference pages follow the running tables."""

import importlib.util
from types import ModuleType

import pytest

from arch.conftest import ROOT
from uncork.config.table import OPTIONS
from uncork.control.commands import COMMANDS
from uncork.worker.logformat import VARIABLES


def load_generator() -> ModuleType:
    """docs/generate.py as a module: it is a script beside the pages, and in no package."""
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GENERATOR = load_generator()


@pytest.mark.parametrize("name", sorted(GENERATOR.pages()))
def test_a_page_is_what_the_tables_say(name: str) -> None:
    """docs/reference has every page as docs/generate.py writes it; run that after a change of a table."""
    assert (ROOT / "docs" / "reference" / name).read_text() == GENERATOR.pages()[name]


def test_every_option_letter_and_variable_has_its_row() -> None:
    """No option, FIFO letter or variable of a log line is left out of its page."""
    pages = GENERATOR.pages()
    options = [name for _, option in OPTIONS for name in option.names]
    letters = [row.char for row in COMMANDS]

    assert [name for name in options if f"`{name}`" not in pages["options.md"]] == []
    assert [name for name in VARIABLES if f"| `%({name})` |" not in pages["options.md"]] == []
    assert [letter for letter in letters if f"| `{letter}` |" not in pages["commands.md"]] == []
