"""What is known about an option, in words."""

import shlex

import pytest

from uncork.config.argv import parse_arguments
from uncork.config.explain import DIFFERENCES, Explanation, explain, meant, overview
from uncork.config.guesses import answer
from uncork.config.names import is_known, uwsgi_names
from uncork.config.table import BY_NAME, GROUPS, OPTIONS


@pytest.mark.parametrize(
    ("word", "names"),
    [
        ("processes", ["processes"]),
        ("--processes", ["processes"]),
        ("-p", ["processes"]),
        ("-C", ["chmod-socket"]),
        ("-Q", ["spooler"]),
        ("workers", ["workers"]),
        ("callab", ["callable"]),
        ("--callab", ["callable"]),
        ("chmod_socket", ["chmod-socket"]),
        ("UWSGI_CHMOD_SOCKET", ["chmod-socket"]),
        ("processes=4", ["processes"]),
        ("pivot_root", ["pivot_root"]),
        ("http", ["http"]),
        ("harakari", []),
        ("-%", []),
        ("--", []),
        ("", []),
    ],
)
def test_meant(word: str, names: list[str]) -> None:
    """A name is found as it is typed in a file, on a command line, in the environment, or in a hurry."""
    assert meant(word) == names


def test_ambiguous() -> None:
    """An abbreviation that fits several names stands for all of them."""
    assert {"harakiri", "harakiri-verbose"} < set(meant("harak"))


def test_declared() -> None:
    """A declared option is explained from the table."""
    assert explain("workers") == Explanation(
        name="processes",
        names=("processes", "workers"),
        short="p",
        group="processes",
        status="supported",
        help=BY_NAME["processes"].option.help,
        instead="",
        cases=(),
        accepts="N: a whole number of 1 or more",
        default="1 processes",
        example="processes = 4",
        command_line="--processes 4",
        environment="UWSGI_PROCESSES=4",
        implies_master=False,
        own=False,
        difference=DIFFERENCES["processes"],
        related=explain("processes").related,
    )


@pytest.mark.parametrize(
    ("name", "example", "command_line", "default"),
    [
        ("master", "master = true", "--master", "false"),
        ("chmod-socket", "chmod-socket = 660", "--chmod-socket=660", "none"),
        ("log-format", "log-format = %(method) %(uri) %(status)", "--log-format '%(method) %(uri) %(status)'", "none"),
        ("log-date", "log-date = %%Y-%%m-%%d", "--log-date=%Y-%m-%d", "none"),
        ("worker-reload-mercy", "worker-reload-mercy = 60", "--worker-reload-mercy 60", "60 seconds"),
    ],
)
def test_example(name: str, example: str, command_line: str, default: str) -> None:
    """An example is written as its place wants it."""
    said = explain(name)
    assert (said.example, said.command_line, said.default) == (example, command_line, default)


def test_undeclared() -> None:
    """A name of uWSGI's that does nothing here says why, and what to do instead."""
    said, recorded = explain("carbon"), answer("carbon", None)

    assert (said.status, said.help, said.instead) == (recorded.status, recorded.reason, recorded.instead)
    assert not said.implies_master  # as it does in uWSGI
    assert said.command_line == "--carbon VALUE"


def test_depends_on_the_value() -> None:
    """Where the answer depends on the value, all are given, or the one for the value asked for."""
    said = explain("plugins")

    assert said.status == "accepted"
    assert [case.partition(":")[0].partition(",")[0] for case in said.cases] == ["with python", "otherwise"]
    assert explain("plugins", "lua").status == "unsupported"
    assert explain("plugins", "lua").cases == ()


def test_alias_of_an_undeclared_name() -> None:
    """The other names of an option are told, also where nothing is declared."""
    assert set(explain("plugin-dir").names) >= {"plugins-dir", "plugin-dir"}


@pytest.mark.parametrize("name", [option.name for _, option in OPTIONS])
def test_every_option(name: str) -> None:
    """Each declared option has an example that its kind takes and that the command line understands."""
    said, option = explain(name), BY_NAME[name].option
    value = said.example.partition(" = ")[2]
    if value:
        option.kind.parse(value)
    if option.kind.argument == "required":
        assert value
    arguments = parse_arguments(shlex.split(said.command_line))
    assert arguments.problems == []
    assert [entry.name for entry in arguments.entries] == [name]


def test_every_name() -> None:
    """Each name of uWSGI's can be asked for."""
    for name in uwsgi_names():
        said = explain(name)
        assert said.help
        assert name in said.names
        assert all(is_known(other) for other in said.related)


def test_related() -> None:
    """Those with words in common come first; an option is not related to itself."""
    related = explain("chmod-socket").related
    assert "chown-socket" in related
    assert "chmod-socket" not in related
    assert all({"touch", "reload"} & set(name.split("-")) for name in explain("touch-reload").related[:4])


@pytest.mark.parametrize("name", DIFFERENCES)
def test_differences(name: str) -> None:
    """A difference belongs to the canonical name of an option that uWSGI has, too."""
    option = BY_NAME[name].option
    assert option.name == name
    assert not option.own
    assert DIFFERENCES[name][0].islower()
    assert not DIFFERENCES[name].endswith(".")


def test_overview() -> None:
    """Every option is listed once, in its group, which says what it is about."""
    groups = overview()
    assert [option for _, options in groups.values() for option in options] == [option for _, option in OPTIONS]
    assert set(groups) <= set(GROUPS)
    assert all(about for about, _ in groups.values())
