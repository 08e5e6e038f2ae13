"""What becomes of a setting of another server: the rules that several servers share.

Pure.  A rule takes one setting, as given once, and adds lines or remarks to a draft.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Literal, NamedTuple

from uncork.config.secrets import mask
from uncork.migrate.accesslog import Dialect, log_format
from uncork.migrate.command import Command
from uncork.migrate.draft import Draft
from uncork.migrate.flags import Flag, Words, parse_flags
from uncork.migrate.values import Formula, Given, ManualError, from_shell, joined, literal

CONNECTIONS = "each request has a connection of its own, as nginx makes them"

Rule = Callable[[Draft, Given], None]
# How to get the text of a file: raises OSError and ValueError.
Reader = Callable[[str], str]


class Setting(NamedTuple):
    """One setting of a server; a rule of None is one that needs a look at others, or does not matter alone."""

    name: str
    flags: tuple[str, ...]
    rule: Rule | None
    argument: Literal["no", "optional", "required"] = "required"
    value: bool = True


class Settings:
    """What was given, by name.  Of what was given again the last counts, unless all are asked for."""

    def __init__(self, given: Iterable[Given] = ()) -> None:
        self._given: dict[str, list[Given]] = {}
        self.layer(given)

    def layer(self, given: Iterable[Given]) -> None:
        """Settings that replace those of before; within a layer those of one name add up."""
        fresh: dict[str, list[Given]] = {}
        for one in given:
            fresh.setdefault(one.name, []).append(one)
        self._given.update(fresh)

    def all(self, name: str) -> list[Given]:
        """All values of a list."""
        return self._given.get(name, [])

    def one(self, name: str) -> Given | None:
        """The value of a setting, or None where it was not given or says no."""
        found = self.all(name)
        return found[-1] if found and found[-1].is_on else None

    def text(self, name: str, default: str = "") -> str:
        """The text of a setting."""
        found = self.one(name)
        return found.formulas[0].text if found else default

    def counted(self, lists: frozenset[str]) -> list[Given]:
        """Every value that counts: of a setting that is not one of `lists`, the last."""
        return [one for name, found in self._given.items() for one in (found if name in lists else found[-1:])]


CHEAPER_SOCKET = (
    "nginx's proxy_pass goes on working, but X-Forwarded-Proto is not believed; with socket in this line, and "
    "uwsgi_pass in nginx, the app knows of https, and requests cost less"
)
NO_TRUST = (
    "no header of a request is believed; socket here and uwsgi_pass in nginx tell the scheme and the client's address, "
    "or werkzeug's ProxyFix in the app takes them from headers"
)
ONE_MASTER = "a master replaces workers that die, and makes reloads possible"

ASGI = (
    "{what}: that is ASGI, and Uncork serves WSGI apps. Keep this server for an ASGI app (FastAPI, Starlette, Quart). "
    "If a WSGI app is wrapped in it (a2wsgi, asgiref), name the WSGI app itself{how}"
)


def to(option: str, *remarks: str) -> Rule:
    """The value, or each of several, is a line with this option."""

    def rule(draft: Draft, given: Given) -> None:
        for formula in given.formulas if given.is_on else ():
            draft.put(option, formula, given.source, *remarks)

    return rule


def nothing(reason: str) -> Rule:
    """There is nothing to do, for this reason."""

    def rule(draft: Draft, given: Given) -> None:
        if given.is_on:
            draft.nothing(given.source, reason)

    return rule


def by_hand(sentence: str) -> Rule:
    """Somebody has to see to it."""

    def rule(draft: Draft, given: Given) -> None:
        if given.is_on:
            draft.hand(given.source, sentence)

    return rule


def apply(draft: Draft, given: Iterable[Given], rules: Mapping[str, Rule]) -> None:
    """Apply the rule of every setting that has one."""
    for one in given:
        rule = rules.get(one.name)
        if rule:
            rule(draft, one)


def add_surroundings(draft: Draft, command: Command, *, taken: Iterable[str] = ()) -> None:
    """Variables that stood before the command, but for those `taken`, and programs around it."""
    for name, value in command.variables:
        if name in taken:
            continue
        try:
            draft.put("env", joined([Formula(f"{name}="), from_shell(value)]), mask(f"{name}={value}"))
        except ManualError as error:
            draft.hand(mask(f"{name}={value}"), str(error))
    for wrapper in command.wrappers:
        draft.hand(f"{wrapper} {draft.server}", f"start uncork behind {wrapper} in the same way")


def http_socket(draft: Draft, address: Formula, source: str) -> None:
    """A line for an address that speaks HTTP."""
    draft.put("http-socket", address, source, CHEAPER_SOCKET)


def mount(draft: Draft, prefix: Formula, app: Formula, source: str) -> None:
    """Lines for an app below a prefix."""
    draft.put("mount", prefix.map(lambda text: f"/{text.strip('/')}={app.text}"), source)
    draft.put("manage-script-name", True, source)


def app_name(text: str, factory: bool = False) -> Formula:
    """`module:name` for `module`; a factory is called.  Raises ManualError."""
    name = literal(text).text
    arguments = name.partition("(")[2]
    if arguments not in ("", ")"):
        raise ManualError("a factory is called without arguments; give them in a module of their own")
    return Formula(f"{name}()" if factory and "(" not in name else name)


def put_address(
    draft: Draft,
    settings: Settings,
    host: str,
    port: str,
    certificate: Given | None = None,
    key: Given | None = None,
) -> None:
    """A line for `host` and `port`, each given or the server's default; with a certificate it speaks https."""
    given = [one for one in (settings.one("host"), settings.one("port"), certificate, key) if one]
    source = ", ".join(dict.fromkeys(one.source for one in given)) or f"{draft.server} listens here by itself"
    parts = [one.formulas[0] if one else None for one in (settings.one("host"), settings.one("port"))]
    name = (parts[0] or Formula(host)).map(lambda text: f"[{text}]" if ":" in text and text[0] != "[" else text)
    try:
        address = joined([name, Formula(":"), parts[1] or Formula(port)])
    except ManualError as error:
        draft.hand(source, str(error))
        return
    if certificate and key:
        files = f",{certificate.formulas[0].text},{key.formulas[0].text}"
        draft.put("https", address.map(lambda text: text + files), source)
        return
    if certificate or key:
        draft.hand(source, "https needs both, a certificate and its key")
    http_socket(draft, address, source)


