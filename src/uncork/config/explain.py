"""What is known about one option, in words: for `uncork explain`.

Pure.  All of it follows from the option table, from uWSGI's names and from the recorded answers; written here is only
where an option does otherwise than uWSGI's.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from uncork.config.answers import Answer, Row, rows_of
from uncork.config.examples import NOTHING, example_of
from uncork.config.guesses import answer
from uncork.config.names import argument_of_long, complete, is_known, long_of_short, uwsgi_name, uwsgi_names
from uncork.config.option import Option
from uncork.config.table import BY_NAME, GROUPS, OPTIONS

_PREFIX = "UWSGI_"
_RELATED = 8

# By the canonical name: what an option of uWSGI's does otherwise here, on purpose.
DIFFERENCES: Mapping[str, str] = {
    "buffer-size": "uWSGI's default is 4096, and a large cookie gives a 502",
    "callable": "uWSGI serves 500 if it is not there; here the server does not start, and says what the module has",
    "cheaper-algo": "with backlog, uWSGI ends a worker in each calm second; here after cheaper-overload calm seconds",
    "daemonize": "uWSGI returns at once and sets the umask to 0; here it returns when the server answers, or says "
    "why not",
    "die-on-term": "without it uWSGI reloads at SIGTERM; here SIGTERM always stops, and the option only concerns "
    "SIGQUIT",
    "drop-after-apps": "here the master stays root for the next reload",
    "fs-reload": "uWSGI is told by the kernel; here it is looked at once a second, and a directory's own files "
    "count, too",
    "harakiri": "uWSGI kills the worker; here the request is interrupted and answered 504, its Python stack is "
    "logged, and the worker is killed if that does not help",
    "home": "the interpreter stays the one that runs the server: an environment of another version of Python is "
    "refused",
    "lazy-apps": "uWSGI gives up the old worker first; here it goes on serving if the new one cannot load the app",
    "logto": "uWSGI follows a symbolic link; here it is refused, but for devices",
    "master": "uWSGI needs it for more than one worker to be replaced; here more than one process implies it",
    "master-as-root": "uWSGI imports the app as root; here it is imported as uid",
    "master-fifo": "uWSGI removes what is in its place, and leaves it behind; here only a FIFO of ours is "
    "replaced, and it goes with the server",
    "max-requests": "in uWSGI the workers end together, and then start; here each replacement is ready first, one "
    "at a time, and the limits are spread over a tenth",
    "max-worker-lifetime": "the replacement is ready before the old worker ends, and one worker is replaced at a time",
    "min-worker-lifetime": "uWSGI's default is 10 seconds",
    "module": "uWSGI serves 500 without the app; here the server does not start, with status 22",
    "pidfile": "in uWSGI it is 0666 when daemonized and links are followed; here it is 0644, and links are refused",
    "processes": "more than one implies a master here; in uWSGI nobody replaces them without one",
    "py-autoreload": "after a syntax error uWSGI answers 500; here the version of before goes on",
    "reload-mercy": "uWSGI does not apply it to workers; here it is the same as worker-reload-mercy, which counts "
    "if both are given",
    "reload-on-as": "the replacement is ready before the old worker ends, and one worker is replaced at a time",
    "reload-on-rss": "the replacement is ready before the old worker ends, and one worker is replaced at a time",
    "socket": "a TCP socket refuses peers that are neither loopback nor private, unless allow-from names them",
    "stats": "the socket has mode 0660, and cookies and credentials of running requests are masked",
    "strict": "without it an unknown name is a placeholder as in uWSGI, but one that nothing uses is a warning here",
    "touch-chain-reload": "a new worker is ready before the old one of its place ends",
    "touch-reload": "in uWSGI the old workers end first; here new code is proven before it takes over",
    "touch-workers-reload": "a new worker is ready before the old one of its place ends",
    "uid": "without gid uWSGI keeps root's group; here it is the user's own",
    "worker-reload-mercy": "it also bounds the stop by q of the FIFO, which waits without end in uWSGI",
    "wsgi-file": "uWSGI serves 500 without the app; here the server does not start, with status 22",
}


class Explanation(NamedTuple):
    """All that is known about an option; texts that do not apply are "".  `name` is the canonical one.

    `cases` are sentences about values, where it depends on them what is to be said.
    """

    name: str
    names: tuple[str, ...]
    short: str
    group: str
    status: str
    help: str
    instead: str
    cases: tuple[str, ...]
    accepts: str
    default: str
    example: str
    command_line: str
    environment: str
    implies_master: bool
    own: bool
    difference: str
    related: tuple[str, ...]


def meant(word: str) -> list[str]:
    """The names that `word` may stand for: one, several for an ambiguous abbreviation, none for what nobody knows.

    A name may have dashes before it and a value behind it, be a letter behind a dash, or a variable such as UWSGI_HTTP.
    """
    if re.fullmatch("-[A-Za-z]", word):
        name = long_of_short(word[1])
        return [name] if name else []
    typed = word.lstrip("-").partition("=")[0].strip()
    if is_known(typed):
        return [typed]
    if typed.startswith(_PREFIX):
        typed = typed.removeprefix(_PREFIX).lower()
    spelt = typed.replace("_", "-")
    return complete(spelt) if spelt else []


def explain(name: str, value: str | None = None) -> Explanation:
    """What is known about an option; `name` is one that somebody knows."""
    declared = BY_NAME.get(name)
    if declared:
        return _declared(declared.group, declared.option)
    if value is None and any(row.values for row in rows_of(name)):
        # The first is what most people have it for.
        return _undeclared(name, rows_of(name)[0].answer, tuple(map(_case, rows_of(name))))
    return _undeclared(name, answer(name, value), ())


def overview() -> dict[str, tuple[str, tuple[Option, ...]]]:
    """The groups: what each is about, and its options."""
    groups = {}
    for group, made in GROUPS.items():
        options = tuple(option for name, option in OPTIONS if name == group)
        if options:
            groups[group] = ((made.__doc__ or "").partition("\n")[0].rstrip("."), options)
    return groups


def _declared(group: str, option: Option) -> Explanation:
    said = answer(option.name, None)
    example = example_of(option)
    typed = example.replace("%%", "%")  # only in files a single one has a meaning
    return Explanation(
        name=option.name,
        names=option.names,
        short=option.short,
        group=group,
        status=said.status,
        help=option.help,
        instead="" if option.acts else said.reason,
        cases=(),
        accepts=_accepts(option),
        default=_default(option),
        example=f"{option.name} = {example}".rstrip(" =") if example else option.name,
        command_line=_command_line(option.name, option.kind.argument, typed),
        environment=f"{_PREFIX}{option.name.upper().replace('-', '_')}={_quoted(typed) if typed else ''}",
        implies_master=option.implies_master,
        own=option.own,
        difference=DIFFERENCES.get(option.name, ""),
        related=tuple(_related(option.name, group)),
    )


def _case(row: Row) -> str:
    given = f"with {', '.join(row.values)}" if row.values else "otherwise"
    return "; ".join(filter(None, (f"{given}: {row.answer.status}, {row.answer.reason}", row.answer.instead)))


def _undeclared(name: str, said: Answer, cases: tuple[str, ...]) -> Explanation:
    known = uwsgi_name(name)
    first = (known.alias_of if known else "") or name
    names = [other for other in uwsgi_names() if _first_name(other) == first]
    return Explanation(
        name=name,
        names=tuple(dict.fromkeys([name, *names])),
        short=known.short if known else "",
        group="",
        status=said.status,
        help=said.reason,
        instead=said.instead,
        cases=cases,
        accepts="",
        default="",
        example="",
        command_line=_command_line(name, argument_of_long(name), "VALUE"),
        environment="",
        implies_master=False,  # in uWSGI perhaps, but not here
        own=False,
        difference="",
        related=tuple(_related(name, "")),
    )


def _first_name(name: str) -> str:
    known = uwsgi_name(name)
    return (known.alias_of if known else "") or name


def _accepts(option: Option) -> str:
    kind = option.kind
    if kind.expected == NOTHING:
        return "no value"
    repeated = "; may be repeated" if kind.accumulates else ""
    nothing = {"no": " (true without a value)", "optional": ", or no value"}.get(kind.argument, "")
    metavar = f"{kind.metavar}: " if kind.metavar and kind.metavar.lower() != kind.expected.lower() else ""
    return f"{metavar}{kind.expected}{nothing}{repeated}"


def _default(option: Option) -> str:
    default = option.default
    if isinstance(default, bool):
        return str(default).lower()
    if default is None or default == ():
        return "none"
    return f"{default} {option.unit}".rstrip()


def _command_line(name: str, argument: str, example: str) -> str:
    if argument == "no" or (argument == "optional" and not example):
        return f"--{name}"
    between = " " if argument == "required" else "="
    return f"--{name}{between}{_quoted(example)}"


def _quoted(text: str) -> str:
    from shlex import quote  # only for who asks

    return quote(text)


# ---- what else there is ----------------------------------------------------------------------------------------------


def _related(name: str, group: str) -> Iterator[str]:
    """Options nearby: those of the group with a word in common, all with the same first word, then neighbours."""
    words = set(name.split("-"))
    first = name.partition("-")[0]
    own = BY_NAME[name].option.names if name in BY_NAME else (name,)
    of_group = [option.name for other, option in OPTIONS if other == group]
    nearest = [
        *(other for other in of_group if words & set(other.split("-"))),
        *(option.name for _, option in OPTIONS if option.name.partition("-")[0] == first),
        *_neighbours(of_group, name),
    ]
    yield from [other for other in dict.fromkeys(nearest) if other not in own][:_RELATED]


def _neighbours(names: list[str], name: str) -> Iterable[str]:
    """The others of a list, the nearest places first."""
    if name not in names:
        return []
    place = names.index(name)
    return sorted(names, key=lambda other: abs(names.index(other) - place))
