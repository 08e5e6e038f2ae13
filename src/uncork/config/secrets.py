"""Which values are secret, and how they are shown: `env = DB_PASSWORD=x` as `DB_PASSWORD=***`.

Pure.  A value is secret by the name that it has, by the name that stands before it inside a longer value, by its place
in a URL or a command, by its form, or because it holds the value of another secret one.  What is hidden without need
costs a look into the file; what is shown without need costs a password: in doubt it is hidden.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, cached_property, lru_cache
from typing import TYPE_CHECKING, NamedTuple

from uncork.config.formats import SUFFIXES
from uncork.config.templates import is_blank

if TYPE_CHECKING:
    from uncork.config.settings import Entry

MASK = "***"

# Anywhere in a name, whatever stands around: PGPASSWORD, dbPasswd, AWS_SECRET_ACCESS_KEY.
_ANYWHERE = (
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "secret",
    "credential",
    "apikey",
    "accesskey",
    "privatekey",
)
# As a word of its own: SENTRY_DSN and AUTH_HEADER, but neither author nor authority.
_WORDS = frozenset(
    {"auth", "oauth", "authorization", "tokens", "dsn", "pw", "jwt", "bearer", "salt", "pat", "sk", "psk", "webhook"}
)
# At the end of a word, whatever it was written to: dbpass, requirepass, authtoken, SSHKEY; and words that only end so.
_ENDINGS = re.compile(r".*(?:pass|token|keys?)|(?:db|pg|sql|user|smtp|mail|redis|ldap|root|admin)pw", re.DOTALL)
_INNOCENT = frozenset({"bypass", "compass", "monkey", "donkey", "turkey", "hockey", "jockey", "hotkey", "hotkeys"})
# As the last word: what comes behind says something of a cookie, and not what it is.
_LAST = frozenset({"cookie", "cookies"})
# DB_PASSWORD_FILE says where the secret is and not what it is, and `pwd` alone is the working directory: if that is
# what their values are.
_PLACES = frozenset({"file", "path", "dir", "directory"})
_DIRECTORIES = frozenset({"pwd", "oldpwd"})
_PATH_STARTS = ("/", "./", "../", "~", "$", "%", "@(", "{{", "<", "__")

# Options that name a file; where a text stands in its place, all of it is hidden.
_FILES = frozenset(suffix.removeprefix(".") for suffix in SUFFIXES)
_TEXT_STARTS = ("{", "[", "<")

_WORD = r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+"
# Long enough for every name; a text of a megabyte without a blank must not cost the square of it.
_KEY = r"[A-Za-z_][\w.-]{0,99}"

# Shorter ones, and these words, stand in too many places that mean something else.
_SHORTEST = 4
ORDINARY = frozenset({"true", "false", "none", "null"})


class _Form(NamedTuple):
    """A place in a text where a secret stands.

    `sign` is what every such text holds.  `lead` is the pattern of what leads to the secret, with a group `key` if that
    has to be a secret name; `secret` that of the secret itself.  A text may be long, and hostile: what repeats in a
    lead has a limit, and of what a secret has taken nothing is looked at again.
    """

    sign: str
    lead: str
    secret: str


# In quotes, escaped ones too; without an end the rest of the line; what was hidden already is no more than that.
_QUOTED = r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|\\\"(?:[^\\]|\\[^\"])*\\\"|\\?[\"'][^\r\n]*"
_HIDDEN = r"\*\*\*(?![\w*])"
# In JSON a value may be anything; what a list or an object holds is not told apart from what follows.
_JSON = rf"{_HIDDEN}|{_QUOTED}|[\[{{](?s:.*)|[^\s,}}\]]+"
# `PASSWORD=correct horse`: the words that follow, up to one that is an option, has a key, or begins a remark.
_PHRASE = rf"{_HIDDEN}|{_QUOTED}|[^\s&]+(?:[ \t]+(?![-(])[^\s=&:]{{1,200}}(?![^\s]))*"
_PROGRAMS = r"\b(?:mysql\w{0,20}|sshpass)\b[^\n|;]{0,200}?\s-p\s?|\bredis-cli\b[^\n|;]{0,200}?\s-a\s+"
_CIPHERS = r"(?:bf|aes|des|cast5?|camellia|rc[245]|idea|seed|aria|chacha20)"
_TOKENS = (
    r"gh[pousr]_\w{8,}|github_pat_\w{8,}|glpat-[\w-]{8,}|[srp]k_(?:live|test)_\w+|sk-[\w-]{16,}|A[KS]IA[0-9A-Z]{8,}|"
    r"xox[a-z]-[\w-]+|(?<![\w-])eyJ[\w-]{8,}\.[\w-]+\.[\w-]*"
)

# The password of scheme://user:password@host, which no pattern finds without going back and forth.
_URL = _Form("://", "", "")

_FORMS = (
    _URL,
    # "key": "value", "key":"value", and the same with \" inside another text.
    _Form(":", rf"(?<![\w/.])(?P<key>{_KEY})\\?[\"']\s?:\s?", _JSON),
    # key=value, key = value, each also behind dashes.
    _Form("=", rf"(?<![\w/.])-{{1,2}}(?P<key>{_KEY})[\"']?\s?=\s?", rf"{_HIDDEN}|{_QUOTED}|[^\s&]+"),
    _Form("=", rf"(?<![\w/.-])(?P<key>{_KEY})[\"']?\s?=\s?", _PHRASE),
    # In a header the value is the rest of the line.
    _Form(":", rf"(?<![\w/.])(?P<key>{_KEY}):[ \t]{{1,9}}", r"[^\r\n]+"),
    # --password value
    _Form("-", rf"(?<!\S)--?(?P<key>{_KEY})[ \t]{{1,9}}", rf"{_QUOTED}|\S+"),
    # Programs that have a letter for it.
    _Form("-", r"(?<!\S)(?:-u|--user)[ =]?[\"']?[^\s:\"'/]{1,200}:", r"[^\s\"']+"),
    _Form("-", _PROGRAMS, rf"{_QUOTED}|\S+"),
    # What uWSGI's routing, its alarms and its legions take: basicauth:realm,user:password, xmpp:user;password;to,
    # smtp:host;user;password and bf-cbc:password.
    _Form("basicauth", r"\bbasicauth(?:-next)?:[^,]{0,200},[^:\s]{0,200}:", r"(?s:.+)"),
    _Form("xmpp:", r"\bxmpp:[^;]{0,200};", r"[^;]+"),
    _Form("smtp:", r"\bsmtp:(?!//)[^;]{0,200};[^;]{0,200};", r"[^;]+"),
    _Form(":", rf"(?<![\w.-]){_CIPHERS}(?:-\w{{1,10}}){{0,4}}:", r"\S+"),
    # Addresses that are a password themselves, and passwords that say so by their form.
    _Form("://", r"://(?:hooks\.slack\.com/services|discord(?:app)?\.com/api/webhooks)/", r"[^\s\"']+"),
    _Form("", rf"(?<![A-Za-z0-9])(?={_TOKENS})", _TOKENS),
    _Form("-----BEGIN", r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----", r"(?s:.+)"),
)

# The user of a URL who is a secret alone.
_LONG_USER = 20


def is_secret(name: str, value: str = "") -> bool:
    """Whether what has this name (of an option, placeholder or variable) is to be hidden, if `value` begins so."""
    says_so, is_place = _says(name)
    if is_place:
        value = value.lstrip("\"' ")
        return says_so and bool(value) and not value.startswith(_PATH_STARTS)
    return says_so


@lru_cache(maxsize=4096)
def _says(name: str) -> tuple[bool, bool]:
    """Whether a name says that it has to do with a secret, and whether it says that it tells where something is."""
    words = [word.lower() for word in re.findall(_WORD, name)]
    joined = "".join(words)
    if joined in _DIRECTORIES:
        return True, True
    is_place = bool(words) and words[-1] in _PLACES
    says_so = bool(words) and (
        words[-1] in _LAST
        or words[-1].endswith("pwd")
        or any(part in joined for part in _ANYWHERE)
        or any(word in _WORDS or (_ENDINGS.fullmatch(word) and word not in _INNOCENT) for word in words)
    )
    return says_so, is_place


def mask(text: str) -> str:
    """`text` without what it shows itself to be secret."""
    for form in _FORMS:
        if form.sign not in text:
            continue
        shown, position = [], 0
        for start, end in _places(text, form):
            shown += [text[position:start], MASK]
            position = end
        text = "".join(shown) + text[position:]
    return text


def masked(entry: "Entry") -> str:
    """How to show the value of an entry; "" for no value."""
    return mask(_shown(entry.name, entry.value or ""))


class Secrets:
    """The secrets of a configuration, to be hidden in all that is said of it.

    `environ` are the variables that `$()` may have taken a secret from.
    """

    def __init__(self, entries: Iterable["Entry"], environ: Mapping[str, str] | None = None) -> None:
        given = ((entry.name, entry.value or "") for entry in entries)
        self._given = dict.fromkeys([*given, *(environ or {}).items()])

    @cached_property
    def _known(self) -> list[str]:
        """The longest first, for one may be a part of another one.  Most starts never ask."""
        found = {secret for name, value in self._given for secret in _secrets_in(name, value)}
        return sorted(filter(_is_telling, found), key=len, reverse=True)

    def value(self, entry: "Entry") -> str:
        """How to show the value of an entry; "" for no value."""
        return self.text(_shown(entry.name, entry.value or ""))

    def text(self, text: str) -> str:
        """`text` without any secret."""
        for secret in self._known:
            text = text.replace(secret, MASK)
        return mask(text)


def _shown(name: str, value: str) -> str:
    """A value without what its name, or those at its front, show to be secret."""
    if not value:
        return ""
    if is_secret(name, value) or (name in _FILES and value.lstrip().startswith(_TEXT_STARTS)):
        return MASK
    begin = _behind_keys(value)
    return value if begin is None else value[:begin] + MASK


def _secrets_in(name: str, value: str) -> Iterator[str]:
    """What of a value is secret: all of it, or parts."""
    if len(value) < _SHORTEST:
        return
    if is_secret(name, value):
        yield value
    begin = _behind_keys(value)
    if begin is not None:
        yield _bare(value[begin:])
    for form in _FORMS:
        if form.sign in value:
            yield from (value[start:end] for start, end in _places(value, form))


def _bare(text: str) -> str:
    """A text without the quotes that enclose it."""
    return text[1:-1] if len(text) > 1 and text[0] in "\"'" and text[-1] == text[0] else text


def _behind_keys(value: str) -> int | None:
    """Where the secret begins in a value that is KEY=SECRET or KEY=KEY=SECRET as a whole, as that of `env`; or None."""
    key = re.compile(rf"\s{{0,9}}({_KEY})[ \t]{{0,9}}=")
    found = key.match(value) if "=" in value else None
    while found:
        if is_secret(found[1], value[found.end() : found.end() + 9]):
            return found.end()
        found = key.match(value, found.end())
    return None


def _is_telling(secret: str) -> bool:
    """Whether a secret is to be hidden wherever it occurs."""
    ordinary = len(secret) < _SHORTEST or secret.lower() in ORDINARY or not secret.strip("*")
    return not ordinary and not is_blank(secret)


@cache
def _compiled(form: _Form) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Only the forms that a text may have are ever needed, and most texts have none."""
    return re.compile(form.lead), re.compile(form.secret)


