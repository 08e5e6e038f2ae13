"""What migration tests ask of a new file: its lines without comments, and the settings that it gives."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from uncork.config.load import read
from uncork.config.settings import Settings
from uncork.migrate.draft import Migrated

Lines = Callable[[Migrated], list[str]]
SettingsOf = Callable[[str], Settings]


@pytest.fixture
def lines() -> Lines:
    """The lines of a new file that mean something, but for the header of its section."""

    def of(migrated: Migrated) -> list[str]:
        written = migrated.text.splitlines()
        return [line for line in written if line and not line.startswith(";") and line != "[uwsgi]"]

    return of


@pytest.fixture
def settings_of(tmp_path: Path) -> SettingsOf:
    """The settings that the text of an ini file gives, whether a server could start with it or not."""

    def of(text: str) -> Settings:
        path = tmp_path / "new.ini"
        path.write_text(text, encoding="utf-8", errors="surrogateescape")
        return dataclasses.replace(read(["--ini", str(path)], {}).settings, entries=())

    return of
