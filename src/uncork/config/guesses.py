"""What was meant by a name that is none: `harakari` is like `harakiri`.

Runs in: the process that reads the configuration, and only where there is a mistake.
"""

from collections.abc import Iterator
from functools import cache

from uncork.config.answers import NO_OPTION, Answer, known_answer, usual_answer
from uncork.config.names import starting, uwsgi_names
from uncork.config.table import BY_NAME

# What difflib calls alike, from 0 to 1: `harakari` and `harakiri` are 0.875.  Names that are so much less alike than
# the best of them are not meant, and words so short are like everything.
_CUTOFF = 0.8
_MUCH_LESS = 0.1
_SHORT = 4

# Names in a question.
_SHOWN = 3
# A search takes a good part of a millisecond, and a file with more mistakes than these has another problem.
_MOST_GUESSES = 10


class Guesses:
    """The questions of one reading: the first names that are none are looked for, later ones are not."""

    def __init__(self) -> None:
        self._asked: set[str] = set()

    def guess(self, name: str, prefix: str = "") -> str:
        """The words "did you mean a, b or c?", or "" when nothing is near or too much was asked already."""
        if name not in self._asked and len(self._asked) >= _MOST_GUESSES:
            return ""
        self._asked.add(name)
        return guess(name, prefix)

    def did_you_mean(self, name: str, prefix: str = "") -> str:
        """The same in brackets, with a blank before them, for the end of a sentence."""
        words = self.guess(name, prefix)
        return f" ({words})" if words else ""


@cache
def guess(name: str, prefix: str = "") -> str:
    """The words "did you mean a, b or c?", each name behind `prefix`, or "" when nothing is near."""
    near = [prefix + candidate for candidate in nearest(name)]
    if not near:
        return ""
    words = f"{', '.join(near[:-1])} or {near[-1]}" if len(near) > 1 else near[0]
    return f"did you mean {words}?"


def answer(name: str, value: str | None) -> Answer:
    """The answer for an option with this value, whatever its name is."""
    return known_answer(name, value) or Answer("unknown", NO_OPTION, guess(name))


def nearest(name: str) -> list[str]:
    """Up to three names like this one, the nearest first; a name that does nothing here only where no other is near."""
    spelled = name.lower().replace("_", "-")
    if spelled in uwsgi_names() or spelled in BY_NAME:
        return [spelled]
    if len(spelled) < _SHORT:
        return []
    alike = dict(_alike(spelled)) or dict.fromkeys(_longer_or_shorter(spelled), 1.0)
    scores = {candidate: score for candidate, score in alike.items() if _does_something(candidate)} or alike
    enough = max(scores.values(), default=0.0) - _MUCH_LESS
    near = [candidate for candidate, score in scores.items() if score > enough]
    return sorted(near, key=lambda candidate: (-scores[candidate], candidate))[:_SHOWN]


def _does_something(name: str) -> bool:
    found = usual_answer(name)
    return found is not None and found.status != "unsupported"


def _alike(spelled: str) -> Iterator[tuple[str, float]]:
    """(name, how much it is like this word) of those that differ by a few letters."""
    from difflib import SequenceMatcher  # its import costs more than the list

    letters = _letters(spelled)
    matcher = SequenceMatcher()
    matcher.set_seq2(spelled)  # the side that is prepared once
    for candidate, others in _letters_of_names().items():
        # So many letters at most may stand in one of the two alone, each counted once here: most names differ in more.
        if (letters ^ others).bit_count() > (1 - _CUTOFF) * (len(spelled) + len(candidate)):
            continue
        matcher.set_seq1(candidate)
        if matcher.real_quick_ratio() >= _CUTOFF and matcher.quick_ratio() >= _CUTOFF:
            ratio = matcher.ratio()
            if ratio >= _CUTOFF:
                yield candidate, ratio


@cache
def _letters_of_names() -> dict[str, int]:
    return {name: _letters(name) for name in uwsgi_names() | BY_NAME.keys()}


def _letters(word: str) -> int:
    """A bit for each letter that stands in a word."""
    bits = 0
    for letter in word:
        bits |= 1 << (ord(letter) & 127)
    return bits


def _longer_or_shorter(spelled: str) -> list[str]:
    """Names that have a word more, if they are few, and else the one that has a word less: `chown`, `strict-mode`."""
    names = uwsgi_names() | BY_NAME.keys()
    longer = starting(names, f"{spelled}-")
    shorter = spelled.rpartition("-")[0]
    return (longer if len(longer) <= _SHOWN else []) or ([shorter] if shorter in names else [])
