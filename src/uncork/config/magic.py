"""uWSGI's magic variables: `%d` is the directory of the configuration file, `%n` its name, and so on.

Runs in: the process that reads the configuration.

They are replaced in the text of files only, never in values from the command line or the environment, and before
anything else is (core/uwsgi.c, core/utils.c).  An unknown one vanishes.
"""

import os
import re
import sys
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import uncork
from uncork.config.textfile import STDIN

_START = time.time()


class ConfigFile(NamedTuple):
    """A configuration file: its name as given, its absolute path, and the section that was asked for or ""."""

    given: str
    path: str
    section: str

    @property
    def directory(self) -> str:
        """The directory with a slash at its end."""
        return self.path[: self.path.rfind("/") + 1]

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path[self.path.rfind("/") + 1 :]


def locate(given: str, section: str) -> ConfigFile:
    """Find the file: a symbolic link keeps its own path, so that one file may serve under many names.

    Raises OSError, and ValueError where the name can be no path.
    """
    if given == STDIN:
        return ConfigFile(given, given, section)
    path = os.path.join(os.getcwd(), given) if os.path.islink(given) else os.path.realpath(given)
    return ConfigFile(given, path, section)


def substitute(text: str, file: ConfigFile, first: ConfigFile) -> str:
    """Replace every magic variable; the upper-case ones speak of the file that was read first."""

    def value(found: re.Match[str]) -> str:
        letter = found[1]
        if letter in _OF_FILE:
            return _OF_FILE[letter](file)
        if letter in _OF_FIRST_FILE:
            return _OF_FILE[letter.lower()](first)
        if letter in _OF_MACHINE:
            return _OF_MACHINE[letter]()
        # One byte goes, also of a letter that has several.
        return letter.encode("utf-8", "surrogateescape")[1:].decode("utf-8", "surrogateescape")

    return re.sub("%(.?)", value, text, flags=re.DOTALL)


def _path_component(number: int) -> Callable[[ConfigFile], str]:
    def component(file: ConfigFile) -> str:
        parts = file.directory.strip("/").split("/")
        return parts[number] if number < len(parts) else ""

    return component


def _hash(text: str) -> str:
    """Bernstein's 32-bit hash (djb33x) of the bytes of a text, in hexadecimal with the lowest byte first."""
    number = 5381
    for byte in os.fsencode(text):
        number = (number * 33 ^ byte) & 0xFFFFFFFF
    return number.to_bytes(4, "little").hex().upper()


def _user_name() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container may run under a number that has no name
        return str(os.getuid())


def _group_name() -> str:
    import grp

    try:
        return grp.getgrgid(os.getgid()).gr_name
    except KeyError:
        return str(os.getgid())


_OF_FILE: Mapping[str, Callable[[ConfigFile], str]] = {
    "o": lambda file: file.given,
    "p": lambda file: file.path,
    "s": lambda file: file.name,
    "n": lambda file: file.name.rpartition(".")[0] or file.name.partition(".")[0],
    "e": lambda file: file.name.rpartition(".")[2] if "." in file.name else "",
    "d": lambda file: file.directory,
    "c": lambda file: file.directory.rstrip("/").rpartition("/")[2],
    "x": lambda file: file.section,
    "i": lambda file: str((os.fstat(0) if file.path == STDIN else os.lstat(file.path)).st_ino),
    "j": lambda file: _hash(file.path),
    **{str(number): _path_component(number) for number in range(10)},
}
_OF_FIRST_FILE = frozenset("OPSNEDCXIJ")
_OF_MACHINE: Mapping[str, Callable[[], str]] = {
    "%": lambda: "%",
    "(": lambda: "%(",  # the start of a placeholder, whose turn comes later
    "[": lambda: "\033",
    "v": os.getcwd,
    "h": lambda: os.uname().nodename,
    "k": lambda: str(os.cpu_count() or 1),
    "u": lambda: str(os.getuid()),
    "U": _user_name,
    "g": lambda: str(os.getgid()),
    "G": _group_name,
    "b": lambda: os.path.realpath(sys.argv[0]),
    "V": lambda: uncork.__version__,
    "t": lambda: str(int(_START)),
    "T": lambda: str(int(_START * 1_000_000)),
}
