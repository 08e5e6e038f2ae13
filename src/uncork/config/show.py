"""What `show-config` and `dump-options` print, and how `print` does.

Runs in: the process that reads the configuration.  Must not: show a secret.
"""

import sys
from collections.abc import Mapping, Sequence

from uncork.config.names import uwsgi_names
from uncork.config.secrets import Secrets
from uncork.config.settings import Entry
from uncork.config.table import BY_NAME


def configuration(entries: Sequence[Entry], environ: Mapping[str, str]) -> str:
    """Everything that was given, after expansion and in order, as an ini file (uWSGI's form, core/config.c).

    `environ`: what `$()` may have taken a secret from.
    """
    secrets = Secrets(entries, environ)
    lines = [
        f"{entry.name} = {'true' if entry.value is None else secrets.value(entry)}"
        for entry in entries
        if not entry.part
    ]
    return "\n".join((";uWSGI instance configuration", "[uwsgi]", *lines, ";end of configuration"))


def option_names() -> str:
    """Every name that this version reads, uWSGI's first and in the order of its tables."""
    own = [name for name in BY_NAME if name not in uwsgi_names()]
    return "\n".join([*uwsgi_names(), *own])


def print_line(text: str) -> None:
    """A text of the configuration, for whoever starts the server: the bytes that were read, whatever they mean."""
    try:
        data = f"{text}\n".encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half a character, which no byte stands for
        data = f"{text}\n".encode("utf-8", "backslashreplace")
    sys.stderr.flush()
    sys.stderr.buffer.write(data)
    sys.stderr.flush()
