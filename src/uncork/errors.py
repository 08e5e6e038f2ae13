"""The errors that end a start, each with the exit status that the process leaves with.

Runs in: every process.  The text of an error is for the person who started the server: where, what, and what to do.
"""

from collections.abc import Iterable
from typing import ClassVar


class UncorkError(Exception):
    """Something the person who started the server can put right."""

    exit_code: ClassVar[int] = 1


class ConfigError(UncorkError):
    """The configuration cannot be used.  `problems` are full sentences with their places; `str()` has one a line."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems: tuple[str, ...] = tuple(problems)
        super().__init__("\n".join(self.problems))


class AppLoadError(UncorkError):
    """The WSGI app could not be imported."""

    # uWSGI's UWSGI_FAILED_APP_CODE (uwsgi.h): process managers tell a broken app from other failures by it.
    exit_code = 22


class ListenError(UncorkError):
    """A socket could not be bound or taken over."""
