"""What a template leaves to be filled in: `__NAME__`, `{{ name }}`, `{% ... %}`, `<%= name %>`, `${NAME}`, `@NAME@`.

Pure.  Runs in: the process that reads the configuration.  A text is walked through once: it may be long, and hostile.
"""

import re

# With anything between them.
_PAIRS = (("{{", "}}"), ("{%", "%}"), ("<%", "%>"), ("${", "}"))
# What stands there itself after it was looked up in vain: uWSGI's own brackets.
_BRACKETS = (("$(", ")"), ("%(", ")"), ("@(", ")"))
_NAMED = r"__\w+__|@\w+@|<\w[\w .-]{0,60}>"


def holds_blank(text: str) -> bool:
    """Whether there is something to fill in anywhere in a text."""
    return any(_holds(text, *pair) for pair in _PAIRS) or re.search(_NAMED, text) is not None


def is_blank(text: str) -> bool:
    """Whether a text is nothing but something to fill in."""
    pairs = (*_PAIRS, *_BRACKETS)
    enclosed = any(text.startswith(opening) and text.endswith(closing) for opening, closing in pairs)
    return enclosed or re.fullmatch(rf"{_NAMED}|\{{\w{{1,60}}\}}", text) is not None


def _holds(text: str, opening: str, closing: str) -> bool:
    begin = text.find(opening)
    return begin >= 0 and text.find(closing, begin + len(opening)) >= 0
