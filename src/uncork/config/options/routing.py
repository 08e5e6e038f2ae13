"""Options of internal routing: rules that look at a request before the app does, and headers in both directions.

The rules of a chain are tried in the order in which they were given, whatever they look at: that order is in the
entries of `Settings`, and not here.  Pure.
"""

from uncork.config.kinds import FLAG, PATHS, Check, TextList, a_regexp, anything, pair
from uncork.config.option import group, option
from uncork.config.quantities import IN_BYTES, Integer


def _named(text: str) -> bool:
    """Whether this is an action or a condition: a name and a colon, and perhaps arguments."""
    name, colon, _ = text.partition(":")
    return bool(colon) and name.replace("-", "").replace("_", "").isalnum()


def _then(looked_at: Check) -> Check:
    """Whether an action stands behind the first space."""
    return pair(" ", looked_at, _named)


_ON_MATCH = TextList(
    "REGEXP ACTION:ARGUMENTS",
    "a regular expression and an action, as in ^/old redirect:/new",
    _then(a_regexp),
    needed=True,
)
_ON_CONDITION = TextList(
    "CONDITION:ARGUMENTS ACTION:ARGUMENTS",
    "a condition and an action, as in empty:${HTTPS} redirect:https://${HTTP_HOST}${REQUEST_URI}",
    _then(_named),
    needed=True,
)
_ON_STATUS = TextList(
    "STATUS ACTION:ARGUMENTS",
    "a status and an action, as in 404 addheader:X-Missing: yes",
    _then(anything),
    needed=True,
)
_ALWAYS = TextList("ACTION:ARGUMENTS", "an action, as in addheader:X-Frame-Options: DENY", _named, needed=True)
_COLLECT = TextList("HEADER VARIABLE", "a header and a variable, as in Content-Type TYPE", pair(" "))


# What a chain does, and when a rule of it does so, by what stands before and behind `route` in its name.
_CHAINS = {
    "": "do this before the app is asked",
    "error-": "do this with an answer of the server's own, such as a 404",
    "response-": "do this with an answer before its headers are sent",
    "final-": "do this after the request",
}
_SUBJECTS = {
    "": (_ON_MATCH, "the path matches"),
    "-status": (_ON_STATUS, "its status is this"),
    "-host": (_ON_MATCH, "the host matches"),
    "-uri": (_ON_MATCH, "the path with its query matches"),
    "-qs": (_ON_MATCH, "the query matches"),
    "-remote-addr": (_ON_MATCH, "the address of the client matches"),
    "-user-agent": (_ON_MATCH, "the name of the browser matches"),
    "-remote-user": (_ON_MATCH, "the name of the user matches"),
    "-referer": (_ON_MATCH, "the address of the page that led here matches"),
    "-if": (_ON_CONDITION, "the condition holds"),
    "-if-not": (_ON_CONDITION, "the condition does not hold"),
    "-run": (_ALWAYS, "its turn comes"),
}


def _rule(name: str) -> tuple[str, ...]:
    chain, _, subject = name.partition("route")
    kind, when = _SUBJECTS[subject]
    return option(name, kind=kind, default=(), help=f"{_CHAINS[chain]}, when {when}", acts=False)


def _label(name: str) -> tuple[str, ...]:
    words = "name of this place among the rules, where goto: leads"
    return option(name, kind=TextList("NAME", "a name"), default=(), help=words, acts=False)


def _page(name: str) -> tuple[str, ...]:
    status = name.removeprefix("error-page-")
    return option(name, kind=PATHS, default=(), help=f"file to send with a {status} of the server's own", acts=False)


