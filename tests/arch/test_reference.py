"""The generated reference pages follow the running tables."""

import importlib.util
import re
import sys
from types import ModuleType

import pytest

from arch.conftest import ROOT
from uncork.config.names import uwsgi_names
from uncork.config.table import BY_NAME, GROUPS, OPTIONS
from uncork.control.commands import COMMANDS
from uncork.worker.logformat import VARIABLES


def load_generator() -> ModuleType:
    """docs/generate.py as a module: it is a script beside the pages, in no package, with modules beside itself."""
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(ROOT / "docs"))
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


def test_every_group_has_its_section() -> None:
    """The page of options has each group once under a heading, and a heading for no group that is empty."""
    source = (ROOT / "docs" / "source" / "options.md.in").read_text()
    page = GENERATOR.pages()["options.md"]
    sections = dict(re.findall(r"^## (.+)\n\n\{\{options ([a-z]+)\}\}\n\n", source, re.MULTILINE))

    assert sorted(sections.values()) == sorted(GROUPS)
    filled = {group for group, _ in OPTIONS}
    assert {group for heading, group in sections.items() if f"\n## {heading}\n" in page} == filled


def test_every_name_of_uwsgi_has_its_answer() -> None:
    """All names stand in alphabetical order, each with a status and words; those that are declared have a link."""
    page = GENERATOR.pages()["uwsgi-options.md"]
    rows = re.findall(r"^\| \[?`([^`]+)`\]?(\(options\.md#[^)]+\))?[^|]* \| (\w+) \| (.+) \|$", page, re.MULTILINE)
    names = list(dict.fromkeys(name for name, *_ in rows))

    assert names == sorted(uwsgi_names())
    assert [name for name, link, *_ in rows if bool(link) != (name in BY_NAME)] == []
    assert {status for _, _, status, _ in rows} <= {"supported", "accepted", "unsupported"}
