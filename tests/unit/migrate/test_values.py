"""Values on their way into an ini file: what arrives as it was, and what cannot."""

import pytest

from uncork.migrate.values import Formula, Given, ManualError, from_shell, joined, literal, variable


@pytest.mark.parametrize(
    ("text", "written"),
    [("/run/app.sock", "/run/app.sock"), ("100%", "100%%"), ("a;b # c", "a;b # c"), ("", ""), ("%(x)", "%%(x)")],
)
def test_a_text_is_written_so_that_it_arrives(text: str, written: str) -> None:
    """A percent sign is doubled, and nothing else needs to be."""
    assert literal(text) == Formula(written)


@pytest.mark.parametrize("text", ["a\nb", "a\r", "a\0b", " a", "a\t", "$(HOME)", "@(file)", "x$(HOSTNAME)y"])
def test_what_a_line_cannot_hold_is_refused(text: str) -> None:
    """Line breaks, blanks at the ends and what would be replaced have to be carried over by hand."""
    with pytest.raises(ManualError):
        literal(text)


@pytest.mark.parametrize(
    ("word", "formula"),
    [
        (":8000", Formula(":8000")),
        (":$PORT", Formula(":$(PORT)")),
        ("${HOST}:${PORT}", Formula("$(HOST):$(PORT)")),
        (":${PORT:-8000}", Formula(":$(PORT)", "PORT", ":8000")),
        ("${N-4}", Formula("$(N)", "N", "4")),
        ("a$", Formula("a$")),
    ],
)
def test_variables_of_a_shell_are_kept(word: str, formula: Formula) -> None:
    """`$NAME` becomes `$(NAME)`; a default counts where the variable is not set."""
    assert from_shell(word) == formula


def test_a_command_inside_a_word_is_refused() -> None:
    """`$(nproc)` is a command to a shell, and would be a variable in an ini file."""
    with pytest.raises(ManualError, match=r"\$\("):
        from_shell("$(nproc)")


def test_two_variables_with_defaults_are_refused() -> None:
    """One line cannot have four meanings."""
    with pytest.raises(ManualError, match="A and B"):
        joined([variable("A", "1"), variable("B", "2")])


def test_one_default_stands_in_both_texts() -> None:
    """What surrounds a variable with a default stands around the default, too."""
    assert joined([Formula("x"), variable("A", "1"), variable("B", None)]) == Formula("x$(A)$(B)", "A", "x1$(B)")


@pytest.mark.parametrize(
    ("value", "on"), [(None, False), (False, False), (True, True), (Formula("0"), False), ((), False)]
)
def test_off_is_off_in_every_spelling(value: bool | Formula | tuple[()] | None, on: bool) -> None:
    """None, False, 0 and nothing mean that a setting was not made."""
    assert Given("x", value, "").is_on is on


def test_only_a_known_number_is_a_number() -> None:
    """A calculation and a variable have no number yet."""
    assert Formula("12").number == 12
    assert Formula("%k").number is None
    assert Formula("1", "X").number is None
