"""The generated reference pages follow the running tables."""

import importlib.util
from types import ModuleType

import pytest

from arch.conftest import ROOT


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


def test_every_option_command_and_statistic_has_its_row() -> None:
    """No option, letter or key is left out of its page."""
    pages = GENERATOR.pages()
    options = [name for declared in GENERATOR.OPTIONS for name in declared.option.names]
    letters = [row.char for row in GENERATOR.COMMANDS if row.char]

    assert [name for name in options if f"`{name}`" not in pages["options.md"]] == []
    assert [letter for letter in letters if f"| `{letter}` |" not in pages["commands.md"]] == []
    assert [key for key in GENERATOR.STATS_MEANINGS if f"| `{key}` |" not in pages["stats.md"]] == []
