"""What is secret, and that nothing of it is shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uncork.config.secrets import ORDINARY, Secrets, is_secret, mask, masked
from uncork.config.settings import Entry
from unit.config.growth import growth

SECRET_NAMES = (
    *("password", "DB_PASSWORD", "PGPASSWORD", "dbPasswd", "smtp-passphrase", "MYSQL_PWD", "db_pass", "dbpass", "dbpw"),
    *("secret_key", "SECRETKEY", "AWS_SECRET_ACCESS_KEY", "api-key", "apikey", "APIKey", "X-Api-Key", "private_key"),
    *("STRIPE_KEY", "credentials", "SENTRY_DSN", "dsn", "GITHUB_TOKEN", "authToken", "HTTP_AUTHORIZATION", "auth"),
    *(
        "oauth2",
        "jwt",
        "pw",
        "rpass",
        "AUTHKEY",
        "GITHUB_PAT",
        "STRIPE_SK",
        "PASSCODE",
        "COOKIE",
        "ENC_KEY_V2",
        "API_KEYS",
    ),
)
PLAIN_NAMES = (
    *("author", "authority", "monkey", "gevent-monkey-patch", "keepalive", "http-keepalive", "passenger", "compass"),
    *("php-app-bypass", "keyring", "FLASK_ENV", "PATH", "PWD", "OLDPWD", "TOKENIZERS_PARALLELISM", "DB_PASSWORD_FILE"),
    *("SECRET_KEY_PATH", "socket", "chdir", "module", "pythonpath", "master-fifo", "log-format"),
    *("SESSION_COOKIE_NAME", "TOKEN_DIR"),
)


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_secret_name(name: str) -> None:
    """A name that says so in one of its words is that of a secret."""
    assert is_secret(name)


@pytest.mark.parametrize("name", PLAIN_NAMES)
def test_plain_name(name: str) -> None:
    """A name that only looks a little like one is not, nor is that of a file which holds one."""
    assert not is_secret(name)


@pytest.mark.parametrize("name", ["DB_PASS_PATH", "TOKEN_DIR", "DB_PASSWORD_FILE", "Pwd"])
def test_place_of_a_secret(name: str) -> None:
    """What calls itself the place of a secret is shown if it is one, and not if it is the secret."""
    for place in ("/run/secrets/x", "./x", "~/x", "$(HOME)/x", "%(base)/x", "'/run/x'"):
        assert not is_secret(name, place)
    assert is_secret(name, "hunter2")


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("env", "DB_PASSWORD=x", "DB_PASSWORD=***"),
        ("env", "DB_PASSWORD=with blanks and = signs", "DB_PASSWORD=***"),
        ("env", "FLASK_ENV=production", "FLASK_ENV=production"),
        ("set", "token=abc", "token=***"),
        ("db_password", "hunter2", "***"),
        ("author", "Ada", "Ada"),
        ("master", None, ""),
        ("password", "", ""),
        ("env", "DATABASE_URL=postgres://ada:p@ss@db/blog", "DATABASE_URL=postgres://ada:***@db/blog"),
        ("broker", "redis://:hunter2@cache:6379/0", "redis://:***@cache:6379/0"),
        ("proxy", "http://localhost:8080/x", "http://localhost:8080/x"),
        ("remote", "https://ghp0123456789abcdefghij@host/x", "https://***@host/x"),
        ("remote", "ssh://git@host/x", "ssh://git@host/x"),
        ("emperor", "pg://host=db user=ada password=a,b;c dbname=x", "pg://host=db user=ada password=*** dbname=x"),
        ("module", "blog:create_app(password='hun ter', x=1)", "blog:create_app(password='***', x=1)"),
        ("module", "auth:app", "auth:app"),
        ("attach-daemon", "celery --password hunter2 -A x", "celery --password *** -A x"),
        ("attach-daemon", "celery --broker-token=abc -A x", "celery --broker-token=*** -A x"),
        ("add-header", "Authorization: Basic YWRhOng=", "Authorization: ***"),
        ("add-header", "X-Author: Ada", "X-Author: Ada"),
        ("route", "^/admin basicauth:Admins,ada:hunter2", "^/admin basicauth:Admins,ada:***"),
        ("alarm", "ops xmpp:ada@x;hunter2;bob@x", "ops xmpp:ada@x;***;bob@x"),
        ("static-map", "/token=/srv/token", "/token=/srv/token"),
        ("env", 'CFG={"password":"a b"}', 'CFG={"password":"***"}'),
        ("env", 'CFG={"db":{"password": "a b"},"x":1}', 'CFG={"db":{"password": "***"},"x":1}'),
        ("env", 'CFG={"pin":1,"secret":12345}', 'CFG={"pin":1,"secret":***}'),
        ("env", 'CFG={"credentials":{"user":"a","pin":"b"}}', 'CFG={"credentials":***'),
        ("env", 'CFG={"tokens":["a","b"]}', 'CFG={"tokens":***'),
        ("env", r'CFG="{\"password\":\"a b\"}"', r'CFG="{\"password\":***}"'),
        ("env", r'CFG={"password":"a\" b","x":1}', 'CFG={"password":"***","x":1}'),
        ("module", r"a:b(password='it\'s x', y=1)", "a:b(password='***', y=1)"),
        ("module", "a:b(password='it is x", "a:b(password=***"),
        ("set", "env=DB_PASSWORD=correct horse", "env=DB_PASSWORD=***"),
        ("env", "A=1 PASSWORD=correct horse staple", "A=1 PASSWORD=***"),
        ("attach-daemon", "run A=1 PASSWORD=correct horse -v", "run A=1 PASSWORD=*** -v"),
        ("legion", "n 225.1.1.1:4242 98 bf-cbc:hunter2", "n 225.1.1.1:4242 98 bf-cbc:***"),
        ("alarm", "m smtp:host;user;hunter2", "m smtp:host;user;***"),
        ("attach-daemon", "redis-server --requirepass hunter2", "redis-server --requirepass ***"),
        ("attach-daemon", "redis-cli -a hunter2 ping", "redis-cli -a *** ping"),
        ("attach-daemon", "mysqldump -u root -phunter2 blog", "mysqldump -u root -p*** blog"),
        ("attach-daemon", "curl -u ada:hunter2 http://x/", "curl -u ada:*** http://x/"),
        ("env", "DSN_OF=Server=x;Pwd=hunter2;", "DSN_OF=***"),
        ("env", "ODBC=Server=x;Pwd=hunter2", "ODBC=Server=x;Pwd=***"),
        ("env", "HOOK=https://hooks.slack.com/services/T0/B0/x", "HOOK=https://hooks.slack.com/services/***"),
        ("env", "A=ghp_0123456789abcdef", "A=***"),
        ("env", "A=sk_live_0123456789", "A=***"),
        ("env", "A=AKIA0123456789ABCDEF", "A=***"),
        ("env", "A=xoxb-1234-abcd", "A=***"),
        ("env", "A=eyJhbGciOiJI.eyJzdWIiOiIx.c2ln", "A=***"),
        ("env", "A=-----BEGIN RSA PRIVATE KEY-----MIIE", "A=-----BEGIN RSA PRIVATE KEY-----***"),
        ("env", "DB_PASS_PATH=/run/secrets/db", "DB_PASS_PATH=/run/secrets/db"),
        ("env", "TOKEN_DIR=hunter2", "TOKEN_DIR=***"),
        ("env", "U=http://host/to?next=redis://:hunter2@cache", "U=http://host/to?next=redis://:***@cache"),
        ("json", '{"pin": "1234"}', "***"),
        ("yaml", "/srv/{{ x }}.yaml", "/srv/{{ x }}.yaml"),
        ("log-format", '{"uri": "%(uri)"}', '{"uri": "%(uri)"}'),
        ("attach-daemon", "python -u run.py --keepalive 5", "python -u run.py --keepalive 5"),
    ],
)
def test_shown(name: str, value: str | None, shown: str) -> None:
    """Of a value as little as possible is hidden, and all that is secret."""
    assert masked(Entry(name, value, "app.ini:1")) == shown


def test_value_of_another_secret() -> None:
    """What took the value of a secret placeholder, or of a secret variable, is shown without it."""
    entries = [Entry("dbpw", "hunter2", "app.ini:1"), Entry("env", "MY_TOKEN=t0p s3cret", "app.ini:2")]
    module = Entry("module", "app:create('hunter2', 't0p s3cret', 'from-env')", "app.ini:3")
    secrets = Secrets([*entries, module], {"API_KEY": "from-env", "LANG": "create"})

    assert secrets.value(module) == "app:create('***', '***', '***')"
    assert Secrets(entries).value(module) == "app:create('***', '***', 'from-env')"


@pytest.mark.parametrize(
    "value", ["1", "abc", "true", "None", "FALSE", "$(DB_PASSWORD)", "{{ password }}", "__PASSWORD__"]
)
def test_too_ordinary_to_be_hidden_elsewhere(value: str) -> None:
    """What stands everywhere, or is filled in later, is hidden under its own name only."""
    entries = [Entry("password", value, "app.ini:1")]

    assert Secrets(entries).value(entries[0]) == "***"
    assert Secrets(entries).text(f"a {value} b") == f"a {value} b"


def test_longer_secret_first() -> None:
    """A secret that begins as another one is hidden as a whole."""
    entries = [Entry("pw", "hunter", "app.ini:1"), Entry("token", "hunter22", "app.ini:2")]
    assert Secrets(entries).text("see hunter22 and hunter") == "see *** and ***"


def test_quoted_in_a_message() -> None:
    """A message that quotes an entry shows nothing of its secrets."""
    assert str(Entry("env", "DB_PASSWORD=hunter2", "app.ini:3")) == "app.ini:3: env = DB_PASSWORD=***"
    assert str(Entry("env", "FLASK_ENV=production", "--env", source="argument")) == "--env FLASK_ENV=production"
    assert str(Entry("db-password", "hunter2", "UWSGI_DB_PASSWORD", source="variable")) == "UWSGI_DB_PASSWORD=***"


HOSTILE = (
    "a-",
    "a",
    "://",
    "://:",
    "://a@",
    "xmpp:",
    "smtp:;",
    "basicauth:",
    "password",
    "--token",
    "token=",
    "=",
    "\"'",
    "a=",
)
MORE_HOSTILE = (
    "-u a",
    "mysql ",
    "eyJ-",
    "eyJa.",
    "sk-",
    "token= ",
    "pwd=/",
    '"token":',
    '\\"',
    "bf-",
    "password='",
    "a b ",
    "__a-",
)


@pytest.mark.parametrize("unit", [*HOSTILE, *MORE_HOSTILE])
def test_long_hostile_text(unit: str) -> None:
    """A text made to be slow costs by its length: 8 times the text is nowhere near 64 times the work."""
    assert min(growth(mask, unit) for _ in range(3)) < 24


SECRET = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="\"'&"), min_size=5, max_size=30)
PLACES = [
    "{}",
    "postgres://ada:{}@db/x",
    "host=db password={} user=ada",
    "app:create(token='{}')",
    "run --secret {} now",
]


@given(SECRET, st.sampled_from(SECRET_NAMES), st.sampled_from(PLACES))
def test_no_secret_is_shown(secret: str, name: str, place: str) -> None:
    """Whatever a secret is made of, and wherever it went, it is not shown."""
    # What the surrounding text holds anyway is no secret; a value in brackets is to be filled in.
    if any(secret in text for text in (*PLACES, "other=", "***")) or secret[0] in "$%@{(<_":
        return
    # Such words are hidden under their own name only.
    if secret.lower() in ORDINARY:
        return
    own, taken = Entry("env", f"{name}={secret}", "app.ini:1"), Entry("other", place.format(secret), "app.ini:2")
    secrets = Secrets([own, taken])

    for text in (secrets.value(own), secrets.value(taken), secrets.text(f"{own} and {taken}"), str(own)):
        assert secret not in text
