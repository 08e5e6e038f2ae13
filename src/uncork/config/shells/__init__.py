"""Completion scripts, one module for each shell: what `completion.py` knows, in the words of that shell.

Pure: tables in, text out.  Runs in: the process of `uncork completion`.  A script holds every name and word that it
offers, so that a shell completes without starting Python.  A link named uwsgi is completed, too, without the verbs,
which it does not have.
"""

from collections.abc import Callable, Mapping, Sequence

from uncork.config.completion import Verb, Word, server_options
from uncork.config.shells import bash, fish, zsh

_WRITERS: Mapping[str, Callable[[Sequence[Word], Sequence[Verb]], str]] = {
    "bash": bash.write,
    "zsh": zsh.write,
    "fish": fish.write,
}

SHELLS = tuple(_WRITERS)


def script(shell: str, verbs: Sequence[Verb]) -> str:
    """The script for one of SHELLS."""
    return _WRITERS[shell](server_options(), verbs)
