"""A value to show for each option."""

import pytest

from uncork.config import examples
from uncork.config.examples import NOTHING, example_of
from uncork.config.kinds import Text
from uncork.config.option import Option
from uncork.config.table import BY_NAME, OPTIONS


def made(kind: Text, name: str = "x") -> Option:
    """An option of our own making."""
    return Option((name,), "", kind, None, "", "", implies_master=False, own=True, acts=True)


@pytest.mark.parametrize("option", [option for _, option in OPTIONS], ids=lambda option: option.name)
def test_every_option_takes_its_example(option: Option) -> None:
    """The example of an option is a value that it takes."""
    example = example_of(option)

    assert bool(example) is (option.kind.expected != NOTHING)
    option.kind.parse(example)


def test_names_are_canonical() -> None:
    """An example that is recorded for a name is for one that there is."""
    canonical = {option.name for _, option in OPTIONS}
    assert {name for name in examples._BY_NAME if name in BY_NAME} <= canonical


def test_from_what_is_expected() -> None:
    """What a kind itself gives as an example is the example."""
    assert example_of(made(Text("THING", "a thing, such as a/b"))) == "a/b"
    assert example_of(made(Text("THING", "red, green or blue"))) == "red"


def test_no_example() -> None:
    """A kind that takes nothing of all this has none until somebody writes one down."""

    class Never(Text):
        def parse(self, text: str | None) -> str:
            return Text("", "").parse(None)

    assert example_of(made(Never("NEVER", "never"))) == ""
