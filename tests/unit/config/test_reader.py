"""What was given, in order: environment, command line, files where they are named."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from uncork.config import blocks, ini
from uncork.config.names import is_immediate, uwsgi_names
from uncork.config.reader import IMMEDIATE, Exit, Reader
from uncork.config.settings import Entry
from uncork.config.table import BY_NAME
from uncork.config.textfile import read_text
from unit.config.conftest import Write

SUFFIXES = ".ini, .yaml, .yml, .json, .js, .xml or .toml"


def rows(reader: Reader) -> list[tuple[str, str | None, str]]:
    """Name, value and origin of all entries."""
    return [(entry.name, entry.value, entry.origin) for entry in reader.entries]


def texts(reader: Reader) -> list[str]:
    """The sentences of all problems."""
    return [problem.text for problem in reader.problems]


def read(*entries: tuple[str, str], strict: bool = False) -> Reader:
    """A reader that was given options on the command line."""
    reader = Reader(strict, os.environ)
    for name, value in entries:
        reader.add(Entry(name, value, f"--{name}", source="argument"))
    return reader


def test_file_counts_where_it_is_named(write: Write) -> None:
    """The lines of a file stand where the option that names it stands, each with its origin."""
    write("a.ini", "[uwsgi]\nthreads = 2\n\nmaster\n")
    reader = read(("threads", "1"), ("ini", "a.ini"), ("threads", "3"))
    assert rows(reader) == [
        ("threads", "1", "--threads"),
        ("ini", "a.ini", "--ini"),
        ("threads", "2", "a.ini:2"),
        ("master", "", "a.ini:4"),
        ("threads", "3", "--threads"),
    ]
    assert not reader.problems
    assert not reader.warnings


def test_includes(write: Write) -> None:
    """A file may name others and other sections; `:section` is of the file that was read last."""
    write("a.ini", "[uwsgi]\nini = :more\ninclude = b.ini:part\nconfig = b.ini\nini = :more\n[more]\nthreads = 1")
    write("b.ini", "[uwsgi]\nthreads = 2\n[part]\nthreads = 3\n[more]\nthreads = 4")
    reader = read(("ini", "a.ini"))
    threads = [(value, origin) for name, value, origin in rows(reader) if name == "threads"]
    assert threads == [("1", "a.ini:7"), ("3", "b.ini:4"), ("2", "b.ini:2"), ("4", "b.ini:6")]
    assert not reader.problems


def test_origin_is_the_name_as_given(tmp_path: Path) -> None:
    """A file named by a long path keeps it in messages, for its other sections too."""
    path = tmp_path / "a.ini"
    path.write_text("[uwsgi]\nini = :more\n[more]\nmaster")
    assert rows(read(("ini", str(path))))[-1] == ("master", "", f"{path}:4")


def test_magic_is_of_the_file_it_stands_in(write: Write) -> None:
    """Magic variables are replaced in files only, each file with its own and those of the first."""
    write("first.ini", "[uwsgi]\nini = second.ini:part\nname = %n %x|")
    write("second.ini", "[part]\nname = %n %x %N %o")
    reader = read(("ini", "first.ini"), ("name", "%n"))
    names = [value for name, value, _ in rows(reader) if name == "name"]
    assert names == ["second part first second.ini", "first |", "%n"]


def test_missing_section_is_a_warning(write: Write) -> None:
    """A section that is not there is said together with those that are."""
    write("a.ini", "[flask]\nmaster\n[other]\n")
    write("b.ini", "master = true")
    reader = read(("ini", "a.ini"), ("ini", "b.ini:x"))
    assert reader.warnings == [
        "--ini a.ini: no section [uwsgi] in a.ini, nothing was read (it has [flask], [other])",
        "--ini b.ini:x: no section [x] in b.ini, nothing was read (it has no sections)",
    ]
    assert not reader.problems


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("ini", "nosuch.ini", "--ini nosuch.ini (cannot be read: No such file or directory)"),
        ("ini", ".", "--ini . (cannot be read: Is a directory)"),
        ("ini", "", "--ini  (cannot be read: no file was read before this one)"),
        ("ini", ":x", "--ini :x (cannot be read: no file was read before this one)"),
        ("ini", "a\0b", "--ini a\0b (cannot be read: embedded null byte)"),
        ("include", "a.conf", f"--include a.conf (expected a file whose name ends in {SUFFIXES})"),
        ("set", "name", "--set name (expected name=value)"),
        ("set", "set=name=value", "--set set=name=value (expected name=value)"),
        ("set-ph", "name", "--set-ph name (expected name=value)"),
        ("set-placeholder", "master=1", "--set-placeholder master=1 (master is an option; choose another name)"),
    ],
)
def test_problems(name: str, value: str, problem: str, write: Write) -> None:
    """What cannot be read or defined is said with its place."""
    write("other.ini", "")
    assert [text.replace("lstat: ", "") for text in texts(read((name, value)))] == [problem]


def test_includes_that_never_end(write: Write) -> None:
    """Files that include one another in a circle are stopped at the first repetition."""
    write("a.ini", "[uwsgi]\nini = b.ini")
    write("b.ini", "[uwsgi]\nini = ./a.ini:uwsgi")
    assert texts(read(("ini", "a.ini"))) == [
        "b.ini:2: ini = ./a.ini:uwsgi (cannot be read: this section is being read already, and cannot include itself)"
    ]


def test_includes_that_explode(write: Write) -> None:
    """Files that each include the next one many times are stopped too."""
    write("a.ini", "\n".join(f"[s{n}]\n" + f"ini = a.ini:s{n + 1}\n" * 10 for n in range(6)))
    problems = set(texts(read(("ini", "a.ini:s0"))))
    assert problems
    assert all(problem.endswith("(cannot be read: more than 500 files were included)") for problem in problems)


def test_includes_that_go_too_deep(write: Write) -> None:
    """A long chain of includes ends in a sentence."""
    write("a.ini", "\n".join(f"[s{n}]\nini = a.ini:s{n + 1}" for n in range(1000)))
    assert texts(read(("ini", "a.ini:s0"))) == [
        "a.ini:100: ini = a.ini:s50 (cannot be read: files include one another more than 50 deep)"
    ]


def test_set_defines_options_and_placeholders() -> None:
    """`set` is a line of its own, `set-ph` only names something for `%(name)`; nothing is trimmed."""
    reader = read(("set", "threads=4"), ("set", "k =v=w"), ("set-ph", "p=1"))
    assert reader.entries[1] == Entry("threads", "4", "--set threads", source="definition")
    assert reader.entries[3] == Entry("k ", "v=w", "--set k ", source="definition")
    assert reader.entries[5] == Entry("p", "1", "--set-ph p", placeholder=True, source="definition")
    assert not reader.problems


def test_strict_counts_from_its_line_on() -> None:
    """Under strict a name that is no option is a problem; `set-ph` may still define it."""
    reader = read(
        ("foo", "1"), ("strict", ""), ("harakari", "1"), ("set", "bar=1"), ("set-ph", "x=1"), ("harakiri", "1")
    )
    assert texts(reader) == [
        "--harakari 1 (no such option, and strict is on; did you mean harakiri?)",
        "--set bar=1 (no such option, and strict is on)",
    ]
    assert not read(("strict", "false"), ("foo", "1")).problems
    assert read(("foo", "1"), strict=True).problems


def test_bare_words(write: Write) -> None:
    """A word that is no option must be an ini file, with or without a section."""
    write("a.ini", "[uwsgi]\nmaster\n[x]\nthreads = 2")
    reader = Reader(False, os.environ)
    for word in ("a.ini", "a.ini:x"):
        reader.load_bare(word)
    assert rows(reader) == [("master", "", "a.ini:2"), ("threads", "2", "a.ini:4")]
    for word in ("a.py", "a.conf", ""):
        reader.load_bare(word)
    expected = f"expected an option, or a file whose name ends in {SUFFIXES}"
    assert texts(reader) == [
        f"'a.py' ({expected}; for an app in a Python file: --wsgi-file a.py)",
        f"'a.conf' ({expected})",
        f"'' ({expected})",
    ]


def test_text_keeps_foreign_bytes(write: Write) -> None:
    """A path in another encoding survives reading."""
    write("x", "")
    with open("latin.ini", "wb") as file:
        file.write(b"[uwsgi]\nchdir = /caf\xe9\n")
    assert rows(read(("ini", "latin.ini")))[1][1] == "/caf\udce9"


def test_size_has_a_limit() -> None:
    """A device is not read for ever."""
    with pytest.raises(ValueError, match="larger than 4 MiB"):
        read_text("/dev/zero")


def values(reader: Reader, *names: str) -> list[tuple[str, str | None]]:
    """Name and value of the entries of some names."""
    return [(entry.name, entry.value) for entry in reader.entries if entry.name in names]


def test_block_counts_line_by_line(write: Write) -> None:
    """Each line of a loop comes as often as the loop says before the next one does, as in uWSGI."""
    write("a.ini", "[uwsgi]\nfor = 1 2\nx = %(_)\ny%(_) = a%(_)b%(_)\nset = z=%(_)\nflag\nendfor\nx = 3")
    reader = read(("ini", "a.ini"))
    assert values(reader, "x", "y%(_)", "flag") == [
        ("x", "1"), ("x", "2"), ("y%(_)", "a1b1"), ("y%(_)", "a2b2"), ("flag", ""), ("flag", ""), ("x", "3"),
    ]  # fmt: skip
    assert values(reader, "z") == [("z", "1"), ("z", "2")]
    assert not reader.problems


def test_block_that_does_not_count(write: Write) -> None:
    """Nothing in it is looked at, and the first end ends it."""
    write("a.ini", "[uwsgi]\nif-env = NO_SUCH\nif-env = PATH\nini = nosuch.ini\nx = 1\nendif\nx = 2\nendif")
    reader = read(("ini", "a.ini"))
    assert values(reader, "x", "if-env") == [("if-env", "NO_SUCH"), ("x", "2")]
    assert not reader.problems


def test_block_does_not_end_with_its_file(write: Write) -> None:
    """A block that nobody ends goes on behind the file."""
    write("a.ini", "[uwsgi]\nif-not-env = NO_SUCH\nx = 1")
    write("b.ini", "[uwsgi]\nif-env = NO_SUCH\nx = 3")
    assert values(read(("ini", "a.ini"), ("x", "2")), "x") == [("x", "1"), ("x", "2")]
    assert values(read(("ini", "b.ini"), ("x", "2")), "x") == []


def test_block_in_a_block(write: Write) -> None:
    """A block inside one that counts is a mistake, as in uWSGI."""
    write("a.ini", "[uwsgi]\nfor = a b\nif-env = PATH\nendif")
    (problem,) = {problem.text for problem in read(("ini", "a.ini")).problems}
    assert problem == "a.ini:3: if-env = PATH (blocks cannot stand in one another: end for first)"


def test_file_in_a_loop(write: Write) -> None:
    """A file that a loop names is read whole for each turn."""
    write("a.ini", "[uwsgi]\nfor = b c\ninclude = %(_).ini\nendfor")
    write("b.ini", "[uwsgi]\nx = 1\ny = %(_)")
    write("c.ini", "[uwsgi]\nx = 2")
    assert values(read(("ini", "a.ini")), "x", "y") == [("x", "1"), ("y", "%(_)"), ("x", "2")]


def test_loops_have_an_end(write: Write) -> None:
    """However many turns loops take together, memory does not run out."""
    write("a.ini", "[uwsgi]\nfor-times = 9999\n" + "x = %(_)\n" * 20)
    reader = read(("ini", "a.ini"))
    assert [problem.text for problem in reader.problems] == ["a.ini:13: x = 9 (more than 100,000 options)"]
    assert len(reader.entries) == 100_001


def test_declared_option() -> None:
    """declare-option makes a name known, whatever strict says."""
    reader = read(("declare-option", "both=threads=$1;processes=$2"), ("both", "1 2"), strict=True)
    assert reader.custom == {"both": "threads=$1;processes=$2"}
    assert not reader.problems
    assert texts(read(("declare-option", "both"))) == ["--declare-option both (expected name=option=$1;other=$2)"]


def test_says_and_leaves() -> None:
    """iprint and exit act the moment they are read, and only for a start."""
    said: list[str] = []
    reader = Reader(False, os.environ, says=said.append)
    reader.add(Entry("iprint", "hello %(x)", "--iprint"))
    assert said == ["hello %(x)"]
    with pytest.raises(Exit) as leaving:
        reader.add(Entry("exit", "3", "--exit"))
    assert leaving.value.status == 3
    quiet = read(("iprint", "hello"), ("exit", "3"), ("x", "1"))
    assert values(quiet, "x") == [("x", "1")]


def test_facts_of_the_machine_are_marked(write: Write) -> None:
    """A file that is not there is no mistake of the configuration; one that cannot be what it should be is."""
    write("a.yaml", "uwsgi: [")
    found = read(("ini", "nosuch.ini"), ("for-readline", "nosuch"), ("endfor", ""), ("yaml", "a.yaml"), ("set", "x"))
    assert [problem.here for problem in found.problems] == [True, True, False, False]
    assert [problem.entry.name for problem in found.problems if problem.entry] == [
        "ini", "for-readline", "yaml", "set"
    ]  # fmt: skip


def test_formats(write: Write) -> None:
    """A file is read in the format of its option, or of the end of its name, with magic variables."""
    write("a.json", '{"uwsgi": {"threads": 2, "name": "%n", "include": "b.xml"}}')
    write("b.xml", "<uwsgi><threads>3</threads></uwsgi>")
    write("c.conf", "uwsgi:\n  threads: 4\n")
    write("d.toml", "[uwsgi]\nthreads = 5\n[other]\nthreads = 6\n")
    reader = read(("json", "a.json"), ("yaml", "c.conf"), ("include", "d.toml:other"))
    assert values(reader, "threads", "name") == [
        ("threads", "2"), ("name", "a"), ("threads", "3"), ("threads", "4"), ("threads", "6"),
    ]  # fmt: skip
    assert not reader.problems


def test_broken_file_names_its_line(write: Write) -> None:
    """The place in a broken file is said so that an editor finds it."""
    write("a.toml", "[uwsgi]\nthreads =\n")
    (text,) = texts(read(("toml", "a.toml")))
    assert text.startswith("a.toml:2: ")


def test_block_without_an_end(write: Write) -> None:
    """What nobody ends is said, for it takes all that follows; and so is an end of nothing."""
    write("a.ini", "[uwsgi]\nendif =\nend = a placeholder\nfor = a\nendfor =\nif-env = NO_SUCH\nthreads = 2\n")
    reader = read(("ini", "a.ini"))
    reader.end()
    assert reader.warnings == [
        "a.ini:2: endif = (no block is open here)",
        "a.ini:6: if-env = NO_SUCH (this block has no end: all that follows belongs to it)",
    ]


@pytest.mark.parametrize(
    ("option", "text"), [("ini", "[uwsgi]\nmaster\n"), ("json", '{"uwsgi": {}}'), ("toml", "[uwsgi]\n")]
)
def test_byte_order_mark(option: str, text: str, write: Write) -> None:
    """An editor that nobody sees has put it there."""
    write("a", f"\ufeff{text}")
    reader = read((option, "a"))
    (said,) = [*texts(reader), *reader.warnings]
    assert "the file begins with a byte order mark" in said


def test_sections_are_taken_apart_once(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file with many sections that include one another is read as fast as one with few; %x is of each."""
    parsed: list[str] = []
    parse = ini.parse

    def counting(text: str, substitute: Callable[[str], str]) -> dict[str, list[ini.Line]]:
        parsed.append(text)
        return parse(text, substitute)

    monkeypatch.setattr(ini, "parse", counting)
    sections = "".join(f"[s{number}]\nx = {number}\n" for number in range(400))
    write("a.ini", "[uwsgi]\n" + "".join(f"ini = :s{number}\n" for number in range(400)) + sections)
    assert values(read(("ini", "a.ini")), "x") == [("x", str(number)) for number in range(400)]
    assert len(parsed) == 1
    write("b.ini", "[uwsgi]\nini = :s\nini = ./b.ini:t\n[s]\nx = %x %o\n[t]\nx = %x %o\n")
    assert values(read(("ini", "b.ini")), "x") == [("x", "s"), ("x", "t ./b.ini")]


