"""yaml as it is: PyYAML finds texts, lists and mappings, and their lines.

Runs in: the process that reads the configuration.  Pure.  It is imported only when a yaml file is read, and then only
where PyYAML is installed; libyaml, where PyYAML has it, takes a tenth of the time.

Nothing here makes objects of what a text says: events are all that is asked for.
"""

from collections.abc import Iterator

import yaml

from uncork.config.formats import FormatError, tree

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# Far more than any configuration.
_DEEPEST = 50


def compose(text: str) -> tree.Mapping:
    """All documents of a text as one mapping.  Raises FormatError."""
    try:
        text.encode()
        roots = list(_documents(yaml.parse(text, _LOADER)))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise FormatError(mark.line + 1 if mark else 0, f"this is no yaml: {error.problem}") from None
    except UnicodeEncodeError as error:
        raise _unprintable(text[: error.start]) from None
    except yaml.reader.ReaderError as error:
        # libyaml counts bytes.
        before = text[: error.position] if _LOADER is yaml.SafeLoader else text.encode()[: error.position].decode()
        raise _unprintable(before) from None
    return tree.Mapping(1, [pair for root in roots if isinstance(root, tree.Mapping) for pair in root.pairs])


def _unprintable(before: str) -> FormatError:
    return FormatError(before.count("\n") + 1, "this is no yaml: special characters are not allowed")


def _documents(events: Iterator[yaml.Event]) -> Iterator[tree.Node]:
    """The root of each document.  Raises FormatError for aliases of what is not there, or is not complete."""
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            yield _node(next(events), events, {}, 1)


def _node(event: yaml.Event, events: Iterator[yaml.Event], anchors: dict[str, tree.Node], depth: int) -> tree.Node:
    """The node that begins with an event; one that aliases repeat is made once, and is one."""
    line = _line(event)
    if depth > _DEEPEST:
        raise FormatError(line, "its values are nested too deep")
    if isinstance(event, yaml.AliasEvent):
        if event.anchor not in anchors:
            raise FormatError(line, f"this is no yaml: found undefined alias '{event.anchor}'")
        return anchors[event.anchor]
    if isinstance(event, yaml.SequenceStartEvent):
        node: tree.Node = tree.List(line, list(_items(events, anchors, depth)))
    elif isinstance(event, yaml.MappingStartEvent):
        node = tree.Mapping(line, list(_pairs(events, anchors, depth)))
    else:
        # A key with nothing behind it sets nothing: the token that uWSGI takes values from does not come.
        node = tree.Text(
            line, event.value if isinstance(event, yaml.ScalarEvent) and (event.value or event.style) else None
        )
    if isinstance(event, yaml.NodeEvent) and event.anchor:
        anchors[event.anchor] = node
    return node


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 0


def _items(events: Iterator[yaml.Event], anchors: dict[str, tree.Node], depth: int) -> Iterator[tree.Node]:
    while not isinstance(event := next(events), yaml.SequenceEndEvent):
        yield _node(event, events, anchors, depth + 1)


def _pairs(
    events: Iterator[yaml.Event], anchors: dict[str, tree.Node], depth: int
) -> Iterator[tuple[tree.Text, tree.Node]]:
    while not isinstance(event := next(events), yaml.MappingEndEvent):
        key = _node(event, events, anchors, depth + 1)
        # One that is not a text is no name.
        name = key if isinstance(key, tree.Text) else tree.Text(key.number, None)
        yield tree.Text(_line(event), name.text), _node(next(events), events, anchors, depth + 1)
