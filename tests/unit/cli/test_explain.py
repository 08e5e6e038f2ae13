"""`uncork explain` as it is typed."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from uncork.cli import verbs
from uncork.config.table import OPTIONS


class Explained:
    """What it printed, and its exit status."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *words: str) -> None:
        self.status = verbs.run(["explain", *words])
        self.out, self.err = capsys.readouterr()

    @property
    def json(self) -> Any:
        """The JSON that it printed."""
        return json.loads(self.out)

    @property
    def rows(self) -> dict[str, str]:
        """The rows with a title, in their first line."""
        return {
            line[2:15].strip(): line[15:] for line in self.out.splitlines() if line[2:15].strip() and line[14:15] == " "
        }


Explain = Callable[..., Explained]


@pytest.fixture(name="explain_")
def explain_fixture(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Explain:
    """Types a command behind `uncork explain`, on a wide terminal."""
    monkeypatch.setenv("COLUMNS", "100")
    return lambda *words: Explained(capsys, *words)


def test_one(explain_: Explain) -> None:
    """An option is explained in rows: what it takes, its default, examples, how uWSGI's differs, and what is near."""
    explained = explain_("workers")

    assert explained.status == 0
    assert explained.out.splitlines()[0] == "processes  supported"
    rows = explained.rows
    assert rows["also"] == "-p, workers"
    assert rows["default"] == "1 processes"
    assert rows["in a file"] == "processes = 4"
    assert rows["command line"] == "--processes 4"
    assert rows["environment"] == "UWSGI_PROCESSES=4"
    assert "nobody replaces them" in rows["differs"]
    assert "threads" in rows["see also"]


def test_as_typed(explain_: Explain) -> None:
    """Dashes, letters and abbreviations may be typed as for a server."""
    explained = explain_("--callab", "-t", "UWSGI_VACUUM")
    assert [block.split()[0] for block in explained.out.split("\n\n")[::2]] == ["callable", "harakiri", "vacuum"]


def test_own(explain_: Explain) -> None:
    """An option that uWSGI does not have says so."""
    assert explain_("probe").rows["differs"] == "uWSGI has no such option"


def test_undeclared(explain_: Explain) -> None:
    """A name that does nothing here says why, and what to do instead."""
    explained = explain_("carbon")
    assert explained.status == 0
    assert explained.out.startswith("carbon  unsupported\n")
    assert explained.rows["instead"]
    assert "master" not in explained.rows
    assert "master" in explain_("cheaper").rows


def test_value(explain_: Explain) -> None:
    """Where it depends on the value, both are told; with a value, that one."""
    assert "otherwise: unsupported" in explain_("plugins").out
    assert explain_("plugins=lua").out.startswith("plugins  unsupported\n")


def test_typo(explain_: Explain) -> None:
    """A name that nobody knows has near ones and status 1; the others are explained all the same."""
    explained = explain_("harakari", "vacuum")
    assert explained.status == 1
    assert explained.err == "harakari is no option; did you mean harakiri?\n"
    assert explained.out.startswith("vacuum ")


def test_ambiguous(explain_: Explain) -> None:
    """An abbreviation that fits several names lists them."""
    explained = explain_("touch-l")
    assert explained.status == 1
    assert explained.err == "touch-l may be touch-logrotate, touch-logreopen\n"
    assert " more\n" in explain_("http-").err


def test_json(explain_: Explain) -> None:
    """JSON is an object, an array for several, and an error where a name is not known."""
    assert explain_("-p", "--json").json["name"] == "processes"
    several = explain_("-p", "harakari", "--json")
    assert several.status == 1
    assert [set(one) & {"name", "error"} for one in several.json] == [{"name"}, {"error"}]


def test_overview(explain_: Explain) -> None:
    """Without an option all are listed by group."""
    words = explain_().out.replace("(", " ").replace(")", " ").split()
    groups = explain_("--json").json["groups"]

    assert {option.name for _, option in OPTIONS} <= set(words)
    assert [name for names in groups.values() for name in names] == [option.name for _, option in OPTIONS]
