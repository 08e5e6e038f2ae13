"""The text of `--help`."""

from uncork.config.help import help_text
from uncork.config.table import OPTIONS


def test_every_option_is_there() -> None:
    """Every name, alias and short letter of the table is in the text."""
    text = help_text()
    for _, option in OPTIONS:
        assert all(f"--{name}" in text for name in option.names)
        assert not option.short or f"-{option.short}, --{option.name}" in text


def test_readable_at_100_columns() -> None:
    """No line is wider than 100 columns, ends in a space, or is torn from its description."""
    lines = help_text().splitlines()
    assert all(len(line) <= 100 and line == line.rstrip() for line in lines)
    assert "  -C, --chmod-socket[=MODE]       permissions of socket files; without a value everybody on the" in lines
    assert "  -p, --processes N               number of workers (default 1 processes; also --workers)" in lines
