"""Compile the hot modules with mypyc when this machine can, and install them as plain Python when it cannot.

Everything else about the package is in pyproject.toml.  `UNCORK_PURE=1` asks for plain Python.
"""

import os
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from setuptools import setup
from setuptools.command.build_ext import build_ext

# The request path, and nothing but the request path: what runs once per request is worth a compiler.
HOT_MODULES = [
    "src/uncork/protocol/http.py",
    "src/uncork/protocol/httpanswer.py",
    "src/uncork/protocol/uwsgi.py",
    "src/uncork/scoreboard/cells.py",
    "src/uncork/worker/attendant.py",
    "src/uncork/worker/connection.py",
    "src/uncork/worker/core.py",
    "src/uncork/worker/heads.py",
    "src/uncork/worker/leave.py",
    "src/uncork/worker/loop.py",
    "src/uncork/worker/mounts.py",
    "src/uncork/worker/requestlog.py",
    "src/uncork/wsgi/environ.py",
    "src/uncork/wsgi/httpresponse.py",
    "src/uncork/wsgi/input.py",
    "src/uncork/wsgi/response.py",
    "src/uncork/wsgi/run.py",
    "src/uncork/wsgi/wire.py",
]


def can_compile() -> bool:
    """Whether a C compiler and Python.h are there: tried by compiling one line, not guessed."""
    from setuptools._distutils.ccompiler import new_compiler
    from setuptools._distutils.sysconfig import customize_compiler

    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "probe.c"
        source.write_text("#include <Python.h>\nint probe(void) { return PY_MAJOR_VERSION; }\n")
        compiler = new_compiler()
        customize_compiler(compiler)
        try:
            compiler.compile([str(source)], output_dir=folder, include_dirs=[sysconfig.get_path("include")])
        except Exception as error:
            say(f"no usable C compiler ({error})")
            return False
    return True


def hot_extensions() -> list[Any]:
    """The mypyc extensions, or none where they cannot be made."""
    if os.environ.get("UNCORK_PURE") or not can_compile():
        return []
    try:
        from mypyc.build import mypycify

        made = mypycify(["--config-file=pyproject.toml", *HOT_MODULES], opt_level="3", debug_level="0")
    except (Exception, SystemExit) as error:
        # A Python too new for mypyc must not keep anybody from installing; CI knows which of the two it expects.
        say(f"mypyc does not work here ({error})")
        return []
    return list(made)


class OptionalBuild(build_ext):
    """All extensions or none: a half-compiled request path would not import."""

    def run(self) -> None:
        """Build; where the C compiler gives up, remove what it had made."""
        try:
            super().run()
        except Exception as error:
            say(f"the compiler failed ({error})")
            for extension in self.extensions:
                Path(self.get_ext_fullpath(extension.name)).unlink(missing_ok=True)
            self.extensions = []


def say(why: str) -> None:
    """Tell the person who installs; pip shows it with -v."""
    print(f"uncork: {why}: the modules stay plain Python", file=sys.stderr)


setup(ext_modules=hot_extensions(), cmdclass={"build_ext": OptionalBuild})
