"""The example blog, imported as its server imports it: from its own folder, with a private instance folder."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from flask import Flask

EXAMPLE = Path(__file__).parents[3] / "examples" / "flaskr"


@pytest.fixture(scope="session")
def example() -> Path:
    """The folder of the example."""
    return EXAMPLE


@pytest.fixture(scope="session")
def flaskr(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The package `flaskr`; nothing of it stays behind in `sys`."""
    with pytest.MonkeyPatch.context() as patch:
        # Importing makes `flaskr:app`, and that wants an instance folder.
        patch.setenv("FLASKR_INSTANCE", str(tmp_path_factory.mktemp("module-level") / "instance"))
        patch.syspath_prepend(EXAMPLE)
        yield importlib.import_module("flaskr")
        for name in [name for name in sys.modules if name.partition(".")[0] == "flaskr"]:
            del sys.modules[name]


@pytest.fixture
def app(flaskr: ModuleType, tmp_path: Path) -> Flask:
    """A blog of its own for each test, empty."""
    made: Flask = flaskr.create_app({"INSTANCE": tmp_path / "instance"})
    return made
