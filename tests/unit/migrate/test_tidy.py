"""A section in order: what changes, and what has to stay."""

import pytest

from uncork.migrate.included import facts
from uncork.migrate.lines import parse
from uncork.migrate.tidy import Tidied, tidy


def tidied(text: str) -> Tidied:
    section = parse(f"[uwsgi]\n{text}", "a.ini", "ini", "uwsgi")["uwsgi"]
    return tidy(section.lines, facts(section.lines), section.trailing)


def body(text: str) -> list[str]:
    return [line for line in tidied(text).body if not line.lstrip("\n").startswith(";")]


def sentences(text: str) -> list[str]:
    return [remark.sentence for remark in tidied(text).by_hand]


@pytest.mark.parametrize(
    ("line", "new"),
    [
        ("workers = 4", "processes = 4"),
        ("virtualenv = /srv/venv", "home = /srv/venv"),
        ("master", "master = true"),
        ("master =", "master = true"),
        ("master = 1", "master = true"),
        ("vacuum = off", "vacuum = false"),
        ("processes = 4 # cores", "processes = 4"),
        ("harakiri = 30;", "harakiri = 30"),
        ("harakiri = 60s", "harakiri = 60"),
        ("socket = :8073  # why", "socket = :8073  # why"),
        ("chmod-socket", "chmod-socket"),
        ("chdir=%d", "chdir = %d"),
        ("processes = %k", "processes = %k"),
        ("processes = $(N) # n", "processes = $(N) # n"),
    ],
)
def test_one_line(line: str, new: str) -> None:
    """Names become canonical and values plain, where that is the same; all else stays."""
    assert body(line) == [new]


def test_each_line_stands_below_its_place() -> None:
    """The comment has the place, and the old line if the new one is another."""
    assert tidied("socket = :3031\n# four\nworkers = 4").body == [
        "\n; ---- sockets ----",
        "; a.ini:2",
        "socket = :3031",
        "\n; ---- processes ----",
        "# four",
        "; a.ini:4 workers = 4",
        "processes = 4",
    ]


def test_topics_are_in_order_and_so_is_each() -> None:
    """By topic as in the reference; within a topic the order of the file."""
    assert body("logto = x\nchdir = /a\nenv = B=1\nsocket = :2\nenv = A=1\nsocket = :1") == [
        "socket = :2",
        "socket = :1",
        "chdir = /a",
        "env = B=1",
        "env = A=1",
        "logto = x",
    ]


def test_of_what_is_said_again_the_last_counts() -> None:
    """Of a scalar the last line stays, under whichever name, and says what it overrides; lists keep all."""
    found = tidied("# few\nworkers = 2\nsocket = :1\n# more\nprocesses = 4\nsocket = :2")

    assert [line for line in found.body if not line.lstrip("\n").startswith((";", "#"))] == [
        "socket = :1",
        "socket = :2",
        "processes = 4",
    ]
    place = found.body.index("; a.ini:6 overrides a.ini:3 workers = 2")
    assert found.body[place - 2 : place] == ["# few", "# more"]


def test_a_wrong_value_overrides_nothing() -> None:
    """A line that cannot count is told, and leaves the one before it where it is."""
    assert body("threads = 2\nthreads = many") == ["threads = 2", "threads = many"]
    assert sentences("threads = many") == ["a.ini:2 threads = many: expected a whole number of 1 or more"]


def test_a_line_in_a_block_overrides_nothing() -> None:
    """Blocks stay as they are, where they are, and so does what stands on either side."""
    text = "processes = 2\nif-env = BIG\nworkers = 8\nendif\nchdir = /a\nsocket = :1"

    assert body(text) == ["processes = 2", "if-env = BIG", "workers = 8", "endif", "socket = :1", "chdir = /a"]


@pytest.mark.parametrize(
    "text",
    [
        "workers = 4\nthreads = %(workers)",
        "workers = 4\nworkers = 2\nthreads = %(workers)",
        "if-opt = workers=4\nthreads = 2\nendif\nworkers = 4",
        "enable-threads = yes\nlogto = %(enable-threads)",
    ],
)
def test_names_that_are_asked_for_stay(text: str) -> None:
    """What a placeholder or a condition asks for keeps its name, its value and all of its lines."""
    assert sorted(body(text)) == sorted(text.splitlines())


def test_the_order_stays_where_it_decides() -> None:
    """`%(a)` takes one step: whether `a` was expanded before makes a difference, and so nothing moves."""
    text = "logto = %(a)\na = %(b)\nb = x\nsocket = :1"

    assert body(text) == text.splitlines()
    assert body("logto = /log\na = x\nsocket = %(a)") == ["a = x", "socket = %(a)", "logto = /log"]


def test_what_needs_no_line_is_told_with_the_reason() -> None:
    """Options that have nothing to do here, with the comments that stood above them."""
    found = tidied("# for threads\nenable-threads = true")

    assert found.body == []
    (remark,) = found.unneeded
    assert remark.comments == ("for threads",)
    assert remark.sentence.startswith("a.ini:3 enable-threads = true: ")
    assert found.by_hand == []


def test_a_slip_is_told_with_what_was_meant() -> None:
    """A name near to an option that nothing asks for did nothing, and does not any more."""
    found = tidied("harakari = 30\nzzqx = 1")

    assert [remark.sentence for remark in found.by_hand] == [
        "a.ini:2 harakari = 30: no option has this name (did you mean harakiri?)"
    ]
    assert found.body[-1] == "zzqx = 1"


def test_secrets_are_not_told() -> None:
    """A sentence about a line with a secret does not show it."""
    assert "hidden" not in "".join(sentences("carbon-password = hidden\nharakari-token = hidden"))


def test_a_comment_behind_a_value_is_told() -> None:
    """It is a part of the value to uWSGI: of a path it makes another one, and `false # x` means true."""
    assert body("logto = /log #x") == ["logto = /log #x"]
    assert len(sentences("logto = /log #x")) == 1
    assert body("vacuum = false # no") == ["vacuum = true"]
    assert len(sentences("vacuum = false # no")) == 1
    assert sentences("vacuum = true # yes") == []


def test_nothing_moves_where_not_all_can_be_seen() -> None:
    """A name that is put together when the file is read may be any: every line stays."""
    text = "logto = %(a%n)\nworkers = 4\nenable-threads = true\nsocket = :1"

    assert body(text) == text.splitlines()
