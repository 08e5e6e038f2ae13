"""The version stands in two places, which must agree."""

import tomllib

import uncork
from arch.conftest import ROOT


def test_the_code_shows_the_version_of_the_package() -> None:
    """`uncork.__version__` is the version in pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert uncork.__version__ == project["version"]
