"""A configuration of uWSGI's in any of its forms, as a clean ini file.

Pure but for the files that it is told to read: the configuration, and those that it includes.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from uncork.config.argv import TELLING, parse_arguments
from uncork.config.files import DEFAULT_SECTION
from uncork.config.reader import FORMAT_OF_OPTION, format_of
from uncork.config.table import BY_NAME
from uncork.config.textfile import why
from uncork.migrate.command import Command, MigrateError
from uncork.migrate.draft import Migrated, Remark, comment, endnotes
from uncork.migrate.flatten import Flattening
from uncork.migrate.included import INCLUDES, Files, Included, facts, facts_of_all, located
from uncork.migrate.lines import Section, Source
from uncork.migrate.rules import Reader
from uncork.migrate.tidy import Tidied, tidy


class _Part(NamedTuple):
    """A section of the new file: the lines of its header, and the rest."""

    header: Sequence[str]
    tidied: Tidied


def migrate_file(path: str, section: str, read: Reader, *, flatten: bool = False) -> Migrated:
    """The file with the section that is asked for, or [uwsgi].  Raises MigrateError."""
    try:
        asked = located(path, section)
        files = Files(read, asked.file)
        sections = files.sections(asked)
    except (OSError, ValueError) as error:
        raise MigrateError(f"{path} cannot be read: {why(error)}") from None
    if asked.section not in sections:
        others = ", ".join(f"[{name}]" for name in sections if name) or "no sections"
        raise MigrateError(f"no section [{asked.section}] in {path} (it has {others})")
    flattening = Flattening(files)
    ours = list(_reachable(files, asked, sections))
    if flatten:
        wanted = {asked.section: list(flattening.lines(asked))}
    else:
        wanted = {name: sections[name].lines for name in ours}
    known, unread = facts_of_all(list(wanted.values()), files)
    is_ini = asked.file_format == "ini"
    parts = [
        _Part(_header(sections[name]), tidy(lines if is_ini else map(_as_ini, lines), known, sections[name].trailing))
        for name, lines in wanted.items()
    ]
    if is_ini:
        # What belongs to another program, or to nobody, stays as it is.
        parts += [_untouched(sections[name]) for name in sections if name not in ours]
    late = [*flattening.by_hand, *([unread] if unread and unread not in flattening.by_hand else [])]
    return _finished(f"Written by uncork migrate from {path}.", parts, late)


def migrate_command(command: Command) -> Migrated:
    """A command line of uwsgi's: each option is a line, and files stay where they are.  Raises MigrateError."""
    arguments = parse_arguments(command.words)
    telling = [entry for entry in arguments.entries if entry.name in TELLING]
    if arguments.problems or arguments.request or telling:
        raise MigrateError("\n".join(arguments.problems) or "uwsgi: this command line starts no server")
    # Magic variables are of files; a placeholder in a command line comes out as one.
    sources = [_assigned(name, value.replace("%", "%%")) for name, value in command.variables]
    for entry in arguments.entries:
        value = None if entry.value is None else entry.value.replace("%", "%%")
        sources.append(Source(f"uwsgi {entry.origin}", entry.name, value))
    for word in arguments.files:
        name = format_of(word)
        if name is None:
            raise MigrateError(f"uwsgi: {word} is no file of a configuration")
        sources.append(Source(f"uwsgi {word}", name, word.replace("%", "%%")))
    known = facts(sources)
    if any(source.key in INCLUDES for source in sources):
        known = known._replace(obscure=True)
    part = _Part([f"[{DEFAULT_SECTION}]"], tidy(sources, known))
    return _finished("Written by uncork migrate from a command line of uwsgi.", [part], [])


def _assigned(name: str, value: str) -> Source:
    """`UWSGI_PROCESSES=4` is an option, any other variable is for the app."""
    if name.startswith("UWSGI_"):
        return Source(f"{name}=", name.removeprefix("UWSGI_").lower().replace("_", "-"), value)
    return Source(f"{name}=", "env", f"{name}={value}")


def _reachable(files: Files, asked: Included, sections: dict[str, Section]) -> Iterator[str]:
    """The sections of the file that the one asked for needs, itself first."""
    waiting, found = [asked.section], set[str]()
    while waiting:
        name = waiting.pop(0)
        if name in found or name not in sections:
            continue
        found.add(name)
        yield name
        for source in sections[name].lines:
            if source.key not in INCLUDES:
                continue
            try:
                inner = files.asked(source, asked.file, asked.file)
            except (OSError, ValueError):
                continue
            if inner.file.path == asked.file.path:
                waiting.append(inner.section)


def _header(section: Section) -> list[str]:
    return [*section.comments, f"[{section.name}]"]


def _untouched(section: Section) -> _Part:
    if section.name:
        return _Part([*section.comments, section.header], Tidied(body=section.raw))
    never = [
        Remark(f"{source.place} {source.key}: it stands before any [section], where nothing counts")
        for source in section.lines
    ]
    return _Part([], Tidied(body=section.trailing, by_hand=never))


# The options that read a file and do nothing else.
_FORMATS = FORMAT_OF_OPTION.keys() & {name for name, (group, _) in BY_NAME.items() if group == "reading"}


def _as_ini(source: Source) -> Source:
    """A line that asks for another section of this file: the new file is an ini file."""
    if source.key in _FORMATS and source.text.startswith(":"):
        return source._replace(key="ini", raw="")
    return source


def _finished(title: str, parts: Sequence[_Part], late: Sequence[str]) -> Migrated:
    """All sections one after the other, and what has no line at the end."""
    unneeded = [remark for part in parts for remark in part.tidied.unneeded]
    by_hand = [remark for part in parts for remark in part.tidied.by_hand] + [Remark(sentence) for sentence in late]
    lines = [comment(title)]
    for part in parts:
        if part.header or part.tidied.body:
            lines += ["", *part.header, *part.tidied.body]
    lines += endnotes(unneeded, by_hand)
    return Migrated("\n".join(lines) + "\n", tuple(remark.sentence for remark in by_hand))
