"""What is left to be filled in."""

import pytest

from uncork.config.templates import holds_blank, is_blank
from unit.config.growth import growth

BLANKS = ("__PORT__", "{{ port }}", "{% port %}", "<%= port %>", "${PORT}", "@PORT@", "<Port>", "<your port>")


@pytest.mark.parametrize("blank", BLANKS)
def test_blank(blank: str) -> None:
    """Each form is found, alone and inside of a text."""
    assert is_blank(blank)
    assert holds_blank(blank)
    assert holds_blank(f"127.0.0.1:{blank}")


@pytest.mark.parametrize("blank", ["$(PORT)", "%(port)", "@(port)", "{port}"])
def test_blank_as_a_whole(blank: str) -> None:
    """What uWSGI itself fills in, and a name in braces, is nothing yet where it stands alone."""
    assert is_blank(blank)
    assert not holds_blank(blank)


@pytest.mark.parametrize(
    "text", ["", "four", "a_b", "ada@host", "a < b", "{", "}}{{", "%>", '{"a": "b c"}', "__", "@@"]
)
def test_no_blank(text: str) -> None:
    """What only looks a little like one is not."""
    assert not is_blank(text)
    assert not holds_blank(text)


def test_a_value_around_it() -> None:
    """With more than that in it a text is not a blank as a whole."""
    assert not is_blank("a${B}c")
    assert not is_blank("x$(B)")


@pytest.mark.parametrize("unit", ["{{", "{{a", "}}", "<%", "${", "__", "__a-", "@a", "<a", "a"])
def test_long_hostile_text(unit: str) -> None:
    """8 times the text is nowhere near 64 times the work."""
    assert min(growth(holds_blank, unit) for _ in range(3)) < 24
    assert min(growth(is_blank, unit) for _ in range(3)) < 24


def test_growth_is_seen() -> None:
    """What costs the square of its text is told from what does not."""
    assert growth(lambda text: [text.count("b", 0, end) for end in range(0, len(text), 5)], "a") > 24
