"""Formats of access logs in the words of log-format."""

import pytest

from uncork.migrate.accesslog import GRANIAN, GRANIAN_DEFAULT, GUNICORN, GUNICORN_DEFAULT, log_format
from uncork.migrate.values import Formula, ManualError
from uncork.worker.logformat import VARIABLES


@pytest.mark.parametrize(
    ("text", "written"),
    [
        (
            GUNICORN_DEFAULT,
            '%(addr) - %(user) [%(ltime)] "%(method) %(uri) %(proto)" %(status) %(rsize) "%(referer)" "%(uagent)"',
        ),
        ("%(m)s %(U)s?%(q)s %(H)s", "%(method) %(var.PATH_INFO)?%(var.QUERY_STRING) %(proto)"),
        ("%(L)s %(D)s %(M)s %(p)s", "%(secs) %(micros) %(msecs) <%(pid)>"),
        ("%({X-Forwarded-For}i)s %({content-type}i)s", "%(var.HTTP_X_FORWARDED_FOR) %(var.CONTENT_TYPE)"),
        ("%({REMOTE_USER}e)s 100%%", "%(var.REMOTE_USER) 100%%"),
    ],
)
def test_gunicorn(text: str, written: str) -> None:
    """Every variable of gunicorn's that a request has becomes uWSGI's."""
    assert log_format(text, GUNICORN) == (Formula(written), [])


def test_granian() -> None:
    """granian's own format, with its numbers' widths left out."""
    formula, unknown = log_format(GRANIAN_DEFAULT, GRANIAN)

    assert formula.text == '[%(ltime)] %(addr) - "%(method) %(var.PATH_INFO) %(proto)" %(status) %(msecs)'
    assert unknown == []
    assert log_format("%(header{X-Id})s", GRANIAN)[0].text == "%(var.HTTP_X_ID)"


def test_what_has_no_counterpart_is_told() -> None:
    """A header of the answer cannot be logged; in its place stands what an empty variable looks like."""
    assert log_format("%(h)s %({X-Id}o)s %(what)s", GUNICORN) == (Formula("%(addr) - -"), ["{X-Id}o", "what"])


@pytest.mark.parametrize("text", ["a\nb", " a", "$(HOME)", "@(x)"])
def test_what_a_line_cannot_hold_is_refused(text: str) -> None:
    """It is said, and not written as something else."""
    with pytest.raises(ManualError):
        log_format(text, GUNICORN)


@pytest.mark.parametrize("dialect", [GUNICORN, GRANIAN])
def test_only_variables_that_exist_are_written(dialect: object) -> None:
    """What the tables write is a variable of log-format, or one of a request."""
    import re

    from uncork.migrate.accesslog import Dialect

    assert isinstance(dialect, Dialect)
    names = {name for text in dialect.names.values() for name in re.findall(r"%\(([^)]*)\)", text)}

    assert {name for name in names if not name.startswith("var.")} <= VARIABLES.keys()