def _places(text: str, form: _Form) -> Iterator[tuple[int, int]]:
    """Where the secrets of a form begin and end."""
    if form is _URL:
        yield from _url_places(text)
        return
    lead, secret = _compiled(form)
    has_key = "key" in lead.groupindex
    position = 0
    while found := lead.search(text, position):
        position = found.end()
        if has_key and not is_secret(found["key"], text[position : position + 9]):
            continue
        value = secret.match(text, position)
        if value is None:
            position = max(position, found.start() + 1)
        elif value[0] != MASK:
            position = value.end()
            quoted = len(value[0]) > 1 and value[0][0] in "\"'" and value[0][-1] == value[0][0]
            yield (value.start() + 1, value.end() - 1) if quoted else value.span()


def _url_places(text: str) -> Iterator[tuple[int, int]]:
    """The password in scheme://user:password@host, and a long word alone in the place of the user."""
    for word in re.finditer(r"[^\s\"']+", text):
        begin, last_at = word.start(), word[0].rfind("@")
        for url in re.finditer(r"://([^/:@]*)([:@])", word[0][: last_at + 1]):
            if url[2] == ":":
                yield begin + url.end(), begin + last_at
                break
            if len(url[1]) >= _LONG_USER:
                yield begin + url.start(1), begin + url.end(1)
