"""Who is answered when: a table of stories."""

import pytest

from uncork.control.commands import Outcome
from uncork.control.waiters import Waiters

RELOAD, CHAIN, WORKERS = Outcome.RELOAD, Outcome.CHAIN, Outcome.WORKERS

# (what happens, who is answered by then) step by step: `name asks outcome`, `began`, `outcome good`, `outcome bad`,
# `name leaves`.
STORIES = {
    "one reload": [("ada asks reload", ""), ("began", ""), ("reload good", "ada")],
    "a reload that fails is an answer": [("ada asks reload", ""), ("began", ""), ("reload bad", "ada")],
    "nobody is answered twice": [("ada asks reload", ""), ("began", ""), ("reload good", "ada"), ("reload good", "")],
    "who asks while one is proven is answered by the next": [
        ("ada asks reload", ""),
        ("began", ""),
        ("bob asks reload", ""),
        ("reload good", "ada"),
        ("began", ""),
        ("reload bad", "bob"),
    ],
    "all who ask meanwhile share the next": [
        ("ada asks reload", ""),
        ("began", ""),
        ("bob asks reload", ""),
        ("eve asks reload", ""),
        ("reload bad", "ada"),
        ("began", ""),
        ("reload good", "bob eve"),
    ],
    "a reload that nobody asked for answers nobody": [("began", ""), ("ada asks reload", ""), ("reload good", "")],
    "the one after it does": [
        ("began", ""),
        ("ada asks reload", ""),
        ("reload bad", ""),
        ("began", ""),
        ("reload good", "ada"),
    ],
    "before the first start is over": [("ada asks reload", ""), ("began", ""), ("reload good", "ada")],
    "workers have only an end": [("ada asks workers", ""), ("bob asks workers", ""), ("workers good", "ada bob")],
    "a chain does not end workers": [("ada asks workers", ""), ("bob asks chain", ""), ("chain good", "bob")],
    "a good reload has replaced every worker": [
        ("ada asks workers", ""),
        ("bob asks chain", ""),
        ("eve asks reload", ""),
        ("reload good", "ada bob"),
    ],
    "a bad one has replaced none": [("ada asks workers", ""), ("bob asks chain", ""), ("reload bad", "")],
    "who has left is not answered": [
        ("ada asks reload", ""),
        ("bob asks reload", ""),
        ("ada leaves", ""),
        ("began", ""),
        ("reload good", "bob"),
    ],
    "who left in the middle": [("ada asks reload", ""), ("began", ""), ("ada leaves", ""), ("reload good", "")],
}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES.keys())
def test_who_is_answered(story: list[tuple[str, str]]) -> None:
    """Everybody is answered by the end of what they asked for, once, and nobody by anything older."""
    waiters: Waiters[str] = Waiters()
    for step, expected in story:
        words = step.split()
        answered: list[str] = []
        if words == ["began"]:
            waiters.reload_began()
        elif words[1] == "asks":
            waiters.add(words[0], Outcome(words[2]))
        elif words[1] == "leaves":
            waiters.forget(words[0])
        else:
            answered = waiters.ended(Outcome(words[0]), words[1] == "good")
        assert answered == expected.split(), step


def test_everybody_can_be_answered_at_once() -> None:
    """When the server stops nobody goes on waiting, whatever for."""
    waiters: Waiters[str] = Waiters()
    for name, outcome in (("ada", RELOAD), ("bob", CHAIN), ("eve", WORKERS)):
        waiters.add(name, outcome)
    waiters.reload_began()

    assert waiters.everybody() == ["ada", "bob", "eve"]
    assert waiters.everybody() == []
    assert waiters.ended(RELOAD, good=True) == []
