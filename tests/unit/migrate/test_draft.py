"""An ini file in the making."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uncork.config import ini
from uncork.migrate.draft import Draft, Migrated, comment
from uncork.migrate.values import Formula, literal

Lines = Callable[[Migrated], list[str]]


def test_a_line_stands_below_its_source() -> None:
    """By topic, each under its heading; what is left comes at the end."""
    draft = Draft("x")
    draft.put("logto", "/log", "x --log /log", "a remark")
    draft.put("master", True, "x has one")
    draft.nothing("x --fast", "it is fast anyway")
    draft.hand("x --odd", "do it")

    migrated = draft.finished("From x.")
    assert migrated.text == (
        "; From x.\n\n[uwsgi]\n"
        "\n; ---- processes ----\n; x has one\nmaster = true\n"
        "\n; ---- logging ----\n; x --log /log\n; a remark\nlogto = /log\n"
        "\n; ---- not needed here ----\n; x --fast: it is fast anyway\n"
        "\n; ---- left to do by hand ----\n; x --odd: do it\n"
    )
    assert migrated.by_hand == ("x --odd: do it",)


@pytest.mark.parametrize(
    ("option", "value", "why"),
    [
        ("processes", Formula("four"), "expected a whole number"),
        ("processes", Formula("$(N)", "N", "four"), "expected a whole number"),
        ("listen", Formula("$(BACKLOG)"), "read before anything in brackets is replaced"),
        ("pidfile", literal("%(x)"), "would be replaced"),
        ("carbon", Formula("1.2.3.4"), "is not supported"),
    ],
)
def test_what_does_not_fit_is_left_to_people(lines: Lines, option: str, value: Formula, why: str) -> None:
    """No line is written that a start would refuse, or that would mean something else."""
    draft = Draft("x")
    draft.put(option, value, "x")

    assert lines(draft.finished("")) == []
    (sentence,) = draft.finished("").by_hand
    assert why in sentence


def test_what_depends_on_the_machine_is_taken(lines: Lines) -> None:
    """Cores and variables are known at the start only."""
    draft = Draft("x")
    draft.put("processes", Formula("%k"), "x")
    draft.put("threads", Formula("$(N)"), "x")
    draft.put("harakiri", Formula("%(%k * 2 + 1)"), "x")

    assert lines(draft.finished("")) == ["processes = %k", "threads = $(N)", "harakiri = %(%k * 2 + 1)"]


@given(st.text(max_size=40), st.text(alphabet="%\n\r;[]= a", max_size=12))
def test_a_comment_is_one_line_and_means_nothing(text: str, end: str) -> None:
    """Whatever stands in it, the line below it counts as it is."""
    written = comment(text + end)

    sections = ini.parse(f"[uwsgi]\n{written}\nmaster = 1\n", lambda line: line)
    assert [(line.key, line.value) for line in sections["uwsgi"]] == [("master", "1")]