def test_mistake_in_another_section(write: Write) -> None:
    """It is one where that section is asked for, whatever was read of the file before."""
    write("a.json", '{"uwsgi": {"x": 1, "json": [":b", ":c", ":b"]}, "b": {"y": 2}, "c": {"z": {"z": {"z": 1}}}}')
    reader = read(("json", "a.json"))
    assert values(reader, "x", "y", "z") == [("x", "1"), ("y", "2"), ("y", "2")]
    (problem,) = texts(reader)
    assert problem.startswith("a.json:1: z (expected a text")


def test_file_whose_name_looks_like_an_option(write: Write) -> None:
    """Its lines are lines of a file, in messages too."""
    write("-a.ini", "[uwsgi]\nset = x\n")
    assert texts(read(("ini", "-a.ini"))) == ["-a.ini:2: set = x (expected name=value)"]
    assert read(("ini", "-a.ini")).entries[1].in_file


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("ini", "nosuch.ini", "cannot be read: No such file or directory"),
        ("include", "a.conf", f"expected a file whose name ends in {SUFFIXES}"),
        ("set", "name", "expected name=value"),
        ("json", "a.json", "line 2: this is no json: expecting value"),
    ],
)
def test_reason_of_a_problem(name: str, value: str, reason: str, write: Write) -> None:
    """The words that say why, for who has said already where."""
    write("a.json", "{\n")
    (problem,) = read((name, value)).problems
    assert problem.reason.replace("lstat: ", "").startswith(reason.partition(" expecting")[0])
    assert problem.reason in problem.text or problem.text.startswith("a.json:2: ")


# Options that uWSGI acts on at once, and that mean something for a start only: here their values are taken as they are.
ONLY_KEPT = {
    *("fallback-config", "listen", "umask", "spooler-processes", "pcre-jit", "early-envdir"),
}


def test_immediate_options_are_those_of_uwsgi() -> None:
    """What acts here when it is read does so in uWSGI, but for names of our own; and what else does there is known."""
    ours = {name for name in IMMEDIATE if name not in blocks.ENDS}
    theirs = {name for name in uwsgi_names() if is_immediate(name)}
    assert ours - theirs == {"toml"}
    declared = {name for name in theirs - ours - blocks.ENDS if name in BY_NAME and BY_NAME[name].option.acts}
    assert declared <= ONLY_KEPT
