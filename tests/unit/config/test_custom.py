"""Options that a configuration makes itself."""

import pytest

from uncork.config.custom import argument, parts
from uncork.config.placeholders import Budget, ExhaustedError, RunawayError


@pytest.mark.parametrize(
    ("template", "value", "expected"),
    [
        ("env=$1", "A=1", [("env", "A=1")]),
        ("env=$1;threads=$2", "A=1 4", [("env", "A=1"), ("threads", "4")]),
        ("$1=$2", "threads 4", [("threads", "4")]),
        ("socket=$1$1", "a", [("socket", "aa")]),
        ("socket=$1$2", "a", [("socket", "a$2")]),
        ("socket=$1", "", [("socket", "")]),
        ("threads=4;master;env=x", "", [("threads", "4")]),
        ("env=$1-$2-$3", "  A=a  b ", [("env", "A=a-b-$3")]),
        ("env=$1-$2", "a$2 b", [("env", "ab-b")]),
        ("th$1s=$2;;vacuum=", "read 4", [("threads", "4"), ("vacuum", "")]),
        ("env=$10", "a b c d e f g h i j", [("env", "a0")]),
        ("", "a", []),
    ],
)
def test_parts(template: str, value: str, expected: list[tuple[str, str]]) -> None:
    """The words of the value stand for $1, $2 ...; a part without = ends them, as in uWSGI."""
    assert list(parts(template, value, Budget())) == expected


@pytest.mark.parametrize(("template", "needs"), [("threads=$1", "required"), ("threads=4", "no")])
def test_argument(template: str, needs: str) -> None:
    """A template without words of the value needs none."""
    assert argument(template) == needs


def test_growth_has_an_end() -> None:
    """A short template and a short value do not make a text of gigabytes, nor do many together."""
    with pytest.raises(RunawayError):
        list(parts("env=" + "$1" * 10_000, "x" * 10_000, Budget()))
    with pytest.raises(ExhaustedError):
        list(parts("env=$1;" * 1000, "x" * 100_000, Budget()))
