"""What every generated page is made of: Markdown tables, and the words that stand beside a running table.

Runs in: whatever writes or compares the pages.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

SOURCE = Path(__file__).parent / "source"


def table(heading: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table, without a line break at its end."""
    head = list(heading)
    return "\n".join([_row(head), _row("---" for _ in head), *(_row(row) for row in rows)])


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def sentence(text: str) -> str:
    """`text` as a sentence: the running tables keep their words without a capital and without a full stop."""
    return f"{text[0].upper()}{text[1:]}."


def meanings(name: str, wanted: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The rows of docs/source/NAME.tsv.  Raises ValueError if they are not those that the running table has."""
    rows = [line.split("\t") for line in (SOURCE / f"{name}.tsv").read_text().splitlines()]
    difference = {key for key, _ in rows} ^ set(wanted)
    if difference:
        raise ValueError(f"docs/source/{name}.tsv and the running table differ in {sorted(difference)}")
    return ((key, meaning) for key, meaning in rows)
