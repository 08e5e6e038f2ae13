"""What is wrong with a configuration: a sentence, the words of it that say why, and the entry that it is about.

Pure.  Runs in: the process that reads the configuration.
"""

from typing import NamedTuple

from uncork.config.settings import Entry


class Problem(NamedTuple):
    """A sentence that says why this cannot be started, and the entry that it is about, if it is about one.

    `here` marks a fact of this machine or its environment, such as a file that is not there, as against a mistake in
    the configuration.  `reason` is the sentence without the place and what is quoted.
    """

    text: str
    entry: Entry | None = None
    here: bool = False
    reason: str = ""


def about(entry: Entry, reason: str, *, here: bool = False) -> Problem:
    """What is wrong with an entry: `app.ini:12: processes = four (reason)`."""
    # The log is text, and a NUL byte ends it for many who read it.
    return Problem(f"{entry} ({reason})".replace("\0", "\\0"), entry, here, reason)
