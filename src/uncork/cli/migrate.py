"""The command line of `uncork migrate`: another server's configuration, or an old one of uWSGI's, as a clean ini file.

Runs in: the command line process.  Reads the files that it is given and those that they include, runs nothing of them,
and writes one file, if it is told to.
"""

import os
import secrets
import stat
import sys

import click

from uncork.config.reader import split_section
from uncork.config.textfile import read_text, why
from uncork.migrate.command import MigrateError
from uncork.migrate.draft import Migrated
from uncork.migrate.source import is_command, read_command, read_file

# Exit statuses: everything was carried over, something needs a hand; MigrateError has that of nothing at all.
DONE, BY_HAND = 0, 1

_MODE = 0o644

_HELP = """\
Turn the configuration of another server, or an old one of uWSGI's, into a clean ini file.

SOURCE is a uwsgi.ini (or yaml, json, xml, toml; also FILE:SECTION), a gunicorn.conf.py, or the command line of
gunicorn, waitress-serve, uvicorn, granian, flask run, python app.py or uwsgi: as words, or in quotes as it stands in a
Procfile or a unit of systemd.  Nothing of it is run.

Above each line a comment says where it came from.  What cannot be carried over is listed at the end and on standard
error.  The exit status is 0 if everything was carried over, 1 if something is left to do by hand, 2 if nothing could
be read.

\b
uncork migrate gunicorn -w 4 -b unix:/run/app.sock app:app
uncork migrate gunicorn.conf.py -o app.ini
uncork migrate 'web: gunicorn app:app --bind 0.0.0.0:$PORT'
uncork migrate uwsgi.ini --flatten
"""


class _Words(click.Command):
    """A command whose options end where another server's command line begins, with `--` and without."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if "--" not in args:
            begins = next((index for index, word in enumerate(args) if is_command(word)), len(args))
            args = [*args[:begins], "--", *args[begins:]]
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            raise MigrateError(
                f"{error.format_message()} A command line has to begin with its program: gunicorn -w 4 app:app"
            ) from None


@click.command(cls=_Words, short_help="Turn another server's configuration into a clean ini file.", help=_HELP)
@click.argument("source", nargs=-1, metavar="SOURCE...", type=click.UNPROCESSED)
@click.option("-o", "--output", type=click.Path(), metavar="FILE", help="Write to FILE, which must not be there yet.")
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
@click.option("--flatten", is_flag=True, help="Put the lines of included files in place of what includes them.")
def migrate(source: tuple[str, ...], output: str | None, force: bool, flatten: bool) -> int:
    """See _HELP."""
    migrated, mode = _migrated(source, flatten)
    if output is None:
        sys.stdout.buffer.write(_encoded(migrated.text))
        sys.stdout.flush()
    else:
        _write(output, _encoded(migrated.text), mode, force=force)
    for sentence in migrated.by_hand:
        print(f"by hand: {_printable(sentence)}", file=sys.stderr)
    return BY_HAND if migrated.by_hand else DONE


def _migrated(source: tuple[str, ...], flatten: bool) -> tuple[Migrated, int]:
    """The new file, and its mode: that of the old one, and never more than everybody's reading."""
    if not source:
        raise MigrateError("name a file or a command line (uncork migrate --help)")
    first = source[0]
    if len(source) == 1 and not is_command(first) and (os.path.exists(first) or " " not in first.strip()):
        path, section = (first, "") if os.path.exists(first) else split_section(first)
        return read_file(path, section, read_text, flatten=flatten), _mode_of(path)
    return read_command(source, read_text, os.environ), _MODE


def _mode_of(path: str) -> int:
    try:
        return stat.S_IMODE(os.stat(path).st_mode) & _MODE
    except OSError:
        return _MODE


def _write(path: str, content: bytes, mode: int, *, force: bool) -> None:
    """Make the file; no link is followed.  With `force` it replaces what is there, at once.  Raises MigrateError."""
    temporary = f"{path}.{secrets.token_hex(8)}" if force else path
    try:
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    except FileExistsError:
        raise MigrateError(f"{path} is there already (--force replaces it)") from None
    except OSError as error:
        raise MigrateError(f"{path} cannot be written: {why(error)}") from None
    try:
        with open(fd, "wb") as file:
            file.write(content)
        if force:
            os.replace(temporary, path)
    except OSError as error:
        os.unlink(temporary)
        raise MigrateError(f"{path} cannot be written: {why(error)}") from None


def _encoded(text: str) -> bytes:
    """The bytes as they were read: what is no UTF-8 comes out as it came in."""
    return text.encode("utf-8", "surrogateescape")


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)
