"""The project's checks, one command for people and for CI: `nox` runs them all, `nox -s NAME` one of them."""

import os
import shutil

import nox

nox.options.default_venv_backend = "venv"
nox.options.sessions = ["check", "interpreted", "compiled"]

GROUPS = nox.project.load_toml("pyproject.toml")["dependency-groups"]
# Two at a time: the e2e tests start real servers, and two is what a small CI machine has.
WORKERS = os.environ.get("PYTEST_WORKERS", "2")


@nox.session
def check(session: nox.Session) -> None:
    """Style, types and the layer rule."""
    session.install(*GROUPS["check"], *GROUPS["test"], "nox")
    session.install("-e", ".", env={"UNCORK_PURE": "1"})
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("lint-imports")


@nox.session
def interpreted(session: nox.Session) -> None:
    """The whole test suite on plain Python."""
    session.install(*GROUPS["test"])
    session.install("-e", ".", env={"UNCORK_PURE": "1"})
    session.run("pytest", "-n", WORKERS, *session.posargs, env={"UNCORK_EXPECT": "interpreted"})


@nox.session
def compiled(session: nox.Session) -> None:
    """The whole test suite on the modules compiled by mypyc."""
    if shutil.which("cc") is None and shutil.which("gcc") is None:
        session.skip("no C compiler here")
    session.install(*GROUPS["test"])
    session.install(".")
    session.run("pytest", "-n", WORKERS, *session.posargs, env={"UNCORK_EXPECT": "compiled"})
