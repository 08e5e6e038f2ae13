"""A configuration without includes: the lines of included sections in place of what asks for them.

Pure but for the files that are read.  `inherit` stays, because it counts at the end; and so do includes in blocks.
"""

from collections.abc import Iterator

from uncork.config import magic
from uncork.config.blocks import ENDS, OPENINGS
from uncork.config.reader import split_section
from uncork.config.textfile import why
from uncork.migrate.command import MigrateError
from uncork.migrate.included import INCLUDES, Files, Included
from uncork.migrate.lines import Source

_DEEPEST = 50

# The magic variables that speak of the file that they stand in; of another section of the same file these.
_OF_FILE = "opsnedcxij0123456789"
_OF_SECTION = "xo"


class Flattening:
    """One configuration; `by_hand` says of each include why it stays.

    Raises MigrateError where an include in a block makes it uncertain what a later one means.
    """

    def __init__(self, files: Files) -> None:
        self._files = files
        self._last = files.first
        # Where an include in a block makes it uncertain which file was read last, and where it is named in this block.
        self._is_last_known = True
        self._is_named_here = False
        self._in_block = False
        self._open: list[tuple[str, str]] = []
        self.by_hand: list[str] = []

    def lines(self, included: Included) -> Iterator[Source]:
        """All lines of a section."""
        self._open.append(included.key)
        self._last = included.file
        for source in self._files.sections(included)[included.section].lines:
            self._follow_blocks(source)
            relocated = self._relocated(source, included.file)
            if source.key not in INCLUDES or source.key == "inherit":
                yield relocated
                continue
            self._check_last(source)
            inner = None if self._in_block else self._included(source, included.file)
            if inner is None:
                yield self._explicit(relocated)
            else:
                yield from self.lines(inner)
        self._open.pop()

    def _follow_blocks(self, source: Source) -> None:
        """A block may begin in one section and end in another."""
        if self._in_block:
            self._in_block = source.key not in ENDS
        elif source.key in OPENINGS:
            self._in_block, self._is_named_here = True, False

    def _check_last(self, source: Source) -> None:
        """Raises MigrateError where nobody knows which file was read last, and the line is of that one."""
        if not self._is_of_last(source):
            self._is_last_known, self._is_named_here = not self._in_block, self._in_block
        elif not self._is_last_known and not (self._in_block and self._is_named_here):
            where = f"{source.place} {source.key} = {source.text}"
            raise MigrateError(f"{where}: a block decides which file this is of; do it without --flatten")

    def _included(self, source: Source, file: magic.ConfigFile) -> Included | None:
        """The section that a line asks for, or None where it has to stay."""
        try:
            found = self._files.asked(source, file, self._last)
            reason = self._why_not(found)
        except (OSError, ValueError) as error:
            reason = f"it cannot be read: {why(error)}"
        if not reason:
            return found
        self.by_hand.append(f"{source.place} {source.key} = {source.text}: {reason}")
        return None

    def _why_not(self, found: Included) -> str:
        """Why a line has to stay, or "".  Raises OSError and ValueError."""
        if found.key in self._open:
            return "it includes itself"
        if len(self._open) >= _DEEPEST:
            return "files include one another too deep"
        self._last = found.file  # as uWSGI does, even if it cannot be read
        return "" if found.section in self._files.sections(found) else f"there is no section [{found.section}] in it"

    def _explicit(self, source: Source) -> Source:
        """`ini = :section` is of the file read last, which the new file does not read any more."""
        if self._is_last_known and self._is_of_last(source) and self._last.path != self._files.first.path:
            return source._replace(value=self._last.path.replace("%", "%%") + source.text)
        return source

    @staticmethod
    def _is_of_last(source: Source) -> bool:
        return not split_section(source.text)[0]

    def _relocated(self, source: Source, file: magic.ConfigFile) -> Source:
        """A line as it has to be written in the first file: `%d` and its like speak of the file that they stand in."""
        if file == self._files.first or "%" not in source.text:
            return source
        letters = _OF_SECTION if file.path == self._files.first.path else _OF_FILE
        return source._replace(value="".join(self._pieces(source.text, file, letters)))

    def _pieces(self, text: str, file: magic.ConfigFile, letters: str) -> Iterator[str]:
        position = 0
        while position < len(text):
            piece = text[position : position + 2] if text[position] == "%" else text[position]
            if len(piece) == 2 and piece[1] in letters:
                yield magic.substitute(piece, file, self._files.first).replace("%", "%%")
            else:
                yield piece
            position += len(piece)
