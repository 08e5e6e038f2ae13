"""The corpus: a directory of real configuration files to test against, which is no part of this project."""

import os
from functools import cache
from pathlib import Path

# Beside the checkout, unless the variable names another one.
_DEFAULT = Path(__file__).resolve().parents[3] / "shared" / "corpus" / "uwsgi"
CORPUS = Path(os.environ.get("UNCORK_CORPUS") or _DEFAULT)
NO_CORPUS = "there is no corpus; the variable UNCORK_CORPUS may name one"

# The option that reads a file whose name ends so; all others are ini, whatever their names end in.
FORMATS = {".yaml": "yaml", ".yml": "yaml", ".xml": "xml", ".json": "json"}


@cache
def corpus_files() -> list[Path]:
    """All configurations, in order; `index.json` says where they come from and is none."""
    return sorted(path for path in CORPUS.rglob("*") if path.is_file() and path.name != "index.json")
