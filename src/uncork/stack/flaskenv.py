"""Read FLASK_APP from where Flask's own command would: the environment, `.flaskenv`, `.env`.

Runs in: the command line process.  Reads files, changes nothing: the other variables in them are the app's business.
"""

import os
from collections.abc import Mapping

NAME = "FLASK_APP"
DOTENV_FILES = (".flaskenv", ".env")


def flask_app(directory: str, environ: Mapping[str, str]) -> tuple[str, str]:
    """The value of FLASK_APP and where it stands; ("", "") if nowhere.  The environment wins, as it does for Flask."""
    if environ.get(NAME):
        return environ[NAME], NAME
    for name in DOTENV_FILES:
        try:
            with open(os.path.join(directory, name), encoding="utf-8", errors="replace") as file:
                value = assignments(file.read()).get(NAME)
        except OSError:
            continue
        if value:
            return value, f"{NAME} in {name}"
    return "", ""


def assignments(text: str) -> dict[str, str]:
    """The `KEY=VALUE` lines of an env file: `export ` before, quotes around and a ` # comment` behind are allowed."""
    values = {}
    for row in text.splitlines():
        key, equals, value = row.strip().removeprefix("export ").partition("=")
        if equals and not key.startswith("#"):
            values[key.strip()] = _unquoted(value.strip())
    return values


def _unquoted(value: str) -> str:
    closing = value.find(value[0], 1) if value[:1] in ("'", '"') else -1
    return value[1:closing] if closing > 0 else value.split(" #", 1)[0].rstrip()
