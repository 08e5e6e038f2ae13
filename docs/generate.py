"""Write the reference pages that follow from running tables: options, commands and statistics.

    python docs/generate.py

Runs in: a developer's shell, and in a test, which compares its pages with those in docs/reference.  The tables about
options are made in optiontables.py.  A page is a text in docs/source in which `{{...}}` stands for a table.  What a
running table does not say (what a statistic means) is in a .tsv file there, and a row that has no words, or words that
have no row, are an error.
"""

import json
import re
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from optiontables import all_names, answers, counts, log_variables, options
from tables import SOURCE, meanings, sentence, table

from uncork import __version__
from uncork.cli.ctl import QUESTIONS
from uncork.cli.signals import SIGNALS
from uncork.control import stats
from uncork.control.commands import COMMANDS, Command, by_signal
from uncork.protocol.uwsgi import encode
from uncork.scoreboard.board import Scoreboard
from uncork.scoreboard.cells import CoreCells
from uncork.scoreboard.ledger import Ledger
from uncork.scoreboard.schema import WorkerCell
from uncork.supervise.exits import ExitCode
from uncork.system.process import HANDLED

REFERENCE = Path(__file__).parent / "reference"

HEADING = "<!-- Written by docs/generate.py from docs/source and the running tables: change those, then run it. -->\n\n"
MARK = re.compile(r"\{\{([a-z-]+)(?: ([a-z]+))?\}\}")
# A heading with the options of a group below it and nothing else: it goes where the group is empty.
SECTION = re.compile(r"^## [^\n]+\n\n\{\{options ([a-z]+)\}\}\n\n", re.MULTILINE)


# ---- commands --------------------------------------------------------------------------------------------------------


def commands() -> str:
    """What a master can be told."""
    rows = (
        (
            f"`{row.char}`",
            ", ".join(_signal(number) for number in row.signals),
            ", ".join(f"`{verb}`" for verb in row.verbs),
            sentence(row.summary),
        )
        for row in COMMANDS
    )
    return table(("character", "signal to the master", "`uncork ctl`", "meaning"), rows)


def questions() -> str:
    """What `uncork ctl` only asks."""
    return table(("`uncork ctl`", "meaning"), ((f"`{verb}`", sentence(text)) for verb, text in QUESTIONS.items()))


def hooks() -> str:
    """The names of commands in uWSGI's hooks."""
    rows = ((f"`{row.hook}`", f"`{row.char}`") for row in COMMANDS)
    return table(("NAME", "the same as"), rows)


def telling() -> str:
    """The options that tell a running server something."""
    rows = ((f"`--{name} PIDFILE`", _signal(number)) for name, number in SIGNALS.items())
    return table(("option", "sends"), rows)


def die_on_term() -> str:
    """What the option changes in the meaning of signals."""
    changed = (
        f"{_signal(number)} means `{_character(command)}`"
        for number in sorted(HANDLED)
        if (command := by_signal(number, True)) is not None and command != by_signal(number, False)
    )
    return ", ".join(changed)


def ignored_signals() -> str:
    """The signals that a master receives and does nothing about."""
    numbers = sorted(HANDLED - {signal.SIGCHLD})
    return ", ".join(_signal(number) for number in numbers if by_signal(number, False) is None)


def exits() -> str:
    """The statuses that a server leaves with."""
    return table(("status", "meaning"), meanings("exits", (str(code.value) for code in ExitCode)))


def _signal(number: int) -> str:
    return signal.Signals(number).name.removeprefix("SIG")


def _character(command: Command) -> str:
    return next(row.char for row in COMMANDS if row.command is command)


# ---- statistics ------------------------------------------------------------------------------------------------------


def keys() -> str:
    """Every key of the statistics."""
    kinds = dict(_paths(stats.tree(sample_facts())))
    rows = ((f"`{path}`", kinds[path], text) for path, text in meanings("statistics", kinds))
    return table(("key", "type", "meaning"), rows)


