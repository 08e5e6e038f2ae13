"""The blocks of a configuration: which lines count, how often, and what %(_) is in them."""

import os
from pathlib import Path

import pytest

from uncork.config.blocks import ENDS, MOST_TURNS, OPENINGS, Surroundings, Turns, turns
from uncork.config.names import uwsgi_name
from uncork.config.options.reading import Reading
from uncork.config.table import BY_NAME
from uncork.config.textfile import read_text


def surroundings(reloading: bool = False) -> Surroundings:
    """HOME is /srv, a line above says a = 1, and only the plugin python is there."""
    return Surroundings({"HOME": "/srv", "EMPTY": ""}, {"a": "1"}.get, "python".__eq__, reloading, read_text)


HOSTNAME = os.uname().nodename


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("if-env", "HOME", ("/srv",)),
        ("ifenv", "HOME", ("/srv",)),
        ("if-env", "HOME=/srv", ("/srv",)),
        ("if-env", "HOME=/", ()),
        ("if-env", "EMPTY", ("",)),
        ("if-env", "NOPE", ()),
        ("if-env", "$(HOME)", ()),
        ("if-env", "", ()),
        ("if-not-env", "NOPE", (None,)),
        ("if-not-env", "HOME=/", ("/srv",)),
        ("if-not-env", "HOME", ()),
        ("if-opt", "a", ("1",)),
        ("if-opt", "a=1", ("1",)),
        ("if-opt", "a=2", ()),
        ("if-not-opt", "a=2", ("1",)),
        ("if-not-opt", "b", (None,)),
        ("if-hostname", HOSTNAME, (HOSTNAME,)),
        ("if-hostname", "nowhere.invalid", ()),
        ("if-not-hostname", "nowhere.invalid", ("nowhere.invalid",)),
        ("if-hostname-match", ".", (".",)),
        ("if-not-hostname-match", "^$", ("^$",)),
        ("if-plugin", "python", ("python",)),
        ("ifplugin", "php", ()),
        ("if-not-plugin", "php", ("php",)),
        ("if-reload", "", ()),
        ("if-not-reload", "", (None,)),
        ("for", "a  b", ["a", "b"]),
        ("for", "", []),
        ("for-times", "3", ["1", "2", "3"]),
        ("for-times", "0", []),
        ("for-times", "three", []),
        ("for-times", "-1", []),
        ("for-glob", "/no/such/*", ["/no/such/*"]),
    ],
)
def test_turns(name: str, value: str, expected: Turns) -> None:
    """Each condition and loop says what %(_) is, once for each time that the lines count, as uWSGI does."""
    assert turns(name, value, surroundings()) == expected


def test_reload() -> None:
    """if-reload holds when a server reloads."""
    assert turns("if-reload", "", surroundings(reloading=True)) == (None,)
    assert turns("if-not-reload", "", surroundings(reloading=True)) == ()


def test_files(tmp_path: Path) -> None:
    """Files, directories and what exists at all are told apart; loops read them."""
    file = tmp_path / "b.txt"
    file.write_text("one\ntwo words\n")
    (tmp_path / "a.txt").mkdir()
    path, directory, neither = str(file), str(tmp_path), str(tmp_path / "nope")
    holding = {
        ("if-file", path), ("if-exists", path), ("ifexists", directory), ("if-exists", directory), ("ifexists", path),
        ("if-dir", directory), ("ifdir", directory), ("if-directory", directory),
        ("if-not-file", directory), ("if-not-dir", path), ("if-not-exists", neither), ("if-not-file", neither),
        ("if-not-dir", neither),
    }  # fmt: skip
    for name in {name for name, _ in holding}:
        for value in (path, directory, neither):
            assert turns(name, value, surroundings()) == ((value,) if (name, value) in holding else ()), (name, value)
    assert turns("for-glob", f"{directory}/*.txt", surroundings()) == [f"{directory}/a.txt/", path]
    assert turns("for-readline", path, surroundings()) == ["one", "two words"]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (b"", []),
        (b"\n", [""]),
        (b"one\r\n\n  six \nlast", ["one", "", "  six ", "last"]),
        (b"one\rtwo\x0bthree\x0cfour\x1cfive\xe2\x80\xa8six\n", ["one\rtwo\x0bthree\x0cfour\x1cfive\u2028six"]),
    ],
)
def test_lines_of_a_file(text: bytes, lines: list[str], tmp_path: Path) -> None:
    """Only a line feed ends a line; uWSGI 2.0.30 gives the same."""
    (tmp_path / "a").write_bytes(text)
    assert turns("for-readline", str(tmp_path / "a"), surroundings()) == lines


def test_mistakes() -> None:
    """What cannot be found out is an error, and so is a loop without end."""
    with pytest.raises(OSError, match="No such file"):
        turns("for-readline", "/no/such/file", surroundings())
    with pytest.raises(ValueError, match="no regular expression"):
        turns("if-hostname-match", "(", surroundings())
    with pytest.raises(ValueError, match=f"{MOST_TURNS:,} is the limit"):
        turns("for-times", "99999999999999999999", surroundings())
    assert len(turns("for-times", str(MOST_TURNS), surroundings())) == MOST_TURNS


def test_every_block_is_an_option() -> None:
    """Each opening and each end is declared with the other options, and they are all that uWSGI has."""
    declared = {name for name, (group, _) in BY_NAME.items() if group == "reading"}
    assert declared >= OPENINGS
    assert ENDS - {"end"} <= declared
    known = {name for name in declared if name.startswith(("if", "for"))}
    assert known == OPENINGS
    assert all(uwsgi_name(name) for name in OPENINGS)
    assert Reading().for_ == ()
