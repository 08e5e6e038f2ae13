"""The tables of the pages about options: those that Uncork has, and the answer for every name of uWSGI.

Runs in: whatever writes or compares the pages.
"""

from collections.abc import Iterator
from itertools import groupby

from tables import meanings, sentence, table

from uncork.config.answers import Answer, Status, rows_of, usual_answer
from uncork.config.names import uwsgi_names
from uncork.config.option import Option
from uncork.config.table import BY_NAME, OPTIONS
from uncork.worker.logformat import VARIABLES


def options(group: str) -> str:
    """The options of one group, or "" if it has none."""
    rows = [_option(option) for name, option in OPTIONS if name == group]
    return table(("option", "value", "default", "meaning"), rows) if rows else ""


def _option(option: Option) -> tuple[str, ...]:
    names = [f"`{name}`" for name in option.names]
    if option.short:
        names.append(f"`-{option.short}`")
    remarks = [sentence(option.help)]
    if not option.acts:
        remarks.append("Read and checked; does nothing yet.")
    if option.implies_master:
        remarks.append("Starts a master.")
    if option.own:
        remarks.append("Uncork's own: uWSGI has no such option.")
    return f'<a id="{option.name}"></a>' + ", ".join(names), _value(option), _default(option), " ".join(remarks)


def _value(option: Option) -> str:
    if not option.kind.metavar:
        return "flag"
    value = f"`{option.kind.metavar}`" if option.kind.argument == "required" else f"`[{option.kind.metavar}]`"
    return f"{value}, adds up" if option.kind.accumulates else value


def _default(option: Option) -> str:
    if isinstance(option.default, bool):
        return "on" if option.default else "off"
    if option.default is None or option.default == ():
        return f"none ({option.unit})" if option.unit else "none"
    return f"{option.default} {option.unit}".rstrip()


def log_variables() -> str:
    """What a log-format may hold."""
    rows = ((f"`%({name})`", text) for name, text in meanings("log-variables", VARIABLES))
    return table(("variable", "meaning"), rows)


# ---- every name of uWSGI ---------------------------------------------------------------------------------------------


def all_names() -> str:
    """How many names uWSGI has."""
    return f"{len(uwsgi_names()):,}"


def counts() -> str:
    """How many names have which answer."""
    words: dict[Status, str] = {
        "supported": "does something here: what its words say",
        "accepted": "may stand in a configuration, and has nothing to do here, for the reason given; what is only "
        "read so far has a link, and a start names it in a warning",
        "unsupported": "has no effect; a start names it in a warning, with the reason and with what to do instead",
    }
    statuses = [_status(name) for name in uwsgi_names()]
    rows = ((status, str(statuses.count(status)), text) for status, text in words.items())
    return table(("status", "names", "meaning"), rows)


def _status(name: str) -> Status:
    found = usual_answer(name)
    if found is None:
        raise ValueError(f"{name} has no answer: uwsgi_answers.tsv needs a row for it")
    return found.status


def answers() -> str:
    """Every name of uWSGI with its answer, by first letter."""
    by_letter = groupby(sorted(uwsgi_names()), key=lambda name: name[0])
    return "\n\n".join(_letter(letter, list(names)) for letter, names in by_letter)


def _letter(letter: str, names: list[str]) -> str:
    rows = (row for name in names for row in _answers(name))
    return f"## {letter.upper()}\n\n" + table(("option", "status", "answer"), rows)


def _answers(name: str) -> Iterator[tuple[str, str, str]]:
    """The rows of one name: one, or one for each group of values that has its own answer."""
    declared = BY_NAME.get(name)
    if declared:
        option = declared.option
        words = option.help if name == option.name else f"the same as `{option.name}`"
        remark = "" if option.acts else "; read and checked, does nothing yet"
        yield f"[`{name}`](options.md#{option.name})", _status(name), f"{words}{remark}"
        return
    for row in rows_of(name):
        values = ", ".join(f"`{value}`" for value in row.values)
        yield f"`{name}`" + (f" with {values}" if values else ""), row.answer.status, _words(row.answer)
        if not values:
            break


def _words(answer: Answer) -> str:
    return f"{answer.reason}; {answer.instead}" if answer.instead else answer.reason