def _paths(values: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    """(path, type) of every key, lists of objects opened."""
    for key, value in values.items():
        path = f"{prefix}{key}"
        if isinstance(value, dict):
            yield path, "object"
            yield from _paths(value, f"{path}.")
        elif isinstance(value, list) and value and isinstance(value[0], dict) and key != "locks":
            yield from _paths(value[0], f"{path}[].")
        else:
            yield path, {list: "list", int: "integer", str: "text"}[type(value)]


def secrets() -> str:
    """The variables whose values are masked."""
    *first, last = sorted(f"`{name}`" for name in stats.SECRET_VARS)
    return f"{', '.join(first)} and {last}"


def example() -> str:
    """The whole tree of a small server."""
    return f"```json\n{json.dumps(stats.tree(sample_facts()), indent=2)}\n```"


# A job as the statistics show it, with numbers in place of what differs from minute to minute.
_CRON = {
    "minute": 0,
    "hour": 3,
    "day": -1,
    "month": -1,
    "week": -1,
    "command": "/srv/blog/cleanup.sh",
    "unique": 0,
    "pid": -1,
    "started_at": 1_760_176_800,
}


def sample_facts() -> stats.ServerFacts:
    """A small server at one moment, with fixed numbers."""
    board = Scoreboard(slots=1, cores=1, apps=1)
    cells = CoreCells(board, slot=1, core=0)
    for _ in range(42):
        cells.end(app=0, duration=1500, sent=2048, failed=False)
    packet = encode({"REQUEST_METHOD": "GET", "PATH_INFO": "/", "HTTP_COOKIE": "session=of-ada"})
    cells.begin(started=99_500_000, packet=packet)
    row = board.worker_row(1)
    for cell, value in {WorkerCell.PID: 4712, WorkerCell.ACCEPTING: 1, WorkerCell.LAST_SPAWN: 1_760_176_800}.items():
        board.cells[row + cell] = value
    return stats.ServerFacts(
        version=__version__,
        pid=4711,
        uid=1000,
        gid=1000,
        cwd="/srv/blog",
        monotonic=100.0,
        epoch=1_760_176_900.0,
        sockets=[stats.SocketFacts("127.0.0.1:7777", 0, 100)],
        workers=[stats.WorkerFacts(1, 1, 4712, "idle", 1, board, Ledger())],
        apps=[stats.AppFacts(0, "", 0, "/srv/blog")],
        extra={
            "crons": [_CRON],
            "log_lost": 0,
            "last_reload": {"ok": 1, "at": 1_760_176_800, "seconds": 0, "error": ""},
        },
    )


# ---- pages -----------------------------------------------------------------------------------------------------------

PARTS: Mapping[str, Callable[[], str]] = {
    "all-names": all_names,
    "answers": answers,
    "commands": commands,
    "counts": counts,
    "die-on-term": die_on_term,
    "example": example,
    "exits": exits,
    "hooks": hooks,
    "ignored-signals": ignored_signals,
    "keys": keys,
    "log-variables": log_variables,
    "mask": lambda: stats.MASK,
    "questions": questions,
    "secrets": secrets,
    "telling": telling,
}


def _part(mark: re.Match[str]) -> str:
    name, group = mark.groups()
    return options(group) if name == "options" else PARTS[name]()


def _section(section: re.Match[str]) -> str:
    return section[0] if options(section[1]) else ""


def pages() -> dict[str, str]:
    """Every generated page, by the name of its file in docs/reference."""
    return {
        source.name.removesuffix(".in"): HEADING + MARK.sub(_part, SECTION.sub(_section, source.read_text()))
        for source in sorted(SOURCE.glob("*.md.in"))
    }


def main() -> int:
    """Write the pages."""
    for name, text in pages().items():
        (REFERENCE / name).write_text(text, encoding="utf-8")
        print(REFERENCE / name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