@group
class Routing:
    """Rules that are tried in order, chain by chain, and headers that go between them and the app."""

    route: tuple[str, ...] = _rule("route")
    route_host: tuple[str, ...] = _rule("route-host")
    route_uri: tuple[str, ...] = _rule("route-uri")
    route_qs: tuple[str, ...] = _rule("route-qs")
    route_remote_addr: tuple[str, ...] = _rule("route-remote-addr")
    route_user_agent: tuple[str, ...] = _rule("route-user-agent")
    route_remote_user: tuple[str, ...] = _rule("route-remote-user")
    route_referer: tuple[str, ...] = _rule("route-referer")
    route_if: tuple[str, ...] = _rule("route-if")
    route_if_not: tuple[str, ...] = _rule("route-if-not")
    route_run: tuple[str, ...] = _rule("route-run")
    route_label: tuple[str, ...] = _label("route-label")
    error_route: tuple[str, ...] = _rule("error-route")
    error_route_status: tuple[str, ...] = _rule("error-route-status")
    error_route_host: tuple[str, ...] = _rule("error-route-host")
    error_route_uri: tuple[str, ...] = _rule("error-route-uri")
    error_route_qs: tuple[str, ...] = _rule("error-route-qs")
    error_route_remote_addr: tuple[str, ...] = _rule("error-route-remote-addr")
    error_route_user_agent: tuple[str, ...] = _rule("error-route-user-agent")
    error_route_remote_user: tuple[str, ...] = _rule("error-route-remote-user")
    error_route_referer: tuple[str, ...] = _rule("error-route-referer")
    error_route_if: tuple[str, ...] = _rule("error-route-if")
    error_route_if_not: tuple[str, ...] = _rule("error-route-if-not")
    error_route_run: tuple[str, ...] = _rule("error-route-run")
    error_route_label: tuple[str, ...] = _label("error-route-label")
    response_route: tuple[str, ...] = _rule("response-route")
    response_route_status: tuple[str, ...] = _rule("response-route-status")
    response_route_host: tuple[str, ...] = _rule("response-route-host")
    response_route_uri: tuple[str, ...] = _rule("response-route-uri")
    response_route_qs: tuple[str, ...] = _rule("response-route-qs")
    response_route_remote_addr: tuple[str, ...] = _rule("response-route-remote-addr")
    response_route_user_agent: tuple[str, ...] = _rule("response-route-user-agent")
    response_route_remote_user: tuple[str, ...] = _rule("response-route-remote-user")
    response_route_referer: tuple[str, ...] = _rule("response-route-referer")
    response_route_if: tuple[str, ...] = _rule("response-route-if")
    response_route_if_not: tuple[str, ...] = _rule("response-route-if-not")
    response_route_run: tuple[str, ...] = _rule("response-route-run")
    response_route_label: tuple[str, ...] = _label("response-route-label")
    final_route: tuple[str, ...] = _rule("final-route")
    final_route_status: tuple[str, ...] = _rule("final-route-status")
    final_route_host: tuple[str, ...] = _rule("final-route-host")
    final_route_uri: tuple[str, ...] = _rule("final-route-uri")
    final_route_qs: tuple[str, ...] = _rule("final-route-qs")
    final_route_remote_addr: tuple[str, ...] = _rule("final-route-remote-addr")
    final_route_user_agent: tuple[str, ...] = _rule("final-route-user-agent")
    final_route_remote_user: tuple[str, ...] = _rule("final-route-remote-user")
    final_route_referer: tuple[str, ...] = _rule("final-route-referer")
    final_route_if: tuple[str, ...] = _rule("final-route-if")
    final_route_if_not: tuple[str, ...] = _rule("final-route-if-not")
    final_route_run: tuple[str, ...] = _rule("final-route-run")
    final_route_label: tuple[str, ...] = _label("final-route-label")
    error_page_403: tuple[str, ...] = _page("error-page-403")
    error_page_404: tuple[str, ...] = _page("error-page-404")
    error_page_500: tuple[str, ...] = _page("error-page-500")
    rem_header: tuple[str, ...] = option(
        "rem-header",
        "del-header",
        kind=TextList("HEADER", "the name of a header"),
        default=(),
        help="take this header out of every answer",
        acts=False,
    )
    collect_header: tuple[str, ...] = option(
        "collect-header",
        "response-header-collect",
        kind=_COLLECT,
        default=(),
        help="keep this header of an answer as a variable, for rules and the log",
        acts=False,
    )
    pull_header: tuple[str, ...] = option(
        "pull-header",
        kind=_COLLECT,
        default=(),
        help="the same, and the client does not get the header",
        acts=False,
    )
    response_headers_limit: int = option(
        "response-headers-limit",
        kind=Integer(scale=IN_BYTES),
        default=65535,
        unit="bytes",
        help="the most that the headers of an answer may take",
        acts=False,
    )
    vhost: bool = option(
        "vhost",
        kind=FLAG,
        default=False,
        help="apps are found by the name of the host, too",
        acts=False,
    )
    vhost_host: bool = option(
        "vhost-host",
        kind=FLAG,
        default=False,
        help="the same, and the name is what the client sent as Host and not SERVER_NAME",
        acts=False,
    )
