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


# What has to hold on plain Python, too: everything that the compiled modules take part in.  The rest is about modules
# that are never compiled, and is tested once, beside the compiled ones.
ON_PLAIN_PYTHON = (
    *("tests/unit/protocol", "tests/unit/scoreboard", "tests/unit/worker", "tests/unit/wsgi", "tests/contract"),
    *("tests/e2e/test_guide_one.py", "tests/e2e/test_guide_two.py", "tests/e2e/test_processes.py"),
    *("tests/e2e/test_stats.py", "tests/e2e/test_faults_drain.py", "tests/e2e/test_faults_harakiri.py"),
)


def has_compiler() -> bool:
    """Whether the compiled modules can be built here."""
    return shutil.which("cc") is not None or shutil.which("gcc") is not None


@nox.session
def interpreted(session: nox.Session) -> None:
    """The tests on plain Python: those of the modules that are compiled elsewhere, all of them without a compiler."""
    session.install(*GROUPS["test"])
    session.install("-e", ".", env={"UNCORK_PURE": "1"})
    tests = session.posargs or (ON_PLAIN_PYTHON if has_compiler() else ())
    session.run("pytest", "-n", WORKERS, *tests, env={"UNCORK_EXPECT": "interpreted"})


@nox.session
def compiled(session: nox.Session) -> None:
    """The whole test suite on the modules compiled by mypyc."""
    if not has_compiler():
        session.skip("no C compiler here")
    session.install(*GROUPS["test"])
    session.install(".")
    session.run("pytest", "-n", WORKERS, *session.posargs, env={"UNCORK_EXPECT": "compiled"})
