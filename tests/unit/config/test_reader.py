"""What was given, in order: environment, command line, files where they are named."""

from pathlib import Path

import pytest

from uncork.config.reader import Reader, read_text
from uncork.config.settings import Entry
from unit.config.conftest import Write


def rows(reader: Reader) -> list[tuple[str, str | None, str]]:
    """Name, value and origin of all entries."""
    return [(entry.name, entry.value, entry.origin) for entry in reader.entries]


def read(*entries: tuple[str, str], strict: bool = False) -> Reader:
    """A reader that was given options on the command line."""
    reader = Reader(strict)
    for name, value in entries:
        reader.add(Entry(name, value, f"--{name}"))
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
        ("include", "a.yaml", "--include a.yaml (expected a file whose name ends in .ini)"),
        ("set", "name", "--set name (expected name=value)"),
        ("set", "set=name=value", "--set set=name=value (expected name=value)"),
        ("set-ph", "name", "--set-ph name (expected name=value)"),
        ("set-placeholder", "master=1", "--set-placeholder master=1 (master is an option; choose another name)"),
    ],
)
def test_problems(name: str, value: str, problem: str, write: Write) -> None:
    """What cannot be read or defined is said with its place."""
    write("other.ini", "")
    assert [text.replace("lstat: ", "") for text in read((name, value)).problems] == [problem]


def test_includes_that_never_end(write: Write) -> None:
    """Files that include one another in a circle are stopped at the first repetition."""
    write("a.ini", "[uwsgi]\nini = b.ini")
    write("b.ini", "[uwsgi]\nini = ./a.ini:uwsgi")
    assert read(("ini", "a.ini")).problems == [
        "b.ini:2: ini = ./a.ini:uwsgi (cannot be read: this section is being read already, and cannot include itself)"
    ]


def test_includes_that_explode(write: Write) -> None:
    """Files that each include the next one many times are stopped too."""
    write("a.ini", "\n".join(f"[s{n}]\n" + f"ini = a.ini:s{n + 1}\n" * 10 for n in range(6)))
    problems = set(read(("ini", "a.ini:s0")).problems)
    assert problems
    assert all(problem.endswith("(cannot be read: more than 500 files were included)") for problem in problems)


def test_includes_that_go_too_deep(write: Write) -> None:
    """A long chain of includes ends in a sentence."""
    write("a.ini", "\n".join(f"[s{n}]\nini = a.ini:s{n + 1}" for n in range(1000)))
    assert read(("ini", "a.ini:s0")).problems == [
        "a.ini:100: ini = a.ini:s50 (cannot be read: files include one another more than 50 deep)"
    ]


def test_set_defines_options_and_placeholders() -> None:
    """`set` is a line of its own, `set-ph` only names something for `%(name)`; nothing is trimmed."""
    reader = read(("set", "threads=4"), ("set", "k =v=w"), ("set-ph", "p=1"))
    assert reader.entries[1] == Entry("threads", "4", "--set threads")
    assert reader.entries[3] == Entry("k ", "v=w", "--set k ")
    assert reader.entries[5] == Entry("p", "1", "--set-ph p", placeholder=True)
    assert not reader.problems


def test_strict_counts_from_its_line_on() -> None:
    """Under strict a name that is no option is a problem; `set-ph` may still define it."""
    reader = read(
        ("foo", "1"), ("strict", ""), ("harakari", "1"), ("set", "bar=1"), ("set-ph", "x=1"), ("harakiri", "1")
    )
    assert reader.problems == [
        "--harakari 1 (no such option, and strict is on) (did you mean harakiri?)",
        "--set bar=1 (no such option, and strict is on)",
    ]
    assert not read(("strict", "false"), ("foo", "1")).problems
    assert read(("foo", "1"), strict=True).problems


def test_bare_words(write: Write) -> None:
    """A word that is no option must be an ini file, with or without a section."""
    write("a.ini", "[uwsgi]\nmaster\n[x]\nthreads = 2")
    reader = Reader(strict=False)
    for word in ("a.ini", "a.ini:x"):
        reader.load_bare(word)
    assert rows(reader) == [("master", "", "a.ini:2"), ("threads", "2", "a.ini:4")]
    for word in ("a.py", "a.conf", ""):
        reader.load_bare(word)
    assert reader.problems == [
        "'a.py' (expected an option, or a file whose name ends in .ini; for an app in a Python file: --wsgi-file a.py)",
        "'a.conf' (expected an option, or a file whose name ends in .ini)",
        "'' (expected an option, or a file whose name ends in .ini)",
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
