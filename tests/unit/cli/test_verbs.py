"""The table of verbs."""

import subprocess
import sys
from importlib.util import find_spec

import pytest

from uncork.cli.verbs import VERBS


@pytest.mark.parametrize("verb", VERBS)
def test_verb(verb: str) -> None:
    """Every verb is a command of its own name, which has help."""
    module, _, name = VERBS[verb].partition(":")
    if find_spec(module) is None:
        pytest.skip(f"there is no {module} yet")
    done = subprocess.run(
        [sys.executable, "-m", "uncork", verb, "--help"], capture_output=True, text=True, check=False, timeout=60
    )
    assert name == verb
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"Usage: uncork {verb} ")


def test_only_the_verb_that_is_used_is_imported() -> None:
    """Nobody waits for the modules of another verb."""
    program = (
        "import sys\nfrom uncork.cli import verbs\nverbs.run(['explain', 'master'])\n"
        "print([name for name in sys.modules if name.startswith('uncork.cli.')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "['uncork.cli.verbs', 'uncork.cli.explain']"
