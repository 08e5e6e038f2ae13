"""Configurations in xml: `<uwsgi><socket>:3031</socket><master/></uwsgi>`.

Runs in: the process that reads the configuration.  Pure: nothing that a text names is opened.

An element inside `<uwsgi>` is an option, its text the value; an empty one means 1.  An element that holds others is no
option, but they are.  There may be several `<uwsgi>`, inside any other element: all of them count, or, if an `id` was
asked for, those that have it.
"""

from xml.parsers import expat

from uncork.config.formats import FormatError, Sections
from uncork.config.ini import Line

_ROOT = "uwsgi"
# Far more than any configuration; every <uwsgi> around an option is one more section to keep it in.
_DEEPEST = 50


def parse(text: str, asked: str) -> Sections:
    """The sections of an xml text: "uwsgi" has all lines, and each `id` its own.  Raises FormatError."""
    del asked  # there is nothing that only this section could have
    reading = _Reading()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = lambda name, attributes: reading.start(parser.CurrentLineNumber, name, attributes)
    parser.EndElementHandler = reading.end
    parser.CharacterDataHandler = reading.text
    # Entities of its own make a short text endless, and those of other files are not for us to open.
    parser.EntityDeclHandler = lambda *_: _refuse_entity(parser.CurrentLineNumber)
    parser.SkippedEntityHandler = lambda *_: _refuse_entity(parser.CurrentLineNumber)
    try:
        # As bytes: a declaration at the front of the file may name another encoding than UTF-8.
        parser.Parse(text.encode("utf-8", "surrogateescape"), True)
    except expat.ExpatError as error:
        raise FormatError(error.lineno, f"this is no xml: {expat.ErrorString(error.code)}") from None
    except FormatError:
        raise
    except (LookupError, ValueError):  # of Python's codecs, which expat asks for encodings that it does not know
        raise FormatError(1, f"this is no xml: {expat.errors.XML_ERROR_UNKNOWN_ENCODING}") from None
    return reading.sections


def _refuse_entity(line: int) -> None:
    raise FormatError(line, "entities of one's own are not read; write out what they stand for")


class _Element:
    """One that is open: its option, if it is inside `<uwsgi>`, and the identities of all `<uwsgi>` around it."""

    def __init__(self, line: int, name: str, sections: tuple[str, ...]) -> None:
        self.line = line
        self.name = name
        self.sections = sections
        self.texts: list[str] = []
        self.is_option = bool(sections)


class _Reading:
    """The lines so far, and the elements that are open."""

    def __init__(self) -> None:
        self.sections: Sections = {}
        self._open: list[_Element] = []

    def start(self, line: int, name: str, attributes: dict[str, str]) -> None:
        outer: tuple[str, ...] = ()
        if len(self._open) == _DEEPEST:
            raise FormatError(line, "its elements are nested too deep")
        if self._open:
            self._open[-1].is_option = False
            outer = self._open[-1].sections
        element = _Element(line, name, outer)
        if name == _ROOT:
            element.is_option = False
            element.sections = tuple(dict.fromkeys((_ROOT, attributes.get("id", _ROOT), *outer)))
            for section in element.sections:
                self.sections.setdefault(section, [])
        self._open.append(element)

    def text(self, text: str) -> None:
        self._open[-1].texts.append(text)

    def end(self, name: str) -> None:
        element = self._open.pop()
        if element.is_option:
            line = Line(element.line, name, "".join(element.texts).strip(" \t\r\n") or "1")
            for section in element.sections:
                self.sections[section].append(line)
