"""The command line of `uncork explain`: what an option does, what it takes, and how uWSGI's differs.

Runs in: the command line process.
"""

import json
import shutil
from collections.abc import Iterator
from textwrap import wrap

import click
from click.shell_completion import CompletionItem
from click.types import StringParamType

from uncork.config import explain as facts
from uncork.config.explain import Explanation
from uncork.config.guesses import guess
from uncork.config.names import uwsgi_names
from uncork.config.table import BY_NAME

# A line longer than this is hard to read, however wide the terminal is.
_WIDEST = 100
# Where values begin.
_COLUMN = 15
# An abbreviation like `--http` fits dozens of names; nobody reads them all.
_CANDIDATES_SHOWN = 12

_COLOURS = {"supported": "green", "accepted": "cyan", "unsupported": "yellow"}


class _OptionName(StringParamType):
    """A name to ask for, as somebody types it: not all that are understood can be listed."""

    name = "option"

    def shell_complete(self, _ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        names = dict.fromkeys([*BY_NAME, *uwsgi_names()])
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]


@click.command(
    short_help="Say what an option does, what it takes, and how uWSGI's differs.",
    # So that an option may be asked for as it is typed, dashes included.
    context_settings={"ignore_unknown_options": True},
)
@click.argument("options", nargs=-1, metavar="[OPTION...]", type=_OptionName())
@click.option(
    "--json", "as_json", is_flag=True, help="Print JSON: an object, or with several options an array of them."
)
def explain(options: tuple[str, ...], as_json: bool) -> int:
    """Say what an option does, its default, an example, and where it differs from uWSGI's of the same name.

    OPTION is any name that uWSGI knows or that Uncork adds: with or without dashes, a short letter behind a dash, or
    shortened as on the command line.  Without any the groups of options are listed.  The exit status is 1 if a name is
    not known, or may mean several.

    \b
    uncork explain processes
    uncork explain -p --callab
    uncork explain              all options, by group
    """
    if not options:
        click.echo(json.dumps(_overview_object(), indent=2) if as_json else "\n".join(_overview()))
        return 0
    explained, problems = [], []
    for word in options:
        names = facts.meant(word)
        if len(names) == 1:
            value = word.partition("=")[2] or None
            explained.append(facts.explain(names[0], value))
        else:
            problems.append(_not_one(word, names))
    if as_json:
        objects = [one._asdict() for one in explained] + [{"error": problem} for problem in problems]
        click.echo(json.dumps(objects if len(objects) > 1 else objects[0], indent=2))
    else:
        for number, one in enumerate(explained):
            click.echo("\n".join([*([""] if number else []), *lines(one)]))
        for problem in problems:
            click.echo(problem, err=True)
    return 1 if problems else 0


def _not_one(word: str, names: list[str]) -> str:
    if not names:
        words = guess(word.lstrip("-").partition("=")[0].replace("_", "-"))
        return f"{word} is no option{f'; {words}' if words else ''}"
    shown = ", ".join(names[:_CANDIDATES_SHOWN])
    more = len(names) - _CANDIDATES_SHOWN
    return f"{word} may be {shown}{f' and {more} more' if more > 0 else ''}"


def lines(said: Explanation) -> Iterator[str]:
    """One option, for people."""
    status = click.style(said.status, fg=_COLOURS.get(said.status))
    yield f"{click.style(said.name, bold=True)}  {status}"
    for text in said.cases or [said.help]:
        yield from wrap(text, _width(), initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)
    yield ""
    also = [*(f"-{letter}" for letter in said.short), *(name for name in said.names if name != said.name)]
    rows = {
        "so far" if said.group else "instead": "" if said.cases else said.instead,
        "also": ", ".join(also),
        "takes": said.accepts,
        "default": said.default,
        "in a file": said.example,
        "command line": said.command_line,
        "environment": said.environment,
        "master": "a master is started for it" if said.implies_master else "",
        "differs": "uWSGI has no such option" if said.own else said.difference,
        "group": said.group,
        "see also": ", ".join(said.related),
    }
    for title, text in rows.items():
        if text:
            yield from _row(title, text)


def _row(title: str, text: str) -> Iterator[str]:
    first, *rest = wrap(text, _width() - _COLUMN, break_on_hyphens=False, break_long_words=False)
    yield f"  {click.style(f'{title:{_COLUMN - 2}}', dim=True)}{first}"
    for line in rest:
        yield f"{'':{_COLUMN}}{line}"


def _overview() -> Iterator[str]:
    """All options by group; those that do nothing yet are in brackets."""
    for group, (about, options) in facts.overview().items():
        yield click.style(group, bold=True) + f"  {about}"
        names = " ".join(option.name if option.acts else f"({option.name})" for option in options)
        yield from wrap(names, _width(), initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)
        yield ""
    yield "uncork explain OPTION says more; those in brackets are read and checked, but do nothing in this version."


def _overview_object() -> dict[str, object]:
    return {"groups": {group: [option.name for option in options] for group, (_, options) in facts.overview().items()}}


def _width() -> int:
    return min(shutil.get_terminal_size().columns, _WIDEST)
