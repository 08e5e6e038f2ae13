"""Options that are read and checked whether they act or not: whole families of names, and the forms of their values."""

import pytest

from uncork.config.kinds import MismatchError
from uncork.config.names import uwsgi_names
from uncork.config.table import BY_NAME

FAMILIES = (
    "static-",
    "check-static",
    "mime",
    "route-",
    "error-",
    "response-",
    "final-",
    "vhost",
    "emperor-",
    "vassal",
    "attach-",
    "smart-attach-",
    "daemons-",
    "mule",
    "farm",
    "spooler-",
    "cache",
    "queue",
    "sharedarea",
    "signal-",
    "websocket",
)


@pytest.mark.parametrize("family", FAMILIES)
def test_families_are_whole(family: str) -> None:
    """Of a family whose options are declared no name is missing."""
    names = {name for name in uwsgi_names() if name.startswith(family)}
    assert names
    assert names <= BY_NAME.keys()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("static-map", "/static=/srv/static"),
        ("static-map", "/a=/srv/x=y"),
        ("static-map", "static=relative"),
        ("static-map", "=/srv"),
        ("static-map2", "/=."),
        ("check-static", "/srv/a /srv/b"),
        ("static-expires", "/* 31557600"),
        ("static-expires-uri", r"^/img/(?<name>.*)\.png$ 3600 # an hour"),
        ("static-expires-type", "image/png=60"),
        ("static-expires-type-mtime", "text/css=0"),
        ("static-gzip", r"\.js$"),
        ("file-serve-mode", "x-accel-redirect"),
        ("route", "^/old redirect:/new"),
        ("route", "^/.* basicauth:Realm,%(_)"),
        ("route", r"^/api/v\d+/order/? continue:"),
        ("route-if", "equal:${HTTP_X_FORWARDED_PROTO};http redirect-permanent:https://${HTTP_HOST}${REQUEST_URI}"),
        ("route-run", "last:"),
        ("route-label", "end"),
        ("response-route-status", "404 addheader:X-Missing: yes"),
        ("collect-header", "Content-Type TYPE"),
        ("emperor", "/etc/uwsgi/*.ini"),
        ("vassals-set", "processes=2"),
        ("vassals-set", "empty="),
        ("attach-daemon", "celery -A shop worker"),
        ("smart-attach-daemon", "/run/redis.pid redis-server --port 0"),
        ("attach-daemon2", "cmd=redis-server,pidfile=/run/redis.pid"),
        ("attach-daemon2", "freq=3,exec=sleep 5"),
        ("mule", None),
        ("mule", ""),
        ("mule", "mule.py"),
        ("farm", "mail:1,2"),
        ("farm", "mail:"),
        ("cache2", "name=pages,items=100,bitmap=1"),
        ("cache2", r"name=a\,b,maxitems=100"),
        ("timer", "17 60"),
        ("check-cache", None),
    ],
)
def test_values_that_uwsgi_takes(name: str, text: str | None) -> None:
    """What uWSGI starts with is taken."""
    BY_NAME[name].option.kind.parse(text)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("static-map", "/static", "a prefix and a path, as in /static=/srv/app/static"),
        ("static-map", "/static=", "a prefix and a path, as in /static=/srv/app/static"),
        ("static-expires", "/x", "a regular expression and a number, as in /static/.* 3600"),
        ("static-expires", "*.css 30", "a regular expression and a number, as in /static/.* 3600"),
        ("static-expires", "/x soon", "a regular expression and a number, as in /static/.* 3600"),
        ("static-expires-type", "image/png", "a type and a number, as in image/png=3600"),
        ("static-expires-type", "image/png=soon", "a type and a number, as in image/png=3600"),
        ("static-gzip", "(", "a regular expression"),
        ("file-serve-mode", "fast", "x-sendfile, x-accel-redirect or nginx"),
        ("route", "^/foo", "a regular expression and an action, as in ^/old redirect:/new"),
        ("route", "^/foo last", "a regular expression and an action, as in ^/old redirect:/new"),
        ("route", "^/foo   last:", "a regular expression and an action, as in ^/old redirect:/new"),
        ("route", "(/foo last:", "a regular expression and an action, as in ^/old redirect:/new"),
        ("route-run", "last", "an action, as in addheader:X-Frame-Options: DENY"),
        (
            "route-if",
            "lord last:",
            "a condition and an action, as in empty:${HTTPS} redirect:https://${HTTP_HOST}${REQUEST_URI}",
        ),
        ("pull-header", "Content-Type", "a header and a variable, as in Content-Type TYPE"),
        ("vassals-set", "processes", "NAME=VALUE"),
        ("smart-attach-daemon", "redis", "a pidfile and a command, as in /run/redis.pid redis-server"),
        ("attach-daemon2", "redis-server", "cmd=COMMAND and more, by commas"),
        ("attach-daemon2", "freq=3", "cmd=COMMAND and more, by commas"),
        ("farm", "mail", "a name and numbers of mules, as in mail:1,2"),
        ("cache2", "pages", "name=NAME,items=N and more, by commas"),
        ("cache2", "items=10", "name=NAME,items=N and more, by commas"),
        ("cache2", "name=a b, items=10", "name=NAME,items=N and more, by commas"),
        ("timer", "soon 60", "the number of a signal and seconds, as in 17 60"),
        ("emperor", "", "a directory, or a pattern of files"),
    ],
)
def test_values_of_the_wrong_form(name: str, text: str, expected: str) -> None:
    """What cannot be meant is refused with the form that is."""
    with pytest.raises(MismatchError) as caught:
        BY_NAME[name].option.kind.parse(text)
    assert caught.value.expected == expected
