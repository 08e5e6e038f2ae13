"""An answer for every name: declared, recorded, or unknown."""

import pytest

from uncork.config.answers import (
    Answer,
    Row,
    is_pattern,
    is_plugin_accepted,
    known_answer,
    rows,
    rows_of,
    sentence,
    usual_answer,
)
from uncork.config.argv import TELLING
from uncork.config.guesses import answer
from uncork.config.names import uwsgi_name, uwsgi_names
from uncork.config.table import BY_NAME, OPTIONS

# The words that keep their capital at the front of a clause.
PROPER_NAMES = frozenset(
    [
        "CGI",
        "FastCGI",
        "HTTP",
        "Paste's",
        "Pecan's",
        "Python",
        "RTSP",
        "SCGI",
        "SCRIPT_NAME",
        "SNMP",
        "TLS",
        "WebDAV",
        "XML",
        "ZeroMQ",
    ]
)

RECORDED = [name for row in rows() for name in row.names]


def matches(pattern: str) -> list[str]:
    """The undeclared names that a pattern of the list is there for."""
    return [
        name
        for name in uwsgi_names() - BY_NAME.keys() - set(RECORDED)
        if any(pattern in row.names for row in rows_of(name)[:1])
    ]


def test_every_name_has_an_answer() -> None:
    """No name of uWSGI is left without a word on what becomes of it, whatever its value is."""
    without = sorted(name for name in uwsgi_names() if known_answer(name, "no such value") is None)
    assert not without, f"no row for {' '.join(without)}"


def test_no_row_is_dead() -> None:
    """A row whose name is declared, or is none, or whose pattern matches nothing is only there to mislead."""
    exact = [name for name in RECORDED if not is_pattern(name)]
    declared = [name for name in exact if name in BY_NAME]
    foreign = [name for name in exact if name not in uwsgi_names()]
    idle = [pattern for pattern in RECORDED if is_pattern(pattern) and not matches(pattern)]
    assert not declared, f"declared in the option table: {' '.join(declared)}"
    assert not foreign, f"no names of uWSGI: {' '.join(foreign)}"
    assert not idle, f"nothing is left to match for {' '.join(idle)}"


def test_rows_with_values_come_first() -> None:
    """Behind a row for some values stands one for the others, and behind that none."""
    for name in RECORDED:
        ends = [not row.values for row in rows() if name in row.names]
        assert ends == [False] * (len(ends) - 1) + [True], name


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.names[0])
def test_reasons_complete_their_frame(row: Row) -> None:
    """A reason can stand behind a colon, and what to do behind a semicolon: no capital and no full stop."""
    clauses = [row.answer.reason]
    if row.answer.status == "unsupported":
        clauses.append(row.answer.instead)
    else:
        assert row.answer.instead == ""
    for clause in clauses:
        assert len(clause) > 8
        assert clause == clause.strip()
        assert not clause.endswith((".", ";", ":"))
        assert "  " not in clause
        assert clause[0].islower() or clause.split()[0].rstrip(",") not in (
            "The",
            "A",
            "An",
            "Use",
            "It",
            "There",
            "No",
        )


def test_aliases_have_one_status() -> None:
    """Names that set the same thing in uWSGI fare the same here."""
    for name in uwsgi_names():
        known = uwsgi_name(name)
        assert known is not None
        if known.alias_of:
            mine, other = usual_answer(name), usual_answer(known.alias_of)
            assert mine is not None
            assert other is not None
            assert mine.status == other.status, (name, known.alias_of)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("need-app", None),
        ("need-app", "true"),
        ("enable-threads", ""),
        ("plugin", "python3"),
        ("plugins", "python311, http"),
        ("plugins", "python,router_basicauth"),
        ("plugin", "0:python"),
        ("plugins", "0:python3,9:http"),
        ("plugins", " syslog logfile  cheaper_busyness,"),
        ("thunder-lock", "true"),
        ("single-interpreter", "true"),
    ],
)
def test_accepted(name: str, value: str | None) -> None:
    """What needs nothing done is accepted with a reason."""
    found = answer(name, value)
    assert found.status == "accepted"
    assert found.reason
    assert not found.instead


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("plugins", "python3, lua"),
        ("plugins", ""),
        ("plugin", "pythonx"),
        ("plugin", "psgi"),
        ("plugin", "5:psgi"),
        ("plugin", "python:5"),
        ("fastrouter", "/tmp/fast.sock"),
        ("legion-cron", "blog 0 0 -1 -1 -1 date"),
        ("php-docroot", "/srv"),
    ],
)
def test_unsupported(name: str, value: str) -> None:
    """A value that would need something done is not passed over, and there is something to do instead."""
    found = answer(name, value)
    assert found.status == "unsupported"
    assert found.instead


def test_declared_names_speak_for_themselves() -> None:
    """An option that acts is supported with its help; one that is only read is accepted, and says so."""
    for _, option in OPTIONS:
        for name in option.names:
            found = answer(name, None)
            expected = ("supported", option.help) if option.acts else ("accepted", found.reason)
            assert (found.status, found.reason) == expected
            assert option.acts or "does nothing" in found.reason


def test_a_row_never_speaks_for_a_declared_name() -> None:
    """`master` is declared; a pattern that fits it changes nothing."""
    assert rows_of("master") == []


def test_telling_options_are_supported() -> None:
    """`--stop` and its like act in place of a start, and so are neither declared nor without effect."""
    assert {answer(name, "app.pid").status for name in TELLING} == {"supported"}
    assert {answer(name, None).status for name in ("help", "usage", "version")} == {"supported"}


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("harakari", "did you mean harakiri?"),
        ("chmod-sock", "did you mean chmod-socket?"),
        ("project", ""),
        # A pattern is for names of uWSGI, and not for whatever looks like one.
        ("php-project", ""),
        ("my-list", ""),
    ],
)
def test_unknown(name: str, instead: str) -> None:
    """A name that nobody knows gets the nearest that somebody knows, and no more."""
    assert answer(name, "1") == Answer("unknown", "no option has this name", instead)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("enable-threads", "true", "enable-threads is accepted: Python threads are always available"),
        (
            "fastrouter",
            ":3030",
            (
                "fastrouter is not supported: there is no router between nginx and the server; "
                "name the servers in an upstream block of nginx, and uwsgi_pass that"
            ),
        ),
        ("harakari", "30", "harakari is unknown: no option has this name; did you mean harakiri?"),
        ("master", "true", f"master is supported: {BY_NAME['master'].option.help}"),
    ],
)
def test_sentence(name: str, value: str, words: str) -> None:
    """The answer in one line: name, status, reason, what to do instead."""
    assert sentence(name, answer(name, value)) == words


def test_plugins_that_are_built_in() -> None:
    """What `if-plugin` asks for."""
    assert is_plugin_accepted("python3")
    assert not is_plugin_accepted("lua")
    assert not is_plugin_accepted("")