def add_log_format(draft: Draft, text: str, dialect: Dialect, source: str) -> None:
    """A line for the format of another server, and a remark for what it cannot say."""
    try:
        formula, unknown = log_format(text, dialect)
    except ManualError as error:
        draft.hand(source, str(error))
        return
    draft.put("log-format", formula, source)
    if unknown:
        draft.hand(source, f"log-format has no word for {', '.join(unknown)}")


def flags_of(settings: Iterable[Setting]) -> tuple[Flag, ...]:
    """How the settings are spelled on a command line."""
    return tuple(Flag(one.flags, one.name, one.argument, one.value) for one in settings if one.flags)


def rules_of(settings: Iterable[Setting]) -> Mapping[str, Rule]:
    """What becomes of the settings, by name."""
    return {one.name: one.rule for one in settings if one.rule}


def read_words(draft: Draft, command: Command, settings: Iterable[Setting]) -> Words:
    """The settings of a command line; what cannot be read goes to the draft."""
    words = parse_flags(command.words, flags_of(settings), draft.server)
    for place, why in words.unread:
        draft.hand(place, why)
    return words


def put_app(draft: Draft, text: str, source: str, factory: bool = False) -> None:
    """A line for the app `module:name`."""
    try:
        draft.put("module", app_name(text, factory), source)
    except ManualError as error:
        draft.hand(source, str(error))


def title_of(draft: Draft, path: str = "") -> str:
    """The first line of a file that comes from a command line, and from the file at `path`."""
    return f"Written by uncork migrate from a command line of {draft.server}{f' and {path}' if path else ''}."
