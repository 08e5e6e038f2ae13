"""Another server's options by a table of them."""

from uncork.migrate.flags import Flag, parse_flags
from uncork.migrate.values import Formula, Given

FLAGS = (
    Flag(("-w", "--workers"), "workers"),
    Flag(("-D", "--daemon"), "daemon", "no"),
    Flag(("--no-sendfile",), "sendfile", "no", value=False),
    Flag(("--proxy-protocol",), "proxy_protocol", "optional"),
    Flag(("--workdir",), "workdir"),
)


def test_every_spelling_means_the_same() -> None:
    """`-w4`, `-w 4`, `-w=4`, `--workers 4` and `--workers=4` are one setting."""
    for words in (["-w4"], ["-w", "4"], ["-w=4"], ["--workers", "4"], ["--workers=4"]):
        assert [(one.name, one.value) for one in parse_flags(words, FLAGS, "x").given] == [("workers", Formula("4"))]


def test_each_setting_knows_where_it_stood() -> None:
    """The source names the server, the option as typed and its value."""
    assert parse_flags(["-Dw", "4"], FLAGS, "gunicorn").given == [
        Given("daemon", True, "gunicorn -D"),
        Given("workers", Formula("4"), "gunicorn -w 4"),
    ]


def test_abbreviations_count_as_long_as_they_are_unique() -> None:
    """As with argparse and getopt; what fits two options is unknown."""
    assert [one.name for one in parse_flags(["--daem", "--no-s"], FLAGS, "x").given] == ["daemon", "sendfile"]
    assert parse_flags(["--work", "4", "app"], FLAGS, "x").unread == [("x --work", "this option is not known here")]


def test_other_words_are_kept_wherever_they_stand() -> None:
    """The app may stand before and behind options, and behind `--`."""
    assert parse_flags(["app:app", "-w", "4", "--", "--x"], FLAGS, "x").rest == ["app:app", "--x"]


def test_an_optional_value_is_taken_if_it_is_there() -> None:
    """`--proxy-protocol` alone switches it on."""
    assert parse_flags(["--proxy-protocol", "-D"], FLAGS, "x").given[0].value is True
    assert parse_flags(["--proxy-protocol", "v2"], FLAGS, "x").given[0].value == Formula("v2")


def test_an_unknown_option_does_not_take_the_app() -> None:
    """Behind an option that nobody knows may be its value, but the last word is the app."""
    words = parse_flags(["--color", "red", "--bold", "app:app"], FLAGS, "x")

    assert words.rest == ["app:app"]
    assert [place for place, _ in words.unread] == ["x --color", "x --bold"]


def test_a_missing_value_is_said() -> None:
    """An option at the end of the line that needs a value has none."""
    assert parse_flags(["--workers"], FLAGS, "x").unread == [("x --workers", "its value is missing")]


def test_what_an_ini_file_cannot_hold_is_said_without_secrets() -> None:
    """A value with a line break has to be carried over by hand, and its password is not shown."""
    flags = (Flag(("--env",), "env"),)
    ((place, why),) = parse_flags(["--env", "DB_PASSWORD=hidden\nnext"], flags, "x").unread

    assert "hidden" not in place
    assert "line break" in why
