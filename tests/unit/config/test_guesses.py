"""What was meant by a slip of the finger."""

import pytest

from uncork.config import guesses
from uncork.config.answers import usual_answer
from uncork.config.guesses import Guesses, nearest


@pytest.mark.parametrize(
    ("slip", "name"),
    [
        ("harakari", "harakiri"),
        ("chmod-sock", "chmod-socket"),
        ("thread", "threads"),
        ("allow-form", "allow-from"),
        ("moduel", "module"),
        ("log-buffering", "post-buffering"),
        # Another spelling of the same letters.
        ("chmod_socket", "chmod-socket"),
        ("Harakiri", "harakiri"),
        ("max_request", "max-requests"),
        # A word too many, a word too few.
        ("strict-mode", "strict"),
        ("pidfile-chmod", "pidfile"),
        ("chown", "chown-socket"),
    ],
)
def test_nearest(slip: str, name: str) -> None:
    """The name that was meant comes first."""
    assert nearest(slip)[0] == name


@pytest.mark.parametrize("name", ["qqqqqqqq", "base", "project", "domain", "app", "base_dir", "", "-"])
def test_a_placeholder_is_like_nothing(name: str) -> None:
    """The names that people give to their own placeholders are no slips."""
    assert nearest(name) == []


def test_only_what_does_something_is_suggested() -> None:
    """A name that does nothing here is suggested only where no other name is near."""
    assert "rbthread" not in nearest("thread")
    assert nearest("fastroute")[0] == "fastrouter"
    for slip in ("thread", "worker", "log-formt", "socket-path", "cheapr", "modul"):
        statuses = {found.status for name in nearest(slip) if (found := usual_answer(name))}
        assert statuses <= {"supported", "accepted"}, slip


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("harakari", " (did you mean --harakiri?)"),
        ("deamonize", " (did you mean --daemonize or --daemonize2?)"),
        ("qqqqqqqq", ""),
    ],
)
def test_did_you_mean(name: str, words: str) -> None:
    """The guess reads as a question, and nothing is said where nothing is near."""
    assert Guesses().did_you_mean(name, prefix="--") == words


def test_only_the_first_are_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand mistakes do not take a thousand searches; a name that was looked for already has its answer."""
    searched: list[str] = []

    def guess(name: str, prefix: str) -> str:
        searched.append(name)
        return f"{prefix}{name}?"

    monkeypatch.setattr(guesses, "guess", guess)
    asked = Guesses()
    words = [asked.guess(f"name{number}") for number in range(1000)]
    assert words[:10] == [f"name{number}?" for number in range(10)]
    assert not any(words[10:])
    assert len(searched) == 10
    assert asked.guess("name3", "--") == "--name3?"
