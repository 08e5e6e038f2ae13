"""Options that a configuration makes itself: `declare-option = name=option=$1;other=$2`.

Pure.  Runs in: the process that reads the configuration.
"""

from collections.abc import Iterator

from uncork.config.kinds import Argument
from uncork.config.placeholders import Budget


def argument(template: str) -> Argument:
    """Whether an option of this template takes a value on the command line."""
    return "required" if "$" in template else "no"


def parts(template: str, value: str, budget: Budget) -> Iterator[tuple[str, str]]:
    """The options that stand in a template and their values, `$1`, `$2` ... replaced by the words of `value`.

    A part without `=` ends it, as in uWSGI (core/config.c).  Raises RunawayError.
    """
    budget.spend(len(value), 0)
    words = [word for word in value.split(" ") if word] or [""]
    for part in filter(None, template.split(";")):
        name, equals, text = part.partition("=")
        if not equals:
            break
        yield _filled(name, words, budget), _filled(text, words, budget)


def _filled(text: str, words: list[str], budget: Budget) -> str:
    """From $1 upwards, one after the other: with ten words or more the start of `$10` is $1."""
    for number, word in enumerate(words, 1):
        if "$" not in text:
            break
        asked = f"${number}"
        if asked in text:
            added = text.count(asked) * len(word)
            budget.spend(len(text) + added, added)
            text = text.replace(asked, word)
    return text
