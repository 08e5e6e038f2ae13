"""Shell patterns as the C library has them."""

from pathlib import Path

import pytest

from uncork.config.glob import glob


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*", ["[x]", "a1", "d/", "f", "\udce9"]),
        ("*/", ["d//"]),
        ("./*/", ["./d/"]),
        ("d", ["d/"]),
        ("[[:digit:]a]*", ["a1"]),
        ("[^f]*[0-9]", ["a1"]),
        (r"\[x\]", ["[x]"]),
        (r"\f", ["f"]),
        (r"nope/[[:digit:]]\a", [r"nope/[[:digit:]]\a"]),
        ("", [""]),
    ],
)
def test_glob(pattern: str, found: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Directories have a slash, classes and escapes count, what finds nothing stands for itself; as in uWSGI."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d").mkdir()
    for name in ("f", "[x]", "a1", "\udce9"):
        (tmp_path / name).touch()
    assert glob(pattern) == found


def test_no_pattern() -> None:
    """A NUL byte would end it early."""
    with pytest.raises(ValueError, match="NUL"):
        glob("a\0b")
