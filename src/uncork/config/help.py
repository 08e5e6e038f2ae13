"""The text of `--help`, written from the option table.

Runs in: the process that was started.  Returns text; printing is the caller's.
"""

from uncork.config.option import Option
from uncork.config.table import GROUPS, OPTIONS

_WIDTH = 100
_COLUMN = 34  # where descriptions begin

_USAGE = """\
usage: uncork [option]... [file.ini[:section]]...

Serve a Python WSGI app behind nginx, with uWSGI's options and configuration files.

Options may be shortened as long as they stay unique. Each can stand in an ini file under [uwsgi],
as name = value, and in the environment, as UWSGI_NAME. The environment comes first, then options
and the files that they name, in order, then files named alone. The last value counts; options that
may be repeated keep all values.
"""

# What asks for an answer in place of a start, and is no option of a configuration.
_REQUESTS = (
    ("-h, --help", "show this text"),
    ("--version", "show the version"),
)


def help_text() -> str:
    """All options by group, at most 100 columns wide, without a line break at its end."""
    sections = [_section("Questions", list(_REQUESTS))]
    for group in GROUPS:
        rows = [(_usage(option), _description(option)) for name, option in OPTIONS if name == group]
        if rows:
            sections.append(_section(group.capitalize(), rows))
    return "\n".join([_USAGE, *sections]).rstrip("\n")


def _section(title: str, rows: list[tuple[str, str]]) -> str:
    return f"{title}\n" + "".join(_row(usage, description) for usage, description in rows)


def _row(usage: str, description: str) -> str:
    from textwrap import wrap  # only for --help

    lines = wrap(description, _WIDTH - _COLUMN, break_on_hyphens=False)
    start = f"  {usage}"
    if len(start) > _COLUMN - 2:
        lines.insert(0, "")
    first, *rest = lines
    indented = "".join(f"{'':{_COLUMN}}{line}\n" for line in rest)
    return f"{start:{_COLUMN}}{first}".rstrip() + "\n" + indented


def _usage(option: Option) -> str:
    """`-C, --chmod-socket[=MODE]`"""
    short = f"-{option.short}, " if option.short else ""
    value = {"no": "", "optional": f"[={option.kind.metavar}]", "required": f" {option.kind.metavar}"}
    return f"{short}--{option.name}{value[option.kind.argument]}"


def _description(option: Option) -> str:
    """The help of an option with what follows from its other facts."""
    notes = []
    if isinstance(option.default, int) and not isinstance(option.default, bool):
        notes.append(f"default {option.default} {option.unit}".rstrip())
    elif option.unit:
        notes.append(f"in {option.unit}")
    if option.kind.accumulates:
        notes.append("may be repeated")
    if option.implies_master:
        notes.append("implies --master")
    if len(option.names) > 1:
        notes.append(f"also {', '.join(f'--{name}' for name in option.names[1:])}")
    return f"{option.help} ({'; '.join(notes)})" if notes else option.help
