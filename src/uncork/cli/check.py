"""The command line of `uncork check`: what configuration files mean, and whether a server could start with them.

Runs in: the command line process.  Opens the files that a start would read and looks for directories and users; changes
nothing, and imports nothing of the app unless it is told to.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import click

from uncork.config.load import Reading, read
from uncork.config.options import cheaper
from uncork.config.problem import Problem, about
from uncork.config.report import BROKEN, FINE, WARNED, Findings, Mark, Report, Row, arguments, is_unreadable, report
from uncork.config.secrets import Secrets
from uncork.config.settings import Settings
from uncork.config.validate import missing, problems
from uncork.control.hooks import hook_warnings, signal_commands
from uncork.errors import AppLoadError, ConfigError

# In front of a row: what a terminal shows, what all others do, and the colour.
_MARKS: Mapping[Mark, tuple[str, str, str]] = {
    Mark.SUPPORTED: ("✓", "+", "green"),
    Mark.ACCEPTED: ("·", ".", "bright_black"),
    Mark.UNSUPPORTED: ("!", "!", "yellow"),
    Mark.UNKNOWN: ("?", "?", "yellow"),
    Mark.OVERRIDDEN: ("-", "-", "bright_black"),
    Mark.HERE: ("!", "!", "yellow"),
    Mark.WRONG: ("✗", "x", "red"),
}
# Marks behind which the status is to be said, too.
_STATUSES = {Mark.ACCEPTED, Mark.UNSUPPORTED, Mark.UNKNOWN}
_VERDICTS: Mapping[int, tuple[str, str]] = {
    FINE: ("would start", "green"),
    WARNED: ("would start, with warnings", "yellow"),
    BROKEN: ("would not start", "red"),
}
# In place of the second one: if a command line may add what is missing, or some of the warnings are about this machine.
_INCOMPLETE = "needs {} from the command line"
_NEEDED = {"socket": "a socket", "app": "an app"}
_ELSEWHERE = "would start on a machine that has what is missing here"
_COLUMNS = ("name", "value", "origin", "status", "reason")
# Wider columns help nobody; what is longer reaches into the next one.
_WIDEST = 40


class Checked(NamedTuple):
    """What came of one file; `app` says what came of loading the app, "" unless that was wanted."""

    file: str
    report: Report
    app: str = ""


@click.command(short_help="Say what a configuration file means, and whether a server could start with it.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Print JSON: an object, or with several files an array of them.")
@click.option("--app", "with_app", is_flag=True, help="Load the app, too, in a process of its own.")
@click.option("--here", is_flag=True, help="What is missing on this machine is an error, and not a warning.")
@click.option("-S", "--set", "definitions", multiple=True, metavar="NAME=VALUE", help="Set an option or a placeholder.")
def check(files: tuple[str, ...], as_json: bool, with_app: bool, here: bool, definitions: tuple[str, ...]) -> int:
    """Say what each option of a configuration means here: its value after expansion, where it comes from, whether it is
    supported, and why not.

    FILE is an ini, yaml, json, xml or toml file of uWSGI's options, FILE:SECTION, or - for standard input.  Nothing is
    started, and the app is not imported unless --app says so.  The exit status is 0 if all is fine, 1 with warnings,
    and 2 if a server would not start.  Secrets are shown as ***.

    \b
    uncork check uwsgi.ini                one file
    uncork check --json *.ini             all, for another program
    uncork check --here --app uwsgi.ini   on the machine that it is for, before a restart
    """
    checked = [_checked(file, definitions, with_app, here) for file in files]
    if as_json:
        objects = [as_object(one) for one in checked]
        print(json.dumps(objects if len(objects) > 1 else objects[0], indent=2), flush=True)
    else:
        for number, one in enumerate(checked):
            click.echo("\n".join([*([""] if number else []), *lines(one)]))
    return max(one.report.exit for one in checked)


def _checked(file: str, definitions: Sequence[str], with_app: bool, here: bool) -> Checked:
    reading = read(arguments(file, definitions), os.environ)
    found, app = Findings(), ""
    if not is_unreadable(reading):
        found = _findings(reading)
        python = reading.settings.python
        if with_app and (python.module or python.wsgi_file or python.mount):
            app, mistakes = _loaded(reading.settings)
            found = found._replace(problems=[*found.problems, *map(Problem, mistakes)])
        app = Secrets(reading.settings.entries, os.environ).text(app) if app else ""
    return Checked(file, report(reading, os.environ, found, here=here), app)


# ---- what is not in the text -----------------------------------------------------------------------------------------


def _findings(reading: Reading) -> Findings:
    """What a start would find out before it opens anything."""
    settings = reading.settings
    return Findings(
        problems=[*problems(settings, os.getcwd()), *_signals(settings), *_strangers(settings)],
        remarks=[*hook_warnings(settings), *cheaper.remarks(settings)],
        # What could not be read may have it.
        missing={} if reading.problems else missing(settings),
    )


def _signals(settings: Settings) -> Iterator[Problem]:
    """Signals and commands that there are not."""
    try:
        signal_commands(settings)
    except ConfigError as error:
        yield from map(Problem, error.problems)


def _strangers(settings: Settings) -> Iterator[Problem]:
    """Users and groups that this machine does not know; a number needs no name."""
    import grp
    import pwd

    known: Mapping[str, Callable[[str], object]] = {"uid": pwd.getpwnam, "gid": grp.getgrnam}
    for name, look_up in known.items():
        for entry in settings.given(name)[-1:]:
            if not entry.value or entry.value.isdigit():
                continue
            try:
                look_up(entry.value)
            except (KeyError, ValueError):
                kind = "user" if name == "uid" else "group"
                yield about(entry, f"there is no such {kind} on this machine", here=True)


def _loaded(settings: Settings) -> tuple[str, Sequence[str]]:
    """What came of loading the app, and the mistake in one sentence if it failed."""
    from uncork.cli.tryapp import try_app  # brings a good part of a worker with it

    try:
        return try_app(settings), ()
    except AppLoadError as error:
        text = str(error).strip()
        return text, [text.rpartition("\n")[2]]


# ---- what is printed -------------------------------------------------------------------------------------------------


def as_object(checked: Checked) -> dict[str, object]:
    """One file, for JSON."""
    said = checked.report
    summary = {
        **said.counts,
        "errors": said.errors,
        "warnings": said.warnings,
        "here": said.here,
        "missing": said.missing,
        "exit": said.exit,
    }
    app = {"app": checked.app} if checked.app else {}
    options = [dict(zip(_COLUMNS, row, strict=False)) for row in said.rows]
    return {"file": checked.file, "options": options, **app, "summary": summary}


def lines(checked: Checked) -> Iterator[str]:
    """One file, for people: a row for each option, then what is wrong by kind, then a summary."""
    said = checked.report
    yield click.style(_clean(checked.file), bold=True)
    if said.rows:
        yield ""
        yield from _table(said.rows)
    local = set(said.here)
    kinds = {
        "would not start": ("red", said.errors),
        "warnings": ("yellow", [text for text in said.warnings if text not in local]),
        "on this machine": ("yellow", said.here),
        "the app": ("", checked.app.splitlines()),
    }
    for title, (colour, sentences) in kinds.items():
        if sentences:
            yield ""
            yield click.style(title, fg=colour or None, bold=True)
            yield from map(_clean, sentences)
    yield ""
    counts = [f"{number} {status}" for status, number in said.counts.items() if number] or ["no options"]
    yield f"{', '.join(counts)}: {_verdict(said)}"


def _verdict(said: Report) -> str:
    verdict, colour = _VERDICTS[said.exit]
    if said.exit == WARNED and said.missing:
        verdict = _INCOMPLETE.format(" and ".join(words for name, words in _NEEDED.items() if name in said.missing))
    elif said.exit == WARNED and said.here:
        verdict = _ELSEWHERE
    return click.style(verdict, fg=colour, bold=True)


def _table(rows: Sequence[Row]) -> Iterator[str]:
    """The rows in columns."""
    columns = [tuple(_clean(text) for text in (row.name, row.value or "", row.origin)) for row in rows]
    widths = [max(min(len(text), _WIDEST) for text in column) for column in zip(*columns, strict=True)]
    for row, texts in zip(rows, columns, strict=True):
        shown, plain, colour = _MARKS[row.mark]
        mark = click.style(shown if _encoded(shown) == shown else plain, fg=colour)
        status = f"{row.status}: " if row.mark in _STATUSES else ""
        reason = "" if row.mark is Mark.SUPPORTED else status + _clean(row.reason)
        padded = "  ".join(f"{text:{width}}" for text, width in zip(texts, widths, strict=True))
        yield f"  {mark} {padded}  {reason}".rstrip()


def _clean(text: str) -> str:
    """One line of what the terminal can show, without anything that could play tricks on it."""
    return _encoded("".join(char if char.isprintable() else " " if char == "\n" else "?" for char in text))


def _encoded(text: str) -> str:
    encoding = sys.stdout.encoding or "ascii"
    return text.encode(encoding, "replace").decode(encoding)
