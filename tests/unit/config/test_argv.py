"""The command line as getopt_long reads it."""

import pytest

from uncork.config.argv import Request, parse_arguments

Rows = list[tuple[str, str | None, str]]


@pytest.mark.parametrize(
    ("argv", "rows", "files"),
    [
        ("--socket :1", [("socket", ":1", "--socket")], []),
        ("--socket=:1", [("socket", ":1", "--socket")], []),
        ("--socket=", [("socket", "", "--socket")], []),
        ("--socket=a=b", [("socket", "a=b", "--socket")], []),
        ("--socket --master", [("socket", "--master", "--socket")], []),
        ("--callab app", [("callable", "app", "--callab")], []),
        ("--process=3", [("processes", "3", "--process")], []),
        ("-M", [("master", None, "-M")], []),
        ("-MLp4", [("master", None, "-M"), ("disable-logging", None, "-L"), ("processes", "4", "-p")], []),
        ("-Mp 4 x.ini", [("master", None, "-M"), ("processes", "4", "-p")], ["x.ini"]),
        ("-t 3", [("harakiri", "3", "-t")], []),
        ("-C666", [("chmod-socket", "666", "-C")], []),
        ("-C 666", [("chmod-socket", None, "-C")], ["666"]),
        ("-MC", [("master", None, "-M"), ("chmod-socket", None, "-C")], []),
        ("--chmod-socket=660", [("chmod-socket", "660", "--chmod-socket")], []),
        ("--chmod-socket 660", [("chmod-socket", None, "--chmod-socket")], ["660"]),
        ("a.ini -M b.ini", [("master", None, "-M")], ["a.ini", "b.ini"]),
        ("-M -- -M --x", [("master", None, "-M")], ["-M", "--x"]),
        ("- -M", [("master", None, "-M")], ["-"]),
        ("--allow-from ::1", [("allow-from", "::1", "--allow-from")], []),
    ],
)
def test_words(argv: str, rows: Rows, files: list[str]) -> None:
    """Options, their values and other words are told apart, wherever they stand."""
    arguments = parse_arguments(argv.split())
    assert [(entry.name, entry.value, entry.origin) for entry in arguments.entries] == rows
    assert arguments.files == files
    assert arguments.problems == []


def test_empty_words() -> None:
    """An empty word is a value where one is due, and a file name elsewhere."""
    arguments = parse_arguments(["--module", "", ""])
    assert arguments.entries[0].value == ""
    assert arguments.files == [""]


@pytest.mark.parametrize(
    ("argv", "problem"),
    [
        ("--foobarbaz", "unknown option --foobarbaz"),
        ("--wokers 4", "unknown option --wokers (did you mean --workers?)"),
        ("--mast", "--mast is ambiguous (--master, --master-fifo, --master-as-root)"),
        ("--master=yes", "--master=*** (--master takes no value)"),
        ("--processes", "--processes needs a value (expected a whole number of 1 or more)"),
        ("--carbon", "--carbon needs a value"),
        ("-p", "-p needs a value (expected a whole number of 1 or more)"),
        ("-Z", "unknown option -Z"),
        ("-MZ", "unknown option -Z in -MZ"),
        ("-M=4", "unknown option -= in -M="),
    ],
)
def test_mistakes(argv: str, problem: str) -> None:
    """Every mistake is one sentence with what was typed and what would do."""
    assert parse_arguments(argv.split()).problems == [problem]


def test_many_candidates_are_cut() -> None:
    """An abbreviation of everything does not print everything."""
    (problem,) = parse_arguments(["--s"]).problems
    assert problem.startswith("--s is ambiguous (--socket, ")
    assert problem.endswith(" more)")
    assert problem.count("--") < 12


def test_all_mistakes_together() -> None:
    """One start shows every mistake of a command line."""
    assert len(parse_arguments(["--foobarbaz", "--mast", "-Z", "--master=1"]).problems) == 4


@pytest.mark.parametrize(
    ("argv", "request_"),
    [
        ("-h", Request.HELP),
        ("--help", Request.HELP),
        ("--usage", Request.HELP),
        ("-M --version", Request.VERSION),
        ("--version --help", Request.VERSION),
        ("--module --help", None),
        ("-M", None),
    ],
)
def test_request(argv: str, request_: Request | None) -> None:
    """Help and version are asked for by option, and not by a value that looks like one."""
    assert parse_arguments(argv.split()).request is request_


@pytest.mark.parametrize(
    ("argv", "rows"),
    [
        ("--declare-option foo=threads=$1 --foo 3", [("foo", "3", "--foo")]),
        ("--declare-option foo=threads=$1 --foo=3", [("foo", "3", "--foo")]),
        ("--declare-option=foobar=threads=$1 --foob 3", [("foobar", "3", "--foob")]),
        ("--declare-option foo=threads=3 --foo -M", [("foo", None, "--foo"), ("master", None, "-M")]),
        ("--declare-option threads=env=A --threads 2", [("threads", "2", "--threads")]),
    ],
)
def test_declared_options(argv: str, rows: Rows) -> None:
    """What declare-option makes is an option for the words behind it; it takes a value if its template has a place."""
    arguments = parse_arguments(argv.split())
    assert [(entry.name, entry.value, entry.origin) for entry in arguments.entries[1:]] == rows
    assert arguments.problems == []


@pytest.mark.parametrize(
    ("argv", "problem"),
    [
        ("--foo=3 --declare-option foo=threads=$1", "unknown option --foo"),
        ("--declare-option foo=threads=3 --foo=4", "--foo=*** (--foo takes no value)"),
        ("--declare-option2 foo=threads=$1 --foo=4", "unknown option --foo"),
        ("--declare-option foo=threads=$1 --foo", "--foo needs a value"),
    ],
)
def test_declared_options_with_mistakes(argv: str, problem: str) -> None:
    """Like any other; and who is to be told of declare-option2 only later does not know it yet."""
    assert parse_arguments(argv.split()).problems == [problem]
